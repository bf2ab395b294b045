"""While the state is saved or loaded no request from outside is under way."""

import threading
from dataclasses import dataclass, field

import pytest
from localstack.aws.connect import INTERNAL_REQUEST_PARAMS_HEADER

from serverless_harness.emulator.snapshots import gate as gates
from serverless_harness.emulator.snapshots.gate import PATH_PREFIX, BusyError, Gate

TIMEOUT_S = 5


@dataclass
class Request:
    path: str = "/"
    headers: dict = field(default_factory=dict)


@dataclass
class Context:
    request: Request = field(default_factory=Request)


@pytest.fixture
def gate():
    return Gate()


def test_a_request_that_comes_meanwhile_waits(gate):
    entered = threading.Event()

    def request():
        gate.enter(None, Context(), None)
        entered.set()

    thread = threading.Thread(target=request, daemon=True)
    with gate.closed():
        thread.start()
        assert not entered.wait(0.1)
    assert entered.wait(TIMEOUT_S)


def test_requests_under_way_are_awaited(gate):
    context = Context()
    gate.enter(None, context, None)
    closed = threading.Event()

    def close():
        with gate.closed():
            closed.set()

    threading.Thread(target=close, daemon=True).start()
    assert not closed.wait(0.1)
    gate.leave(None, context, None)
    assert closed.wait(TIMEOUT_S)


def test_requests_that_do_not_end_are_an_error_and_leave_the_gate_open(gate, monkeypatch):
    monkeypatch.setattr(gates, "QUIET_TIMEOUT_S", 0.05)
    gate.enter(None, Context(), None)
    with pytest.raises(BusyError, match="1 requests"), gate.closed():
        pytest.fail("the gate was closed")
    other = Context()
    gate.enter(None, other, None)
    gate.leave(None, other, None)


@pytest.mark.parametrize(
    "request_",
    [Request(headers={INTERNAL_REQUEST_PARAMS_HEADER: "{}"}), Request(path=f"{PATH_PREFIX}/state")],
    ids=["the emulator's own", "the snapshot's"],
)
def test_some_requests_pass_a_closed_gate(gate, request_):
    context = Context(request_)
    with gate.closed():
        gate.enter(None, context, None)
        gate.leave(None, context, None)
    with gate.closed():
        pass


def test_a_request_that_never_entered_is_not_counted_when_it_ends(gate, monkeypatch):
    monkeypatch.setattr(gates, "QUIET_TIMEOUT_S", 0.05)
    gate.leave(None, Context(), None)
    with gate.closed():
        pass
