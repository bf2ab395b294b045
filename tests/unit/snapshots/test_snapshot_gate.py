"""While the state is saved or loaded no request from outside is under way."""

import threading
from types import SimpleNamespace

import pytest
from localstack.aws.api import RequestContext
from localstack.http import Request

from serverless_harness.emulator.delivery.delayed_calls import DelayedCalls
from serverless_harness.emulator.delivery.function_waits import FunctionWaits
from serverless_harness.emulator.delivery.in_hand import CountedPool, InHand
from serverless_harness.emulator.snapshots import gate as gates
from serverless_harness.emulator.snapshots import reset_routes
from serverless_harness.emulator.snapshots.gate import BusyError, Gate
from serverless_harness.emulator.snapshots.gate_handlers import EnterGate, LeaveGate
from serverless_harness.emulator.snapshots.routes import PATH
from serverless_harness.testing.eventually import eventually

TIMEOUT_S = 60


@pytest.fixture
def in_hand():
    return InHand()


@pytest.fixture
def delayed_calls():
    return DelayedCalls()


@pytest.fixture
def function_waits():
    return FunctionWaits()


@pytest.fixture
def gate(in_hand, delayed_calls, function_waits, monkeypatch):
    monkeypatch.setattr("serverless_harness.emulator.delivery.delayed_calls.IN_HAND", in_hand)
    return Gate(in_hand, delayed_calls, function_waits)


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


def context(path="/", parameters=None, headers=None, query_string=""):
    context = RequestContext(Request(path=path, headers=headers, query_string=query_string))
    context.internal_request_params = parameters
    return context


@pytest.mark.parametrize(
    "passing",
    [
        context(parameters={}),
        context(headers={"X-Amz-Security-Token": "of a role's session"}),
        context(query_string="X-Amz-Security-Token=of+a+roles+session"),
        context(path=PATH),
        context(path=reset_routes.PATH),
    ],
    ids=[
        "the emulator's own",
        "a function's",
        "a function's, by a signed address",
        "the snapshot's",
        "a reset's",
    ],
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


def until(condition):
    eventually(condition, timeout_s=TIMEOUT_S, interval_s=0.001)


def in_background(function):
    done = threading.Event()

    def run():
        function()
        done.set()

    threading.Thread(target=run, daemon=True).start()
    return done


def test_stillness_awaits_the_emulators_own_requests_and_those_that_belong_to_them(gate):
    own, within = context(parameters={}), context(parameters={})
    EnterGate(gate)(None, own, None)
    is_still, may_end = threading.Event(), threading.Event()

    def be_still():
        with gate.closed(), gate.still():
            is_still.set()
            assert may_end.wait(TIMEOUT_S)

    in_background(be_still)
    assert not is_still.wait(0.1)
    EnterGate(gate)(None, within, None)
    LeaveGate(gate)(None, within, None)
    LeaveGate(gate)(None, own, None)
    assert is_still.wait(TIMEOUT_S)
    entered = in_background(lambda: EnterGate(gate)(None, context(parameters={}), None))
    until(lambda: gate.waiting == 1)
    assert not entered.is_set()
    may_end.set()
    assert entered.wait(TIMEOUT_S)


def test_stillness_awaits_what_has_been_accepted(gate, in_hand):
    in_hand.take()
    is_still = threading.Event()

    def be_still():
        with gate.closed(), gate.still():
            is_still.set()

    in_background(be_still)
    assert not is_still.wait(0.1)
    in_hand.done()
    assert is_still.wait(TIMEOUT_S)


def test_no_delayed_call_is_made_meanwhile(gate, delayed_calls):
    made = threading.Event()
    with gate.closed(), gate.still():
        asked = in_background(lambda: delayed_calls.call_later(0, made.set))
        assert not made.wait(0.1)
        assert not asked.is_set()
    assert made.wait(TIMEOUT_S)


def test_what_does_not_come_to_rest_is_an_error_and_leaves_the_gate_open(gate, in_hand, monkeypatch):
    monkeypatch.setattr(gates, "QUIET_TIMEOUT_S", 0.05)
    in_hand.take()
    with pytest.raises(BusyError, match="1 deliveries"), gate.closed(), gate.still():
        pytest.fail("it was still")
    assert gate.enter()


class Chain:
    def __init__(self):
        self.answers = []

    def respond(self, status, body, headers):
        self.answers.append((status, body))


def test_what_waited_for_a_state_that_was_replaced_is_to_be_sent_again(gate):
    chain, late = Chain(), context()
    with gate.closed():
        answered = in_background(lambda: EnterGate(gate)(chain, late, None))
        until(lambda: gate.waiting == 1)
        gate.replaced()
    assert answered.wait(TIMEOUT_S)
    ((status, body),) = chain.answers
    assert status == 503
    assert "send the request again" in body
    LeaveGate(gate)(None, late, None)
    with gate.closed():
        pass


def test_who_waits_for_a_message_is_not_awaited(gate):
    EnterGate(gate)(None, context(headers={"X-Amz-Target": "AmazonSQS.ReceiveMessage"}), None)
    with gate.closed(), gate.still():
        pass


def test_from_outside_no_message_is_received_while_the_gate_is_closed(gate):
    receiving = context(headers={"X-Amz-Target": "AmazonSQS.ReceiveMessage"})
    with gate.closed():
        received = in_background(lambda: EnterGate(gate)(None, receiving, None))
        until(lambda: gate.waiting == 1)
        assert not received.is_set()
    assert received.wait(TIMEOUT_S)


def test_tasks_of_a_counted_pool_are_in_hand_until_they_end(in_hand, monkeypatch):
    monkeypatch.setattr("serverless_harness.emulator.delivery.in_hand.IN_HAND", in_hand)
    may_end = threading.Event()
    with CountedPool(1) as pool:
        running, waiting = pool.submit(may_end.wait, TIMEOUT_S), pool.submit(int)
        assert in_hand.count == 2
        waiting.cancel()
        assert in_hand.count == 1
        may_end.set()
        running.result(TIMEOUT_S)
    assert in_hand.count == 0


def test_before_the_end_nothing_waits_and_nothing_begins(gate):
    chain, waiting = Chain(), context()
    with gate.closed():
        answered = in_background(lambda: EnterGate(gate)(chain, waiting, None))
        until(lambda: gate.waiting == 1)
        with gate.ended():
            assert answered.wait(TIMEOUT_S)
            EnterGate(gate)(chain, context(parameters={}), None)
    assert [status for status, _ in chain.answers] == [503, 503]
    assert gate.enter()


@pytest.mark.parametrize("target", ["AmazonSQS.ReceiveMessage", "DynamoDBStreams_20120810.GetRecords"])
def test_lambdas_pollers_get_no_more_work_and_are_not_awaited(gate, target):
    def pull():
        polling = context(parameters={}, headers={"X-Amz-Target": target})
        EnterGate(gate)(None, polling, None)
        return polling

    under_way = pull()
    with gate.closed():
        pulled = in_background(pull)
        until(lambda: gate.waiting == 1)
        with gate.still():
            assert not pulled.is_set()
    assert pulled.wait(TIMEOUT_S)
    LeaveGate(gate)(None, under_way, None)
    with gate.closed(), gate.still():
        pass


FUNCTIONS = {"X-Amz-Security-Token": "of a role's session"}


class Invoke:
    """A request from outside that invokes a function, in a thread of its own: an own request within it."""

    def __init__(self, gate, function_waits):
        self.gate, self.function_waits = gate, function_waits
        self.is_waiting, self.answered = threading.Event(), threading.Event()
        self.ended = in_background(self.run)
        assert self.is_waiting.wait(TIMEOUT_S)

    def run(self):
        outer, inner = context(), context(parameters={})
        EnterGate(self.gate)(None, outer, None)
        EnterGate(self.gate)(None, inner, None)
        with self.function_waits.waiting():
            self.is_waiting.set()
            assert self.answered.wait(TIMEOUT_S)
        LeaveGate(self.gate)(None, inner, None)
        LeaveGate(self.gate)(None, outer, None)


def test_a_pause_does_not_await_functions_and_holds_back_who_waits_for_them(gate, function_waits):
    invoke = Invoke(gate, function_waits)
    with gate.paused():
        invoke.answered.set()
        assert not invoke.ended.wait(0.1)
    assert invoke.ended.wait(TIMEOUT_S)
    with gate.closed(), gate.still():
        pass


def test_saving_awaits_functions_all_the_same(gate, function_waits):
    invoke = Invoke(gate, function_waits)
    closed = threading.Event()

    def close():
        with gate.closed(), gate.still():
            closed.set()

    in_background(close)
    assert not closed.wait(0.1)
    invoke.answered.set()
    assert closed.wait(TIMEOUT_S)


@pytest.mark.parametrize(
    "late",
    [context(), context(headers=FUNCTIONS), context(parameters={})],
    ids=["outside", "function", "own"],
)
def test_nothing_begins_during_a_pause(gate, late):
    with gate.paused():
        entered = in_background(lambda: EnterGate(gate)(None, late, None))
        until(lambda: gate.waiting == 1)
        assert not entered.is_set()
    assert entered.wait(TIMEOUT_S)


def test_a_pause_awaits_requests_and_what_they_need_but_nothing_of_functions(gate, in_hand):
    publish, delivery = context(), context(parameters={})
    EnterGate(gate)(None, publish, None)
    in_hand.take()
    is_paused = threading.Event()

    def pause():
        with gate.paused():
            is_paused.set()

    paused = in_background(pause)
    until(lambda: gate._paused)
    of_function = in_background(lambda: EnterGate(gate)(None, context(headers=FUNCTIONS), None))
    until(lambda: gate.waiting == 1)
    EnterGate(gate)(None, delivery, None)
    LeaveGate(gate)(None, delivery, None)
    LeaveGate(gate)(None, publish, None)
    assert not is_paused.is_set()
    in_hand.done()
    assert paused.wait(TIMEOUT_S)
    assert is_paused.is_set()
    assert of_function.wait(TIMEOUT_S)


def test_a_pause_that_takes_too_long_is_an_error_and_leaves_the_gate_open(gate, monkeypatch):
    monkeypatch.setattr(gates, "PAUSE_TIMEOUT_S", 0.05)
    under_way = context()
    EnterGate(gate)(None, under_way, None)
    with pytest.raises(BusyError, match="1 requests"), gate.paused():
        pytest.fail("it was paused")
    LeaveGate(gate)(None, under_way, None)
    with gate.paused():
        pass


def test_while_the_state_is_saved_there_is_no_pause(gate):
    with gate.closed(), pytest.raises(BusyError, match="saved or loaded"), gate.paused():
        pytest.fail("it was paused")


def ended(gate, operation=None, response=None, path="/"):
    """Whether a request counts as a change when it ends."""
    request, before = context(path=path), gate.changes
    request.operation = operation and SimpleNamespace(name=operation)
    request.service_response = response
    EnterGate(gate)(None, request, None)
    LeaveGate(gate)(None, request, None)
    return gate.changes != before


@pytest.mark.parametrize(
    ("operation", "response"),
    [
        ("PutItem", {}),
        ("Publish", None),
        ("ReceiveMessage", {"Messages": [{"Body": "x"}]}),
        ("GetParametersForImport", {}),
        (None, None),
    ],
)
def test_what_may_have_changed_the_state_counts_as_a_change(gate, operation, response):
    assert ended(gate, operation, response)


@pytest.mark.parametrize(
    ("operation", "response", "path"),
    [
        ("GetItem", {}, "/"),
        ("ListQueues", {}, "/"),
        ("ReceiveMessage", {}, "/"),
        ("ReceiveMessage", None, "/"),
        (None, None, "/_localstack/health"),
        (None, None, "/_emulator/faults"),
    ],
)
def test_what_reads_alone_is_no_change(gate, operation, response, path):
    assert not ended(gate, operation, response, path)


def test_the_clock_set_forward_is_a_change(gate):
    assert ended(gate, None, None, "/_emulator/clock")


def test_a_delivery_and_another_state_are_changes(gate, in_hand):
    numbers = [gate.changes]
    in_hand.take()
    in_hand.done()
    numbers.append(gate.changes)
    gate.replaced()
    numbers.append(gate.changes)
    assert len(set(numbers)) == 3


def test_functions_that_are_about_to_be_ended_are_not_awaited(gate, function_waits, monkeypatch):
    monkeypatch.setattr(gates, "QUIET_TIMEOUT_S", 0.05)
    gate.enter(is_own=True)
    with function_waits.waiting():
        gate.await_all_but_functions()
    with pytest.raises(BusyError, match="1 requests"):
        gate.await_all_but_functions()
    gate.leave(is_own=True)
    gate.await_all_but_functions()
