"""One environment's log: to its CloudWatch stream, and the last invoke's part of it to the caller."""

import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from serverless_harness.emulator.lambda_executor.log_lines import LogLine, LogSink

TAIL_CHARACTERS = 256 * 1024
"""Far more than the 4 KB that LogType=Tail shows; keeps a talkative invoke from filling the memory."""


def now_ms() -> int:
    """Return the milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class EnvironmentLog:
    """Forwards lines to a sink in the order in which they come, and collects those of the present invoke.

    Times never go back within a stream: what a process stamped itself may be a moment older than a line of
    ours that precedes it.
    """

    def __init__(self, sink: LogSink) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self._latest_ms = 0
        self._tail: deque[str] = deque()
        self._tail_size = 0

    def write(self, lines: Iterable[LogLine], in_tail: bool = True) -> None:
        """Forward `lines`; `in_tail` if LogType=Tail shows them."""
        with self._lock:
            ordered = [self._in_order(line) for line in lines]
            if ordered:
                self._sink.write(ordered)
            if in_tail:
                self._keep(ordered)

    def take_tail(self) -> str:
        """Return what has been logged since the last call, and forget it."""
        with self._lock:
            tail = "".join(f"{message}\n" for message in self._tail)
            self._tail, self._tail_size = deque(), 0
            return tail

    def close(self) -> None:
        """Nothing follows: deliver the rest."""
        self._sink.close()

    def _in_order(self, line: LogLine) -> LogLine:
        self._latest_ms = max(self._latest_ms, line.timestamp_ms)
        return line if line.timestamp_ms == self._latest_ms else replace(line, timestamp_ms=self._latest_ms)

    def _keep(self, lines: list[LogLine]) -> None:
        for line in lines:
            self._tail.append(line.message)
            self._tail_size += len(line.message) + 1
        while self._tail_size > TAIL_CHARACTERS and len(self._tail) > 1:
            self._tail_size -= len(self._tail.popleft()) + 1
