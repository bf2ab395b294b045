"""Traces are kept within bounds, the latest of them."""

from concurrent.futures import ThreadPoolExecutor

from serverless_harness.emulator.tracing import store
from serverless_harness.emulator.tracing.span import Span
from serverless_harness.emulator.tracing.store import SPAN_BYTES, TraceStore


def span(trace_id, text=b"", parent_id=None):
    made = Span(trace_id, parent_id, "call", "sns", "Publish")
    made.text = text
    return made


def add(traces, *added):
    for each in added:
        traces.begin(each)
        each.duration_ms = 1.0
        traces.end(each)


def ids(traces):
    return [trace_id for trace_id, _ in traces.all()]


def test_the_oldest_traces_go_when_there_are_too_many():
    traces = TraceStore(max_traces=3)
    add(traces, *(span(name) for name in "abcde"))
    assert ids(traces) == ["c", "d", "e"]


def test_the_oldest_traces_go_when_they_take_too_much_memory():
    traces = TraceStore(max_bytes=3 * (SPAN_BYTES + 100))
    add(traces, *(span(name, b"x" * 100) for name in "abcde"))
    assert ids(traces) == ["c", "d", "e"]


def test_a_trace_takes_so_many_spans_and_counts_the_rest():
    traces = TraceStore(max_spans=3)
    add(traces, *(span("a") for _ in range(5)))
    assert len(traces.get("a").rows()) == 3
    assert traces.get("a").left_out == 2


def test_a_span_whose_trace_is_gone_is_ignored_when_it_ends():
    traces = TraceStore(max_traces=1)
    late = span("a")
    traces.begin(late)
    add(traces, span("b"))
    traces.end(late)
    assert ids(traces) == ["b"]


def test_memory_is_given_back():
    traces = TraceStore(max_bytes=2 * SPAN_BYTES)
    for _ in range(5):
        add(traces, span("a"))
        traces.forget_single("a")
    add(traces, span("b"), span("c"))
    assert ids(traces) == ["b", "c"]


def test_only_a_trace_of_one_span_is_forgotten():
    traces = TraceStore()
    add(traces, span("a"), span("a"))
    traces.forget_single("a")
    under_way = span("b")
    add(traces, span("b"))
    traces.begin(under_way)
    traces.forget_single("b")
    assert ids(traces) == ["a", "b"]


def test_a_trace_is_complete_when_nothing_is_open_or_held():
    traces = TraceStore()
    first = span("a")
    traces.begin(first)
    assert not traces.get("a").is_complete
    traces.hold("a")
    traces.end(first)
    assert not traces.get("a").is_complete
    traces.release("a")
    assert traces.get("a").is_complete


def test_what_is_open_is_shown_without_a_duration():
    traces = TraceStore()
    traces.begin(span("a"))
    [row] = traces.get("a").rows()
    assert row[store.FIELDS.index("duration_ms")] is None


def test_senders_of_messages_are_kept_within_bounds(monkeypatch):
    monkeypatch.setattr(store, "MAX_MESSAGES", 2)
    traces = TraceStore()
    for number in range(3):
        traces.note_message(f"message-{number}", ["a", str(number)])
    assert traces.sender_of(["message-0"]) is None
    assert traces.sender_of(["message-0", "message-2", "message-1"]) == ["a", "2"]


def test_threads_may_record_at_once():
    traces = TraceStore(max_traces=50)

    def record():
        for number in range(200):
            add(traces, span(f"trace-{number}"))

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(record) for _ in range(8)]:
            done.result()
    assert len(ids(traces)) == 50
    assert all(trace.is_complete for _, trace in traces.all())
