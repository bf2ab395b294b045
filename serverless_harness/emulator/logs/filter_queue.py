"""Takes what was written to log groups on to their filters, apart from the call that wrote it.

One thread evaluates the filters; each destination's deliveries follow one another on a small pool of
threads, so that a slow one holds up neither the writers nor the others. What can't be delivered for the
moment is tried again, for a day, as AWS does; what is refused is lost, and logged as an error. At most 64
MB of events wait.
"""

import functools
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from localstack.aws.connect import connect_to
from moto.logs.models import LogEvent

from serverless_harness.emulator.delivery import dead_letters
from serverless_harness.emulator.delivery.in_hand import IN_HAND
from serverless_harness.emulator.logs.metric_filters import Datum, MetricFilter
from serverless_harness.emulator.logs.patterns import FilterPattern
from serverless_harness.emulator.logs.subscriptions import Destination, Source, data_messages

LOG = logging.getLogger(__name__)

MAX_WAITING_BYTES = 64 * 1024 * 1024
THREADS = 4
MIN_DELAY_S, MAX_DELAY_S, DAY_S = 1.0, 60.0, 24 * 60 * 60


def retry_delay_s(retry: int) -> float | None:
    """Return the delay before the `retry`-th retry (from 1): doubled each time up to a minute, for a day."""
    delay_s = min(MIN_DELAY_S * 2 ** min(retry - 1, 10), MAX_DELAY_S)
    return delay_s if retry * delay_s < DAY_S else None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription filter at work."""

    name: str
    pattern: FilterPattern
    destination: Destination


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one stream, and the filters that their group had when they were written."""

    source: Source
    events: Sequence[LogEvent]
    metric_filters: Sequence[MetricFilter]
    subscriptions: Sequence[Subscription]

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return sum(len(event.message) for event in self.events)


def put_metric_data(source: Source, data: Sequence[Datum]) -> None:
    """Give metric data to CloudWatch."""
    clients: Any = connect_to(aws_access_key_id=source.account_id, region_name=source.region)
    for datum in data:
        clients.cloudwatch.put_metric_data(Namespace=datum.namespace, MetricData=list(datum.to_metric_data()))


class Forwarder:
    """Evaluates the filters of batches, one after the other, and delivers what matches."""

    def __init__(
        self, put_data: Callable[[Source, Sequence[Datum]], None] = put_metric_data, threads: int = THREADS
    ) -> None:
        self._put_data = put_data
        self._changed = threading.Condition()
        self._waiting: deque[Batch] = deque()
        self._waiting_bytes = 0
        self._busy = 0
        self._thread: threading.Thread | None = None
        self._lines: dict[str, deque[Callable[[], None]]] = {}
        """The deliveries that wait for each destination; one that is in it is being served."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="log-subscriptions")

    def accept(self, batch: Batch) -> None:
        """Take a batch; returns at once."""
        size_bytes = batch.size_bytes
        with self._changed:
            if self._waiting_bytes + size_bytes > MAX_WAITING_BYTES:
                LOG.error(
                    "The filters of %s missed %d log events, as more than %d bytes were waiting for them",
                    batch.source.group,
                    len(batch.events),
                    MAX_WAITING_BYTES,
                )
                return
            IN_HAND.take()
            self._waiting.append(batch)
            self._waiting_bytes += size_bytes
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-filters", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until all is delivered or to be tried again; False when `timeout_s` passed first."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._busy or self._lines), timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                batch = self._waiting.popleft()
                self._busy += 1
            try:
                self._forward(batch)
            except Exception:
                LOG.exception("The filters of %s can't be applied", batch.source.group)
            with self._changed:
                self._waiting_bytes -= batch.size_bytes
                self._busy -= 1
                self._changed.notify_all()
            IN_HAND.done()

    def _forward(self, batch: Batch) -> None:
        data = [datum for each in batch.metric_filters for datum in each.data(batch.events)]
        if data:
            try:
                self._put_data(batch.source, data)
            except Exception as error:  # noqa: BLE001 (the subscriptions are served all the same)
                LOG.error("The metric data of %s are lost: %s", batch.source.group, error)
        for each in batch.subscriptions:
            for message in data_messages(batch.source, each.name, each.pattern, batch.events):
                letter = functools.partial(each.destination.send, message)
                of, to = f"{batch.source.group} ({len(message['logEvents'])})", each.destination.arn
                send = functools.partial(dead_letters.send, letter, of, to, retry_delay_s, "log events")
                self._enqueue(to, send)

    def _enqueue(self, destination_arn: str, delivery: Callable[[], None]) -> None:
        delivery = IN_HAND.counted(delivery)
        with self._changed:
            line = self._lines.get(destination_arn)
            if line is not None:
                line.append(delivery)
                return
            self._lines[destination_arn] = deque((delivery,))
        self._pool.submit(self._serve, destination_arn)

    def _serve(self, destination_arn: str) -> None:
        while True:
            with self._changed:
                line = self._lines[destination_arn]
                if not line:
                    del self._lines[destination_arn]
                    self._changed.notify_all()
                    return
                delivery = line.popleft()
            try:
                delivery()
            except Exception:
                LOG.exception("Log events for %s can't be delivered", destination_arn)
