"""A letter is sent until it arrives; the log and the trace say what it is and where it was to go."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from serverless_harness.emulator.delivery import dead_letters
from serverless_harness.emulator.tracing import spans
from serverless_harness.emulator.tracing.span import Span
from serverless_harness.emulator.tracing.store import TRACES
from serverless_harness.emulator.tracing.summaries import spans_of

QUEUE = "arn:aws:sqs:eu-west-1:111122223333:letters"
OUT_OF_REACH = EndpointConnectionError(endpoint_url="http://127.0.0.1")


@pytest.fixture
def retries(monkeypatch):
    """What is to be called later."""
    calls = []

    def call_later(delay_s, call, is_kept):
        calls.append(call)

    monkeypatch.setattr(dead_letters, "shared_delayed_calls", lambda: SimpleNamespace(call_later=call_later))
    monkeypatch.setattr(dead_letters, "_submit", lambda again: again())
    return calls


@pytest.fixture
def trace_id():
    span = Span(spans.new_trace_id(), None, "request", "sns", "Publish")
    TRACES.begin(span)
    with spans.within(span):
        yield span.trace_id
    TRACES.clear()


def delivery(trace_id):
    [found] = [span for span in spans_of(TRACES.get(trace_id).rows()) if span["kind"] == "delivery"]
    return found["service"], found["name"], found["resource"], found["status"]


def test_one_that_arrives_at_the_second_try_is_one_delivery(retries, trace_id, caplog):
    answers = [OUT_OF_REACH, None]

    def letter():
        if error := answers.pop(0):
            raise error

    dead_letters.send(letter, "a message of a topic", QUEUE, lambda tries: 1.0)
    name = f"The dead letter of a message of a topic to {QUEUE}"
    assert f"{name} can't be sent yet (attempt 1)" in caplog.text
    assert delivery(trace_id) == ("sqs", "dead letter", "letters", "running")

    [span] = TRACES.get(trace_id).open.keys() - {spans.current().span_id}
    with spans.within(TRACES.open_span(trace_id, span)):
        retries.pop()()
    assert delivery(trace_id) == ("sqs", "dead letter", "letters", "delivered")
    assert answers == []


def test_one_that_is_refused_is_lost_and_says_so(retries, trace_id, caplog):
    def letter():
        raise ValueError("refused")

    dead_letters.send(letter, "f's event 1", QUEUE, lambda tries: 1.0, "record")
    assert f"The record of f's event 1 to {QUEUE} can't be sent and is lost: refused" in caplog.text
    assert delivery(trace_id) == ("sqs", "record", "letters", "failed")
    assert retries == []
