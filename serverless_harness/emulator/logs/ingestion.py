"""What PutLogEvents takes in: its limits, and the events as they are stored.

Source: CloudWatch Logs API reference, PutLogEvents.
"""

import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from localstack.aws.api.logs import InputLogEvent, InvalidParameterException, RejectedLogEventsInfo
from moto.logs.models import LogEvent, LogStream

EVENT_OVERHEAD_BYTES = 26
MAX_BATCH_BYTES = 1_048_576
MAX_BATCH_EVENTS = 10_000
HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS
MAX_BATCH_SPAN_MS = DAY_MS
MAX_AGE_MS = 14 * DAY_MS
MAX_AHEAD_MS = 2 * HOUR_MS
EVENT_ID_DIGITS = 56


class Accepted(NamedTuple):
    """The events of a request that are stored, and which aren't."""

    events: Sequence[InputLogEvent]
    rejected: RejectedLogEventsInfo


def accept(events: Sequence[InputLogEvent], now_ms: int, retention_days: int | None) -> Accepted:
    """Split the events of a request in those that are stored and those too old or too far ahead.

    Raises:
        InvalidParameterException: They are too many, too large, too far apart or in disorder.
    """
    _check(events)
    oldest_ms, newest_ms = now_ms - MAX_AGE_MS, now_ms + MAX_AHEAD_MS
    expired_ms = now_ms - retention_days * DAY_MS if retention_days else 0
    times = [event["timestamp"] for event in events]
    too_old = sum(at < oldest_ms for at in times)
    expired = sum(at < expired_ms for at in times)
    start, end = max(too_old, expired), sum(at <= newest_ms for at in times)
    rejected = RejectedLogEventsInfo()
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired > too_old:
        rejected["expiredLogEventEndIndex"] = expired
    if end < len(times):
        rejected["tooNewLogEventStartIndex"] = end
    return Accepted(events[start:end], rejected)


def _check(events: Sequence[InputLogEvent]) -> None:
    if not 1 <= len(events) <= MAX_BATCH_EVENTS:
        bound = "greater than or equal to 1" if not events else f"less than or equal to {MAX_BATCH_EVENTS}"
        raise InvalidParameterException(
            "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: "
            f"Member must have length {bound}"
        )
    size_bytes = sum(len(event["message"].encode()) + EVENT_OVERHEAD_BYTES for event in events)
    if size_bytes > MAX_BATCH_BYTES:
        raise InvalidParameterException(
            f"Upload too large: {size_bytes} bytes exceeds limit of {MAX_BATCH_BYTES}"
        )
    times = [event["timestamp"] for event in events]
    if any(later < earlier for earlier, later in pairwise(times)):
        raise InvalidParameterException(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    if times[-1] - times[0] > MAX_BATCH_SPAN_MS:
        raise InvalidParameterException(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )


class EventIds:
    """Numbers for events, each greater than those before, those of a restored snapshot among them."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> range:
        """Return so many numbers."""
        with self._lock:
            first = max(self._last + 1, time.time_ns())
            self._last = first + count - 1
            return range(first, first + count)


_ids = EventIds()


def store(stream: LogStream, events: Sequence[InputLogEvent], now_ms: int) -> list[LogEvent]:
    """Add events to a stream; what is returned is what was stored."""
    stored: list[LogEvent] = []
    for number, event in zip(_ids.take(len(events)), events, strict=True):
        entry: Any = LogEvent(now_ms, dict(event))
        entry.event_id = number
        stored.append(entry)
    stream.last_ingestion_time = now_ms
    stream.stored_bytes += sum(len(event["message"].encode()) for event in events)
    stream.events += stored
    stream.upload_sequence_token += 1
    return stored


def event_id(event: LogEvent) -> str:
    """Return an event's id as AWS writes it: a number of 56 digits."""
    return f"{event.event_id:0{EVENT_ID_DIGITS}d}"
