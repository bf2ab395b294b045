"""Waits that are values: what is waited for, how it is looked at, and an error that says all one needs.

Wait("the order's booking", timeout_s=30, hint="./scripts/logs process").until(lambda: find(order_id))
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from serverless_harness.errors import HarnessError

FIRST_PAUSE_S = 0.002


class WaitTimeoutError(HarnessError, TimeoutError):
    """The deadline passed; the message names what was waited for, what was found instead, and a hint."""


@dataclass(frozen=True)
class Wait:
    """A wait for `what`, by polling every `interval_s` seconds for at most `timeout_s` seconds.

    What is there soon is seen soon: the first looks follow one another faster.
    `describe` gives the state that was found when time is up; `hint` says where to look then.
    """

    what: str
    timeout_s: float
    interval_s: float = 0.1
    describe: Callable[[], str] | None = None
    hint: str = ""

    def until[T](self, look: Callable[[], T | None]) -> T:
        """Call `look` until it gives something true, and return that.

        Raises WaitTimeoutError after `timeout_s`. What `look` raises is not caught: a look that may fail
        says so by returning None.
        """
        deadline, pause_s = time.monotonic() + self.timeout_s, min(FIRST_PAUSE_S, self.interval_s)
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() >= deadline:
                raise WaitTimeoutError(self._message(found))
            time.sleep(min(pause_s, max(0.0, deadline - time.monotonic())))
            pause_s = min(self.interval_s, pause_s * 2)

    def _message(self, last: object) -> str:
        state = self.describe() if self.describe else repr(last)
        hint = f"; {self.hint}" if self.hint else ""
        return f"waited {self.timeout_s:g} s for {self.what}, found {state}{hint}"
