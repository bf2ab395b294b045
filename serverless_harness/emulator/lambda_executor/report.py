"""The lines that Lambda itself writes to a function's log: INIT_START, START, END, REPORT and their kin.

The text form is what CloudWatch shows; the JSON form is that of the Telemetry API's event schema, filtered by
the function's system log level ("System log level event mapping" in AWS's Lambda developer guide).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Protocol

from serverless_harness.emulator.lambda_executor.log_lines import LogLine


class Status(StrEnum):
    """How an init or an invoke ended."""

    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"


class Phase(StrEnum):
    """When an init ran: on its own, or repeated inside an invoke."""

    INIT = "init"
    INVOKE = "invoke"


class SystemLogLevel(IntEnum):
    """The levels of LoggingConfig's SystemLogLevel."""

    DEBUG = 10
    INFO = 20
    WARN = 30


@dataclass(frozen=True)
class Result:
    """How an init or invoke ended; `error_type` only with `Status.ERROR`."""

    status: Status
    error_type: str | None = None


SUCCESS = Result(Status.SUCCESS)
ON_DEMAND = "on-demand"


@dataclass(frozen=True)
class TraceSegment:
    """The X-Ray segment of an invoke, where tracing is active."""

    trace_id: str
    segment_id: str
    sampled: bool


@dataclass(frozen=True)
class InvokeReport:
    """The figures of one invoke. Durations are in milliseconds, with two decimals at most."""

    request_id: str
    duration_ms: float
    memory_size_mb: int
    max_memory_used_mb: int
    result: Result
    init_duration_ms: float | None = None
    """Of the init that preceded the environment's first invoke; None with later ones."""
    waited_for_cpu_ms: float = 0.0
    """In no line: what the machine kept the invoke waiting beside `duration_ms`, its own time."""
    init_waited_for_cpu_ms: float = 0.0
    init_billed: bool = True
    produced_bytes: int = 0
    """The answer's size."""
    trace: TraceSegment | None = None

    @property
    def billed_duration_ms(self) -> int:
        """Whole milliseconds, init included (since August 2025, with managed runtimes and on-demand)."""
        init_ms = self.init_duration_ms if self.init_billed and self.init_duration_ms else 0.0
        return math.ceil(round(self.duration_ms + init_ms, 2))


@dataclass(frozen=True)
class RuntimeIdentity:
    """Which function and runtime the lines speak of."""

    runtime_version: str
    """As AWS writes it: `python:3.13.v43`."""
    runtime_version_arn: str
    function_name: str
    function_version: str
    initialization_type: str
    """`ON_DEMAND` or `provisioned-concurrency`."""
    environment_id: str
    memory_size_mb: int


class PlatformLog(Protocol):
    """Writes the platform's lines; each method gives those of one event, none where the level hides it."""

    def init_start(self, at_ms: int) -> list[LogLine]: ...

    def init_report(self, at_ms: int, phase: Phase, duration_ms: float, result: Result) -> list[LogLine]: ...

    def start(self, at_ms: int, request_id: str) -> list[LogLine]: ...

    def timed_out(self, at_ms: int, request_id: str, timeout_s: int) -> list[LogLine]: ...

    def end(self, at_ms: int, report: InvokeReport) -> list[LogLine]: ...

    def report(self, at_ms: int, report: InvokeReport) -> list[LogLine]: ...


def iso_time(at_ms: int) -> str:
    """Return `2026-01-31T12:00:00.123Z`."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


class TextLog:
    """The lines of LogFormat=Text."""

    def __init__(self, identity: RuntimeIdentity) -> None:
        self._identity = identity

    def init_start(self, at_ms: int) -> list[LogLine]:
        identity = self._identity
        message = (
            f"INIT_START Runtime Version: {identity.runtime_version}\t"
            f"Runtime Version ARN: {identity.runtime_version_arn}"
        )
        return [LogLine(at_ms, message)]

    def init_report(self, at_ms: int, phase: Phase, duration_ms: float, result: Result) -> list[LogLine]:
        # AWS's developer guide: an init that succeeds has no INIT_REPORT, but with provisioned concurrency.
        if result.status is Status.SUCCESS and self._identity.initialization_type == ON_DEMAND:
            return []
        fields = [
            f"INIT_REPORT Init Duration: {duration_ms:.2f} ms",
            f"Phase: {phase}",
            *_status_fields(result),
        ]
        return [LogLine(at_ms, "\t".join(fields))]

    def start(self, at_ms: int, request_id: str) -> list[LogLine]:
        version = self._identity.function_version
        return [LogLine(at_ms, f"START RequestId: {request_id} Version: {version}")]

    def timed_out(self, at_ms: int, request_id: str, timeout_s: int) -> list[LogLine]:
        message = f"{iso_time(at_ms)} {request_id} Task timed out after {timeout_s}.00 seconds\n"
        return [LogLine(at_ms, message)]

    def end(self, at_ms: int, report: InvokeReport) -> list[LogLine]:
        return [LogLine(at_ms, f"END RequestId: {report.request_id}")]

    def report(self, at_ms: int, report: InvokeReport) -> list[LogLine]:
        return [LogLine(at_ms, format_report(report))]


def format_report(report: InvokeReport) -> str:
    """Return the REPORT line; a second line carries the trace's ids where tracing is active."""
    fields = [
        f"REPORT RequestId: {report.request_id}",
        f"Duration: {report.duration_ms:.2f} ms",
        f"Billed Duration: {report.billed_duration_ms} ms",
        f"Memory Size: {report.memory_size_mb} MB",
        f"Max Memory Used: {report.max_memory_used_mb} MB",
    ]
    if report.init_duration_ms is not None:
        fields.append(f"Init Duration: {report.init_duration_ms:.2f} ms")
    # AWS ends the line with a tab unless a status is its last field.
    fields += _status_fields(report.result) or [""]
    line = "\t".join(fields)
    if report.trace:
        trace = report.trace
        sampled = str(trace.sampled).lower()
        line += f"\nXRAY TraceId: {trace.trace_id}\tSegmentId: {trace.segment_id}\tSampled: {sampled}\t"
    return line


def _status_fields(result: Result) -> list[str]:
    if result.status is Status.SUCCESS:
        return []
    return [f"Status: {result.status}", *([f"Error Type: {result.error_type}"] if result.error_type else [])]


class JsonLog:
    """The events of LogFormat=JSON, those at or above the system log level."""

    def __init__(self, identity: RuntimeIdentity, level: SystemLogLevel) -> None:
        self._identity = identity
        self._level = level

    def init_start(self, at_ms: int) -> list[LogLine]:
        identity = self._identity
        record = {
            "initializationType": identity.initialization_type,
            "phase": Phase.INIT,
            "runtimeVersion": identity.runtime_version,
            "runtimeVersionArn": identity.runtime_version_arn,
            "functionName": identity.function_name,
            "functionVersion": identity.function_version,
            "instanceId": identity.environment_id,
            "instanceMaxMemory": identity.memory_size_mb * 1024 * 1024,
        }
        return self._event(at_ms, "platform.initStart", SystemLogLevel.INFO, record)

    def init_report(self, at_ms: int, phase: Phase, duration_ms: float, result: Result) -> list[LogLine]:
        identity = self._identity
        on_demand = identity.initialization_type == ON_DEMAND
        record = {
            "initializationType": identity.initialization_type,
            "phase": phase,
            **_status_record(result),
        }
        done_level = _level_of(result, SystemLogLevel.DEBUG)
        report_level = _level_of(result, SystemLogLevel.DEBUG if on_demand else SystemLogLevel.INFO)
        report = {**record, "metrics": {"durationMs": duration_ms}}
        return [
            *self._event(at_ms, "platform.initRuntimeDone", done_level, record),
            *self._event(at_ms, "platform.initReport", report_level, report),
        ]

    def start(self, at_ms: int, request_id: str) -> list[LogLine]:
        record = {"requestId": request_id, "version": self._identity.function_version}
        return self._event(at_ms, "platform.start", SystemLogLevel.INFO, record)

    def timed_out(self, at_ms: int, request_id: str, timeout_s: int) -> list[LogLine]:
        return []

    def end(self, at_ms: int, report: InvokeReport) -> list[LogLine]:
        record = {
            "requestId": report.request_id,
            **_status_record(report.result),
            "metrics": {"durationMs": report.duration_ms, "producedBytes": report.produced_bytes},
        }
        level = _level_of(report.result, SystemLogLevel.DEBUG)
        return self._event(at_ms, "platform.runtimeDone", level, record)

    def report(self, at_ms: int, report: InvokeReport) -> list[LogLine]:
        metrics: dict[str, float] = {
            "durationMs": report.duration_ms,
            "billedDurationMs": report.billed_duration_ms,
            "memorySizeMB": report.memory_size_mb,
            "maxMemoryUsedMB": report.max_memory_used_mb,
        }
        if report.init_duration_ms is not None:
            metrics["initDurationMs"] = report.init_duration_ms
        record: dict[str, object] = {
            "requestId": report.request_id,
            "metrics": metrics,
            **_status_record(report.result),
        }
        if report.trace:
            record["tracing"] = {
                "spanId": report.trace.segment_id,
                "type": "X-Amzn-Trace-Id",
                "value": f"Root={report.trace.trace_id};Sampled={int(report.trace.sampled)}",
            }
        return self._event(at_ms, "platform.report", _level_of(report.result, SystemLogLevel.INFO), record)

    def _event(
        self, at_ms: int, event_type: str, level: SystemLogLevel, record: Mapping[str, object]
    ) -> list[LogLine]:
        if level < self._level:
            return []
        event = {"time": iso_time(at_ms), "type": event_type, "record": record}
        return [LogLine(at_ms, json.dumps(event, separators=(",", ":")))]


def _level_of(result: Result, success_level: SystemLogLevel) -> SystemLogLevel:
    return success_level if result.status is Status.SUCCESS else SystemLogLevel.WARN


def _status_record(result: Result) -> dict[str, str]:
    return {"status": result.status, **({"errorType": result.error_type} if result.error_type else {})}
