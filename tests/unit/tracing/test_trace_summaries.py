"""Traces as they are listed, found and shown over HTTP."""

import json
from types import SimpleNamespace

import pytest
from werkzeug.datastructures import MultiDict

from serverless_harness.emulator.tracing.routes import TracesResource
from serverless_harness.emulator.tracing.span import Span
from serverless_harness.emulator.tracing.store import TraceStore


@pytest.fixture
def store():
    return TraceStore()


@pytest.fixture
def record(store):
    """Call it to add a span that has ended, and for its id."""

    def record(trace_id, parent_id, kind, service, name, *, duration_ms=10.0, ends=True, **fields):
        span = Span(trace_id, parent_id, kind, service, name)
        for field, value in fields.items():
            setattr(span, field, value)
        store.begin(span)
        if ends:
            span.duration_ms = duration_ms
            span.status = span.status if span.status != "running" else "ok"
            store.end(span)
        return span.span_id

    return record


@pytest.fixture
def order(record):
    """An order whose decrypt failed once, was throttled once, and went through."""
    root = record("order", None, "request", "apigateway", "POST /shop", started_s=100.0, status="200")
    accept = record("order", root, "invoke", "lambda", "accept", started_s=100.1, cold=True, request_id="r-1")
    publish = record("order", accept, "call", "sns", "Publish", started_s=100.2, text=b"order number seven")
    event = record("order", publish, "delivery", "lambda", "event", started_s=100.3, duration_ms=5000)
    for at_s, status, error in ((100.4, "error", "Boom"), (101, "throttled", "busy"), (102, "ok", None)):
        attempt = record(
            "order", event, "invoke", "lambda", "decrypt", started_s=at_s, status=status, error=error
        )
    record("order", attempt, "fault", "kms", "delay", started_s=102.1)


def get(store, any_id=None, why_none="", **arguments):
    answer = TracesResource(store, why_none).on_get(SimpleNamespace(args=MultiDict(arguments)), any_id)
    return answer.status_code, json.loads(answer.data)


def listed(store, **arguments):
    status, content = get(store, **arguments)
    assert status == 200
    return [trace["trace_id"] for trace in content["traces"]]


def test_a_trace_is_summed_up(store, order):
    [summary] = get(store)[1]["traces"]
    assert summary == {
        "trace_id": "order",
        "started_s": 100.0,
        "duration_ms": pytest.approx(5300),
        "entry": "apigateway POST /shop",
        "status": "ok",
        "errors": 2,
        "cold_starts": 1,
        "retries": 2,
        "faults": 1,
        "functions": ["accept", "decrypt"],
        "spans": 8,
    }


def test_attempts_are_counted_throttled_ones_among_them(store, order):
    spans = get(store, "order")[1]["spans"]
    assert [span["attempt"] for span in spans if span["name"] == "decrypt"] == [1, 2, 3]


def test_a_span_has_these_fields_and_no_payload(store, order):
    status, trace = get(store, "order")
    assert status == 200
    assert trace["is_complete"] is True
    assert set(trace["spans"][0]) == {
        "span_id",
        "parent_id",
        "kind",
        "service",
        "name",
        "resource",
        "started_s",
        "duration_ms",
        "wait_ms",
        "own_ms",
        "status",
        "error",
        "cold",
        "attempt",
        "request_id",
    }
    assert "number seven" not in json.dumps(trace)


def test_what_runs_is_running_and_what_failed_for_good_is_an_error(store, record):
    record("running", None, "request", "apigateway", "GET /", ends=False)
    record("denied", None, "request", "sns", "Publish", status="403", error="AuthorizationError: no")
    root = record("given-up", None, "request", "sns", "Publish", status="200")
    record("given-up", root, "delivery", "lambda", "event", status="failed", error="every attempt failed")
    statuses = {each["trace_id"]: each["status"] for each in get(store)[1]["traces"]}
    assert statuses == {"running": "running", "denied": "error", "given-up": "error"}


def test_a_summary_follows_what_is_added(store, record):
    root = record("a", None, "request", "sns", "Publish")
    assert get(store)[1]["traces"][0]["spans"] == 1
    record("a", root, "invoke", "lambda", "accept")
    assert get(store)[1]["traces"][0]["functions"] == ["accept"]


def test_the_list_is_of_what_was_asked_for_the_newest_first(store, record):
    for trace_id, name, duration_ms, error in (("a", "accept", 10, None), ("b", "decrypt", 900, "Boom")):
        root = record(trace_id, None, "request", "sns", "Publish", started_s=1.0, duration_ms=duration_ms)
        record(trace_id, root, "invoke", "lambda", f"shop-{name}", started_s=1.0, error=error, text=b"\xff7")
    assert listed(store) == ["b", "a"]
    assert listed(store, limit="1") == ["b"]
    assert listed(store, function="accept") == ["a"]
    assert listed(store, error="1") == ["b"]
    assert listed(store, min_ms="500") == ["b"]
    assert listed(store, text="Boom") == ["b"]
    assert listed(store, text="7") == ["b", "a"]
    assert listed(store, text="nobody") == []


@pytest.mark.parametrize("name", ["limit", "min_ms"])
@pytest.mark.parametrize("value", ["many", "-1", "1e999", "nan"])
def test_numbers_that_are_none_are_refused_in_one_line(store, name, value):
    if (name, value) == ("min_ms", "1e999"):
        assert listed(store, min_ms=value) == []
        return
    status, content = get(store, **{name: value})
    assert status == 400
    assert content["message"].startswith(f"{name} is {value!r}: set it to a number from 0 to ")


def test_a_trace_is_found_by_a_request_in_it(store, order):
    assert get(store, "r-1")[1]["trace_id"] == "order"


def test_an_unknown_id_is_one_line(store):
    status, content = get(store, "nobody")
    assert status == 404
    assert content == {"message": "there is no trace or request 'nobody' among the latest"}


@pytest.mark.parametrize("any_id", [None, "order"])
def test_a_stack_that_records_nothing_says_so(store, order, any_id):
    off = "this stack records no traces: EMULATOR_TRACING is off"
    assert get(store, any_id, why_none=off) == (400, {"message": off})
