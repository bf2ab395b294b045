"""A snapshot on disk is whole, its owner's alone, and refused where anything about it is wrong."""

import hashlib
import json
import os
import stat

import httpx
import pytest
from unstarted_stack import UnstartedStack

from serverless_harness import private_files
from serverless_harness.deploy import inputs
from serverless_harness.stack import snapshot as snapshots
from serverless_harness.stack import state_transfer
from serverless_harness.stack.snapshot import Snapshot
from serverless_harness.stack.state_files import MANIFEST, SavedStateError
from serverless_harness.stack.state_transfer import EMULATOR_STATE, TERRAFORM_STATE
from serverless_harness.targets import DEPLOYMENT_FILE


@pytest.fixture
def terraform(tmp_path, monkeypatch):
    """Call it with what the only Terraform there is says of itself."""

    def terraform(says):
        program = tmp_path / "terraform"
        program.write_text(f"#!/bin/sh\necho '{says}'\necho 'on linux_amd64'\n")
        program.chmod(0o755)
        monkeypatch.setenv("TF_CMD", str(program))

    terraform("Terraform v1.11.4")
    return terraform


@pytest.fixture
def stack(tmp_path, terraform):
    files = {
        TERRAFORM_STATE: "{}",
        DEPLOYMENT_FILE: json.dumps(
            {"outputs": {"api_id": "a"}, "functions": {}, "regions": [], "region": "us-east-1"}
        ),
        "packages/accept.zip": "zip",
    }
    return UnstartedStack(tmp_path / "stack", files)


@pytest.fixture
def emulator(monkeypatch):
    """Stand in for the emulator: what it was sent, in order."""
    requests = []

    def request(stack, method, path, content=None):
        requests.append((method, content))
        return httpx.Response(200, content=b"the state", headers={state_transfer.COUNTS_HEADER: "{}"})

    monkeypatch.setattr(state_transfer, "_request", request)
    monkeypatch.setattr(inputs, "record_applied", lambda target, inputs: None)
    return requests


@pytest.fixture
def saved(stack, emulator, tmp_path):
    snapshot = Snapshot.of(stack, tmp_path / "snapshots")
    assert not snapshot.exists()
    snapshot.save()
    emulator.clear()
    return snapshot


def test_what_was_saved_is_restored(saved, stack, emulator):
    for name in (TERRAFORM_STATE, DEPLOYMENT_FILE, "packages/accept.zip"):
        (stack.state_dir / name).unlink()
    assert saved.exists()
    deployment = saved.restore()
    assert emulator == [("PUT", b"the state")] * 2, "it was loaded, and is what a reset brings back"
    assert deployment.outputs == {"api_id": "a"}
    assert (stack.state_dir / "packages/accept.zip").read_text() == "zip"
    assert (stack.state_dir / TERRAFORM_STATE).read_text() == "{}"


def test_only_the_owner_may_read_it(saved):
    assert stat.S_IMODE(saved.folder.stat().st_mode) == 0o700
    files = [file for file in saved.folder.rglob("*") if file.is_file()]
    assert len(files) == 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("name", [EMULATOR_STATE, TERRAFORM_STATE, DEPLOYMENT_FILE, "packages/accept.zip"])
@pytest.mark.parametrize("damage", ["changed", "cut short", "missing"])
def test_a_damaged_one_is_refused_before_the_emulator_gets_any_of_it(saved, emulator, name, damage):
    file = saved.folder / name
    if damage == "missing":
        file.unlink()
    else:
        content = file.read_bytes()
        file.write_bytes(content[:-1] if damage == "cut short" else bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(SavedStateError):
        saved.restore()
    assert emulator == []


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"../../outside": "0"}'])
def test_a_damaged_manifest_is_refused(saved, emulator, manifest):
    (saved.folder / MANIFEST).write_text(manifest)
    with pytest.raises(SavedStateError):
        saved.restore()
    assert emulator == []


def test_one_that_somebody_planted_is_refused(saved, emulator):
    """Whole and with the right hashes, but for the signature, which takes the user's key."""
    (saved.folder / EMULATOR_STATE).write_bytes(b"a pickle that runs a program")
    manifest = json.loads((saved.folder / MANIFEST).read_text())
    manifest["files"][EMULATOR_STATE] = hashlib.sha256(b"a pickle that runs a program").hexdigest()
    (saved.folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(SavedStateError, match="is not signed with this user's key"):
        saved.restore()
    assert emulator == []


def test_one_of_another_users_key_is_refused(saved, emulator, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    with pytest.raises(SavedStateError, match="is not signed"):
        saved.restore()
    assert emulator == []


@pytest.mark.parametrize("name", ["..", ".", "packages", MANIFEST, EMULATOR_STATE])
@pytest.mark.parametrize("change", ["mode", "owner"])
def test_one_that_somebody_else_could_have_written_is_refused(saved, emulator, name, change):
    path = saved.folder / name
    if change == "mode":
        path.chmod(0o777)
    elif os.geteuid() == 0:
        os.chown(path, 65534, -1)
    else:
        pytest.skip("only root can give files to others")
    with pytest.raises(SavedStateError, match=r"other users may write to|belongs to another user"):
        saved.restore()
    assert emulator == []


def test_one_whose_writing_failed_leaves_nothing(stack, emulator, tmp_path, monkeypatch):
    def fail(_):
        raise OSError("no space left on device")

    monkeypatch.setattr(private_files.os, "fsync", fail)
    snapshot = Snapshot.of(stack, tmp_path / "snapshots")
    with pytest.raises(SavedStateError, match="no space left"):
        snapshot.save()
    assert not snapshot.exists()
    assert list((tmp_path / "snapshots").iterdir()) == []


def test_a_discarded_one_is_gone(saved):
    saved.discard()
    assert not saved.exists()


def test_the_newest_ones_are_kept(saved):
    folder = saved.folder.parent
    for number in range(10):
        (folder / f"{number:032}").mkdir()
    snapshots._remove_old(folder)
    assert len(list(folder.iterdir())) == snapshots.KEPT_SNAPSHOTS


def test_its_name_depends_on_terraform_port_settings_and_variables(stack, terraform, tmp_path, monkeypatch):
    def name():
        return Snapshot.of(stack, tmp_path).folder.name

    names = {name()}
    assert name() in names
    for other in ("Terraform v1.12.0", "OpenTofu v1.11.4"):
        terraform(other)
        names.add(name())
    stack.port = 2
    names.add(name())
    stack.settings = {"LAMBDA_KEEPALIVE_MS": "1"}
    names.add(name())
    monkeypatch.setenv("TF_VAR_memory_mb", json.dumps({"accept": 256}))
    names.add(name())
    assert len(names) == 6
