"""Invokes and asynchronous events as spans: errors, throttles, retries, and when an event is over."""

import json
from types import SimpleNamespace

import pytest
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation.event_manager import SQSInvocation

from serverless_harness.emulator.lambda_service import failed_events
from serverless_harness.emulator.lambda_service.event_retries import Retry
from serverless_harness.emulator.tracing import invokes, spans
from serverless_harness.emulator.tracing.span import Span
from serverless_harness.emulator.tracing.summaries import spans_of

VERSION = SimpleNamespace(
    id=SimpleNamespace(function_name="decrypt"), config=SimpleNamespace(dead_letter_arn=None)
)
MANAGER = SimpleNamespace(function_version=VERSION)


@pytest.fixture
def invocation(traces):
    """An invocation of a request under way."""
    root = Span("trace", None, "request", "sns", "Publish")
    traces.begin(root)
    return SimpleNamespace(
        trace_context={spans.LINK: root.link}, invoked_arn="arn", request_id="r-1", payload=b'{"order": 4711}'
    )


def recorded(traces, kind):
    return [span for span in spans_of(traces.get("trace").rows()) if span["kind"] == kind]


def result(payload=b"null", is_error=False):
    return SimpleNamespace(payload=payload, is_error=is_error)


def test_an_invoke_is_a_span_with_its_request(traces, invocation):
    seen = []
    answer = invokes.invoke(
        lambda *_, **__: seen.append(spans.current()) or result(), MANAGER, invocation=invocation
    )
    [span] = recorded(traces, "invoke")
    assert answer.payload == b"null"
    assert seen[0].span_id == span["span_id"]
    assert (span["name"], span["request_id"], span["status"], span["error"]) == ("decrypt", "r-1", "ok", None)


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b'{"errorType": "KeyError", "errorMessage": "shop"}', "KeyError: shop"),
        (b"[1]", "the function returned an error"),
        (None, "the function returned an error"),
    ],
)
def test_a_functions_error_is_in_its_own_words(traces, invocation, payload, error):
    invokes.invoke(lambda *_, **__: result(payload, is_error=True), MANAGER, invocation=invocation)
    [span] = recorded(traces, "invoke")
    assert (span["status"], span["error"]) == ("error", error)


def test_a_timeout_stays_one(traces, invocation):
    def time_out(*_, **__):
        span = spans.current()
        span.status, span.error = "timeout", "timeout"
        return result(b'{"errorType": "Sandbox.Timedout", "errorMessage": "timed out"}', is_error=True)

    invokes.invoke(time_out, MANAGER, invocation=invocation)
    [span] = recorded(traces, "invoke")
    assert (span["status"], span["error"]) == ("timeout", "Sandbox.Timedout: timed out")


def test_a_throttle_is_no_error_of_the_functions(traces, invocation):
    def refuse(*_, **__):
        raise TooManyRequestsException("Rate Exceeded.")

    with pytest.raises(TooManyRequestsException):
        invokes.invoke(refuse, MANAGER, invocation=invocation)
    [span] = recorded(traces, "invoke")
    assert (span["status"], span["error"]) == ("throttled", "TooManyRequestsException: Rate Exceeded.")


def test_an_invoke_without_a_cause_is_not_recorded(traces, invocation):
    invocation.trace_context = {}
    invokes.invoke(lambda *_, **__: result(), MANAGER, invocation=invocation)
    assert recorded(traces, "invoke") == []


@pytest.fixture
def event(traces, invocation):
    """An event that was accepted."""
    invokes.accept_event(lambda *_: None, SimpleNamespace(version_manager=MANAGER), invocation)
    return SQSInvocation(invocation)


def test_an_events_invokes_belong_to_it_until_it_is_processed(traces, event):
    [delivery] = recorded(traces, "delivery")
    assert delivery["status"] == "running"
    for is_error in (True, False):
        invokes.invoke(lambda *_, **__: result(is_error=is_error), MANAGER, invocation=event.invocation)  # noqa: B023
    invokes.complete_event(lambda *_: None, SimpleNamespace(), event, result(), None)
    [delivery] = recorded(traces, "delivery")
    tries = recorded(traces, "invoke")
    assert {span["parent_id"] for span in tries} == {delivery["span_id"]}
    assert [span["attempt"] for span in tries] == [1, 2]
    assert delivery["status"] == "delivered"


def test_an_event_that_is_given_up_has_failed(traces, event):
    poller = SimpleNamespace(version_manager=MANAGER)
    failed_events.send_dead_letter(poller, event, result(is_error=True))
    [delivery] = recorded(traces, "delivery")
    assert (delivery["status"], delivery["error"]) == ("failed", "every attempt failed")


def test_an_event_of_a_state_that_was_loaded_has_no_span(traces, event):
    traces.clear()
    invokes.complete_event(lambda *_: None, SimpleNamespace(), event, result(), None)
    assert traces.all() == []


def test_an_event_whose_function_is_deleted_before_its_retry_has_failed(traces, event):
    body = json.dumps({"trace_context": event.invocation.trace_context})
    Retry("http://localhost/000000000000/deleted", body)()
    [delivery] = recorded(traces, "delivery")
    assert (delivery["status"], delivery["error"]) == ("failed", "the function was deleted before the retry")
