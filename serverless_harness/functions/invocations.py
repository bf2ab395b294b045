"""A function's invocations as its log tells them: when, where, cold or warm, and what they printed."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.functions.cpu_waits import with_cpu_waits
from serverless_harness.functions.logs import LogEvent, read_group, read_logs
from serverless_harness.functions.reports import Report, parse_platform_event, parse_report
from serverless_harness.targets import Target
from serverless_harness.waiting import Wait

START = re.compile(r"START RequestId: (?P<request_id>\S+) Version: ")
END = re.compile(r"END RequestId: (?P<request_id>\S+)")
INIT_START = "INIT_START "
INIT_REPORT = "INIT_REPORT "
MAX_START_DELAY_MS = 2000
"""An invoke that starts later after its environment's init didn't wait for it."""


@dataclass(frozen=True)
class Invocation:
    """One invoke of a function, from its START line to its REPORT line; times in ms since the epoch.

    `stream` names the execution environment. `init_started_ms` is that of the init that this is the first
    invoke after; None for a later one, or where what was read of the log has no such init. `init_reported_ms`
    is when that init had a line of its own; one that succeeds leaves that to its invoke's report.
    `was_provisioned`: the init was for provisioned concurrency. `lines` are the function's own.
    """

    function: str
    request_id: str
    stream: str
    started_ms: int
    ended_ms: int
    report: Report
    init_started_ms: int | None = None
    init_reported_ms: int | None = None
    was_provisioned: bool = False
    lines: tuple[str, ...] = ()

    @property
    def init_ended_ms(self) -> float | None:
        """When the init ended that this is the first invoke after; None where that isn't known."""
        started_ms = self.init_started_ms
        if self.init_reported_ms is None and started_ms is not None and self.report.init_wall_ms is not None:
            return started_ms + self.report.init_wall_ms
        return self.init_reported_ms

    @property
    def is_cold(self) -> bool:
        """Whether it waited for its environment's init, which may have failed and been repeated in it."""
        if self.init_started_ms is None or self.was_provisioned:
            return False
        return self.init_ended_ms is None or self.started_ms - self.init_ended_ms <= MAX_START_DELAY_MS


@dataclass
class _Init:
    started_ms: int
    is_provisioned: bool
    ended_ms: int | None = None
    """When it reported; an on-demand one that succeeds leaves that to the first invoke's report."""


@dataclass
class _Open:
    request_id: str
    started_ms: int
    init: _Init | None
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
    init: _Init | None = None
    current: _Open | None = None
    for event in events:
        if started := _started_init(event):
            init = started
        elif init and _reports_init(event.message):
            init.ended_ms = event.timestamp_ms
            init.is_provisioned = init.is_provisioned or _is_success(event.message)
        elif request_id := started_request(event.message):
            current = _Open(request_id, event.timestamp_ms, init)
            init = None
        elif current and _is_end(event.message):
            current.ended_ms = event.timestamp_ms
        elif current and (report := parse_report(event.message)):
            yield _closed(current, event, report)
            current = None
        elif current:
            current.lines.append(event.message.rstrip("\n"))


def _started_init(event: LogEvent) -> _Init | None:
    if event.message.startswith(INIT_START):
        return _Init(event.timestamp_ms, is_provisioned=False)
    platform_event = parse_platform_event(event.message)
    if platform_event and platform_event[0] == "platform.initStart":
        kind = platform_event[1].get("initializationType")
        return _Init(event.timestamp_ms, is_provisioned=kind == "provisioned-concurrency")
    return None


def _reports_init(message: str) -> bool:
    event = parse_platform_event(message)
    return message.startswith(INIT_REPORT) or (event is not None and event[0] == "platform.initReport")


def _is_end(message: str) -> bool:
    event = parse_platform_event(message)
    return END.match(message) is not None or (event is not None and event[0] == "platform.runtimeDone")


def _is_success(message: str) -> bool:
    """Say whether it is the text line of an init that succeeded: with provisioned concurrency alone."""
    return message.startswith(INIT_REPORT) and "\tStatus: " not in message


def started_request(message: str) -> str | None:
    """Give the id of the request that a START line begins; None for any other line."""
    if started := START.match(message):
        return started["request_id"]
    event = parse_platform_event(message)
    return str(event[1].get("requestId")) if event and event[0] == "platform.start" else None


def _closed(current: _Open, event: LogEvent, report: Report) -> Invocation:
    init = current.init
    return Invocation(
        function=event.function,
        request_id=current.request_id,
        stream=event.stream,
        started_ms=current.started_ms,
        ended_ms=event.timestamp_ms if current.ended_ms is None else current.ended_ms,
        report=report,
        init_started_ms=init.started_ms if init else None,
        init_reported_ms=init.ended_ms if init else None,
        was_provisioned=init is not None and init.is_provisioned,
        lines=tuple(current.lines),
    )


def collect_invocations(
    deployment: Deployment, function: str, since_ms: int, count: int = 1, timeout_s: float = 30
) -> list[Invocation]:
    """Wait until `count` invocations of a function that started since a time are in its log, and give all.

    `function` is its name in AWS, or an unambiguous part. Raises WaitTimeoutError after
    `timeout_s`.
    """
    hint = deployment.target.project.command_line(f"logs {function}")
    found = _await(lambda: read_logs(deployment, [function], since_ms), function, count, timeout_s, hint)
    return add_cpu_waits(deployment.target, found, since_ms)


def add_cpu_waits(target: Target, invocations: Sequence[Invocation], since_ms: int) -> list[Invocation]:
    """Give the invocations, which started at a time or later, with what they waited for a CPU, if known."""
    reports = with_cpu_waits(target, [invocation.report for invocation in invocations], since_ms)
    return [
        replace(invocation, report=report) for invocation, report in zip(invocations, reports, strict=True)
    ]


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
        lambda: read_group(logs, group, function_name, since_ms), function_name, count, timeout_s, hint
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


def assert_cold(invocation: Invocation) -> None:
    """Fail unless the invocation waited for its execution environment's init."""
    assert invocation.is_cold, f"{_named(invocation)} was warm: {_warmth(invocation)}"


def assert_warm(invocation: Invocation) -> None:
    """Fail unless the invocation found its execution environment initialised."""
    init_ms = invocation.started_ms - (invocation.init_started_ms or 0)
    assert not invocation.is_cold, f"{_named(invocation)} was cold: its init began {init_ms} ms before it"


def _warmth(invocation: Invocation) -> str:
    if invocation.init_started_ms is None:
        return "no init of its environment precedes it"
    if invocation.was_provisioned:
        return "its environment is of provisioned concurrency"
    return f"its environment's init had ended more than {MAX_START_DELAY_MS} ms before"


def _named(invocation: Invocation) -> str:
    return f"invocation {invocation.request_id} of {invocation.function} in {invocation.stream}"
