"""How a trace is laid out."""

import pytest

from serverless_harness.console.waterfall import lay_out
from serverless_harness.functions.traces import Span, Trace


def span(span_id, parent_id, started_s, duration_ms, wait_ms=0.0):
    return Span(
        span_id, parent_id, "call", "sns", "Publish", "", started_s, duration_ms, wait_ms, None, "ok", None,
        False, 1, None,
    )  # fmt: skip


def laid_out(*spans):
    in_order = sorted(spans, key=lambda span: span.started_s)
    return lay_out(Trace("1-a", is_complete=True, left_out=0, spans=in_order))


def test_children_stand_below_their_parent_in_the_order_of_their_start():
    spans = [
        span("late", "root", 10.8, 100),
        span("root", None, 10.0, 1000),
        span("early", "root", 10.1, 500),
        span("inner", "early", 10.2, 100),
    ]
    found = laid_out(*spans)
    assert [(bar.span.span_id, bar.depth) for bar in found.bars] == [
        ("root", 0),
        ("early", 1),
        ("inner", 2),
        ("late", 1),
    ]
    assert found.duration_ms == pytest.approx(1000)
    early = found.bars[1]
    assert (early.left, early.width) == (pytest.approx(10), pytest.approx(50))
    assert early.offset_ms == pytest.approx(100)


def test_what_was_waited_is_a_part_of_the_span():
    [bar] = laid_out(span("one", None, 5.0, 200, wait_ms=50)).bars
    assert (bar.width, bar.wait_width) == (pytest.approx(100), pytest.approx(25))


def test_a_trace_that_goes_on_and_a_span_without_duration_are_laid_out():
    found = laid_out(span("one", None, 5.0, None), span("two", "gone", 5.0, 0))
    assert [bar.depth for bar in found.bars] == [0, 0]
    assert all(0 < bar.width <= 100 and bar.left + bar.width <= 100.001 for bar in found.bars)


def test_a_long_chain_is_laid_out():
    spans = [span(str(index), str(index - 1) if index else None, 5.0 + index, 10) for index in range(3000)]
    assert laid_out(*spans).bars[-1].depth == 2999


def test_no_span_is_no_bar():
    assert laid_out().bars == []
