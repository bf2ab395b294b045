"""The queues of asynchronous events, one for each function version: none is lost, and none is run twice."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class Consumer:
    """What takes a queue's events: `start_thread` has one of its `idle` threads `take` some."""

    start_thread: Callable[[], object]
    idle: int
    has_left: bool = False


class EventQueue:
    """The events of a version that aren't handled yet, as LocalStack's messages hold them; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[str] = deque()
        self._in_hand: dict[object, str] = {}
        self._consumer: Consumer | None = None

    def bodies(self) -> list[str]:
        """Return the events that are being handled, and then those that wait, each the oldest first."""
        with self._lock:
            return [*self._in_hand.values(), *self._waiting]

    def put(self, body: str) -> None:
        """Add an event, and have a thread take it if one is idle."""
        with self._lock:
            self._waiting.append(body)
            self._start_threads()

    def consume(self, consumer: Consumer) -> None:
        """Have `consumer` take the events from now on, unless it has left already."""
        with self._lock:
            if not consumer.has_left:
                self._consumer = consumer
                self._start_threads()

    def leave(self, consumer: Consumer) -> None:
        """Have `consumer` take no more events: those that wait are the next one's."""
        with self._lock:
            consumer.has_left = True
            if self._consumer is consumer:
                self._consumer = None

    def take(self, consumer: Consumer) -> tuple[object, str] | None:
        """Return the oldest event with its handle; None if the thread that asks has to end."""
        with self._lock:
            if consumer is not self._consumer or not self._waiting:
                consumer.idle += 1
                return None
            handle = object()
            body = self._in_hand[handle] = self._waiting.popleft()
            return handle, body

    def done(self, handle: object) -> None:
        """Forget an event that was handled."""
        with self._lock:
            del self._in_hand[handle]

    def _start_threads(self) -> None:
        if (consumer := self._consumer) is None:
            return
        for _ in range(min(consumer.idle, len(self._waiting))):
            consumer.idle -= 1
            consumer.start_thread()


class EventQueues:
    """All queues, by name."""

    def __init__(self) -> None:
        self._queues: dict[str, EventQueue] = {}

    def create(self, name: str) -> None:
        """Create a queue, unless it is there: an update keeps that of its version."""
        self._queues.setdefault(name, EventQueue())

    def get(self, name: str) -> EventQueue:
        """Return a queue; raises LookupError if it was deleted."""
        return self._queues[name]

    def delete(self, name: str) -> None:
        """Delete a queue, and the events that wait in it."""
        self._queues.pop(name, None)


EVENT_QUEUES = EventQueues()
"""Those of this LocalStack process."""
