"""Traces as the command prints them and as tests assert on them."""

import json

import pytest

from serverless_harness.errors import UserError
from serverless_harness.functions import traces
from serverless_harness.testing.traces import TraceUnderTest, await_trace
from serverless_harness.waiting import WaitTimeoutError

ROOT = "1-5759e988-bd862e3fe1be46a994272793"


def span(span_id, parent_id, kind, service, name, began_s, **fields):
    return {
        "span_id": span_id,
        "parent_id": parent_id,
        "kind": kind,
        "service": service,
        "name": name,
        "resource": "",
        "started_s": 100 + began_s,
        "duration_ms": 100.0,
        "wait_ms": 0.0,
        "own_ms": None,
        "status": "ok",
        "error": None,
        "cold": False,
        "attempt": 1,
        "request_id": None,
        **fields,
    }


SPANS = [
    span("a", None, "request", "apigateway", "POST /shop", 0.0, status="200", duration_ms=400.0),
    span("b", "a", "invoke", "lambda", "shop-accept", 0.1, cold=True, wait_ms=55.5, own_ms=12.0),
    span("c", "b", "init", "lambda", "shop-accept", 0.11),
    span("d", "b", "call", "sns", "Publish", 0.2, status="500", error="Boom: \x1b[31mred\x1b[0m\n<b>"),
    span("e", "b", "call", "sns", "Publish", 0.3, status="200", attempt=2),
    span("f", "gone", "invoke", "lambda", "shop-decrypt", 0.5, duration_ms=None, status="running"),
]
SUMMARY = {
    "trace_id": ROOT,
    "started_s": 100.0,
    "duration_ms": 600.0,
    "entry": "apigateway POST /shop",
    "status": "running",
    "errors": 1,
    "cold_starts": 1,
    "retries": 1,
    "faults": 0,
    "functions": ["shop-accept", "shop-decrypt"],
    "spans": 6,
}


@pytest.fixture
def stack(monkeypatch):
    """What a stack answers, its list and its traces, and the paths that it was asked for."""
    stack = {"summaries": [SUMMARY], "is_complete": True, "left_out": 0, "asked": []}

    def control(target, method, path, **_):
        stack["asked"].append(path)
        if "?" in path:
            return {"traces": stack["summaries"]}
        answer = {name: stack[name] for name in ("is_complete", "left_out")}
        return {"trace_id": ROOT, "spans": SPANS, **answer}

    monkeypatch.setattr(traces, "control", control)
    return stack


@pytest.fixture
def trace(stack):
    return TraceUnderTest.read(None, ROOT)


def test_the_tree_has_each_span_below_its_cause_with_its_times(trace):
    lines = trace.describe().splitlines()
    assert [line.partition("]  ")[2] for line in lines[1:]] == [
        "request apigateway POST /shop",
        "  invoke lambda shop-accept: cold; waited 55.5 ms; own time 12.0 ms",
        "    init lambda shop-accept",
        "    call sns Publish: 500; Boom: \\x1b[31mred\\x1b[0m <b>",
        "    call sns Publish: attempt 2",
        "invoke lambda shop-decrypt: running",
    ]
    assert lines[2].split()[:2] == ["100.0", "100.0"]
    assert lines[6].split()[:2] == ["500.0", "…"]


def test_bars_lie_within_the_whole(trace):
    bars = [line.partition("[")[2].partition("]")[0] for line in trace.describe().splitlines()[1:]]
    assert {len(bar) for bar in bars} == {traces.BAR_WIDTH}
    assert bars[0].startswith("=")
    assert bars[-1].strip() == "="


def test_a_trace_that_is_under_way_or_too_long_says_so(stack):
    stack["is_complete"] = False
    assert TraceUnderTest.read(None, ROOT).describe().endswith("the request is still under way")
    stack["left_out"] = 3
    assert "\n3 more spans were over the limit\n" in TraceUnderTest.read(None, ROOT).describe()


def test_the_command_lists_what_was_asked_for(stack, capsys):
    traces.show(None, None, as_json=False, limit=3, function="accept", error="", min_ms=None)
    assert stack["asked"] == ["/_emulator/traces?limit=3&function=accept"]
    assert capsys.readouterr().out == (
        f"{ROOT} 00:01:40 UTC 600 ms apigateway POST /shop running, 1 error, 1 cold start, 1 retry "
        "(shop-accept, shop-decrypt)\n"
    )


def test_the_command_shows_one_trace_by_the_header_that_a_client_got(stack, capsys):
    traces.show(None, f"Root={ROOT};Parent=1;Sampled=0", as_json=False)
    assert stack["asked"][0] == f"/_emulator/traces?text={ROOT}&limit=20"
    out = capsys.readouterr().out
    assert out.startswith(ROOT)
    assert "\x1b" not in out


def test_the_command_lists_the_traces_of_a_text_that_is_in_several(stack, capsys):
    stack["summaries"] = [SUMMARY, {**SUMMARY, "trace_id": "another", "entry": "\x1b[2J"}]
    traces.show(None, "4711", as_json=False)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(ROOT)
    assert "\\x1b[2J" in second


def test_the_command_prints_json(stack, capsys):
    traces.show(None, ROOT, as_json=True)
    assert json.loads(capsys.readouterr().out)["spans"] == SPANS
    traces.show(None, None, as_json=True)
    assert json.loads(capsys.readouterr().out) == [SUMMARY]


def test_the_command_says_that_there_is_none(stack, capsys):
    stack["summaries"] = []
    with pytest.raises(UserError, match="no trace among the latest has this id or text: 4711"):
        traces.show(None, "4711", as_json=False)
    traces.show(None, None, as_json=False)
    assert capsys.readouterr().out == "There are no traces.\n"


def test_assertions_hold(trace):
    trace.assert_services("apigateway", "lambda", "sns", "lambda")
    trace.assert_functions("accept", "decrypt").assert_error("Boom").assert_within_ms(500.1)
    assert [each.cold for each in trace.invokes("accept")] == [True]
    assert [each.attempt for each in trace.of("call", "sns")] == [1, 2]


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda trace: trace.assert_services("sns", "apigateway"), "'apigateway' is missing, or too early"),
        (lambda trace: trace.assert_functions("accept"), r"the functions \['accept'\] were expected"),
        (lambda trace: trace.assert_no_errors(), "1 of its spans ended in an error"),
        (lambda trace: trace.assert_error("Bang"), "no error contains 'Bang'"),
        (lambda trace: trace.assert_within_ms(499), "it took 500.0 ms, more than 499 ms"),
    ],
)
def test_assertions_that_fail_show_the_trace(trace, check, message):
    with pytest.raises(AssertionError, match=message) as failure:
        check(trace)
    assert "call sns Publish" in str(failure.value)


def test_a_test_waits_until_all_is_over(stack):
    stack["is_complete"] = False
    with pytest.raises(WaitTimeoutError, match="still under way"):
        await_trace(None, ROOT, timeout_s=0)
    stack["is_complete"] = True
    assert await_trace(None, ROOT, timeout_s=10).trace_id == ROOT
    with pytest.raises(WaitTimeoutError, match="to be complete"):
        await_trace(None, ROOT, timeout_s=0, until=lambda trace: not trace.spans)
    stack["summaries"] = []
    with pytest.raises(WaitTimeoutError, match="found no such trace"):
        await_trace(None, ROOT, timeout_s=0)
