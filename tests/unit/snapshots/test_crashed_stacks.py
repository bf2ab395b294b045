"""What a stack that crashed leaves: its last checkpoint becomes what the next `up` goes on with."""

import hmac
import json
import time
from pathlib import Path

import pytest
from unstarted_stack import UnstartedStack

from serverless_harness.deploy import inputs
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.private_files import write_private
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.stack import checkpoints, control, down, state_files, state_transfer
from serverless_harness.stack.state_transfer import EMULATOR_STATE, TERRAFORM_STATE
from serverless_harness.stack.states import About, SavedState
from serverless_harness.targets import DEPLOYMENT_FILE

COUNTS = {"sqs": {"queues": 2}}


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """A stack that crashed after it was left to run."""
    record = {"outputs": {}, "functions": {"f": "us-east-1"}, "regions": [], "region": "us-east-1"}
    files = {
        TERRAFORM_STATE: "{}",
        DEPLOYMENT_FILE: json.dumps(record),
        inputs.APPLIED_FILE: json.dumps({"inputs": "the inputs", "session": "that has ended"}),
        control.TOKEN_FILE: "token",
        "process.json": "of the run that crashed",
    }
    stack = UnstartedStack(tmp_path / "stacks" / "1", files)
    stack.project = Project(tmp_path, Settings())
    return stack


def leave_checkpoint(stack, monkeypatch, age_s=0.0, emulator="this"):
    """Have one written as the emulator does, with what it was asked for."""
    asked = []
    monkeypatch.setattr(state_transfer, "emulator_version", lambda: emulator)
    monkeypatch.setattr(control, "control", lambda target, method, path, json: asked.append(json))
    checkpoints.begin(stack)
    [wanted] = asked
    said = {"saved_at": time.time() - age_s, "about": wanted["about"], "counts": COUNTS}
    content = json.dumps(said).encode() + b"\nthe\nstate"
    signature = hmac.new(wanted["key"].encode(), content, "sha256").hexdigest().encode()
    write_private(Path(wanted["file"]), signature + b"\n" + content)


def test_it_is_kept_as_down_would_have_kept_the_state(stack, monkeypatch):
    leave_checkpoint(stack, monkeypatch)
    checkpoints.keep_last(stack)
    kept = SavedState.kept(stack)
    about = kept.about()
    assert about.is_checkpoint
    assert (about.emulator, about.port, about.functions) == ("this", 1, ["f"])
    assert about.applied_inputs == "the inputs"
    assert about.counts == COUNTS
    contents = state_files.read(kept.folder)
    assert contents[EMULATOR_STATE] == b"the\nstate"
    assert contents[TERRAFORM_STATE] == b"{}"
    assert "process.json" not in contents


def test_what_was_deployed_after_it_is_deployed_again(stack, monkeypatch):
    leave_checkpoint(stack, monkeypatch, age_s=60)
    checkpoints.keep_last(stack)
    assert SavedState.kept(stack).about().applied_inputs is None


def test_without_one_nothing_is_kept(stack):
    checkpoints.keep_last(stack)
    assert not SavedState.kept(stack).exists()


def keep_state(stack, saved_at):
    SavedState.kept(stack).write({"x": b"of down"}, About(saved_at, "this", 1, "us-east-1", (), None))


@pytest.mark.parametrize(("age_s", "is_replaced"), [(-60, False), (60, True)])
def test_the_younger_of_it_and_of_what_down_kept_stays(stack, monkeypatch, age_s, is_replaced):
    leave_checkpoint(stack, monkeypatch)
    keep_state(stack, time.time() - age_s)
    checkpoints.keep_last(stack)
    assert SavedState.kept(stack).about().is_checkpoint == is_replaced


@pytest.mark.parametrize(
    "change", ["changed", "cut short", "empty", "foreign", "no deployment", "no disk space"]
)
def test_one_that_cannot_be_used_is_one_line_and_nothing_is_deleted(stack, monkeypatch, change):
    leave_checkpoint(stack, monkeypatch)
    keep_state(stack, time.time() - 60)
    file = stack.state_dir / checkpoints.FILE
    content = file.read_bytes()
    match change:
        case "changed":
            file.write_bytes(content.replace(b"the\nstate", b"the\nstats"))
        case "cut short":
            file.write_bytes(content[:-1])
        case "empty":
            file.write_bytes(b"")
        case "foreign":
            monkeypatch.setenv("XDG_STATE_HOME", str(stack.state_dir.parent / "another-user"))
        case "no deployment":
            (stack.state_dir / DEPLOYMENT_FILE).write_text("{")
        case "no disk space":
            monkeypatch.setattr(state_files, "write_private", fail_to_write)
    with pytest.raises(UserError, match=r"its last checkpoint can't be used: .*--fresh") as caught:
        checkpoints.keep_last(stack)
    assert "\n" not in str(caught.value)
    assert file.exists()
    if change != "foreign":  # The key that has changed signed both.
        assert "or remove" in str(caught.value)
        assert not SavedState.kept(stack).about().is_checkpoint


def fail_to_write(file, content):
    raise OSError("no space left on device")


def test_a_stack_whose_emulator_takes_no_checkpoints_says_so_and_runs_on(stack, monkeypatch, capsys):
    def refuse(*_):
        raise HarnessError("the stack does not answer")

    monkeypatch.setattr(state_transfer, "emulator_version", lambda: "this")
    monkeypatch.setattr(control, "control", refuse)
    checkpoints.begin(stack)
    assert capsys.readouterr().out == (
        "No checkpoints are made, so only 'down' saves the stack's state: the stack does not answer\n"
    )


def test_down_delete_removes_that_of_a_stack_that_crashed(stack, monkeypatch, capsys):
    leave_checkpoint(stack, monkeypatch)
    monkeypatch.setattr(down, "_crashed_stacks", lambda port: [stack])
    monkeypatch.setattr(down, "_kept_states", lambda port: [])
    down.stop_stacks(1, delete=True)
    assert not checkpoints.exists(stack)
    assert "The last checkpoint of port 1 is deleted." in capsys.readouterr().out
