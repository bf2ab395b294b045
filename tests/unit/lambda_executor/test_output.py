"""Output of a process: raw lines, frames and boundaries, however it is cut into chunks."""

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from serverless_harness.emulator.lambda_executor import output
from serverless_harness.emulator.lambda_executor.environment_log import EnvironmentLog
from serverless_harness.emulator.lambda_executor.log_lines import LogLine
from serverless_harness.emulator.lambda_executor.output import (
    BOUNDARY_FRAME,
    BOUNDARY_MESSAGE,
    FRAME_HEADER,
    MAX_RAW_LINE_BYTES,
    Boundary,
    OutputSplitter,
)

AT_MS = 5
RECORD_TYPES = [0xA55A0003, 0xA55A000F, 0xA55A0017, 0xA55A0002, 0xA55A001A]

line_texts = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=20)
record_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def frame(text, at_us=7_000, frame_type=0xA55A0003):
    data = text.encode()
    return FRAME_HEADER.pack(frame_type, len(data), at_us) + data


BOUNDARY = Boundary(3, at=1.5, blocked_s=0.25)
BOUNDARY_BYTES = FRAME_HEADER.pack(BOUNDARY_FRAME, 16, 3) + BOUNDARY_MESSAGE.pack(1_500_000_000, 250_000_000)

items = st.lists(
    st.tuples(st.just("line"), line_texts)
    | st.tuples(st.just("record"), record_texts, st.integers(0, 2**50), st.sampled_from(RECORD_TYPES))
    | st.tuples(st.just("boundary")),
    max_size=8,
)


def written(item):
    match item:
        case ("line", text):
            return text.encode() + b"\n"
        case ("record", text, at_us, frame_type):
            return frame(text + "\n", at_us, frame_type)
        case _:
            return BOUNDARY_BYTES


def expected(item):
    match item:
        case ("line", text):
            return LogLine(AT_MS, text)
        case ("record", text, at_us, _):
            return LogLine(at_us // 1000, text)
        case _:
            return BOUNDARY


def split(*chunks):
    splitter = OutputSplitter()
    found = [item for chunk in chunks for item in splitter.feed(chunk, AT_MS)]
    return [*found, *splitter.close(AT_MS)]


@given(items, st.lists(st.integers(0, 400), max_size=6))
def test_cuts_change_nothing(output, cuts):
    data = b"".join(written(item) for item in output)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in itertools.pairwise(edges)]
    assert split(*chunks) == [expected(item) for item in output]


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bytes_are_taken(chunks):
    assert all(isinstance(item, LogLine | Boundary) for item in split(*chunks))


@given(st.lists(st.binary(max_size=40).filter(lambda chunk: b"\x00" not in chunk), max_size=6))
def test_without_frames_nothing_is_lost(chunks):
    lines = [item.message for item in split(*chunks)]
    text = b"".join(chunks)
    assert "\n".join(lines) == text.removesuffix(b"\n").decode(errors="replace") or text == b"\n"


def test_line_without_end_is_given_at_the_boundary():
    assert split(b"no end", BOUNDARY_BYTES) == [LogLine(AT_MS, "no end"), BOUNDARY]


def test_record_within_a_line_does_not_cut_it():
    assert split(b"first ", frame("record"), b"half\n") == [
        LogLine(7, "record"),
        LogLine(AT_MS, "first half"),
    ]


def test_only_the_last_newline_of_a_record_goes():
    assert split(frame("a\n\n")) == [LogLine(7, "a\n")]


def test_invalid_utf8_is_replaced():
    assert split(b"\xff\xfe!\n") == [LogLine(AT_MS, "\ufffd\ufffd!")]


def test_bytes_that_look_like_an_enormous_record_hold_nothing_up():
    fake = FRAME_HEADER.pack(0xA55A0003, 2**32 - 1, 0)
    assert BOUNDARY in split(fake + b"\n" + BOUNDARY_BYTES)


def test_endless_line_does_not_fill_the_memory():
    splitter = OutputSplitter()
    lines = [line for _ in range(10) for line in splitter.feed(b"x" * MAX_RAW_LINE_BYTES, AT_MS)]
    assert sum(len(line.message) for line in lines) >= 8 * MAX_RAW_LINE_BYTES


class ListSink:
    def __init__(self):
        self.lines = []

    def write(self, lines):
        self.lines.extend(lines)

    def close(self):
        pass


class TestEnvironmentLog:
    @given(st.lists(st.lists(st.integers(0, 100)), max_size=5))
    def test_times_never_go_back_and_order_stays(self, batches):
        sink = ListSink()
        log = EnvironmentLog(sink)
        numbered = iter(range(1000))
        given_lines = [[LogLine(at_ms, str(next(numbered))) for at_ms in batch] for batch in batches]
        for lines in given_lines:
            log.write(lines)
        flat = [line for lines in given_lines for line in lines]
        assert [line.message for line in sink.lines] == [line.message for line in flat]
        times = [line.timestamp_ms for line in sink.lines]
        assert times == sorted(times)
        assert all(shown >= line.timestamp_ms for shown, line in zip(times, flat, strict=True))

    def test_tail_is_what_came_since_the_last_one(self):
        log = EnvironmentLog(ListSink())
        log.write([LogLine(1, "hidden")], in_tail=False)
        log.write([LogLine(1, "a"), LogLine(1, "b\n")])
        assert log.take_tail() == "a\nb\n\n"
        assert log.take_tail() == ""

    def test_tail_of_a_talkative_invoke_is_its_end(self):
        log = EnvironmentLog(ListSink())
        for number in range(2000):
            log.write([LogLine(1, f"{number:01000d}")])
        tail = log.take_tail().splitlines()
        assert len(tail) < 1000
        assert tail[-1] == f"{1999:01000d}"


class TestTooManyLines:
    """A function that prints without end holds neither its invoke's end nor the emulator."""

    def split(self, monkeypatch, *chunks):
        monkeypatch.setattr(output, "MAX_LINES", 3)
        splitter = OutputSplitter()
        found = [item for chunk in chunks for item in splitter.feed(chunk, AT_MS)]
        return found + list(splitter.close(AT_MS))

    def test_are_dropped_with_a_line_that_says_so(self, monkeypatch):
        found = self.split(monkeypatch, b"1\n2\n3\n4\n5\n", b"6\n7", b"\n8", BOUNDARY_BYTES)
        messages = [item.message for item in found if isinstance(item, LogLine)]
        assert messages == ["1", "2", "3", "5 more log lines were dropped: 3 of an invoke are kept"]
        assert found[-1] == BOUNDARY

    def test_records_count_too(self, monkeypatch):
        found = self.split(monkeypatch, b"1\n2\n" + frame("3") + frame("4") + b"5\n" + BOUNDARY_BYTES)
        messages = [item.message for item in found if isinstance(item, LogLine)]
        assert messages == ["1", "2", "3", "2 more log lines were dropped: 3 of an invoke are kept"]

    def test_each_invoke_may_write_as_many(self, monkeypatch):
        found = self.split(monkeypatch, (b"1\n2\n3\n" + BOUNDARY_BYTES) * 2)
        assert [item.message for item in found if isinstance(item, LogLine)] == ["1", "2", "3"] * 2

    def test_of_a_process_that_ends(self, monkeypatch):
        found = self.split(monkeypatch, b"\n" * 10)
        assert found[-1].message == "7 more log lines were dropped: 3 of an invoke are kept"

    def test_the_tail_of_a_million_short_lines_takes_no_longer_than_they_do(self):
        """Taking lines off the front of a list would take their number squared: minutes."""

        class Sink:
            def write(self, lines):
                pass

        log = EnvironmentLog(Sink())
        started = time.process_time()
        lines = [LogLine(AT_MS, "x")] * 1_000_000
        log.write(lines[:500_000])
        first_s = time.process_time() - started
        log.write(lines[500_000:])
        assert time.process_time() - started < 10 * first_s
        assert len(log.take_tail()) <= 256 * 1024
