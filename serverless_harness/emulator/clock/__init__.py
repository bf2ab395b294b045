"""The emulator's clock: the machine's, set forward by as much as a test asks for.

What AWS does after a while (retries, expiry, schedules, alarms) goes by this clock; docs/state.md lists it.
Functions have the machine's own.
"""

import threading
import time
import weakref
from collections.abc import Callable


class Clock:
    """The time, in seconds since 1970; it can be set forward, never back.

    How far it is ahead belongs to the emulator's state. A load may bring back less than there was: therefore
    waits go by `elapsed`, which only ever grows.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead_s = 0.0
        self._skipped_s = 0.0
        self._waiting: weakref.WeakSet[threading.Condition] = weakref.WeakSet()
        self._reactions: list[Callable[[], None]] = []
        self._advanced = threading.Condition()
        self.wake_on_advance(self._advanced)

    @property
    def ahead_s(self) -> float:
        """How many seconds it is ahead of the machine's clock."""
        return self._ahead_s

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return time.time() + self._ahead_s

    def elapsed(self) -> float:
        """Return the seconds that have passed since some moment, those that were skipped among them."""
        return time.monotonic() + self._skipped_s

    def advance(self, seconds: float) -> None:
        """Set the clock forward; whoever waits by it looks at the time again.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"a clock can't be set back by {seconds} s")
        with self._lock:
            self._ahead_s += seconds
            self._skipped_s += seconds
            waiting = list(self._waiting)
        for condition in waiting:
            with condition:
                condition.notify_all()
        for react in self._reactions:
            react()

    def restore(self, ahead_s: float) -> None:
        """Be as far ahead as it was when the state was saved that has been loaded; nobody's wait ends."""
        with self._lock:
            self._ahead_s = ahead_s

    def wake_on_advance(self, condition: threading.Condition) -> None:
        """Notify all who wait for `condition` whenever the clock is set forward; done before any wait."""
        with self._lock:
            self._waiting.add(condition)

    def when_advanced(self, react: Callable[[], None]) -> None:
        """Call `react` each time after the clock was set forward; it may not take long."""
        self._reactions.append(react)

    def sleep(self, seconds: float, interrupt: threading.Event | None = None) -> None:
        """Return when this clock has gone on by `seconds`, or soon after `interrupt` is set."""
        end = self.elapsed() + seconds
        with self._advanced:
            while not (interrupt and interrupt.is_set()) and (left_s := end - self.elapsed()) > 0:
                self._advanced.wait(min(left_s, 1))

    def wake(self) -> None:
        """Have everybody who sleeps look at their `interrupt`."""
        with self._advanced:
            self._advanced.notify_all()


clock = Clock()
"""The emulator's only one."""
