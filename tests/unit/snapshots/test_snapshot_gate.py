"""While the state is saved or loaded no request from outside is under way."""

import threading

import pytest
from localstack.aws.api import RequestContext
from localstack.http import Request

from serverless_harness.emulator.snapshots import gate as gates
from serverless_harness.emulator.snapshots.gate import BusyError, Gate
from serverless_harness.emulator.snapshots.gate_handlers import EnterGate, LeaveGate
from serverless_harness.emulator.snapshots.routes import PATH

TIMEOUT_S = 5


@pytest.fixture
def gate():
    return Gate()


def test_a_request_that_comes_meanwhile_waits(gate):
    entered = threading.Event()

    def request():
        gate.enter()
        entered.set()

    thread = threading.Thread(target=request, daemon=True)
    with gate.closed():
        thread.start()
        assert not entered.wait(0.1)
    assert entered.wait(TIMEOUT_S)


def test_requests_under_way_are_awaited(gate):
    gate.enter()
    closed = threading.Event()

    def close():
        with gate.closed():
            closed.set()

    threading.Thread(target=close, daemon=True).start()
    assert not closed.wait(0.1)
    gate.leave()
    assert closed.wait(TIMEOUT_S)


def test_requests_that_do_not_end_are_an_error_and_leave_the_gate_open(gate, monkeypatch):
    monkeypatch.setattr(gates, "QUIET_TIMEOUT_S", 0.05)
    gate.enter()
    with pytest.raises(BusyError, match="1 requests"), gate.closed():
        pytest.fail("the gate was closed")
    gate.enter()
    gate.leave()


def context(path="/", parameters=None):
    context = RequestContext(Request(path=path))
    context.internal_request_params = parameters
    return context


@pytest.mark.parametrize(
    "passing",
    [context(parameters={}), context(path=PATH)],
    ids=["the emulator's own", "the snapshot's"],
)
def test_some_requests_pass_a_closed_gate(gate, passing):
    with gate.closed():
        EnterGate(gate)(None, passing, None)
        LeaveGate(gate)(None, passing, None)
    with gate.closed():
        pass


def test_a_request_from_outside_is_under_way_until_it_leaves(gate, monkeypatch):
    monkeypatch.setattr(gates, "QUIET_TIMEOUT_S", 0.05)
    from_outside = context()
    EnterGate(gate)(None, from_outside, None)
    with pytest.raises(BusyError), gate.closed():
        pytest.fail("the gate was closed")
    LeaveGate(gate)(None, from_outside, None)
    with gate.closed():
        pass


def test_a_request_that_never_entered_is_not_counted_when_it_ends(gate, monkeypatch):
    monkeypatch.setattr(gates, "QUIET_TIMEOUT_S", 0.05)
    LeaveGate(gate)(None, context(), None)
    with gate.closed():
        pass
