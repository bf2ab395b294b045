"""A function's log lines on their way from the runtime process to CloudWatch Logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class LogLine:
    """One CloudWatch log event: `message` without its trailing newline, milliseconds since the epoch."""

    timestamp_ms: int
    message: str


class LogSink(Protocol):
    """Takes the lines of one log stream, in order; returns at once."""

    def write(self, lines: Sequence[LogLine]) -> None: ...

    def close(self) -> None:
        """The environment has ended: what was written is still delivered."""
