"""What stands for Python's `time`, `datetime` and `threading` in LocalStack's modules, and goes by the clock.

`stand_in_for` gives the one for what a module has imported; all that has to do with no clock is Python's own.
"""

import datetime
import threading
import time
from typing import Any

from localstack.utils import time as localstack_time

from serverless_harness.emulator.clock import clock

LOOK_S = 0.5
"""How often a wait for a thread's end looks at the clock."""


class Event(threading.Event):
    """An event whose `wait` goes by the clock."""

    def __init__(self) -> None:
        super().__init__()
        self._condition: threading.Condition = self._cond  # type: ignore[attr-defined]
        self._times_set = 0
        clock.wake_on_advance(self._condition)

    def set(self) -> None:
        """Set it; whoever waits returns, even if it is cleared at once."""
        with self._condition:
            self._times_set += 1
        super().set()

    def wait(self, timeout: float | None = None) -> bool:
        """Return whether it is set, or was while this waited."""
        end_s = None if timeout is None else clock.elapsed() + timeout
        with self._condition:
            times_set = self._times_set
            while not self.is_set() and self._times_set == times_set:
                left_s = None if end_s is None else end_s - clock.elapsed()
                if left_s is not None and left_s <= 0:
                    return False
                self._condition.wait(None if left_s is None else min(left_s, threading.TIMEOUT_MAX))
            return True


class Thread(threading.Thread):
    """A thread whose end is awaited by the clock."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, or for as long as `timeout` says."""
        end_s = None if timeout is None else clock.elapsed() + timeout
        while self.is_alive() and (end_s is None or end_s > clock.elapsed()):
            super().join(None if end_s is None else min(end_s - clock.elapsed(), LOOK_S))


class Datetime(datetime.datetime):
    """Gives Python's own objects, with the clock's time where they are asked for the present one."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        """Return the clock's time."""
        return datetime.datetime.fromtimestamp(clock.now(), tz)

    @classmethod
    def utcnow(cls) -> datetime.datetime:  # type: ignore[override]
        """Return the clock's time in UTC, without a time zone."""
        return cls.now(datetime.UTC).replace(tzinfo=None)


class _Module:
    """A module with some other attributes."""

    def __init__(self, module: object, **attributes: object) -> None:
        self._module = module
        self.__dict__.update(attributes)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._module, name)


def _now(millis: bool = False, tz: datetime.tzinfo | None = None) -> int:
    """Return the clock's time as `localstack.utils.time.now` does: in seconds or milliseconds."""
    return int(clock.now() * (1000 if millis else 1))


def _timestamp(time: Any = None, format: str = localstack_time.TIMESTAMP_FORMAT) -> str:  # noqa: ANN401
    """Return a time, by default the clock's, as `localstack.utils.time.timestamp` does."""
    return localstack_time.timestamp(time or Datetime.utcnow(), format)


_STAND_INS: list[tuple[object, object]] = [
    (time, _Module(time, time=clock.now, sleep=clock.sleep)),
    (datetime, _Module(datetime, datetime=Datetime)),
    (datetime.datetime, Datetime),
    (threading, _Module(threading, Event=Event, Thread=Thread)),
    (threading.Event, Event),
    (localstack_time.now, _now),
    (localstack_time.timestamp, _timestamp),
]


def stand_in_for(original: object) -> object:
    """Return what goes by the clock in the place of `original`; raises LookupError where there is nothing."""
    for known, stand_in in _STAND_INS:
        if known is original:
            return stand_in
    raise LookupError(f"{original} has no stand-in that follows the emulator's clock")
