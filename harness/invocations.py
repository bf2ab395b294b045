"""A function's invocations as its log tells them: when, where, cold or warm, and what they printed."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.deploy import Deployment
from harness.logs import LogEvent, read_logs
from harness.reports import Report, parse_platform_event, parse_report
from harness.waiting import Wait

START = re.compile(r"START RequestId: (?P<request_id>\S+) Version: ")
END = re.compile(r"END RequestId: (?P<request_id>\S+)")
INIT_START = "INIT_START "


@dataclass(frozen=True)
class Invocation:
    """One invoke of a function, from its START line to its REPORT line; times in ms since the epoch.

    `stream` names the execution environment. `init_started_ms` is that of the init that came before it in
    its environment and belongs to it; None for a warm invoke. `lines` are the function's own.
    """

    function: str
    request_id: str
    stream: str
    started_ms: int
    ended_ms: int
    report: Report
    init_started_ms: int | None = None
    lines: tuple[str, ...] = ()

    @property
    def is_cold(self) -> bool:
        """Whether it was the first of its environment."""
        return self.report.is_cold


@dataclass
class _Open:
    request_id: str
    started_ms: int
    init_started_ms: int | None
    ended_ms: int | None = None
    lines: list[str] = field(default_factory=list)


def read_invocations(events: Iterable[LogEvent]) -> list[Invocation]:
    """Put together the invocations that are whole in `events`, in the order in which they started."""
    streams: dict[tuple[str, str], list[LogEvent]] = {}
    for event in events:
        streams.setdefault((event.function, event.stream), []).append(event)
    found = [invocation for of_stream in streams.values() for invocation in _read_stream(of_stream)]
    return sorted(found, key=lambda invocation: invocation.started_ms)


def _read_stream(events: Sequence[LogEvent]) -> Iterator[Invocation]:
    """Read one stream: an environment runs one invoke after the other."""
    init_started_ms: int | None = None
    current: _Open | None = None
    for event in events:
        if _is_init_start(event.message):
            init_started_ms = event.timestamp_ms
        elif request_id := _started_request(event.message):
            current = _Open(request_id, event.timestamp_ms, init_started_ms)
            init_started_ms = None
        elif current and END.match(event.message):
            current.ended_ms = event.timestamp_ms
        elif current and (report := parse_report(event.message)):
            yield _closed(current, event, report)
            current = None
        elif current:
            current.lines.append(event.message.rstrip("\n"))


def _is_init_start(message: str) -> bool:
    event = parse_platform_event(message)
    return message.startswith(INIT_START) or (event is not None and event[0] == "platform.initStart")


def _started_request(message: str) -> str | None:
    """Give the id of the request that a START line begins; None for any other line."""
    if started := START.match(message):
        return started["request_id"]
    event = parse_platform_event(message)
    return str(event[1].get("requestId")) if event and event[0] == "platform.start" else None


def _closed(current: _Open, event: LogEvent, report: Report) -> Invocation:
    return Invocation(
        function=event.function,
        request_id=current.request_id,
        stream=event.stream,
        started_ms=current.started_ms,
        ended_ms=event.timestamp_ms if current.ended_ms is None else current.ended_ms,
        report=report,
        init_started_ms=current.init_started_ms,
        lines=tuple(current.lines),
    )


def collect_invocations(
    deployment: Deployment, function: str, since_ms: int, count: int = 1, timeout_s: float = 30
) -> list[Invocation]:
    """Wait until `count` invocations of a function that started since a time are in its log, and give all.

    `function` is its name in `handlers/`. Raises WaitTimeoutError when they aren't there in time.
    """
    hint = f"./scripts/logs {function}"
    return _await(lambda: read_logs(deployment, [function], since_ms), function, count, timeout_s, hint)


def collect_from_log_group(
    logs: Any,  # noqa: ANN401 (boto3 clients are untyped)
    function_name: str,
    since_ms: int,
    count: int = 1,
    timeout_s: float = 30,
    log_group: str | None = None,
) -> list[Invocation]:
    """Do what `collect_invocations` does for any function, by its name in AWS.

    `logs` is a boto3 client of CloudWatch Logs; `log_group` that of the function's LoggingConfig, if it has
    one.
    """
    group = log_group or f"/aws/lambda/{function_name}"
    hint = f"the log group is {group}"
    return _await(
        lambda: _read_group(logs, group, function_name, since_ms), function_name, count, timeout_s, hint
    )


def _await(
    read: Callable[[], Iterable[LogEvent]], function: str, count: int, timeout_s: float, hint: str
) -> list[Invocation]:
    found: list[Invocation] = []

    def look() -> bool:
        found[:] = read_invocations(read())
        return len(found) >= count

    Wait(
        f"{count} invocations of {function} in its log",
        timeout_s,
        describe=lambda: f"{len(found)}",
        hint=hint,
    ).until(look)
    return found


def _read_group(logs: Any, log_group: str, function_name: str, since_ms: int) -> Iterator[LogEvent]:  # noqa: ANN401
    """Give a log group's events since a time; none where there is no such group yet."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=log_group, startTime=since_ms)
    try:
        for page in pages:
            for event in page["events"]:
                yield LogEvent(
                    event["eventId"],
                    function_name,
                    event["logStreamName"],
                    event["timestamp"],
                    event["message"],
                )
    except logs.exceptions.ResourceNotFoundException:
        return


def assert_cold(invocation: Invocation) -> None:
    """Fail unless the invocation was the first of its execution environment."""
    assert invocation.is_cold, f"{_named(invocation)} was warm: its REPORT line has no Init Duration"


def assert_warm(invocation: Invocation) -> None:
    """Fail unless the invocation found its execution environment running."""
    assert not invocation.is_cold, (
        f"{_named(invocation)} was cold: init took {invocation.report.init_duration_ms} ms"
    )


def _named(invocation: Invocation) -> str:
    return f"invocation {invocation.request_id} of {invocation.function} in {invocation.stream}"
