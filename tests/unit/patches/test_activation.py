"""The emulator acts where the settings chose it, whole and beside the right versions, and nowhere else."""

import gc
import os
import subprocess
import sys
from importlib import metadata

import pytest
from dotenv import dotenv_values
from localstack.runtime.exceptions import LocalstackExit

from serverless_harness.emulator import activation, hooks, patches
from serverless_harness.emulator.gateway.server import LoopbackServerPlugin

SETTINGS = dict(dotenv_values(activation.SETTINGS))
# The last part of the hook raises ValueError, because no LocalStack runs in that process.
COUNT_PATCHES = """
import contextlib
from localstack.utils.patch import Patch
before = len(Patch.applied_patches)
from serverless_harness.emulator.hooks import on_infra_start
with contextlib.suppress(ValueError):
    on_infra_start()
print(len(Patch.applied_patches) - before)
"""


def installed(**others):
    """Give the versions that the patches are written for, but for `others`; None: not installed."""
    versions = {**activation.WRITTEN_FOR, **{name.replace("_", "-"): value for name, value in others.items()}}

    def version_of(name):
        if versions.get(name) is None:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    return version_of


def test_the_shipped_settings_choose_it():
    assert activation.is_chosen(SETTINGS, installed())


@pytest.mark.parametrize("environ", [{}, {"LAMBDA_RUNTIME_EXECUTOR": "docker"}, {"SERVERLESS_HARNESS": "0"}])
def test_other_settings_do_not_choose_it_whatever_is_installed(environ):
    assert not activation.is_chosen(environ, installed(localstack_core="5.0.0", moto="5.1.0"))


@pytest.mark.parametrize("name", activation.OURS)
def test_a_plugin_without_the_hooks_is_refused(name):
    with pytest.raises(activation.ActivationError, match=f"^{name}=.*SERVERLESS_HARNESS=1.*localstack.env"):
        activation.is_chosen({name: activation.OURS[name]}, installed())


@pytest.mark.parametrize("name", activation.NEEDED)
@pytest.mark.parametrize("value", [None, "docker"])
def test_the_hooks_without_a_plugin_that_they_need_are_refused(name, value):
    environ = {key: setting for key, setting in SETTINGS.items() if key != name}
    environ |= {name: value} if value else {}
    with pytest.raises(activation.ActivationError, match=f"{name}={activation.NEEDED[name]}"):
        activation.is_chosen(environ, installed())


def test_localstacks_own_dynamodb_can_be_chosen():
    assert activation.is_chosen({**SETTINGS, "PROVIDER_OVERRIDE_DYNAMODB": ""}, installed())


@pytest.mark.parametrize("name", activation.WRITTEN_FOR)
@pytest.mark.parametrize("version", ["99.0", None])
def test_another_version_is_refused_with_both_versions(name, version):
    with pytest.raises(activation.ActivationError) as refused:
        activation.is_chosen(SETTINGS, installed(**{name.replace("-", "_"): version}))
    message = str(refused.value)
    assert name in message
    assert (version or "not installed") in message
    assert activation.WRITTEN_FOR[name] in message
    assert "\n" not in message


def test_a_moto_that_overwrites_localstacks_is_refused():
    with pytest.raises(activation.ActivationError, match=r"^moto 5\.1\.21 and moto-ext"):
        activation.is_chosen(SETTINGS, installed(moto="5.1.21"))


def test_the_versions_are_those_that_the_distribution_asks_for():
    asked_for = metadata.requires("serverless-harness") or []
    for name in ("localstack-core", "moto-ext"):
        assert any(
            line.startswith(name) and f"=={activation.WRITTEN_FOR[name]}" in line for line in asked_for
        )
    assert f"botocore=={activation.WRITTEN_FOR['botocore']}" in "".join(
        line.replace(" ", "") for line in metadata.requires("localstack-core") or []
    )


@pytest.mark.parametrize("start", [hooks.on_infra_start, LoopbackServerPlugin().load])
def test_the_emulator_ends_with_one_line(monkeypatch, start):
    monkeypatch.setattr(patches, "apply_all", lambda _: pytest.fail("patches were applied"))
    monkeypatch.delenv("SERVERLESS_HARNESS", raising=False)
    monkeypatch.setenv("LAMBDA_RUNTIME_EXECUTOR", "process")
    with pytest.raises(
        LocalstackExit, match=r"^LAMBDA_RUNTIME_EXECUTOR=process can't work[^\n]*\n$"
    ) as ended:
        start()
    assert ended.value.code == 2


@pytest.mark.parametrize("settings", [{}, {"LAMBDA_RUNTIME_EXECUTOR": "process"}])
def test_what_comes_before_the_imports_is_left_out_unless_all_was_chosen(monkeypatch, settings):
    monkeypatch.setattr(patches, "apply_all", lambda _: pytest.fail("patches were applied"))
    monkeypatch.setattr(hooks.gc, "disable", lambda: pytest.fail("collections were turned off"))
    monkeypatch.delenv("SERVERLESS_HARNESS", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    hooks.on_runtime_create()


def test_a_patch_for_speed_that_cant_be_applied_only_warns(monkeypatch, caplog):
    def fail(names):
        raise patches.PatchError(f"patch {names[0]} can't be applied")

    monkeypatch.setattr(patches, "apply_all", fail)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    try:
        hooks.on_runtime_create()
    finally:
        gc.enable()
    assert f"the start takes longer: patch {patches.BEFORE_IMPORTS[0]} can't be applied" in caplog.text


@pytest.mark.parametrize(("settings", "acts"), [({}, False), (SETTINGS, True)])
def test_a_localstack_that_did_not_choose_it_stays_as_it_is(tmp_path, settings, acts):
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "FILESYSTEM_ROOT": str(tmp_path),
        **settings,
    }
    command = [sys.executable, "-I", "-c", COUNT_PATCHES]
    printed = subprocess.run(
        command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert (int(printed.split()[-1]) > 0) == acts
