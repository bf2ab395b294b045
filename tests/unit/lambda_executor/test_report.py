"""The platform's log lines: AWS's own examples, and properties for all figures."""

import json
import math
import re

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
    format_report,
    iso_time,
)

IDENTITY = RuntimeIdentity(
    runtime_version="python:3.13.v43",
    runtime_version_arn="arn:aws:lambda:us-east-1::runtime:36aeb19f",
    function_name="accept",
    function_version="$LATEST",
    initialization_type="on-demand",
    environment_id="0c399ef174bac9c1e6f35b63e6166b9f",
    memory_size_mb=128,
)
TEXT = TextLog(IDENTITY)
ERROR = Result(Status.ERROR, "Runtime.ExitError")
TIMEOUT = Result(Status.TIMEOUT)
AT_MS = 1_795_427_547_910

durations = st.floats(0, 900_000).map(lambda value: round(value, 2))
reports = st.builds(
    InvokeReport,
    request_id=st.uuids().map(str),
    duration_ms=durations,
    memory_size_mb=st.integers(128, 10_240),
    max_memory_used_mb=st.integers(1, 10_240),
    result=st.sampled_from([SUCCESS, ERROR, TIMEOUT]),
    init_duration_ms=st.none() | durations,
    init_billed=st.booleans(),
    trace=st.none()
    | st.builds(
        TraceSegment,
        trace_id=st.from_regex(r"1-[0-9a-f]{8}-[0-9a-f]{24}", fullmatch=True),
        segment_id=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
        sampled=st.booleans(),
    ),
)

REPORT_GRAMMAR = re.compile(
    r"REPORT RequestId: (?P<request_id>\S+)"
    r"\tDuration: (?P<duration>\d+\.\d\d) ms"
    r"\tBilled Duration: (?P<billed>\d+) ms"
    r"\tMemory Size: (?P<size>\d+) MB"
    r"\tMax Memory Used: (?P<used>\d+) MB"
    r"(?:\tInit Duration: (?P<init>\d+\.\d\d) ms)?"
    r"(?:\t|\tStatus: (?P<status>timeout|error)(?:\tError Type: (?P<error>\S+))?)"
    r"(?:\nXRAY TraceId: (?P<trace>\S+)\tSegmentId: (?P<segment>\S+)\tSampled: (?P<sampled>true|false)\t)?"
)


def report(**changes):
    values = {"request_id": "id", "duration_ms": 2.37, "memory_size_mb": 1024, "max_memory_used_mb": 95}
    return InvokeReport(**{**values, "result": SUCCESS, **changes})


class TestAwsExamples:
    def test_cold(self):
        assert format_report(report(init_duration_ms=423.98)) == (
            "REPORT RequestId: id\tDuration: 2.37 ms\tBilled Duration: 427 ms\tMemory Size: 1024 MB\t"
            "Max Memory Used: 95 MB\tInit Duration: 423.98 ms\t"
        )

    def test_timeout_with_init(self):
        line = format_report(report(duration_ms=600000.0, init_duration_ms=476.75, result=TIMEOUT))
        assert "\tDuration: 600000.00 ms\tBilled Duration: 600477 ms\t" in line
        assert line.endswith("\tInit Duration: 476.75 ms\tStatus: timeout")

    def test_crash(self):
        assert format_report(report(result=ERROR)).endswith("\tStatus: error\tError Type: Runtime.ExitError")

    def test_init_start(self):
        (line,) = TEXT.init_start(AT_MS)
        assert line.message == (
            "INIT_START Runtime Version: python:3.13.v43\t"
            "Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:36aeb19f"
        )

    def test_init_report(self):
        (line,) = TEXT.init_report(
            AT_MS, Phase.INVOKE, 80.49, Result(Status.ERROR, "Runtime.ImportModuleError")
        )
        assert line.message == (
            "INIT_REPORT Init Duration: 80.49 ms\tPhase: invoke\tStatus: error\t"
            "Error Type: Runtime.ImportModuleError"
        )
        assert TEXT.init_report(AT_MS, Phase.INIT, 80.49, SUCCESS) == []

    def test_start_timeout_end(self):
        messages = [
            line.message
            for lines in (
                TEXT.start(AT_MS, "id"),
                TEXT.timed_out(AT_MS, "id", 3),
                TEXT.end(AT_MS, report(result=TIMEOUT)),
            )
            for line in lines
        ]
        assert messages == [
            "START RequestId: id Version: $LATEST",
            "2026-11-23T09:52:27.910Z id Task timed out after 3.00 seconds\n",
            "END RequestId: id",
        ]


class TestText:
    @given(reports)
    def test_every_figure_can_be_read_back(self, figures):
        match = REPORT_GRAMMAR.fullmatch(format_report(figures))
        assert match
        assert match["request_id"] == figures.request_id
        assert float(match["duration"]) == figures.duration_ms
        assert int(match["billed"]) == figures.billed_duration_ms
        assert (int(match["size"]), int(match["used"])) == (
            figures.memory_size_mb,
            figures.max_memory_used_mb,
        )
        assert (match["init"] and float(match["init"])) == figures.init_duration_ms
        assert (match["status"] or "success", match["error"]) == (
            figures.result.status,
            figures.result.error_type,
        )
        trace = figures.trace
        assert (match["trace"], match["segment"]) == (
            (trace.trace_id, trace.segment_id) if trace else (None, None)
        )

    @given(reports)
    def test_billed_is_the_shown_time_rounded_up_to_a_millisecond(self, figures):
        init_ms = figures.init_duration_ms if figures.init_billed and figures.init_duration_ms else 0
        hundredths = round(figures.duration_ms * 100) + round(init_ms * 100)
        assert figures.billed_duration_ms == math.ceil(hundredths / 100)


class TestJson:
    def log(self, level):
        return JsonLog(IDENTITY, level)

    def test_report_follows_the_telemetry_schema(self):
        figures = report(init_duration_ms=423.98, result=ERROR)
        (line,) = self.log(SystemLogLevel.INFO).report(AT_MS, figures)
        assert json.loads(line.message) == {
            "time": "2026-11-23T09:52:27.910Z",
            "type": "platform.report",
            "record": {
                "requestId": "id",
                "metrics": {
                    "durationMs": 2.37,
                    "billedDurationMs": 427,
                    "memorySizeMB": 1024,
                    "maxMemoryUsedMB": 95,
                    "initDurationMs": 423.98,
                },
                "status": "error",
                "errorType": "Runtime.ExitError",
            },
        }

    def test_start_and_init_start_follow_the_telemetry_schema(self):
        log = self.log(SystemLogLevel.INFO)
        (start,), (init_start,) = log.start(AT_MS, "id"), log.init_start(AT_MS)
        assert json.loads(start.message)["record"] == {"requestId": "id", "version": "$LATEST"}
        assert json.loads(init_start.message) == {
            "time": "2026-11-23T09:52:27.910Z",
            "type": "platform.initStart",
            "record": {
                "initializationType": "on-demand",
                "phase": "init",
                "runtimeVersion": "python:3.13.v43",
                "runtimeVersionArn": "arn:aws:lambda:us-east-1::runtime:36aeb19f",
                "functionName": "accept",
                "functionVersion": "$LATEST",
                "instanceId": "0c399ef174bac9c1e6f35b63e6166b9f",
                "instanceMaxMemory": 134217728,
            },
        }

    def test_levels_hide_what_awss_table_says(self):
        def types(level):
            log = self.log(level)
            lines = [
                *log.init_start(AT_MS),
                *log.init_report(AT_MS, Phase.INIT, 1.0, SUCCESS),
                *log.init_report(AT_MS, Phase.INVOKE, 1.0, TIMEOUT),
                *log.start(AT_MS, "id"),
                *log.timed_out(AT_MS, "id", 3),
                *log.end(AT_MS, report()),
                *log.end(AT_MS, report(result=TIMEOUT)),
                *log.report(AT_MS, report()),
                *log.report(AT_MS, report(result=TIMEOUT)),
            ]
            return [json.loads(line.message)["type"].removeprefix("platform.") for line in lines]

        assert types(SystemLogLevel.DEBUG) == [
            "initStart", "initRuntimeDone", "initReport", "initRuntimeDone", "initReport",
            "start", "runtimeDone", "runtimeDone", "report", "report",
        ]  # fmt: skip
        assert types(SystemLogLevel.INFO) == [
            "initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report", "report",
        ]  # fmt: skip
        assert types(SystemLogLevel.WARN) == ["initRuntimeDone", "initReport", "runtimeDone", "report"]

    def test_the_runtimes_ends_follow_the_telemetry_schema(self):
        log = self.log(SystemLogLevel.DEBUG)
        init_done, _ = log.init_report(AT_MS, Phase.INIT, 1.0, SUCCESS)
        (done,) = log.end(AT_MS, report(result=ERROR, produced_bytes=7))
        assert json.loads(init_done.message) == {
            "time": "2026-11-23T09:52:27.910Z",
            "type": "platform.initRuntimeDone",
            "record": {"initializationType": "on-demand", "phase": "init", "status": "success"},
        }
        assert json.loads(done.message) == {
            "time": "2026-11-23T09:52:27.910Z",
            "type": "platform.runtimeDone",
            "record": {
                "requestId": "id",
                "status": "error",
                "errorType": "Runtime.ExitError",
                "metrics": {"durationMs": 2.37, "producedBytes": 7},
            },
        }

    @given(reports)
    def test_every_report_is_one_line_of_json_with_the_same_figures(self, figures):
        (line,) = self.log(SystemLogLevel.DEBUG).report(AT_MS, figures)
        assert "\n" not in line.message
        record = json.loads(line.message)["record"]
        assert record["metrics"]["durationMs"] == figures.duration_ms
        assert record["metrics"].get("initDurationMs") == figures.init_duration_ms
        assert record["metrics"]["billedDurationMs"] == figures.billed_duration_ms
        assert (record["status"], record.get("errorType")) == (
            figures.result.status,
            figures.result.error_type,
        )
        assert ("tracing" in record) == bool(figures.trace)


@given(st.integers(0, 4_102_444_800_000))
def test_iso_times_sort_as_their_numbers(at_ms):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", iso_time(at_ms))
    assert iso_time(at_ms) < iso_time(at_ms + 1)
