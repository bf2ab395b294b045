"""Takes a runtime process's output apart: raw lines, framed log records, and the boundaries of invokes.

Raw lines are what the function prints. Frames are those of awslambdaric's FramedTelemetryLogSink: type
(4 bytes), length (4 bytes), microseconds since the epoch (8 bytes), message; big-endian. A frame of type
`BOUNDARY_FRAME` says that all output of an init or invoke precedes it, has its number in the place of the
time and, as its message, when it came and how long its result was blocked (`sandbox/runtime/bootstrap.py`).
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from serverless_harness.emulator.lambda_executor import level_filter
from serverless_harness.emulator.lambda_executor.log_lines import LogLine

FRAME_HEADER = struct.Struct(">IIQ")
BOUNDARY_MESSAGE = struct.Struct(">QQ")
BOUNDARY_FRAME = 0xA55A00FF
FRAME_START = re.compile(rb"\xa5\x5a\x00[\x02\x03\x0a\x0b\x0e\x0f\x12\x13\x16\x17\x1a\x1b\xff]")
"""Log records of each level, as JSON or text (`lambda_runtime_log_utils` of awslambdaric), or a boundary."""
MAGIC_BYTES = 4
MAX_RECORD_BYTES = 16 * 1024 * 1024
"""What claims to be larger is no log record, but bytes that a function printed."""
MAX_RAW_LINE_BYTES = 1024 * 1024
"""What is held of a line that hasn't ended yet; each line is divided into log events by `log_events`."""
MAX_LINES = 100_000
"""Lines of an init or invoke that are kept: more would hold its end, and the emulator, for many seconds."""


@dataclass(frozen=True)
class Boundary:
    """All output of what came before the runtime's poll of this number, from 1, precedes this."""

    number: int
    at: float | None = None
    """When the poll came, by `time.monotonic`, as the runtime says."""
    blocked_s: float = 0.0
    """For how long the sending of the last result was blocked."""

    @classmethod
    def read(cls, number: int, message: bytes) -> Self:
        """Read a frame; one with another message than our bootstrap's has no times."""
        if len(message) != BOUNDARY_MESSAGE.size:
            return cls(number)
        came_ns, blocked_ns = BOUNDARY_MESSAGE.unpack(message)
        return cls(number, came_ns / 1e9, blocked_ns / 1e9)


class OutputSplitter:
    """Splits the chunks of one process's output, in order; keeps what is incomplete for the next chunk."""

    def __init__(self, least_level: int | None = None) -> None:
        """`least_level`: of `level_filter`, for lines that the function prints as JSON itself."""
        self._least_level = least_level
        self._buffer = bytearray()
        self._raw = bytearray()
        """A raw line whose end hasn't come yet; a frame may come in between."""
        self._lines = 0
        """Since the last boundary, those that were dropped among them."""

    def feed(self, chunk: bytes, at_ms: int) -> Iterator[LogLine | Boundary]:
        """Give what `chunk`, which arrived at `at_ms`, completes."""
        self._buffer += chunk
        while self._buffer:
            frame = FRAME_START.search(self._buffer)
            raw_end = frame.start() if frame else len(self._buffer) - self._partial_magic()
            yield from self._take_raw(raw_end, at_ms)
            if not frame or len(self._buffer) < FRAME_HEADER.size:
                return
            frame_type, length, at_us = FRAME_HEADER.unpack_from(self._buffer)
            if length > MAX_RECORD_BYTES:
                yield from self._take_raw(MAGIC_BYTES, at_ms)
                continue
            end = FRAME_HEADER.size + length
            if len(self._buffer) < end:
                return
            message = bytes(self._buffer[FRAME_HEADER.size : end])
            del self._buffer[:end]
            if frame_type == BOUNDARY_FRAME:
                yield from self._end_raw(at_ms)
                yield from self._tell_dropped(at_ms)
                yield Boundary.read(at_us, message)
            elif self._has_room():
                yield LogLine(at_us // 1000, _text(message.removesuffix(b"\n")))

    def close(self, at_ms: int) -> Iterator[LogLine]:
        """Give what is left when the process has ended."""
        yield from self._take_raw(len(self._buffer), at_ms)
        yield from self._end_raw(at_ms)
        yield from self._tell_dropped(at_ms)

    def _has_room(self) -> bool:
        """Count a line; return whether it is kept."""
        self._lines += 1
        return self._lines <= MAX_LINES

    def _tell_dropped(self, at_ms: int) -> Iterator[LogLine]:
        dropped, self._lines = self._lines - MAX_LINES, 0
        if dropped > 0:
            yield LogLine(at_ms, f"{dropped} more log lines were dropped: {MAX_LINES} of an invoke are kept")

    def _partial_magic(self) -> int:
        """Return how many bytes at the buffer's end may be the start of a frame."""
        magic = b"\xa5\x5a\x00"
        return next((size for size in (3, 2, 1) if self._buffer.endswith(magic[:size])), 0)

    def _take_raw(self, end: int, at_ms: int) -> Iterator[LogLine]:
        self._raw += self._buffer[:end]
        del self._buffer[:end]
        if self._lines >= MAX_LINES:
            self._lines += self._raw.count(b"\n")
            del self._raw[: self._raw.rfind(b"\n") + 1]
        *lines, rest = self._raw.split(b"\n")
        self._raw = rest
        for line in lines:
            yield from self._raw_line(line, at_ms)
        if len(self._raw) > MAX_RAW_LINE_BYTES:
            yield from self._end_raw(at_ms)

    def _end_raw(self, at_ms: int) -> Iterator[LogLine]:
        if self._raw:
            yield from self._raw_line(self._raw, at_ms)
        self._raw = bytearray()

    def _raw_line(self, data: bytearray, at_ms: int) -> Iterator[LogLine]:
        text = _text(data)
        if level_filter.shows(text, self._least_level) and self._has_room():
            yield LogLine(at_ms, text)


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", errors="replace")
