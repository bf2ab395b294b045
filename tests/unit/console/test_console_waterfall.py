"""How a trace is laid out."""

import pytest

from serverless_harness.console.waterfall import lay_out


def span(span_id, parent_id, started_s, duration_ms, **fields):
    return {
        "span_id": span_id,
        "parent_id": parent_id,
        "kind": "call",
        "started_s": started_s,
        "duration_ms": duration_ms,
        **fields,
    }


def test_children_stand_below_their_parent_in_the_order_of_their_start():
    spans = [
        span("late", "root", 10.8, 100),
        span("root", None, 10.0, 1000),
        span("early", "root", 10.1, 500),
        span("inner", "early", 10.2, 100),
    ]
    found = lay_out(spans)
    assert [(bar.span["span_id"], bar.depth) for bar in found.bars] == [
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
    [bar] = lay_out([span("one", None, 5.0, 200, wait_ms=50)]).bars
    assert (bar.width, bar.wait_width) == (pytest.approx(100), pytest.approx(25))


def test_a_trace_that_goes_on_and_a_span_without_duration_are_laid_out():
    found = lay_out([span("one", None, 5.0, None), span("two", "gone", 5.0, 0)])
    assert [bar.depth for bar in found.bars] == [0, 0]
    assert all(0 < bar.width <= 100 and bar.left + bar.width <= 100.001 for bar in found.bars)


def test_spans_that_name_each_other_as_parents_are_each_shown_once():
    spans = [span("one", "two", 5.0, 10), span("two", "one", 5.0, 10), span("self", "self", 5.0, 10)]
    assert sorted(bar.span["span_id"] for bar in lay_out(spans).bars) == ["one", "self", "two"]


def test_a_long_chain_is_laid_out():
    spans = [span(str(index), str(index - 1) if index else None, 5.0 + index, 10) for index in range(3000)]
    assert lay_out(spans).bars[-1].depth == 2999


def test_no_span_is_no_bar():
    assert lay_out([]).bars == ()
