"""Delays of asynchronous deliveries: AWS's, scaled by `LAMBDA_ASYNC_DELAY_SCALE`, and calls made after them.

`LAMBDA_ASYNC_DELAY_SCALE` (default 1.0: AWS's real delays) multiplies every wait before something is
delivered again, by Lambda (a failed event after 60 s, then 120 s; after throttling and service errors 1 s to
5 min; a stream's batch), SNS (to a function 1 s to 20 s; dead letters) and EventBridge. 0.01 makes tests
quick.
"""

import heapq
import itertools
import logging
import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from localstack.utils.objects import singleton_factory

from serverless_harness.emulator.clock import Clock, clock
from serverless_harness.emulator.delivery.in_hand import IN_HAND
from serverless_harness.emulator.settings import InvalidSettingError
from serverless_harness.emulator.tracing import spans
from serverless_harness.emulator.tracing.span import Span

LOG = logging.getLogger(__name__)

SCALE_VARIABLE = "LAMBDA_ASYNC_DELAY_SCALE"


def scaled_s(delay_s: float) -> float:
    """Scale one of AWS's delays.

    Raises:
        InvalidSettingError: `LAMBDA_ASYNC_DELAY_SCALE` is no number from 0 up.
    """
    text = os.environ.get(SCALE_VARIABLE, "").strip() or "1"
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not 0 <= scale < math.inf:
        raise InvalidSettingError(
            f"{SCALE_VARIABLE} is {text!r}: set it to a number from 0 up (1: AWS's delays), or leave it out"
        )
    return delay_s * scale


class DelayedCalls:
    """Calls functions after a delay by the emulator's clock, in one thread for all: none may take long.

    A call that `is_kept` stands for something accepted and not delivered yet: a snapshot takes it along.
    """

    def __init__(self, by: Clock = clock) -> None:
        self._clock = by
        self._changed = threading.Condition()
        by.wake_on_advance(self._changed)
        self._calls: list[tuple[float, int, Callable[[], None], Span | None, bool]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def call_later(self, delay_s: float, function: Callable[[], None], is_kept: bool = False) -> None:
        """Call `function` once, `delay_s` seconds from now; calls of the same moment keep their order."""
        with self._changed:
            call = (self._clock.elapsed() + delay_s, next(self._order), function, spans.current(), is_kept)
            heapq.heappush(self._calls, call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="delayed-calls", daemon=True)
                self._thread.start()
            self._changed.notify()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make no call, and let nobody ask for one, while the block runs."""
        with self._changed:
            yield

    def kept(self) -> list[tuple[float, Callable[[], None]]]:
        """Return the kept calls that are still to be made: in how many seconds, and what is called."""
        with self._changed:
            now_s = self._clock.elapsed()
            return [
                (max(0.0, at_s - now_s), call) for at_s, _, call, _, is_kept in sorted(self._calls) if is_kept
            ]

    def forget_kept(self) -> None:
        """Make none of the kept calls: what they stand for belongs to a state that has been replaced."""
        with self._changed:
            self._calls = [call for call in self._calls if not call[-1]]
            heapq.heapify(self._calls)

    def _run(self) -> None:
        while True:
            function, span = self._await_next()
            try:
                with spans.within(span):
                    function()
            except Exception:
                LOG.exception("A delayed call failed")
            finally:
                IN_HAND.done()

    def _await_next(self) -> tuple[Callable[[], None], Span | None]:
        """Return the next function when its time has come, in hand from then on, and its cause."""
        with self._changed:
            while True:
                remaining_s = self._calls[0][0] - self._clock.elapsed() if self._calls else None
                if remaining_s is not None and remaining_s <= 0:
                    IN_HAND.take()
                    return heapq.heappop(self._calls)[2:4]
                self._changed.wait(remaining_s)


@singleton_factory
def shared_delayed_calls() -> DelayedCalls:
    """Return the one of this LocalStack process."""
    return DelayedCalls()
