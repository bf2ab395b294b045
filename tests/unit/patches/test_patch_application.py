import subprocess
import sys
from types import ModuleType

import pytest
from localstack.runtime.exceptions import LocalstackExit

from serverless_harness.emulator import activation, hooks, patches
from serverless_harness.emulator.settings import InvalidSettingError


@pytest.fixture(autouse=True)
def chosen(monkeypatch):
    """The settings chose the emulator."""
    for name, value in {activation.CHOICE: "1", **activation.NEEDED}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def only_patch(monkeypatch):
    """Make a module with the `apply` that a test gives the only patch."""

    def install(apply):
        module = ModuleType("serverless_harness.emulator.patches.example")
        module.apply = apply
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(patches, "ORDER", ("example",))

    return install


def raises(error):
    def apply():
        raise error

    return apply


def test_a_patch_that_fails_ends_the_emulator_with_one_line_that_names_it(only_patch):
    only_patch(raises(AttributeError("no attribute `_publish`")))
    with pytest.raises(LocalstackExit) as ended:
        hooks.on_infra_start()
    assert ended.value.code == 2
    assert str(ended.value) == "patch example can't be applied: AttributeError: no attribute `_publish`\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAMBDA_PROCESS_CPU", "AWS"),
        ("LAMBDA_PROCESS_MAX_ENVIRONMENTS_TOTAL", "0"),
        ("LAMBDA_PROCESS_MAX_ENVIRONMENTS_PER_FUNCTION", "many"),
        ("LAMBDA_PROCESS_MAX_WAIT_MS", "1.5"),
    ],
)
def test_a_wrong_setting_of_the_executor_ends_the_emulator_with_one_line(monkeypatch, name, value):
    monkeypatch.setattr(patches, "ORDER", ("lambda_assignment",))
    monkeypatch.setenv(name, value)
    with pytest.raises(LocalstackExit, match=rf"^{name} is '{value}': set it to [^\n]*\n$") as ended:
        hooks.on_infra_start()
    assert ended.value.code == 2


def test_a_wrong_setting_is_reported_in_its_own_words(only_patch):
    only_patch(raises(InvalidSettingError("SETTING is 'x': set it to a number")))
    with pytest.raises(patches.PatchError, match=r"^SETTING is 'x': set it to a number$"):
        patches.apply_all(patches.ORDER)


def test_the_start_imports_nothing_that_few_projects_need(tmp_path):
    """What is slow to import: moto's EC2 (0.3 s), openapi-core (0.3 s), workflows (1 s)."""
    program = """
import os, sys
from serverless_harness.emulator import activation, hooks, patches
os.environ |= {activation.CHOICE: "1", **activation.NEEDED}
hooks.on_runtime_create()
patches.apply_all(patches.ORDER)
import serverless_harness.emulator.chain
slow = ("antlr4", "moto.config.models", "moto.ec2", "moto.secretsmanager.models", "openapi_core")
print([name for name in slow if name in sys.modules])
"""
    environ = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-I", "-W", "ignore", "-c", program]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
