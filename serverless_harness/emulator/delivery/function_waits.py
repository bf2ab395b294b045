"""Which requests wait for a function, so that a pause of the emulator needn't wait for the function's end.

Nothing of the emulator's state changes while they wait. When their function has answered during a pause, they
go on after it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class FunctionWaits:
    """Counts the requests that wait, by the threads that serve them: a request may be part of another one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._of_thread = threading.local()
        self._waiting = 0
        self._held = False

    @property
    def count(self) -> int:
        """How many requests wait for a function."""
        return self._waiting

    def entered(self) -> None:
        """Note that the calling thread has begun to serve one more request."""
        self._of_thread.requests = self._requests() + 1

    def left(self) -> None:
        """Note that the calling thread has answered one."""
        self._of_thread.requests = max(0, self._requests() - 1)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Have the calling thread's requests count as waiting while the block runs, or a pause lasts."""
        requests = self._requests()
        with self._changed:
            self._waiting += requests
        try:
            yield
        finally:
            with self._changed:
                self._changed.wait_for(lambda: not self._held)
                self._waiting -= requests

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no request that waits go on while the block runs."""
        with self._changed:
            self._held = True
        try:
            yield
        finally:
            with self._changed:
                self._held = False
                self._changed.notify_all()

    def _requests(self) -> int:
        requests: int = getattr(self._of_thread, "requests", 0)
        return requests


FUNCTION_WAITS = FunctionWaits()
"""The one of this LocalStack process."""
