"""Keeps requests away while the emulator's state is saved or loaded (`gate_handlers` ask it)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

QUIET_TIMEOUT_S = 10.0
"""How long to wait until the requests that are under way have been answered."""


class BusyError(Exception):
    """Requests were still under way after QUIET_TIMEOUT_S."""


class Gate:
    """Counts the requests from outside; closed, it lets none begin."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self._under_way = 0

    def enter(self) -> None:
        """Let a request begin, as soon as the gate is open."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._under_way += 1

    def leave(self) -> None:
        """Note that a request that entered has been answered."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Have no request from outside under way while the block runs.

        Raises BusyError when those that are don't end.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._closed = True
            try:
                if not self._changed.wait_for(lambda: self._under_way == 0, QUIET_TIMEOUT_S):
                    raise BusyError(f"{self._under_way} requests were still under way")
            except BaseException:
                self._open()
                raise
        try:
            yield
        finally:
            with self._changed:
                self._open()

    def _open(self) -> None:
        self._closed = False
        self._changed.notify_all()
