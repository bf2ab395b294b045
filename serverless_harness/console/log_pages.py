"""Logs: groups, streams, the latest lines, those that match a filter pattern, those of one invocation."""

import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug import Request

from serverless_harness.console.source import Source, known
from serverless_harness.console.view import View
from serverless_harness.functions.invocations import END, started_request
from serverless_harness.functions.reports import Report, parse_platform_event, parse_report

MAX_LINES = 400
LATEST_STREAMS = 8
MAX_STREAMS = 50
WINDOWS_MIN = {"1": "1 minute", "15": "15 minutes", "60": "1 hour", "1440": "1 day", "all": "all"}
MAX_SEARCHED_PAGES = 40
LEVELS = (
    (
        "error",
        re.compile(
            r"\[ERROR\]|\bERROR\b|Traceback \(most recent call last\)|Status: (error|timeout)|Task timed out"
        ),
    ),
    ("warning", re.compile(r"\bWARN(ING)?\b")),
)
"""What a line says of how bad it is."""


@dataclass(frozen=True)
class Line:
    """One line of a log; `kind` is `start`, `end`, `report`, `error`, `warning` or `text`."""

    at_ms: int
    stream: str
    text: str
    request_id: str
    kind: str
    report: Report | None = None


@dataclass(frozen=True)
class LogPages:
    """The pages of CloudWatch's logs."""

    source: Source

    def groups(self, _request: Request) -> View:
        """List the groups."""
        return View("log_groups", {"groups": known(self._groups)}, "Logs")

    def group(self, request: Request) -> View:
        """Show the latest lines of a group, of one stream of it, or those that match a pattern."""
        region, name = self._place(request)
        stream, pattern = request.args.get("stream", ""), request.args.get("pattern", "").strip()
        window = request.args.get("window", "15")
        window = window if window in WINDOWS_MIN else "15"
        streams = known(lambda: self._streams(region, name))
        values = {
            "region": region,
            "name": name,
            "stream": stream,
            "pattern": pattern,
            "window": window,
            "windows": WINDOWS_MIN,
            "streams": streams,
            "lines": known(lambda: self._lines(region, name, stream, pattern, window)),
            "max_lines": MAX_LINES,
        }
        return View("log_group", values, name)

    def invocation(self, request: Request) -> View:
        """Show the lines of one invocation together, retries of it included."""
        region, name = self._place(request)
        request_id = request.args.get("request_id", "")
        lines = known(lambda: self._of_invocation(region, name, request_id))
        values = {"region": region, "name": name, "request_id": request_id, "lines": lines}
        return View("log_invocation", values, f"Invocation {request_id}")

    def _place(self, request: Request) -> tuple[str, str]:
        """Give the region and the name of the group that a page is about."""
        return request.args.get("region") or self.source.target.region, request.args.get("name", "")

    def _groups(self) -> list[tuple[str, Mapping[str, Any]]]:
        found = self.source.each("logs", "describe_log_groups", "logGroups")
        return sorted(found, key=lambda each: each[1]["logGroupName"])

    def _streams(self, region: str, group: str) -> list[Mapping[str, Any]]:
        answer = self.source.client("logs", region).describe_log_streams(
            logGroupName=group, orderBy="LastEventTime", descending=True, limit=MAX_STREAMS
        )
        streams: list[Mapping[str, Any]] = answer["logStreams"]
        return streams

    def _lines(self, region: str, group: str, stream: str, pattern: str, window: str) -> list[Line]:
        """Give at most `MAX_LINES`, the latest, the oldest of them first."""
        if pattern:
            return list(self._matching(region, group, stream, pattern, window))[-MAX_LINES:]
        names = (
            [stream]
            if stream
            else [each["logStreamName"] for each in self._streams(region, group)[:LATEST_STREAMS]]
        )
        lines = [line for name in names for line in self._end_of(region, group, name)]
        if window != "all":
            since_ms = _since_ms(window)
            lines = [line for line in lines if line.at_ms >= since_ms]
        return sorted(lines, key=lambda line: line.at_ms)[-MAX_LINES:]

    def _end_of(self, region: str, group: str, stream: str) -> list[Line]:
        """Read the end of one stream: however much there is, that is one request."""
        answer = self.source.client("logs", region).get_log_events(
            logGroupName=group, logStreamName=stream, limit=MAX_LINES, startFromHead=False
        )
        return list(of_stream(stream, answer["events"]))

    def _matching(self, region: str, group: str, stream: str, pattern: str, window: str) -> Iterator[Line]:
        options: dict[str, Any] = {"logStreamNames": [stream]} if stream else {}
        if window != "all":
            options["startTime"] = _since_ms(window)
        pages = self.source.client("logs", region).get_paginator("filter_log_events")
        latest: deque[Mapping[str, Any]] = deque(maxlen=MAX_LINES)
        for count, page in enumerate(
            pages.paginate(logGroupName=group, filterPattern=pattern, **options), start=1
        ):
            latest.extend(page["events"])
            if count == MAX_SEARCHED_PAGES:
                break
        for event in latest:
            yield _line(event["logStreamName"], event, _request_id_in(event["message"]))

    def _of_invocation(self, region: str, group: str, request_id: str) -> list[Line]:
        logs = self.source.client("logs", region)
        pages = logs.get_paginator("filter_log_events")
        named = [
            event
            for page in pages.paginate(
                logGroupName=group, filterPattern=f'"{request_id.replace(chr(34), "")}"'
            )
            for event in page["events"]
        ]
        lines: list[Line] = []
        for stream in dict.fromkeys(event["logStreamName"] for event in named):
            times = [event["timestamp"] for event in named if event["logStreamName"] == stream]
            around = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group,
                logStreamNames=[stream],
                startTime=min(times),
                endTime=max(times) + 1,
            )
            events = [event for page in around for event in page["events"]]
            lines += [line for line in of_stream(stream, events) if line.request_id == request_id]
        return sorted(lines, key=lambda line: line.at_ms)


def of_stream(stream: str, events: Iterable[Mapping[str, Any]]) -> Iterator[Line]:
    """Tell of each line of a stream which invocation wrote it: an environment runs one after the other."""
    current = ""
    for event in events:
        if started := started_request(event["message"]):
            current = started
        line = _line(stream, event, current or _request_id_in(event["message"]))
        yield line
        if line.kind == "report":
            current = ""


def _line(stream: str, event: Mapping[str, Any], request_id: str) -> Line:
    text = event["message"].rstrip("\n")
    report = parse_report(text)
    return Line(event["timestamp"], stream, text, request_id, _kind(text, report), report)


def _kind(text: str, report: Report | None) -> str:
    if report:
        return "report"
    if started_request(text):
        return "start"
    if END.match(text) or text.startswith(("INIT_START ", "EXTENSION")) or parse_platform_event(text):
        return "end"
    return next((level for level, pattern in LEVELS if pattern.search(text)), "text")


_REQUEST_ID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")


def _request_id_in(text: str) -> str:
    found = _REQUEST_ID.search(text)
    return found.group() if found else ""


def _since_ms(window: str) -> int:
    return round((time.time() - int(window) * 60) * 1000)
