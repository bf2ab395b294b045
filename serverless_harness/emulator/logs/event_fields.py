"""The fields of events that Logs Insights knows: the system's, and the properties of JSON messages.

Source: CloudWatch Logs user guide, "Supported logs and discovered fields".
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.logs.models import LogEvent, LogGroup, LogStream

from serverless_harness.emulator.logs.ingestion import event_id
from serverless_harness.emulator.logs.patterns.json_fields import loads, text_of

Record = Callable[[str], str | None]
"""The value of a field of an event, by its name."""


def records(groups: Sequence[LogGroup], start_s: int, end_s: int) -> Iterator[tuple[LogEvent, Record]]:
    """Yield the events of groups in a span of time, with their fields."""
    for group in groups:
        for stream in list(group.streams.values()):
            for event in list(stream.events):
                if start_s * 1000 <= event.timestamp <= end_s * 1000 + 999:
                    yield event, _record(group, stream, event)


def _record(group: LogGroup, stream: LogStream, event: LogEvent) -> Record:
    own: dict[str, str] = {
        "@message": event.message,
        "@timestamp": _time(event.timestamp),
        "@ingestionTime": _time(event.ingestion_time),
        "@logStream": stream.log_stream_name,
        "@log": f"{group.account_id}:{group.name}",
        "@ptr": event_id(event),
    }
    content: list[Any] = []

    def value(name: str) -> str | None:
        if name in own:
            return own[name]
        if not content:
            content.append(loads(event.message))
        return text_of(_property(content[0], name))

    return value


def _property(content: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(content, dict) and name in content:
        return content[name]
    for step in name.split("."):
        if isinstance(content, dict):
            content = content.get(step)
        elif isinstance(content, list) and step.isdecimal() and int(step) < len(content):
            content = content[int(step)]
        else:
            return None
    return content


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03d}"
