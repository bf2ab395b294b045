"""Checkpoints are made by a copy of the process: each is whole or isn't there, and one that fails is said."""

import hmac
import json
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from serverless_harness.emulator.delivery.delayed_calls import DelayedCalls
from serverless_harness.emulator.delivery.function_waits import FunctionWaits
from serverless_harness.emulator.delivery.in_hand import InHand
from serverless_harness.emulator.settings import InvalidSettingError, checkpoint_interval_s
from serverless_harness.emulator.snapshots import checkpoints as module
from serverless_harness.emulator.snapshots import forked, service_states
from serverless_harness.emulator.snapshots.checkpoints import Checkpoints, Destination
from serverless_harness.emulator.snapshots.forked import CopyError
from serverless_harness.emulator.snapshots.gate import Gate
from serverless_harness.emulator.snapshots.service_states import Saved
from serverless_harness.testing.eventually import eventually

TIMEOUT_S = 60
COUNTS = {"sqs": {"queues": 1}}


def until(condition):
    eventually(condition, timeout_s=TIMEOUT_S, interval_s=0.001)


def test_a_copy_works_on_what_was_when_it_was_made(tmp_path):
    counted = [1]

    def work():
        until((tmp_path / "look").exists)
        return str(len(counted))

    copy = forked.start(work)
    counted.append(2)
    (tmp_path / "look").touch()
    assert copy.result(TIMEOUT_S) == "1"
    assert copy.pid != os.getpid()


def test_a_copys_error_is_one_line():
    def work():
        raise OSError("no space\nleft")

    with pytest.raises(CopyError, match=r"^OSError: no space left$"):
        forked.start(work).result(TIMEOUT_S)


def test_a_copy_that_hangs_is_ended():
    copy = forked.start(lambda: str(signal.pause()))
    with pytest.raises(CopyError, match=r"more than 0\.05 s"):
        copy.result(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(copy.pid, 0)


def test_a_copy_that_is_killed_is_an_error():
    copy = forked.start(lambda: str(signal.pause()))
    os.kill(copy.pid, signal.SIGTERM)
    with pytest.raises(CopyError, match="its process ended with -15"):
        copy.result(TIMEOUT_S)


def test_a_copy_keeps_no_socket_open():
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    copy = forked.start(lambda: str(signal.pause()))
    try:
        listener.close()
        until(lambda: is_refused(address))
    finally:
        os.kill(copy.pid, signal.SIGKILL)
        with pytest.raises(CopyError):
            copy.result(TIMEOUT_S)


def is_refused(address):
    try:
        socket.create_connection(address, 1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_locks_that_other_threads_hold_do_not_hang_the_copy():
    """Those of logging, for one, which the emulator's threads hold now and again."""
    lock, is_held, may_end = threading.Lock(), threading.Event(), threading.Event()

    def hold():
        with lock:
            is_held.set()
            may_end.wait(TIMEOUT_S)

    threading.Thread(target=hold, daemon=True).start()
    assert is_held.wait(TIMEOUT_S)
    try:
        assert forked.start(lambda: service_states.codec.dumps({"lock": lock}).hex()).result(TIMEOUT_S)
    finally:
        may_end.set()


class State:
    """Stands in for the services' state; `content` may be an error."""

    def __init__(self):
        self.content = b"the state"

    def saved(self):
        if isinstance(self.content, Exception):
            raise self.content
        return Saved(self.content, COUNTS)


@pytest.fixture
def state(monkeypatch):
    state = State()

    @contextmanager
    def captured(gate):
        with gate.paused():
            yield state

    monkeypatch.setattr(service_states, "captured", captured)
    return state


@pytest.fixture
def destination(tmp_path):
    return Destination(tmp_path / "checkpoint", b"key", {"emulator": "this"})


class WatchedGate(Gate):
    """Counts how often somebody has looked for changes."""

    looks = 0

    @property
    def changes(self):
        self.looks += 1
        return super().changes


@pytest.fixture
def checkpoints(destination):
    """Made when they are asked for, and then alone."""
    checkpoints = Checkpoints(WatchedGate(InHand(), DelayedCalls(), FunctionWaits()), 0)
    checkpoints.begin(destination)
    return checkpoints


def test_a_checkpoint_is_signed_and_says_what_it_is(checkpoints, state, destination):
    before = time.time()
    checkpoints.make()
    signature, said, content = destination.file.read_bytes().split(b"\n")
    assert signature == hmac.new(b"key", said + b"\n" + content, "sha256").hexdigest().encode()
    assert content == b"the state"
    said = json.loads(said)
    assert before <= said.pop("saved_at") <= time.time()
    assert said == {"about": {"emulator": "this"}, "counts": COUNTS}
    assert destination.file.stat().st_mode & 0o777 == 0o600
    assert checkpoints.report.size_bytes == destination.file.stat().st_size
    assert checkpoints.report.error == ""


def test_one_that_cannot_be_made_leaves_the_former_and_is_said_once(checkpoints, state, destination, caplog):
    checkpoints.make()
    former = destination.file.read_bytes()
    state.content = OSError("no space left on device")
    for _ in range(2):
        checkpoints.make()
    assert destination.file.read_bytes() == former
    assert [entry.name for entry in destination.file.parent.iterdir()] == ["checkpoint"]
    [line] = [record.getMessage() for record in caplog.records]
    assert "no space left on device" in line
    assert "no space left on device" in checkpoints.report.error


def test_one_that_cannot_be_written_leaves_nothing_beside_the_former(
    checkpoints, state, destination, monkeypatch
):
    def fail(_):
        raise OSError("the disk is full")

    checkpoints.make()
    former = destination.file.read_bytes()
    monkeypatch.setattr(module.os, "fsync", fail)
    state.content = b"another"
    checkpoints.make()
    assert "the disk is full" in checkpoints.report.error
    assert destination.file.read_bytes() == former
    assert [entry.name for entry in destination.file.parent.iterdir()] == ["checkpoint"]


def test_a_copy_whose_emulator_has_ended_writes_none(checkpoints, state, destination, monkeypatch):
    monkeypatch.setattr(module.os, "getpid", lambda: -1)
    checkpoints.make()
    assert "the emulator has ended" in checkpoints.report.error
    assert not destination.file.exists()


def test_while_something_is_under_way_none_is_made(checkpoints, state, destination, monkeypatch):
    monkeypatch.setattr("serverless_harness.emulator.snapshots.gate.PAUSE_TIMEOUT_S", 0.05)
    checkpoints.gate.enter()
    checkpoints.make()
    assert "1 requests" in checkpoints.report.error
    checkpoints.gate.leave()
    checkpoints.make()
    assert checkpoints.report.error == ""


def test_they_are_made_when_something_has_changed_and_only_then(checkpoints, state, destination):
    checkpoints.interval_s = 0.01
    checkpoints.begin(destination)
    until(lambda: checkpoints.report.made == 1)
    looks = checkpoints.gate.looks
    until(lambda: checkpoints.gate.looks > looks + 1)
    assert checkpoints.report.made == 1
    checkpoints.gate.note_change()
    until(lambda: checkpoints.report.made == 2)
    checkpoints.interval_s = 3600  # Its thread rests from now on.


def test_with_an_interval_of_0_there_are_none(checkpoints, state, destination):
    assert checkpoints._thread is None
    assert not destination.file.exists()


def test_before_it_is_known_where_they_go_there_are_none(state):
    report = Checkpoints(Gate(InHand(), DelayedCalls(), FunctionWaits()), 5).make()
    assert (report.made, report.error) == (0, "")


@pytest.mark.parametrize("text", ["-1", "often", "nan", "inf"])
def test_an_interval_that_is_no_number_of_seconds_is_refused(monkeypatch, text):
    monkeypatch.setenv("STATE_CHECKPOINT_SECONDS", text)
    with pytest.raises(InvalidSettingError, match="STATE_CHECKPOINT_SECONDS"):
        checkpoint_interval_s()


@pytest.mark.parametrize(("text", "seconds"), [("", 5), ("0", 0), ("0.5", 0.5)])
def test_the_interval_is_five_seconds_unless_it_is_set(monkeypatch, text, seconds):
    monkeypatch.setenv("STATE_CHECKPOINT_SECONDS", text)
    assert checkpoint_interval_s() == seconds
