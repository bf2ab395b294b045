"""The current span goes where the work goes, and nothing is recorded without one."""

import threading

import pytest
from localstack.aws.connect import InternalRequestParameters

from serverless_harness.emulator.delivery.delayed_calls import DelayedCalls
from serverless_harness.emulator.delivery.in_hand import IN_HAND, CountedPool
from serverless_harness.emulator.gateway import internal_calls
from serverless_harness.emulator.tracing import spans
from serverless_harness.emulator.tracing.environments import Activity
from serverless_harness.emulator.tracing.span import FIELDS, Cause, Span
from serverless_harness.emulator.tracing.summaries import spans_of


@pytest.fixture
def root(traces):
    span = Span("trace", None, "request", "apigateway", "POST /shop")
    traces.begin(span)
    return span


def recorded(traces):
    trace = traces.get("trace")
    return spans_of(trace.rows()) if trace else []


def test_without_a_span_nothing_is_recorded(traces):
    with spans.span("call", "sns", "Publish") as span:
        assert span is None
    spans.mark("fault", "sns", "throttle")
    assert spans.begin("call", "sns", "Publish") is None
    spans.end(None)
    assert traces.all() == []


def test_a_span_belongs_to_the_one_that_it_is_within(traces, root):
    with spans.within(root), spans.span("call", "sns", "Publish") as outer:
        spans.mark("fault", "sns", "throttle")
    fault = next(span for span in recorded(traces) if span["kind"] == "fault")
    assert (outer.parent_id, fault["parent_id"]) == (root.span_id, outer.span_id)
    assert spans.current() is None


def test_what_a_block_raises_is_its_spans_error(traces, root):
    def fail():
        with spans.within(root), spans.span("call", "sns", "Publish"):
            raise ValueError("x" * 2 * spans.MAX_ERROR_LENGTH)

    with pytest.raises(ValueError, match="x"):
        fail()
    [call] = [span for span in recorded(traces) if span["kind"] == "call"]
    assert call["status"] == "error"
    assert call["error"].startswith("ValueError: x")
    assert len(call["error"]) == spans.MAX_ERROR_LENGTH


def test_tasks_of_pools_go_on_with_the_span_and_the_trace_waits_for_them(traces, root):
    may_end = threading.Event()

    def work():
        may_end.wait(10)
        return spans.current()

    with CountedPool(1) as pool:
        with spans.within(root):
            task = pool.submit(work)
        spans.end(root)
        assert not traces.get("trace").is_complete
        may_end.set()
        assert task.result(10) is root
    assert traces.get("trace").is_complete


def test_counted_functions_go_on_with_the_span(root):
    with spans.within(root):
        function = IN_HAND.counted(spans.current)
    assert function() is root


def test_delayed_calls_go_on_with_the_span_and_the_next_with_its_own(root):
    seen, done = [], threading.Event()
    calls = DelayedCalls()
    with spans.within(root):
        calls.call_later(0, lambda: seen.append(spans.current()))
    calls.call_later(0.001, lambda: (seen.append(spans.current()), done.set()))
    assert done.wait(10)
    assert seen == [root, None]


def test_calls_of_the_emulator_to_itself_name_their_cause(root):
    with spans.within(root):
        header = internal_calls.sign(InternalRequestParameters(source_arn=None, service_principal="sns"))
    assert spans.cause_of(internal_calls.verified(header)) == ("trace", root.span_id)
    without = internal_calls.sign(InternalRequestParameters(source_arn=None, service_principal="sns"))
    assert spans.cause_of(internal_calls.verified(without)) is None


def test_the_header_that_goes_on_is_the_one_that_came(root):
    with spans.within(root):
        assert spans.trace_header("Root=1-2-3;Parent=4;Sampled=1").to_header_str() == (
            "Root=1-2-3;Parent=4;Sampled=1"
        )
        assert spans.trace_header(None).root == "trace"
    assert spans.trace_header(None).root.startswith("1-")


def test_a_cause_of_which_the_ids_are_known_is_enough(traces):
    with spans.within(Cause("trace", "parent")), spans.span("call", "lambda", "Invoke"):
        assert spans.current().parent_id == "parent"
    assert recorded(traces)[0]["parent_id"] == "parent"


class TestActivity:
    """What an environment does, and whether an invoke was cold."""

    @staticmethod
    def span(parent_id, began_s, duration_ms=None, trace_id="trace"):
        span = Span(trace_id, parent_id, "invoke", "lambda", "accept", began_s=began_s)
        span.duration_ms = duration_ms
        return span

    def test_an_invoke_is_cold_that_waited_for_the_init(self, traces):
        invoke = self.span(None, 10.0)
        activity = Activity()
        activity.init = self.span(invoke.span_id, 10.1, 500)
        activity.take_up(invoke)
        assert invoke.cold
        again = self.span(None, 20.0)
        activity.take_up(again)
        assert not again.cold

    def test_one_that_came_after_the_init_is_not(self):
        invoke = self.span(None, 10.0)
        activity = Activity()
        activity.init = self.span("other", 9.0, 500)
        activity.take_up(invoke)
        assert not invoke.cold

    def test_an_init_that_was_for_another_invoke_is_shown_with_the_one_that_waited(self, traces):
        invoke = self.span(None, 10.0)
        traces.begin(invoke)
        activity = Activity()
        activity.init = self.span("other", 9.0, 5000, trace_id="another")
        activity.take_up(invoke)
        assert invoke.cold
        [copy] = traces.get("trace").ended
        assert copy[FIELDS.index("parent_id")] == invoke.span_id

    def test_calls_are_of_what_it_does_now(self):
        activity, outer, inner = Activity(), self.span(None, 1.0), self.span(None, 2.0)
        with activity.doing(outer):
            with activity.doing(inner):
                assert activity.span is inner
            assert activity.span is outer
        assert activity.span is None
