"""Keeps requests away while the emulator's state is saved or loaded (`gate_handlers` ask it)."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serverless_harness.emulator.delivery.delayed_calls import DelayedCalls
from serverless_harness.emulator.delivery.function_waits import FunctionWaits
from serverless_harness.emulator.delivery.in_hand import InHand

QUIET_TIMEOUT_S = 10.0
"""How long to wait until what is under way has ended."""
PAUSE_TIMEOUT_S = 0.5
"""How long a pause may keep requests waiting until what is under way has ended."""
LOOK_INTERVAL_S = 0.002


class BusyError(Exception):
    """Something was still under way when the time for it to end had passed."""


class Gate:
    """Counts requests from outside and the emulator's own; closed, it lets none begin."""

    def __init__(self, in_hand: InHand, delayed_calls: DelayedCalls, function_waits: FunctionWaits) -> None:
        """Take what counts the work of the background and waits for functions, and what starts such work."""
        self._in_hand = in_hand
        self._delayed_calls = delayed_calls
        self._function_waits = function_waits
        self._changed = threading.Condition()
        self._closed = False
        self._paused = False
        self._still = False
        self._under_way = 0
        self._own_under_way = 0
        self._waiting = 0
        self._states = 0
        self._changes = 0
        self._ended = False

    @property
    def waiting(self) -> int:
        """How many requests wait at the gate."""
        return self._waiting

    @property
    def changes(self) -> int:
        """A number that is another one once the state may have changed."""
        return self._changes + self._states + self._in_hand.ended

    def note_change(self) -> None:
        """Note that the state may have changed."""
        with self._changed:
            self._changes += 1

    def enter(self, is_own: bool = False, is_functions: bool = False) -> bool:
        """Let a request begin, as soon as the gate is open to it; a function's is the emulator's own, too.

        Gives whether the state that it was sent to is still there: while it waited, another may have been
        loaded, or the last may have been saved, and then it may not begin.
        """

        def is_kept_away() -> bool:
            return self._still or (is_functions and self._paused) if is_own else self._closed

        with self._changed:
            if not self._await_turn(is_kept_away):
                return False
            if is_own:
                self._own_under_way += 1
            else:
                self._under_way += 1
        self._function_waits.entered()
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
        """Note that a request that entered has been answered, in the thread in which it did."""
        self._function_waits.left()
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
        with self._at_rest(QUIET_TIMEOUT_S):
            yield

    def await_all_but_functions(self) -> None:
        """Wait until nothing is under way but functions and what waits for them; the gate is closed already.

        Whoever ends all functions next can then have it `still`. Raises BusyError as that does.
        """
        with self._at_rest(QUIET_TIMEOUT_S, self._function_waits):
            pass

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have nothing under way while the block runs but functions, and requests that wait for them.

        It is for a moment: functions aren't awaited, and nothing that they ask for is done meanwhile. Raises
        BusyError where what else is under way doesn't end within PAUSE_TIMEOUT_S, or the gate is closed
        already.
        """
        with self._changed:
            if self._closed:
                raise BusyError("the state is being saved or loaded")
            self._closed = self._paused = True
        try:
            with self._function_waits.held(), self._at_rest(PAUSE_TIMEOUT_S, self._function_waits):
                yield
        finally:
            with self._changed:
                self._paused = False
                self._open()

    @contextmanager
    def _at_rest(self, timeout_s: float, function_waits: FunctionWaits | None = None) -> Iterator[None]:
        deadline = time.monotonic() + timeout_s
        while True:
            with self._delayed_calls.held():
                if self._become_still(function_waits):
                    try:
                        yield
                    finally:
                        self._end_stillness()
                    return
            if time.monotonic() > deadline:
                requests, in_hand = self._restless(function_waits), self._in_hand.count
                raise BusyError(f"{requests} requests and {in_hand} deliveries were under way")
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

    def _become_still(self, function_waits: FunctionWaits | None) -> bool:
        with self._changed:
            self._still = self._restless(function_waits) == 0 and self._in_hand.count == 0
            return self._still

    def _restless(self, function_waits: FunctionWaits | None) -> int:
        """Count the requests that are under way and don't wait for a function, whose waits are held."""
        waiting = function_waits.count if function_waits else 0
        return self._under_way + self._own_under_way - waiting

    def _end_stillness(self) -> None:
        with self._changed:
            self._still = False
            self._changed.notify_all()

    def _open(self) -> None:
        self._closed = False
        self._changed.notify_all()
