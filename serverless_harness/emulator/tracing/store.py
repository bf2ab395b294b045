"""Keeps the latest traces in memory: so many, of so many spans, in so many bytes.

The lock is held for a few operations on dictionaries and lists.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from serverless_harness.emulator.tracing.span import FIELDS, Row, Span, row_of

MAX_TRACES = 10_000
MAX_SPANS = 1_000
"""Of one trace; further ones are counted."""
MAX_BYTES = 64 * 1024 * 1024
"""Of all; the oldest traces go first."""
SPAN_BYTES = 700
"""What a span takes beside the text that is kept of its payload."""
MAX_MESSAGES = 10_000


class Trace:
    """The spans of one trace."""

    __slots__ = ("ended", "held", "left_out", "open", "size", "summary")

    def __init__(self) -> None:
        self.ended: list[Row] = []
        self.open: dict[str, Span] = {}
        self.held = 0
        """How many tasks that wait for a thread will go on with it."""
        self.left_out = 0
        self.size = 0
        self.summary: tuple[int, dict[str, Any]] | None = None
        """Made when it was last listed, of so many spans."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing of it is under way."""
        return not self.open and not self.held

    def rows(self) -> list[Row]:
        """Return its spans, those that have ended first."""
        return [*map(row_of, list(self.open.values())), *list(self.ended)]


class TraceStore:
    """The latest traces, the oldest first; thread-safe."""

    def __init__(
        self, max_traces: int = MAX_TRACES, max_spans: int = MAX_SPANS, max_bytes: int = MAX_BYTES
    ) -> None:
        self._max_traces = max_traces
        self._max_spans = max_spans
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._size = 0
        self._messages: OrderedDict[str, list[str]] = OrderedDict()

    def begin(self, span: Span) -> None:
        """Take a span that has begun."""
        with self._lock:
            trace = self._traces.get(span.trace_id)
            if trace is None:
                trace = self._traces[span.trace_id] = Trace()
            if len(trace.ended) + len(trace.open) >= self._max_spans:
                trace.left_out += 1
                return
            trace.open[span.span_id] = span
            self._grow(trace, SPAN_BYTES)

    def end(self, span: Span) -> None:
        """Take a span that has ended; one that is no longer kept is ignored."""
        with self._lock:
            trace = self._traces.get(span.trace_id)
            if trace is None or trace.open.pop(span.span_id, None) is None:
                return
            trace.ended.append(row_of(span))
            self._grow(trace, len(span.text))

    def add_copy(self, span: Span, parent: Span) -> None:
        """Add a span that has ended to another trace, too, as `parent`'s."""
        row = list(row_of(span))
        row[FIELDS.index("parent_id")] = parent.span_id
        with self._lock:
            if (trace := self._traces.get(parent.trace_id)) and len(trace.ended) < self._max_spans:
                trace.ended.append(tuple(row))
                self._grow(trace, SPAN_BYTES)

    def hold(self, trace_id: str) -> None:
        """Count a task that goes on with a trace later."""
        with self._lock:
            if trace := self._traces.get(trace_id):
                trace.held += 1

    def release(self, trace_id: str) -> None:
        """Count such a task as done."""
        with self._lock:
            if trace := self._traces.get(trace_id):
                trace.held = max(0, trace.held - 1)

    def open_span(self, trace_id: str, span_id: str) -> Span | None:
        """Return a span that has begun and not ended."""
        trace = self._traces.get(trace_id)
        return trace.open.get(span_id) if trace else None

    def forget_single(self, trace_id: str) -> None:
        """Forget a trace that has one span alone."""
        with self._lock:
            trace = self._traces.get(trace_id)
            if trace and trace.is_complete and len(trace.ended) == 1:
                self._size -= self._traces.pop(trace_id).size

    def note_message(self, message_id: str, link: list[str]) -> None:
        """Note which span put a message into a queue."""
        with self._lock:
            self._messages[message_id] = link
            if len(self._messages) > MAX_MESSAGES:
                self._messages.popitem(last=False)

    def sender_of(self, message_ids: Iterable[str]) -> list[str] | None:
        """Return the link of the span that sent the first of the messages of which that is known."""
        return next((link for each in message_ids if (link := self._messages.get(each))), None)

    def get(self, trace_id: str) -> Trace | None:
        """Return a trace."""
        return self._traces.get(trace_id)

    def all(self) -> list[tuple[str, Trace]]:
        """Return the traces with their ids, the oldest first."""
        with self._lock:
            return list(self._traces.items())

    def clear(self) -> None:
        """Forget everything: what it was about has been replaced by another state."""
        with self._lock:
            self._traces.clear()
            self._messages.clear()
            self._size = 0

    def _grow(self, trace: Trace, size: int) -> None:
        trace.size += size
        self._size += size
        while (len(self._traces) > self._max_traces or self._size > self._max_bytes) and len(
            self._traces
        ) > 1:
            _, oldest = self._traces.popitem(last=False)
            self._size -= oldest.size


TRACES = TraceStore()
"""Those of this LocalStack process."""
