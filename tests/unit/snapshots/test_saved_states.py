"""States with names on disk: what fits is loaded, what is foreign or of another version is refused."""

import io
import json
import shutil
import stat
import tarfile
from pathlib import Path

import httpx
import pytest
from unstarted_stack import UnstartedStack

from serverless_harness.deploy import inputs
from serverless_harness.errors import UserError
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.stack import state_files, state_transfer, states
from serverless_harness.stack.state_files import HalfLoadedError, SavedStateError
from serverless_harness.stack.state_transfer import TERRAFORM_STATE
from serverless_harness.stack.states import ABOUT, About, SavedState
from serverless_harness.targets import DEPLOYMENT_FILE

COUNTS = {"sqs": {"queues": 2}}


@pytest.fixture
def stack(tmp_path):
    record = {"outputs": {}, "functions": {"f": "us-east-1"}, "regions": [], "region": "us-east-1"}
    files = {
        TERRAFORM_STATE: "{}",
        DEPLOYMENT_FILE: json.dumps(record),
        "first-order.json": "the project's own",
        "process.json": "of this run",
        "packages/f.zip": "zip",
    }
    return UnstartedStack(tmp_path / "stack", files)


@pytest.fixture
def emulator(monkeypatch):
    """Stand in for the emulator: what it was sent, in order."""
    requests = []

    def request(stack, method, path, content=None):
        requests.append((method, path, content))
        headers = {state_transfer.COUNTS_HEADER: json.dumps(COUNTS)}
        return httpx.Response(200, content=b"the state", headers=headers)

    monkeypatch.setattr(state_transfer, "_request", request)
    monkeypatch.setattr(state_transfer, "emulator_version", lambda: "this")
    monkeypatch.setattr(inputs, "_session_id", lambda target: "session")
    return requests


@pytest.fixture
def state(stack, emulator, tmp_path):
    state = SavedState(tmp_path / "states" / "before")
    inputs.record_applied(stack.target, "the inputs")
    state.save(stack)
    emulator.clear()
    return state


def test_what_was_saved_is_loaded_with_what_belongs_to_it(state, stack, emulator):
    for name in (TERRAFORM_STATE, "first-order.json", "packages/f.zip", inputs.APPLIED_FILE):
        (stack.state_dir / name).unlink()
    (stack.state_dir / "process.json").write_text("of the next run")
    deployment = state.load(stack)
    assert emulator == [("PUT", state_transfer.STATE_PATH, b"the state")]
    assert deployment.made_functions == ("f",)
    assert (stack.state_dir / "first-order.json").read_text() == "the project's own"
    assert (stack.state_dir / "process.json").read_text() == "of the next run"
    assert inputs.is_applied(stack.target, "the inputs")
    assert not (stack.state_dir / ABOUT).exists()


def test_it_says_what_is_in_it(state):
    about = state.about()
    assert (about.emulator, about.port, about.functions) == ("this", 1, ["f"])
    assert about.counts == COUNTS


def test_before_the_end_of_a_stack_the_emulator_is_told(stack, emulator, tmp_path):
    SavedState(tmp_path / "kept" / "1").save(stack, end=True)
    assert emulator == [("GET", f"{state_transfer.STATE_PATH}?end=true", None)]


def test_a_stack_whose_state_cannot_be_written_answers_again(stack, emulator, tmp_path, monkeypatch):
    monkeypatch.setattr(states.state_files, "write_private", fail_to_write)
    with pytest.raises(SavedStateError, match="no space left"):
        SavedState(tmp_path / "kept" / "1").save(stack, end=True)
    assert [method for method, *_ in emulator] == ["GET", "DELETE"]


def test_a_stack_without_a_deployment_has_no_state(stack, emulator, tmp_path):
    (stack.state_dir / DEPLOYMENT_FILE).unlink()
    with pytest.raises(UserError, match="nothing is deployed"):
        SavedState(tmp_path / "states" / "x").save(stack)
    assert emulator == []


def test_saving_again_replaces_it_and_a_failure_leaves_the_former(state, stack, emulator, monkeypatch):
    (stack.state_dir / "first-order.json").write_text("second")
    state.save(stack)
    (stack.state_dir / "first-order.json").write_text("third")
    monkeypatch.setattr(states.state_files, "write_private", fail_to_write)
    with pytest.raises(SavedStateError, match="no space left"):
        state.save(stack)
    state.load(stack)
    assert (stack.state_dir / "first-order.json").read_text() == "second"
    assert [each.name for each in state.folder.parent.iterdir()] == ["before"]


def test_a_state_that_does_not_get_its_place_leaves_the_former(state, stack, emulator, monkeypatch):
    rename = Path.rename

    def fail_the_second(path, target):
        if "-former" not in str(target) and "-former" not in str(path):
            raise OSError("the disk is gone")
        return rename(path, target)

    (stack.state_dir / "first-order.json").write_text("second")
    state.save(stack)
    monkeypatch.setattr(Path, "rename", fail_the_second)
    with pytest.raises(SavedStateError, match="the disk is gone"):
        state.save(stack)
    state.load(stack)
    assert (stack.state_dir / "first-order.json").read_text() == "second"


@pytest.mark.parametrize("way", ["exists", "list"])
def test_a_state_whose_writer_was_killed_between_two_renames_is_found(state, stack, emulator, tmp_path, way):
    former = state.folder.with_name(".before-0123abcd-former")
    state.folder.rename(former)
    if way == "exists":
        assert state.exists()
    else:
        project = Project(tmp_path, Settings())
        project_states = project.state / "states"
        project_states.parent.mkdir()
        state.folder.parent.rename(project_states)
        [state] = states.named_states(project)
    assert state.name == "before"
    state.load(stack)
    assert [each.name for each in state.folder.parent.iterdir()] == ["before"]


def test_a_deleted_state_does_not_come_back(state):
    state.folder.rename(state.folder.with_name(".before-0123abcd-former"))
    state.delete()
    assert not state.exists()


def test_what_was_left_of_a_state_that_has_been_replaced_is_removed(state):
    former = state.folder.with_name(".before-0123abcd-former")
    former.mkdir()
    assert state.exists()
    assert not former.exists()


def fail_to_write(file, content):
    raise OSError("no space left on device")


def test_one_of_another_version_is_refused_and_stays(state, stack, emulator, monkeypatch):
    monkeypatch.setattr(state_transfer, "emulator_version", lambda: "another")
    with pytest.raises(UserError, match="another version of the emulator"):
        state.load(stack)
    assert emulator == []
    assert state.exists()


def test_one_of_another_port_is_refused(state, stack, emulator):
    stack.port = 2
    with pytest.raises(UserError, match="--port 1"):
        state.load(stack)
    assert emulator == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "a" * 65, "ä", ".hidden", "a\n"])
def test_a_name_that_can_be_none_is_refused(name):
    with pytest.raises(UserError, match="can't be the name of a state"):
        SavedState.named(current(), name)


def test_an_exported_state_is_imported_under_another_name(state, stack, emulator, tmp_path):
    file = tmp_path / "state.tar.gz"
    state.export(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    imported = SavedState(tmp_path / "states" / "after")
    imported.take_over(file, trust=False)
    imported.load(stack)
    assert emulator == [("PUT", state_transfer.STATE_PATH, b"the state")]


def test_an_export_replaces_no_file(state, tmp_path):
    file = tmp_path / "there"
    file.write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        state.export(file)
    assert file.read_text() == "mine"


def test_one_that_somebody_else_signed_is_taken_only_on_trust(state, stack, emulator, tmp_path, monkeypatch):
    file = tmp_path / "state.tar.gz"
    state.export(file)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another-user"))
    imported = SavedState(tmp_path / "states" / "after")
    with pytest.raises(UserError, match="--trust"):
        imported.take_over(file, trust=False)
    assert not imported.exists()
    imported.take_over(file, trust=True)
    imported.load(stack)


def test_a_damaged_one_is_refused_on_trust_too(state, tmp_path):
    (state.folder / TERRAFORM_STATE).write_text("[]")
    with pytest.raises(SavedStateError, match="is damaged"):
        state.export(tmp_path / "state.tar.gz")
    assert not (tmp_path / "state.tar.gz").exists()


def test_a_damaged_one_changes_nothing_of_the_running_stack(state, stack, emulator):
    (state.folder / "emulator.state").write_text("damaged")
    with pytest.raises(SavedStateError, match="is damaged") as raised:
        state.load(stack)
    assert not isinstance(raised.value, HalfLoadedError)
    assert raised.value.exit_code == 2
    assert not emulator


def test_an_error_while_one_is_loaded_says_that_half_of_it_may_be_there(state, stack, emulator):
    packages = stack.state_dir / "packages"
    shutil.rmtree(packages)
    packages.write_text("no folder")
    with pytest.raises(HalfLoadedError):
        state.load(stack)


def test_a_file_with_a_damaged_byte_is_one_line_or_harmless(state, tmp_path):
    file, imported, errors = tmp_path / "state.tar.gz", SavedState(tmp_path / "states" / "other"), []
    state.export(file)
    content = file.read_bytes()
    for position in range(len(content) // 3, len(content), 7):
        file.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        try:
            imported.take_over(file, trust=False)
        except UserError as error:
            errors.append(str(error))
        else:
            assert state_files.read(imported.folder) == state_files.read(state.folder)
            imported.delete()
    assert errors
    assert not "".join(errors).count("\n")


def archive(file, *members):
    with tarfile.open(file, "w:gz") as made:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(content)
            member.linkname = "/etc" if kind == tarfile.SYMTYPE else ""
            made.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    "members",
    [
        [("../../outside", tarfile.REGTYPE, b"x")],
        [("/outside", tarfile.REGTYPE, b"x")],
        [("link", tarfile.SYMTYPE, b""), ("link/x", tarfile.REGTYPE, b"x")],
        [("device", tarfile.CHRTYPE, b"")],
        [],
    ],
    ids=["above", "absolute", "link", "device", "empty"],
)
def test_an_archive_that_is_no_state_is_refused_and_leaves_nothing(members, tmp_path):
    archive(tmp_path / "x.tar.gz", *members)
    imported = SavedState(tmp_path / "states" / "x")
    with pytest.raises(UserError, match="does not contain the state of a stack"):
        imported.take_over(tmp_path / "x.tar.gz", trust=True)
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "states").exists() or not list((tmp_path / "states").iterdir())


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_a_file_that_is_no_archive_is_refused(content, tmp_path):
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError):
        SavedState(tmp_path / "states" / "x").take_over(tmp_path / "x", trust=True)


@pytest.mark.parametrize(
    ("age_s", "words"),
    [
        (0, "just now"),
        (1, "1 second ago"),
        (119, "1 minute ago"),
        (7_300, "2 hours ago"),
        (200_000, "2 days ago"),
    ],
)
def test_ages_are_told_in_words(age_s, words, monkeypatch):
    monkeypatch.setattr(states.time, "time", lambda: 1_000_000)
    assert About(1_000_000 - age_s, "", 1, "", (), None).age == words
