"""The emulator's clock: the machine's, set forward by as much as a test asks for.

What AWS does after minutes or days (items that expire, stream records that are trimmed) goes by this clock.
"""

import threading
import time


class Clock:
    """The time, in seconds since 1970; it can be set forward, never back."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        self._advanced = threading.Condition()

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return time.time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Set the clock forward; whoever sleeps by it wakes up in time.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"a clock can't be set back by {seconds} s")
        with self._advanced:
            self._ahead_s += seconds
            self._advanced.notify_all()

    def sleep(self, seconds: float, interrupt: threading.Event) -> None:
        """Return when this clock has gone on by `seconds`, or soon after `interrupt` is set."""
        end = self.now() + seconds
        with self._advanced:
            while not interrupt.is_set() and (left_s := end - self.now()) > 0:
                self._advanced.wait(min(left_s, 1))

    def wake(self) -> None:
        """Have everybody who sleeps look at their `interrupt`."""
        with self._advanced:
            self._advanced.notify_all()


clock = Clock()
"""The emulator's only one."""
