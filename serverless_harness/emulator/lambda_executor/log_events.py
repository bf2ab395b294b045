"""CloudWatch log events and the batches in which PutLogEvents takes them.

The limits are those of the API reference of PutLogEvents (Amazon CloudWatch Logs).
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from serverless_harness.emulator.lambda_executor.log_lines import LogLine

EVENT_OVERHEAD_BYTES = 26
MAX_EVENT_BYTES = 1_048_576
MAX_MESSAGE_BYTES = MAX_EVENT_BYTES - EVENT_OVERHEAD_BYTES
MAX_BATCH_BYTES = 1_048_576
MAX_BATCH_EVENTS = 10_000
MAX_BATCH_SPAN_MS = 24 * 60 * 60 * 1000


class LogEvent(NamedTuple):
    """One event as CloudWatch stores it; `size_bytes` is what it counts for in a batch."""

    timestamp_ms: int
    message: str
    size_bytes: int


def to_events(line: LogLine) -> Iterator[LogEvent]:
    """Give the events of a line: one, ending with a newline as in AWS, or several where it is too large."""
    for message in _split_utf8(line.message + "\n", MAX_MESSAGE_BYTES):
        yield LogEvent(line.timestamp_ms, message, len(message.encode()) + EVENT_OVERHEAD_BYTES)


def take_batch(pending: deque[LogEvent]) -> list[LogEvent]:
    """Remove from the front of `pending` what fits in one PutLogEvents call, in chronological order."""
    batch: list[LogEvent] = []
    size_bytes = 0
    earliest_ms = latest_ms = pending[0].timestamp_ms
    while pending and len(batch) < MAX_BATCH_EVENTS:
        event = pending[0]
        earliest_ms, latest_ms = min(earliest_ms, event.timestamp_ms), max(latest_ms, event.timestamp_ms)
        size_bytes += event.size_bytes
        if size_bytes > MAX_BATCH_BYTES or latest_ms - earliest_ms > MAX_BATCH_SPAN_MS:
            break
        batch.append(pending.popleft())
    return sorted(batch, key=lambda event: event.timestamp_ms)


def _split_utf8(text: str, limit_bytes: int) -> Iterator[str]:
    """Split `text` into pieces of at most `limit_bytes` in UTF-8, never within a character."""
    # What a process writes that is no UTF-8 may hold lone surrogates, which CloudWatch can't take.
    encoded = text.encode("utf-8", errors="replace")
    start = 0
    while start < len(encoded):
        end = min(start + limit_bytes, len(encoded))
        while end < len(encoded) and encoded[end] & 0b1100_0000 == 0b1000_0000:
            end -= 1
        yield encoded[start:end].decode()
        start = end
