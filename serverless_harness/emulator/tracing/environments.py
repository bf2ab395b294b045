"""What each execution environment does: the calls that it makes belong to that.

It runs one init or invoke at a time, so it is known whose they are even where the function sends no trace id.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from serverless_harness.emulator.tracing.span import Span
from serverless_harness.emulator.tracing.store import TRACES


class Activity:
    """What one environment does right now."""

    def __init__(self) -> None:
        self.span: Span | None = None
        """The init or invoke under way."""
        self.init: Span | None = None
        """The first init, until an invoke has been taken up."""

    @contextmanager
    def doing(self, span: Span | None) -> Iterator[None]:
        """Have the environment's calls be the span's while the block runs."""
        before, self.span = self.span, span
        try:
            yield
        finally:
            self.span = before

    def take_up(self, invoke: Span | None) -> None:
        """Note that the environment begins with an invoke; it is cold if it waited for the init's end."""
        init, self.init = self.init, None
        if invoke is None:
            return
        invoke.wait_ms = (time.perf_counter() - invoke.began_s) * 1000
        if init is None or init.ended_s is None or init.ended_s < invoke.began_s:
            return
        invoke.cold = True
        if init.parent_id != invoke.span_id:
            # It was started for another invoke, which another environment served.
            TRACES.add_copy(init, invoke)


ENVIRONMENTS: WeakValueDictionary[str, Activity] = WeakValueDictionary()
"""By the environment's id, and by the access key of its session."""
