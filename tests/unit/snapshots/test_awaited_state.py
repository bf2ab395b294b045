"""Requests that come before the state that is awaited wait for it, and are answered from it."""

import threading

import pytest
from localstack.http import Request

from serverless_harness.emulator.delivery.delayed_calls import DelayedCalls
from serverless_harness.emulator.delivery.function_waits import FunctionWaits
from serverless_harness.emulator.delivery.in_hand import InHand
from serverless_harness.emulator.first_uses import FirstUses
from serverless_harness.emulator.settings import awaits_state
from serverless_harness.emulator.snapshots import service_states
from serverless_harness.emulator.snapshots.gate import BusyError, Gate
from serverless_harness.emulator.snapshots.routes import SnapshotResource

TIMEOUT_S = 60


@pytest.fixture
def gate():
    return Gate(InHand(), DelayedCalls(), FunctionWaits())


@pytest.fixture
def loads(monkeypatch):
    """What was loaded, and whether it was the first; a content may be an error."""
    loads = []

    def load(content, gate, first_uses, is_first):
        loads.append((content, is_first))
        if isinstance(content, Exception):
            raise content
        if not is_first:
            gate.replaced()

    monkeypatch.setattr(service_states, "load", load)
    return loads


def enter(gate):
    """Let a request begin in a thread of its own; gives what comes of it once it has."""
    may_begin, entered = [], threading.Event()

    def request():
        may_begin.append(gate.enter())
        entered.set()

    threading.Thread(target=request, daemon=True).start()
    return may_begin, entered


def test_they_wait_for_the_first_load_and_begin_then(gate, loads):
    resource = SnapshotResource(gate, FirstUses({}), is_awaited=True)
    may_begin, entered = enter(gate)
    assert not entered.wait(0.1)
    assert resource.load(b"kept").status_code == 204
    assert entered.wait(TIMEOUT_S)
    assert may_begin == [True]
    gate.leave()
    assert resource.load(b"another").status_code == 204
    assert loads == [(b"kept", True), (b"another", False)]


def test_none_is_answered_by_a_state_that_failed_to_load(gate, loads):
    resource = SnapshotResource(gate, FirstUses({}), is_awaited=True)
    may_begin, entered = enter(gate)
    assert resource.load(ValueError("no state")).status_code == 500
    assert entered.wait(TIMEOUT_S)
    assert may_begin == [False]
    assert not gate.enter()


def test_they_go_on_waiting_where_the_emulator_was_busy(gate, loads):
    resource = SnapshotResource(gate, FirstUses({}), is_awaited=True)
    may_begin, entered = enter(gate)
    assert resource.load(BusyError("a delivery")).status_code == 409
    assert not entered.wait(0.1)
    assert resource.load(b"kept").status_code == 204
    assert entered.wait(TIMEOUT_S)
    assert may_begin == [True]
    assert loads[-1] == (b"kept", True)


def test_an_emulator_that_is_not_ended_after_its_state_was_taken_answers_again(gate, monkeypatch):
    monkeypatch.setattr(service_states, "save", lambda gate: service_states.Saved(b"state", {}))
    resource = SnapshotResource(gate, FirstUses({}))
    assert resource.on_get(Request(query_string="end=true")).status_code == 200
    assert not gate.enter()
    assert resource.on_delete(Request()).status_code == 204
    assert gate.enter()


def test_none_is_awaited_unless_the_setting_says_so(gate, monkeypatch):
    SnapshotResource(gate, FirstUses({}))
    assert gate.enter()
    assert not awaits_state()
    monkeypatch.setenv("STATE_AWAITED", "1")
    assert awaits_state()
