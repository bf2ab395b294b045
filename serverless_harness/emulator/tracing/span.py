"""A span: one piece of what the emulator does for a request."""

import random
import time
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal, NamedTuple

type Kind = Literal["request", "call", "init", "invoke", "delivery", "fault"]


class Cause(NamedTuple):
    """A span of which no more than the ids are known."""

    trace_id: str
    span_id: str | None


@dataclass(slots=True, eq=False)
class Span:
    """A span, mutable until it has ended."""

    trace_id: str
    parent_id: str | None
    kind: Kind
    service: str
    name: str
    resource: str = ""
    request_id: str | None = None
    attempt: int = 1
    started_s: float = field(default_factory=time.time)
    """In seconds since 1970."""
    began_s: float = field(default_factory=time.perf_counter)
    """The same moment, by a clock that nobody sets."""
    span_id: str = field(default_factory=lambda: f"{random.getrandbits(64):016x}")
    duration_ms: float | None = None
    """None until it has ended."""
    wait_ms: float = 0.0
    """How long an invoke waited for its execution environment."""
    own_ms: float | None = None
    """What the function itself took, as its REPORT line says."""
    status: str = "running"
    error: str | None = None
    cold: bool = False
    text: bytes = b""
    """The beginning of its payload, to be found by what is in it."""

    @property
    def link(self) -> list[str]:
        """The span as others name it as their cause."""
        return [self.trace_id, self.span_id]

    @property
    def ended_s(self) -> float | None:
        """When it ended, by the clock of `began_s`."""
        return None if self.duration_ms is None else self.began_s + self.duration_ms / 1000


FIELDS = (
    "span_id",
    "parent_id",
    "kind",
    "service",
    "name",
    "resource",
    "started_s",
    "duration_ms",
    "wait_ms",
    "own_ms",
    "status",
    "error",
    "cold",
    "attempt",
    "request_id",
    "text",
)
type Row = tuple[Any, ...]
"""A span as it is kept once it has ended: `FIELDS`' values, which cost the garbage collector nothing."""

row_of = attrgetter(*FIELDS)
