"""How long the gateway's threads waited for a CPU while they served an execution environment.

On AWS a service has its own machines; here a busy machine makes the gateway's answers late too, and that
isn't the function's time. What can be told apart is how long the thread that serves a call was ready to run
while others had the CPUs; a wait for the interpreter's lock isn't counted.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from serverless_harness.emulator.cpu_wait import ThreadWait


@dataclass(frozen=True)
class _Answering:
    """A call that is being served since `begun_s`, by a thread that had waited `waited_s` by then."""

    wait: ThreadWait
    begun_s: float
    waited_s: float


class AnswerWaits:
    """Of one environment; calls that are served at the same time count as long as one of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waited_s = 0.0
        self._counted_until_s = 0.0
        self._answering: dict[ThreadWait, _Answering] = {}

    def begin(self, wait: ThreadWait) -> None:
        """Count from now on what a thread waits; called by that thread."""
        with self._lock:
            self._answering[wait] = _Answering(wait, self._clock(), wait.waited_s())

    def end(self, wait: ThreadWait) -> None:
        """Count no more of it: the answer is about to be sent. Idempotent."""
        with self._lock:
            answering = self._answering.pop(wait, None)
            if answering:
                now_s = self._clock()
                self._waited_s += self._since_counted_s(answering, now_s)
                self._counted_until_s = now_s

    def waited_s(self) -> float:
        """Return the seconds so far, of calls that are still being served as well."""
        with self._lock:
            now_s = self._clock()
            under_way = (self._since_counted_s(each, now_s) for each in self._answering.values())
            return self._waited_s + max(under_way, default=0.0)

    def _since_counted_s(self, answering: _Answering, now_s: float) -> float:
        waited_s = answering.wait.waited_s() - answering.waited_s
        return max(0.0, min(waited_s, now_s - max(answering.begun_s, self._counted_until_s)))
