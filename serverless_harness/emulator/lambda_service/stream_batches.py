"""One batch of a stream's records: retries, bisection, the checkpoint that a function reports, and giving up.

AWS Lambda developer guide, "Configuring partial batch response with DynamoDB and Lambda", "Retain discarded
batches"; API reference, CreateEventSourceMapping.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from botocore.exceptions import ClientError
from localstack.services.lambda_.event_source_mapping.pollers.poller import get_batch_item_failures
from localstack.services.lambda_.event_source_mapping.senders.sender import (
    PartialFailureSenderError,
    SenderError,
)

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.delivery.delayed_calls import scaled_s

LOG = logging.getLogger(__name__)

Event = dict[str, Any]
"""A record in the form in which a function gets it."""
RETRY_DELAYS_S = (1, 2, 4, 8, 16, 32, 60)
"""Before the first retry, the second, …: the last before all that follow."""
FOREVER = -1


@dataclass(frozen=True, slots=True)
class Settings:
    """What a mapping sets."""

    batch_size: int
    batching_window_s: float
    bisects: bool
    lanes: int
    """How many batches of a shard are processed at once."""
    retries_max: int
    """-1: until the records are too old."""
    record_age_max_s: int
    """-1: as long as the stream keeps them."""
    window_s: int
    """The length of a tumbling window; 0: none."""

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> Self:
        """Read a mapping; with tumbling windows it has one lane: their state goes from batch to batch."""
        window_s = mapping.get("TumblingWindowInSeconds") or 0
        return cls(
            batch_size=mapping.get("BatchSize") or 100,
            batching_window_s=mapping.get("MaximumBatchingWindowInSeconds") or 0,
            bisects=bool(mapping.get("BisectBatchOnFunctionError")),
            lanes=1 if window_s else mapping.get("ParallelizationFactor") or 1,
            retries_max=mapping.get("MaximumRetryAttempts", FOREVER),
            record_age_max_s=mapping.get("MaximumRecordAgeInSeconds", FOREVER),
            window_s=window_s,
        )


@dataclass(slots=True)
class _Batch:
    events: list[Event]
    retries: int = 0
    invokes: int = 0


class BatchDelivery:
    """Delivers batches one after the other, each to its end."""

    def __init__(
        self,
        settings: Settings,
        stopped: threading.Event,
        send: Callable[[list[Event]], None],
        discard: Callable[[list[Event], str, dict[str, Any], int], None],
    ) -> None:
        """`send` invokes the function; `discard` gets events, condition, last error, number of invokes."""
        self._settings = settings
        self._stopped = stopped
        self._send = send
        self._discard = discard

    def deliver(self, events: list[Event]) -> None:
        """Return when each event was processed or discarded, or the mapping was stopped."""
        batches = [_Batch(events)]
        while batches and not self._stopped.is_set():
            batch = batches.pop()
            self._discard_aged(batch)
            if batch.events or not events:
                batches += self._attempt(batch)

    def _discard_aged(self, batch: _Batch) -> None:
        age_max_s = self._settings.record_age_max_s
        if age_max_s == FOREVER:
            return
        oldest = clock.now() - age_max_s
        aged = [each for each in batch.events if _created_at(each) < oldest]
        if aged:
            self._discard(aged, "RecordAgeExceeded", {}, batch.invokes)
            batch.events = [each for each in batch.events if _created_at(each) >= oldest]

    def _attempt(self, batch: _Batch) -> list[_Batch]:
        """Invoke the function; return what is to be tried next, the last first."""
        try:
            self._send(batch.events)
        except PartialFailureSenderError as failure:
            return self._reported(batch, failure)
        except SenderError as failure:
            batch.invokes += 1
            return self._failed(batch, failure.error or {})
        except ClientError as failure:
            # A throttle, or a function that is no more: no invoke, so no retry is used up.
            LOG.info("a batch of a stream can't be sent to its function: %s", failure)
            self._wait(batch.retries)
            return [batch]
        return []

    def _reported(self, batch: _Batch, failure: PartialFailureSenderError) -> list[_Batch]:
        """Go on from the first item that the function reports as failed; from none, all have failed."""
        batch.invokes += 1
        numbers = [_number(event) for event in batch.events]
        failed = get_batch_item_failures(failure.partial_failure_payload, set(numbers))
        if failed:
            start = numbers.index(min(failed, key=int))
            if start > 0 or not self._settings.bisects:
                rest = _Batch(batch.events[start:], 0 if start > 0 else batch.retries, batch.invokes)
                return self._retried(rest, failure.error or {})
        return self._failed(batch, failure.error or {})

    def _failed(self, batch: _Batch, error: dict[str, Any]) -> list[_Batch]:
        count = len(batch.events)
        if self._settings.bisects and count > 1 and self._settings.retries_max != 0:
            # Splitting a batch uses up no retry.
            middle = (count + 1) // 2
            self._wait(0)
            halves = batch.events[:middle], batch.events[middle:]
            return [_Batch(half, batch.retries, batch.invokes) for half in reversed(halves)]
        return self._retried(batch, error)

    def _retried(self, batch: _Batch, error: dict[str, Any]) -> list[_Batch]:
        if self._settings.retries_max != FOREVER and batch.retries >= self._settings.retries_max:
            self._discard(batch.events, "RetryAttemptsExhausted", error, batch.invokes)
            return []
        self._wait(batch.retries)
        batch.retries += 1
        return [batch]

    def _wait(self, retries: int) -> None:
        delay_s = RETRY_DELAYS_S[min(retries, len(RETRY_DELAYS_S) - 1)]
        clock.sleep(scaled_s(delay_s), self._stopped)


def _created_at(event: Event) -> float:
    return float(event["dynamodb"]["ApproximateCreationDateTime"])


def _number(event: Event) -> str:
    return str(event["dynamodb"]["SequenceNumber"])
