"""FilterLogEvents: which events of a group's streams match, in the order of their times, page by page.

Source: CloudWatch Logs API reference, FilterLogEvents. A page's token names the last event of it, so that
events that are written meanwhile neither repeat nor hide others.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from localstack.aws.api.logs import FilteredLogEvent, FilterLogEventsResponse, InvalidParameterException
from moto.logs.models import LogEvent, LogStream

from serverless_harness.emulator.logs.ingestion import event_id
from serverless_harness.emulator.logs.patterns import FilterPattern

MAX_EVENTS = 10_000
MAX_PAGE_BYTES = 1_048_576
_TOKEN = re.compile(r"(\d{1,20})/(\d{1,56})")

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for. Times are in milliseconds; both ends belong to the span."""

    pattern: FilterPattern
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = MAX_EVENTS

    def page(self, streams: Sequence[LogStream], token: str | None = None) -> FilterLogEventsResponse:
        """Return the page after that of `token`.

        Raises:
            InvalidParameterException: There is no such token.
        """
        found: list[FilteredLogEvent] = []
        size_bytes, last = 0, (0, 0)
        for position, stream, event in self._candidates(streams, _position(token)):
            if self.pattern.match(event.message) is None:
                continue
            if len(found) == self.limit or (found and size_bytes + len(event.message) > MAX_PAGE_BYTES):
                return _response(found, f"{last[0]}/{last[1]}")
            found.append(_found(stream, event))
            size_bytes += len(event.message)
            last = position
        return _response(found, None)

    def _candidates(
        self, streams: Iterable[LogStream], after: Position
    ) -> Iterator[tuple[Position, LogStream, LogEvent]]:
        start_ms = max(self.start_ms or 0, after[0])
        candidates = [
            ((event.timestamp, event.event_id), stream, event)
            for stream in streams
            for event in list(stream.events)
            if event.timestamp >= start_ms and (self.end_ms is None or event.timestamp <= self.end_ms)
        ]
        candidates.sort(key=lambda candidate: candidate[0])
        return (candidate for candidate in candidates if candidate[0] > after)


def _position(token: str | None) -> Position:
    if token is None:
        return (-1, -1)
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise InvalidParameterException("The specified nextToken is invalid.")
    return int(found[1]), int(found[2])


def _found(stream: LogStream, event: LogEvent) -> FilteredLogEvent:
    return FilteredLogEvent(
        logStreamName=stream.log_stream_name,
        timestamp=event.timestamp,
        message=event.message,
        ingestionTime=event.ingestion_time,
        eventId=event_id(event),
    )


def _response(events: list[FilteredLogEvent], token: str | None) -> FilterLogEventsResponse:
    response = FilterLogEventsResponse(events=events, searchedLogStreams=[])
    if token is not None:
        response["nextToken"] = token
    return response
