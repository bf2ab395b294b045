"""Delays of asynchronous deliveries: AWS's, scaled by `LAMBDA_ASYNC_DELAY_SCALE`, and calls made after them.

`LAMBDA_ASYNC_DELAY_SCALE` (default 1.0: AWS's real delays) multiplies every wait before something is
delivered again: Lambda's retries of a failed event (60 s, then 120 s), its back-off after throttling and
service errors (1 s to 5 min), and SNS's retries to Lambda (1 s to 20 s). 0.01 makes tests quick.
"""

import heapq
import itertools
import logging
import math
import os
import threading
import time
from collections.abc import Callable

from localstack.utils.objects import singleton_factory

from serverless_harness.emulator.settings import InvalidSettingError

LOG = logging.getLogger(__name__)

SCALE_VARIABLE = "LAMBDA_ASYNC_DELAY_SCALE"


def delay_scale() -> float:
    """Return the factor on AWS's delays."""
    text = os.environ.get(SCALE_VARIABLE, "").strip() or "1"
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not 0 <= scale < math.inf:
        raise InvalidSettingError(
            f"{SCALE_VARIABLE} is {text!r}: set it to a number from 0 up (1: AWS's delays), or leave it out"
        )
    return scale


class DelayedCalls:
    """Calls functions after a delay, in one thread for all: none may take long."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def call_later(self, delay_s: float, function: Callable[[], None]) -> None:
        """Call `function` once, `delay_s` seconds from now; calls of the same moment keep their order."""
        with self._changed:
            heapq.heappush(self._calls, (time.monotonic() + delay_s, next(self._order), function))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="delayed-calls", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            function = self._await_next()
            try:
                function()
            except Exception:
                LOG.exception("A delayed call failed")

    def _await_next(self) -> Callable[[], None]:
        with self._changed:
            while True:
                remaining_s = self._calls[0][0] - time.monotonic() if self._calls else None
                if remaining_s is not None and remaining_s <= 0:
                    return heapq.heappop(self._calls)[2]
                self._changed.wait(remaining_s)


@singleton_factory
def shared_delayed_calls() -> DelayedCalls:
    """Return the one of this LocalStack process."""
    return DelayedCalls()
