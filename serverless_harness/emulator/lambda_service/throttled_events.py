"""Asynchronous events that were throttled, until they are tried again: after a delay, or when there is room.

Source: Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation": they are
tried again for up to six hours, after delays that grow from one second. Here the delays are spread
(`event_retries.queue_after_backoff`), so that events don't come back all at once, and whenever an invoke of
the function ends, the event that has waited longest goes next.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from localstack.utils.objects import singleton_factory


class ThrottledEvents:
    """The events of all functions, by the function's ARN without a qualifier; thread-safe."""

    def __init__(self, call_later: Callable[[float, Callable[[], None]], None]) -> None:
        """`call_later` calls a function after as many seconds."""
        self._call_later = call_later
        self._lock = threading.RLock()
        self._waiting: dict[str, OrderedDict[object, Callable[[], None]]] = {}

    def wait(self, function_arn: str, delay_s: float, send: Callable[[], None]) -> None:
        """Call `send` once: `delay_s` seconds from now, or earlier when the function has room."""
        event = object()
        with self._lock:
            self._waiting.setdefault(function_arn, OrderedDict())[event] = send
        self._call_later(delay_s, lambda: self._send(function_arn, event))

    def has_room(self, function_arn: str) -> None:
        """Send the event that has waited longest, if there is one."""
        with self._lock:
            waiting = self._waiting.get(function_arn)
            event = next(iter(waiting)) if waiting else None
        if event is not None:
            self._send(function_arn, event)

    def waiting(self) -> list[Callable[[], None]]:
        """Return what is still to be called, of each function the longest-waiting first."""
        with self._lock:
            return [send for events in self._waiting.values() for send in events.values()]

    def forget(self) -> None:
        """Call nothing of what waits: another state has taken the place of the one that it belongs to."""
        with self._lock:
            self._waiting.clear()

    def _send(self, function_arn: str, event: object) -> None:
        with self._lock:
            waiting = self._waiting.get(function_arn, OrderedDict())
            send = waiting.pop(event, None)
            if not waiting:
                self._waiting.pop(function_arn, None)
            if send is not None:
                send()  # It takes no time; and so an event always waits or is queued.


@singleton_factory
def shared_throttled_events() -> ThrottledEvents:
    """Return those of this LocalStack process."""
    from serverless_harness.emulator.delivery.delayed_calls import shared_delayed_calls

    return ThrottledEvents(shared_delayed_calls().call_later)
