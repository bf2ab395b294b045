"""Keeps requests away while the emulator's state is saved or loaded (`gate_handlers` ask it)."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serverless_harness.emulator.delivery.delayed_calls import DelayedCalls
from serverless_harness.emulator.delivery.in_hand import InHand

QUIET_TIMEOUT_S = 10.0
"""How long to wait until what is under way has ended."""
LOOK_INTERVAL_S = 0.005


class BusyError(Exception):
    """Something was still under way after QUIET_TIMEOUT_S."""


class Gate:
    """Counts requests from outside and the emulator's own; closed, it lets none begin."""

    def __init__(self, in_hand: InHand, delayed_calls: DelayedCalls) -> None:
        """Take what counts the work of the background, and what starts it."""
        self._in_hand = in_hand
        self._delayed_calls = delayed_calls
        self._changed = threading.Condition()
        self._closed = False
        self._still = False
        self._under_way = 0
        self._own_under_way = 0
        self._waiting = 0
        self._states = 0
        self._ended = False

    @property
    def waiting(self) -> int:
        """How many requests wait at the gate."""
        return self._waiting

    def enter(self, is_own: bool = False) -> bool:
        """Let a request begin, as soon as the gate is open to it.

        Gives whether the state that it was sent to is still there: while it waited, another may have been
        loaded, or the last may have been saved, and then it may not begin.
        """
        with self._changed:
            if not self._await_turn(lambda: self._still if is_own else self._closed):
                return False
            if is_own:
                self._own_under_way += 1
            else:
                self._under_way += 1
            return True

    def pass_when_open(self) -> bool:
        """Let a request begin that isn't awaited, as soon as the gate is open; gives what `enter` gives."""
        with self._changed:
            return self._await_turn(lambda: self._closed)

    def _await_turn(self, is_kept_away: Callable[[], bool]) -> bool:
        state = self._states
        self._waiting += 1
        self._changed.wait_for(lambda: self._ended or not is_kept_away())
        self._waiting -= 1
        return not self._ended and state == self._states

    def leave(self, is_own: bool = False) -> None:
        """Note that a request that entered has been answered."""
        with self._changed:
            if is_own:
                self._own_under_way -= 1
            else:
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

    @contextmanager
    def still(self) -> Iterator[None]:
        """Have nothing at all under way while the block runs; the gate is closed already.

        Requests of the emulator to itself may belong to others of its own, so they are kept away only once
        none is under way and all that services have accepted is delivered. Raises BusyError when that doesn't
        come about.
        """
        deadline = time.monotonic() + QUIET_TIMEOUT_S
        while True:
            with self._delayed_calls.held():
                if self._become_still():
                    try:
                        yield
                    finally:
                        self._end_stillness()
                    return
            if time.monotonic() > deadline:
                own, in_hand = self._own_under_way, self._in_hand.count
                raise BusyError(f"{own} of the emulator's requests and {in_hand} deliveries were under way")
            time.sleep(LOOK_INTERVAL_S)

    def replaced(self) -> None:
        """Note that another state has been loaded: what waits at the gate was meant for the one before."""
        with self._changed:
            self._states += 1

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Let no request begin while the block runs, and none wait for its end."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._ended = False

    def _become_still(self) -> bool:
        with self._changed:
            self._still = self._own_under_way == 0 and self._in_hand.count == 0
            return self._still

    def _end_stillness(self) -> None:
        with self._changed:
            self._still = False
            self._changed.notify_all()

    def _open(self) -> None:
        self._closed = False
        self._changed.notify_all()
