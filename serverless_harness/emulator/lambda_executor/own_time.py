"""A function's own time: the clock of its limits and figures stands still while the machine keeps it waiting.

Its own time is wall time, less the time in which it was ready to run while others had the CPUs
(`emulator.cpu_wait`). A handler that sleeps or waits for an answer uses its own time.
`LAMBDA_PROCESS_TIME=wall` counts all time as its own.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, Self

WALL_FACTOR = 20
WALL_EXTRA_S = 60
"""A limit of n seconds ends at the latest after `WALL_FACTOR` times n plus `WALL_EXTRA_S` of wall time."""
MAX_LOOK_S = 0.1
"""How often a waiting process is looked at: what its ended threads waited would be lost otherwise."""
MIN_LOOK_S = 0.001


@dataclass(frozen=True)
class Taken:
    """What something took, in milliseconds: `duration_ms` of its own time, the rest waiting for a CPU."""

    duration_ms: float
    waited_for_cpu_ms: float = 0.0

    @property
    def wall_ms(self) -> float:
        """All of the time."""
        return round(self.duration_ms + self.waited_for_cpu_ms, 2)


class Waits(Protocol):
    """Tells what a process waited for a CPU."""

    def __call__(self, until: float | None = None) -> float:
        """Return a growing number of seconds, up to a moment of `time.monotonic` where one is given."""


class Deadline(Protocol):
    """Until when something is waited for."""

    def look_s(self) -> float | None:
        """Return for how many seconds to wait before asking again; None once the deadline has come."""


@dataclass(frozen=True)
class Moment:
    """A deadline in wall time, by the clock of `time.monotonic`."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Return the moment that comes in so many seconds."""
        return cls(time.monotonic() + seconds)

    def look_s(self) -> float | None:
        """Return the seconds that are left; None once there are none."""
        remaining_s = self.at - time.monotonic()
        return remaining_s if remaining_s > 0 else None


class Stopwatch:
    """Measures wall time and own time from its making on; for one thread at a time.

    What was waited is told by `follow`ed processes; before there is one, all time is own time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin = clock()
        self._waited_before_s = 0.0
        self._waited_s: Waits | None = None
        self._waited_at_follow_s = 0.0
        self._blocked_s = 0.0

    def follow(self, waited_s: Waits) -> None:
        """Count from now on what `waited_s` tells."""
        self._waited_before_s = self.waited_s()
        self._waited_s, self._waited_at_follow_s = waited_s, waited_s()

    def leave_out(self, blocked_s: float) -> None:
        """Leave out at least that many seconds: what the function was blocked by the emulator.

        It may have waited for a CPU meanwhile, so the two don't add up.
        """
        self._blocked_s = blocked_s

    def waited_s(self, until: float | None = None) -> float:
        """Return the seconds so far that are not its own."""
        now_s = self._waited_s(until) - self._waited_at_follow_s if self._waited_s else 0.0
        return self._waited_before_s + max(0.0, now_s)

    def wall_s(self) -> float:
        """Return the seconds of wall time so far."""
        return self._clock() - self._begin

    def taken(self, until: float | None = None) -> Taken:
        """Return what has been taken until now, or until a moment of the clock that has passed."""
        waited_s = self.waited_s(until)
        wall_s = self.wall_s()
        if until is not None:
            wall_s = min(wall_s, max(0.0, until - self._begin))
        waited_s = min(max(waited_s, self._blocked_s), wall_s)
        return Taken(round((wall_s - waited_s) * 1000, 2), round(waited_s * 1000, 2))


@dataclass(frozen=True)
class Limit:
    """The end of `limit_s` seconds of own time on a stopwatch, or of a multiple in wall time."""

    stopwatch: Stopwatch
    limit_s: float

    def remaining_s(self) -> float:
        """Return the least wall time until the end can have come, in seconds; 0 or less once it has."""
        wall_s = self.stopwatch.wall_s()
        if wall_s < self.limit_s:
            return self.limit_s - wall_s
        own_s = wall_s - self.stopwatch.waited_s()
        return min(self.limit_s - own_s, self.limit_s * WALL_FACTOR + WALL_EXTRA_S - wall_s)

    def look_s(self) -> float | None:
        """Return how long to wait before the next look, in seconds; None once the end has come."""
        remaining_s = self.remaining_s()
        if remaining_s <= 0:
            return None
        if self.stopwatch.wall_s() >= MAX_LOOK_S:
            self.stopwatch.waited_s()
        return min(MAX_LOOK_S, max(MIN_LOOK_S, remaining_s))


@dataclass(frozen=True)
class HeldLimit(Limit):
    """A limit whose seconds begin, in wall time, when nothing holds it any longer."""

    is_held: Callable[[], bool]
    _begun: list[Moment] = field(default_factory=list)

    def look_s(self) -> float | None:
        """Return how long to wait before the next look, in seconds; None once the end has come."""
        if not self._begun:
            if self.is_held():
                return MAX_LOOK_S
            self._begun.append(Moment.after(self.limit_s))
        return self._begun[0].look_s()
