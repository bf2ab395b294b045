"""An emulator keeps its state in a folder of its own: loaded at its start, saved at its end, never half."""

import re
import signal
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from serverless_harness.emulator.delivery.delayed_calls import DelayedCalls
from serverless_harness.emulator.delivery.function_waits import FunctionWaits
from serverless_harness.emulator.delivery.in_hand import InHand
from serverless_harness.emulator.first_uses import FirstUses
from serverless_harness.emulator.settings import InvalidSettingError, state_folder
from serverless_harness.emulator.snapshots import gate as gate_module
from serverless_harness.emulator.snapshots import own_folder, service_states
from serverless_harness.emulator.snapshots.checkpoints import Checkpoints
from serverless_harness.emulator.snapshots.gate import BusyError, Gate
from serverless_harness.emulator.snapshots.own_folder import OwnFolder, OwnFolderError
from serverless_harness.emulator.snapshots.service_states import Saved
from serverless_harness.testing.eventually import eventually

TIMEOUT_S = 60
PORT = 4566


class Run:
    """A run of an emulator: it holds `content`, and notes with which code it ended."""

    def __init__(self, folder, name, port=PORT):
        self.content, self.ended_with, self.session = b"", [], SimpleNamespace(session_id=name)
        self.gate = Gate(InHand(), DelayedCalls(), FunctionWaits())
        self.checkpoints = Checkpoints(self.gate, 0)
        self.folder = OwnFolder(folder, port, self.gate, FirstUses({}), self.checkpoints)

    @property
    def is_open(self):
        return not self.gate._closed


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call it to start a run in the folder; the one before has ended, however it did."""
    runs = []

    def start(**options):
        if runs:
            own_folder.os.close(runs[-1].folder._claim)
        started = Run(tmp_path, f"run{len(runs) + 1}", **options)
        runs.append(started)
        started.folder.open()
        eventually(
            lambda: started.checkpoints._destination or started.ended_with,
            timeout_s=TIMEOUT_S,
            what="a start",
        )
        eventually(lambda: started.is_open, timeout_s=TIMEOUT_S, what="the gate to open")
        return started

    def load(content, gate, first_uses, is_first):
        assert is_first
        assert not runs[-1].is_open
        if content == b"unloadable":
            raise ValueError("this is not\na state")
        runs[-1].content = content

    def end(code):
        runs[-1].ended_with.append(code)

    monkeypatch.setattr(service_states, "load", load)
    monkeypatch.setattr(service_states, "save", lambda gate: Saved(runs[-1].content, {}))
    monkeypatch.setattr(own_folder, "_session", lambda: runs[-1].session)
    monkeypatch.setattr(own_folder, "_exit", end)
    monkeypatch.setattr(own_folder.signal, "signal", lambda *_: None)
    monkeypatch.setattr("localstack.runtime.events.infra_ready", SimpleNamespace(wait=bool))
    start.runs = runs
    return start


def crash_after_checkpoint(run, content):
    """Have a checkpoint written, as the copy of a process that goes on does."""
    from serverless_harness.emulator.snapshots import checkpoints

    checkpoints._write(run.checkpoints._destination, Saved(content, {}), 1.0)


def test_what_was_saved_at_the_end_is_loaded_at_the_next_start(run, capsys):
    first = run()
    first.content = b"all of it"
    first.folder._end()
    assert first.ended_with == [0]
    assert not first.gate.enter()

    second = run()

    assert second.content == b"all of it"
    assert second.session.session_id == "run1"
    assert second.gate.enter()
    said = capsys.readouterr().out
    assert "The emulator's state is saved in " in said
    assert re.search(r"The emulator continues with its state, saved \d+ s ago\.", said)


def test_after_a_crash_the_last_checkpoint_is_loaded_and_the_run_is_another_of_the_same(run, capsys):
    crash_after_checkpoint(run(), b"some of it")
    second = run()
    assert second.content == b"some of it"
    assert second.session.session_id == "run1.run2"
    assert "the last checkpoint before the crash" in capsys.readouterr().out
    crash_after_checkpoint(second, b"more of it")
    assert run().session.session_id == "run1.run3"


def test_a_crash_before_the_first_checkpoint_is_one_too(run):
    run().folder._end()
    run()
    assert run().session.session_id == "run1.run3"


def test_nothing_comes_after_the_last(run, tmp_path):
    first = run()
    first.folder._end()
    before = (tmp_path / own_folder.STATE).read_bytes()
    first.checkpoints.make()
    first.folder._end()
    assert (tmp_path / own_folder.STATE).read_bytes() == before


def test_what_is_still_under_way_is_in_a_checkpoint_and_nothing_is_answered_after_it(
    run, monkeypatch, tmp_path
):
    first, tries = run(), []
    monkeypatch.setattr(gate_module, "QUIET_TIMEOUT_S", 0.01)

    @contextmanager
    def captured(gate):
        tries.append(gate)
        if len(tries) == 1:
            raise BusyError("a delivery was under way")
        yield SimpleNamespace(saved=lambda: Saved(b"what was there", {}))

    monkeypatch.setattr(service_states, "captured", captured)
    first.gate.enter()
    first.folder._end()
    assert first.ended_with == [0]
    assert len(tries) == 2
    assert not first.gate.enter()
    first.gate.leave()
    assert run().content == b"what was there"


def test_an_end_before_the_state_is_loaded_leaves_it_as_it_is(run, tmp_path):
    first = run()
    first.folder._end()
    before = (tmp_path / own_folder.STATE).read_bytes()
    own_folder.os.close(first.folder._claim)
    unloaded = Run(tmp_path, "unloaded")
    run.runs.append(unloaded)
    unloaded.folder._end()
    assert unloaded.ended_with == [0]
    assert (tmp_path / own_folder.STATE).read_bytes() == before


def test_one_that_cannot_be_loaded_ends_the_emulator_with_one_line(run, tmp_path, capsys):
    first = run()
    first.content = b"unloadable"
    first.folder._end()
    before = (tmp_path / own_folder.STATE).read_bytes()
    capsys.readouterr()

    second = run()

    assert second.ended_with == [2]
    assert not second.gate.enter()
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("error: the saved state in ")
    second.folder._end()
    assert (tmp_path / own_folder.STATE).read_bytes() == before


@pytest.mark.parametrize("damage", [lambda whole: whole[: len(whole) // 2], lambda _: b"", lambda _: b"x\ny"])
def test_one_that_is_damaged_is_refused_and_left_alone(run, tmp_path, damage):
    run().folder._end()
    file = tmp_path / own_folder.STATE
    file.write_bytes(damaged := damage(file.read_bytes()))
    with pytest.raises(OwnFolderError, match="it is damaged") as refused:
        run()
    assert "\n" not in str(refused.value)
    assert file.read_bytes() == damaged


def test_one_of_another_port_is_refused(run):
    run().folder._end()
    with pytest.raises(OwnFolderError, match="saved on port 4566"):
        run(port=4600)


def test_one_of_another_version_is_refused(run, monkeypatch):
    run().folder._end()
    monkeypatch.setattr(own_folder, "version", lambda: "another")
    with pytest.raises(OwnFolderError, match="another version of the emulator"):
        run()


def test_two_emulators_cannot_have_one_folder(run, tmp_path):
    run()
    with pytest.raises(OwnFolderError, match="another emulator keeps its state"):
        Run(tmp_path, "other")


def test_only_the_owner_can_read_its_files(run, tmp_path):
    run().folder._end()
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
        own_folder.STATE: 0o600,
        own_folder.KEY: 0o600,
        own_folder.LOCK: 0o600,
    }


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / own_folder.LOCK).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OwnFolderError, match="no state can be kept in "):
        Run(tmp_path, "run")


@pytest.mark.parametrize("name", ["relative", "/not/there"])
def test_the_setting_names_a_folder_that_is_there(monkeypatch, name):
    monkeypatch.setenv("STATE_FOLDER", name)
    with pytest.raises(InvalidSettingError, match="STATE_FOLDER"):
        state_folder()


def test_without_the_setting_there_is_none(monkeypatch):
    monkeypatch.setenv("STATE_FOLDER", "")
    assert state_folder() is None


def test_both_signals_end_it(run, monkeypatch):
    numbers = []
    monkeypatch.setattr(own_folder.signal, "signal", lambda number, _: numbers.append(number))
    run()
    assert numbers == [signal.SIGTERM, signal.SIGINT]
