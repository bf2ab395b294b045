from collections import deque
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from serverless_harness.emulator.lambda_executor import log_events
from serverless_harness.emulator.lambda_executor.log_events import LogEvent, take_batch, to_events
from serverless_harness.emulator.lambda_executor.log_lines import LogLine

messages = st.text(min_size=0, max_size=200)


def test_a_line_is_one_event_that_ends_with_a_newline():
    assert list(to_events(LogLine(5, "hello"))) == [LogEvent(5, "hello\n", 6 + 26)]


def test_a_line_at_the_limit_is_one_event_and_one_byte_more_makes_two():
    fits = "x" * (log_events.MAX_MESSAGE_BYTES - 1)
    assert len(list(to_events(LogLine(1, fits)))) == 1
    assert [event.size_bytes for event in to_events(LogLine(1, fits + "x"))] == [1_048_576, 27]


@given(messages, st.integers(min_value=4, max_value=9))
def test_pieces_of_a_long_line_join_to_the_line_and_keep_the_limit(message, limit_bytes):
    pieces = list(log_events._split_utf8(message, limit_bytes))
    assert "".join(pieces) == message.encode("utf-8", "replace").decode()
    assert all(0 < len(piece.encode()) <= limit_bytes for piece in pieces)


def test_text_that_is_not_encodable_is_replaced():
    assert [event.message for event in to_events(LogLine(1, "a\udcffb"))] == ["a?b\n"]


def test_a_batch_has_at_most_ten_thousand_events():
    pending = deque(LogEvent(1, "x\n", 28) for _ in range(10_001))
    assert len(take_batch(pending)) == 10_000
    assert len(pending) == 1


def test_a_batch_has_at_most_a_mebibyte():
    pending = deque(LogEvent(1, "x", 262_144) for _ in range(5))
    assert [len(take_batch(pending)), len(take_batch(pending))] == [4, 1]


def test_a_batch_spans_at_most_a_day_whatever_the_order():
    day_ms = log_events.MAX_BATCH_SPAN_MS
    pending = deque(LogEvent(timestamp, "x", 27) for timestamp in (day_ms, 0, day_ms + 1))
    assert [event.timestamp_ms for event in take_batch(pending)] == [0, day_ms]
    assert [event.timestamp_ms for event in take_batch(pending)] == [day_ms + 1]


@given(st.lists(st.tuples(st.integers(0, 10), messages), min_size=1, max_size=30))
def test_batches_are_chronological_and_lose_nothing(lines):
    events = [event for timestamp_ms, message in lines for event in to_events(LogLine(timestamp_ms, message))]
    pending = deque(events)
    batches = []
    while pending:
        batches.append(take_batch(pending))
    for batch in batches:
        assert batch == sorted(batch, key=lambda event: event.timestamp_ms)
    assert sorted(chain.from_iterable(batches)) == sorted(events)
