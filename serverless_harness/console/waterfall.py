"""The spans of a trace, laid out as a waterfall: where each bar begins and ends, in percent of the whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

type Span = Mapping[str, Any]
"""One of `spans` in the emulator's answer to `GET /_emulator/traces/<id>`."""

MIN_WIDTH = 0.4
"""Percent: what took no time is still to be seen."""
KINDS = ("request", "call", "init", "invoke", "delivery", "fault")


@dataclass(frozen=True)
class Bar:
    """One span's line: `left`, `width` and `wait_width` are in percent of the trace's duration.

    `wait_width` is the part at its beginning in which it only waited.
    """

    span: Span
    depth: int
    offset_ms: float
    left: float
    width: float
    wait_width: float

    @property
    def kind(self) -> str:
        """Its kind, for its colour."""
        kind = str(self.span["kind"])
        return kind if kind in KINDS else "call"

    @property
    def failed(self) -> bool:
        """Whether it ended in an error."""
        return bool(self.span.get("error"))


@dataclass(frozen=True)
class Waterfall:
    """All spans, each below the one that caused it, and the whole's duration in milliseconds."""

    bars: Sequence[Bar]
    duration_ms: float
    started_s: float

    @property
    def ticks(self) -> list[tuple[float, float]]:
        """The scale's lines: where each is, in percent, and its time in milliseconds."""
        return [(percent, self.duration_ms * percent / 100) for percent in (0, 25, 50, 75, 100)]


def lay_out(spans: Sequence[Span]) -> Waterfall:
    """Lay out a trace's spans: children in the order of their start, below their parent."""
    if not spans:
        return Waterfall((), 0.0, 0.0)
    started_s = min(span["started_s"] for span in spans)
    ended_s = max(span["started_s"] + (span["duration_ms"] or 0) / 1000 for span in spans)
    duration_ms = max((ended_s - started_s) * 1000, 0.001)
    bars = [_bar(span, depth, started_s, duration_ms) for span, depth in _in_order(spans)]
    return Waterfall(bars, duration_ms, started_s)


def _in_order(spans: Sequence[Span]) -> Iterator[tuple[Span, int]]:
    known = {span["span_id"] for span in spans}
    children: dict[object, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span["started_s"]):
        parent = span.get("parent_id")
        children.setdefault(parent if parent in known and parent != span["span_id"] else None, []).append(
            span
        )
    told: set[object] = set()
    # A stack, not recursion: a chain of calls may be long. What is its own ancestor comes last, as a root.
    for root in (*children.get(None, ()), *spans):
        waiting = [(root, 0)]
        while waiting:
            span, depth = waiting.pop()
            if span["span_id"] in told:
                continue
            told.add(span["span_id"])
            yield span, depth
            waiting.extend((child, depth + 1) for child in reversed(children.get(span["span_id"], ())))


def _bar(span: Span, depth: int, started_s: float, total_ms: float) -> Bar:
    offset_ms = (span["started_s"] - started_s) * 1000
    width = max((span["duration_ms"] or 0) / total_ms * 100, MIN_WIDTH)
    left = min(offset_ms / total_ms * 100, 100 - MIN_WIDTH)
    wait_width = min((span.get("wait_ms") or 0) / total_ms * 100, width)
    return Bar(span, depth, offset_ms, left, min(width, 100 - left), wait_width)
