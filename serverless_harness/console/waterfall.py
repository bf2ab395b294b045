"""The spans of a trace, laid out as a waterfall: where each bar begins and ends, in percent of the whole."""

from collections.abc import Sequence
from dataclasses import dataclass

from serverless_harness.functions.traces import Span, Trace

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
        return self.span.kind if self.span.kind in KINDS else "call"

    @property
    def failed(self) -> bool:
        """Whether it ended in an error."""
        return self.span.error is not None


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


def lay_out(trace: Trace) -> Waterfall:
    """Lay out a trace's spans: children in the order of their start, below their parent."""
    total_ms = max(trace.duration_ms, 0.001)
    bars = [_bar(span, depth, trace.offset_ms(span), total_ms) for depth, span in trace.tree()]
    return Waterfall(bars, total_ms, trace.spans[0].started_s if trace.spans else 0.0)


def _bar(span: Span, depth: int, offset_ms: float, total_ms: float) -> Bar:
    width = max((span.duration_ms or 0) / total_ms * 100, MIN_WIDTH)
    left = min(offset_ms / total_ms * 100, 100 - MIN_WIDTH)
    wait_width = min(span.wait_ms / total_ms * 100, width)
    return Bar(span, depth, offset_ms, left, min(width, 100 - left), wait_width)
