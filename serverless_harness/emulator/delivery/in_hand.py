"""Counts the work that a service has accepted and goes on with in the background.

A caller has its answer by then, so such work is part of the emulator's state, but in threads, where nobody
can save it: `snapshots.gate` waits until there is none.
"""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from localstack.services.sns.executor import TopicPartitionedThreadPoolExecutor

from serverless_harness.emulator.tracing.spans import carried


class InHand:
    """How many pieces of accepted work have not been done yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._ended = 0

    @property
    def count(self) -> int:
        """The number of pieces."""
        return self._count

    @property
    def ended(self) -> int:
        """How many have been done so far."""
        return self._ended

    def take(self) -> None:
        """Count one more."""
        with self._lock:
            self._count += 1

    def done(self, _: object = None) -> None:
        """Count one less."""
        with self._lock:
            self._count -= 1
            self._ended += 1

    def counted[**P, T](self, function: Callable[P, T]) -> Callable[P, T]:
        """Count one more, until what is returned has been called, once, and has ended."""
        traced = carried(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return traced(*args, **kwargs)
            finally:
                self.done()

        self.take()
        return call


IN_HAND = InHand()
"""The one of this LocalStack process."""


class CountedPool(ThreadPoolExecutor):
    """A pool whose tasks are in hand from their submission to their end."""

    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Submit a task."""
        IN_HAND.take()
        try:
            future = super().submit(carried(fn), *args, **kwargs)
        except BaseException:
            IN_HAND.done()
            raise
        future.add_done_callback(IN_HAND.done)
        return future


class CountedTopicPool(TopicPartitionedThreadPoolExecutor):
    """SNS's pool of FIFO topics, whose tasks are in hand from their submission to their end."""

    def submit(self, fn: Callable[..., object], topic: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Submit a task of a topic."""
        super().submit(IN_HAND.counted(fn), topic, *args, **kwargs)
