"""Invocations read from a log: what the executor writes, text or JSON, is what the harness reads."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serverless_harness.emulator.lambda_executor.report import (
    SUCCESS,
    InvokeReport,
    JsonLog,
    Phase,
    Result,
    RuntimeIdentity,
    Status,
    SystemLogLevel,
    TextLog,
    TraceSegment,
)
from serverless_harness.functions.invocations import assert_cold, assert_warm, read_invocations
from serverless_harness.functions.logs import LogEvent
from serverless_harness.functions.reports import parse_report

IDENTITY = RuntimeIdentity("python:3.13.v1", "arn", "accept", "$LATEST", "on-demand", "id", 128)
PROVISIONED = replace(IDENTITY, initialization_type="provisioned-concurrency")
TIMEOUT = Result(Status.TIMEOUT)
FORMATS = [TextLog(IDENTITY), JsonLog(IDENTITY, SystemLogLevel.INFO)]
DURATIONS_MS = st.integers(0, 90_000_000).map(lambda hundredths: hundredths / 100)
HEXADECIMAL = "0123456789abcdef"
TRACES = st.builds(
    TraceSegment,
    trace_id=st.text(HEXADECIMAL, min_size=32, max_size=32).map(lambda text: f"1-{text[:8]}-{text[8:]}"),
    segment_id=st.text(HEXADECIMAL, min_size=16, max_size=16),
    sampled=st.booleans(),
)
RESULTS = st.sampled_from(
    [
        Result(Status.SUCCESS),
        Result(Status.TIMEOUT),
        Result(Status.ERROR, "Runtime.ExitError"),
        Result(Status.ERROR, "KeyError"),
    ]
)
REPORTS = st.builds(
    InvokeReport,
    request_id=st.uuids().map(str),
    duration_ms=DURATIONS_MS,
    memory_size_mb=st.integers(128, 10_240),
    max_memory_used_mb=st.integers(1, 10_240),
    result=RESULTS,
    init_duration_ms=st.none() | DURATIONS_MS,
    init_billed=st.booleans(),
    trace=st.none() | TRACES,
)
OWN_LINES = st.lists(
    st.sampled_from(["BEGIN: event:{}", "START of it", "REPORT nothing", "{", '{"type": 3}'])
)


@pytest.mark.parametrize("log", FORMATS, ids=["text", "json"])
@given(written=REPORTS)
def test_a_report_reads_back_with_its_status_and_trace(log, written):
    [line] = log.report(0, written)
    read = parse_report(line.message)
    assert read is not None
    assert read.duration_ms == pytest.approx(written.duration_ms, abs=0.006)
    if written.init_duration_ms is None:
        assert read.init_duration_ms is None
    else:
        assert read.init_duration_ms == pytest.approx(written.init_duration_ms, abs=0.006)
    assert (read.billed_duration_ms, read.memory_size_mb) == (
        written.billed_duration_ms,
        written.memory_size_mb,
    )
    assert (read.status or "success") == written.result.status
    assert read.error_type == written.result.error_type
    assert read.xray_trace_id == (written.trace.trace_id if written.trace else None)


@pytest.mark.parametrize("log", FORMATS, ids=["text", "json"])
@given(invokes=st.lists(st.tuples(REPORTS, OWN_LINES), max_size=5), inits=st.lists(st.booleans(), max_size=5))
def test_an_environments_log_reads_back_as_its_invocations(log, invokes, inits):
    events, wanted = [], []

    def write(lines):
        for line in lines:
            time_ms = len(events)
            events.append(LogEvent(str(time_ms), "accept", "stream", time_ms, line))

    def platform(lines):
        write([line.message for line in lines])

    for number, (report, own) in enumerate(invokes):
        init_ms = None
        if number < len(inits) and inits[number]:
            init_ms = len(events)
            platform(log.init_start(0))
        started_ms = len(events)
        platform(log.start(0, report.request_id))
        write(own)
        platform(log.end(0, report))
        platform(log.report(0, report))
        wanted.append((report.request_id, init_ms, started_ms, tuple(own)))
    write(["START RequestId: cut-off Version: $LATEST", "a line of an invoke that goes on"])

    read = read_invocations(events)

    assert [(one.request_id, one.init_started_ms, one.started_ms, one.lines) for one in read] == wanted
    assert all(one.started_ms < one.ended_ms for one in read)


def test_streams_are_told_apart():
    def events(stream, times_ms):
        lines = [f"START RequestId: {stream} Version: 1", f"of {stream}", f"END RequestId: {stream}"]
        lines += [
            f"REPORT RequestId: {stream}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t"
            "Max Memory Used: 40 MB\t"
        ]
        return [
            LogEvent(f"{stream}{n}", "accept", stream, time_ms, line)
            for n, (time_ms, line) in enumerate(zip(times_ms, lines, strict=True))
        ]

    mixed = sorted(
        events("a", (1, 3, 5, 7)) + events("b", (2, 4, 6, 8)), key=lambda event: event.timestamp_ms
    )
    first, second = read_invocations(mixed)
    assert (first.lines, second.lines) == (("of a",), ("of b",))
    assert (first.started_ms, first.ended_ms, second.ended_ms) == (1, 5, 6)
    assert_warm(first)
    with pytest.raises(AssertionError, match="invocation a of accept in a was warm"):
        assert_cold(first)


def first_invocation(log, start_ms, *, init_ms=None, reported=None):
    """Read what `log` writes of an environment's init at 0 and its first invoke at `start_ms`."""
    report = InvokeReport("1", 5, 128, 40, SUCCESS, init_ms)
    lines = [
        *((0, line) for line in log.init_start(0)),
        *((reported[0], line) for line in (log.init_report(0, Phase.INIT, *reported) if reported else [])),
        *((start_ms, line) for line in [*log.start(0, "1"), *log.end(0, report), *log.report(0, report)]),
    ]
    [read] = read_invocations(
        LogEvent(str(n), "accept", "stream", at_ms, line.message) for n, (at_ms, line) in enumerate(lines)
    )
    return read


@pytest.mark.parametrize("log", FORMATS, ids=["text", "json"])
class TestColdness:
    def test_right_after_the_init_is_cold(self, log):
        assert_cold(first_invocation(log, 260, init_ms=250))

    def test_after_an_init_that_a_busy_machine_kept_waiting_is_cold(self, log):
        read = first_invocation(log, 9_260, init_ms=250)
        waited = replace(read, report=replace(read.report, init_waited_for_cpu_ms=9_000))
        assert not read.is_cold
        assert_cold(waited)

    def test_right_after_an_init_that_was_cut_off_is_cold(self, log):
        assert_cold(first_invocation(log, 10_010, reported=(10_000, TIMEOUT)))

    def test_long_after_the_init_is_warm(self, log):
        read = first_invocation(log, 600_250, init_ms=250)
        assert_warm(read)
        with pytest.raises(AssertionError, match="init had ended more than 2000 ms before"):
            assert_cold(read)

    def test_with_an_init_before_what_was_read_is_warm(self, log):
        lines = [*log.start(0, "1"), *log.report(0, InvokeReport("1", 5, 128, 40, SUCCESS, 250))]
        [read] = read_invocations(LogEvent("", "accept", "stream", 0, line.message) for line in lines)
        assert_warm(read)


@pytest.mark.parametrize("log", [TextLog(PROVISIONED), JsonLog(PROVISIONED, SystemLogLevel.INFO)])
def test_provisioned_is_warm_even_right_after_the_init(log):
    assert_warm(first_invocation(log, 260, init_ms=250, reported=(250, SUCCESS)))


@given(st.text() | st.text().map("REPORT ".__add__) | st.text().map('{"type": "platform.report", '.__add__))
def test_nothing_else_is_a_report_and_nothing_breaks_the_parser(text):
    assert parse_report(text) is None


@pytest.mark.parametrize(
    "line",
    [
        '{"type":"platform.report","record":{}}',
        '{"type":"platform.report","record":{"requestId":"1","metrics":[]}}',
        '{"type":"platform.report","record":{"requestId":"1","metrics":{"durationMs":"x"}}}',
        '{"type":"platform.start","record":{"requestId":"1"}}',
        '{"time":"2026-01-31T12:00:00.000Z","level":"INFO","message":"type"}',
    ],
)
def test_half_an_event_is_none(line):
    assert parse_report(line) is None
