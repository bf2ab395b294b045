"""The REPORT line that Lambda writes at the end of every invoke, as numbers.

Formats are AWS's, as CloudWatch shows them. Text: fields `Name: value unit` separated by tabs, optional ones
left out, those of X-Ray on a line of their own. JSON (the function's LogFormat): the Telemetry API's event
`platform.report`.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

FIELD = re.compile(r"(?P<name>[A-Z][A-Za-z -]*): (?P<value>\S+)(?: (?:ms|MB))?")
FIELD_SEPARATORS = re.compile(r"[\t\n]+")
TRACE_ROOT = re.compile(r"Root=([^;]+)")


@dataclass(frozen=True)
class Report:
    """One invoke's REPORT line; durations in milliseconds, memory in MB.

    `init_duration_ms` is None for a warm invoke; `status` is None where the invoke succeeded. Durations are
    the function's own time; what a busy machine kept it waiting beside is `waited_for_cpu_ms` and
    `init_waited_for_cpu_ms`, which no line tells: 0 where that isn't known (`functions.cpu_waits`).
    """

    request_id: str
    duration_ms: float
    billed_duration_ms: int
    memory_size_mb: int
    max_memory_used_mb: int
    init_duration_ms: float | None = None
    status: Literal["timeout", "error"] | None = None
    error_type: str | None = None
    xray_trace_id: str | None = None
    waited_for_cpu_ms: float = 0.0
    init_waited_for_cpu_ms: float = 0.0

    @property
    def wall_ms(self) -> float:
        """What a clock on the wall saw of the invoke, without an init before it."""
        return round(self.duration_ms + self.waited_for_cpu_ms, 2)

    @property
    def init_wall_ms(self) -> float | None:
        """What a clock on the wall saw of the init; None for a warm invoke."""
        if self.init_duration_ms is None:
            return None
        return round(self.init_duration_ms + self.init_waited_for_cpu_ms, 2)

    @property
    def is_cold(self) -> bool:
        """Whether it tells of an init: a successful one, and the environment's first invoke since.

        Whether the invoke waited for that init, or for one that failed, only the lines before it tell:
        `Invocation.is_cold`.
        """
        return self.init_duration_ms is not None


def parse_report(line: str) -> Report | None:
    """Read a REPORT line, text or JSON; None where `line` is none, or lacks what every REPORT line has."""
    try:
        if line.startswith("REPORT "):
            return _from_fields(_fields(line.removeprefix("REPORT ")))
        if event := parse_platform_event(line):
            return _from_record(event[1]) if event[0] == "platform.report" else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return None


def parse_platform_event(line: str) -> tuple[str, dict[str, Any]] | None:
    """Read a line that Lambda itself wrote with LogFormat JSON: its type (`platform.start`) and record."""
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    kind, record = event.get("type"), event.get("record")
    if not (isinstance(kind, str) and kind.startswith("platform.") and isinstance(record, dict)):
        return None
    return kind, record


def _fields(text: str) -> dict[str, str]:
    matches = map(FIELD.match, (part.strip() for part in FIELD_SEPARATORS.split(text)))
    return {match["name"]: match["value"] for match in matches if match}


def _from_fields(fields: dict[str, str]) -> Report:
    init_duration = fields.get("Init Duration")
    return Report(
        request_id=fields["RequestId"],
        duration_ms=float(fields["Duration"]),
        billed_duration_ms=int(fields["Billed Duration"]),
        memory_size_mb=int(fields["Memory Size"]),
        max_memory_used_mb=int(fields["Max Memory Used"]),
        init_duration_ms=None if init_duration is None else float(init_duration),
        status=_status(fields.get("Status")),
        error_type=fields.get("Error Type"),
        xray_trace_id=fields.get("XRAY TraceId"),
    )


def _from_record(record: dict[str, Any]) -> Report:
    metrics = record["metrics"]
    init_duration = metrics.get("initDurationMs")
    trace = TRACE_ROOT.search(record.get("tracing", {}).get("value", ""))
    return Report(
        request_id=str(record["requestId"]),
        duration_ms=float(metrics["durationMs"]),
        billed_duration_ms=int(metrics["billedDurationMs"]),
        memory_size_mb=int(metrics["memorySizeMB"]),
        max_memory_used_mb=int(metrics["maxMemoryUsedMB"]),
        init_duration_ms=None if init_duration is None else float(init_duration),
        status=_status(record.get("status")),
        error_type=record.get("errorType"),
        xray_trace_id=trace.group(1) if trace else None,
    )


def _status(text: str | None) -> Literal["timeout", "error"] | None:
    """Read `Status`; AWS's JSON events also know `success` and `failure` (the latter is text's `error`)."""
    if text in (None, "success"):
        return None
    return "timeout" if text == "timeout" else "error"
