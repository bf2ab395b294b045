"""Event source mappings of DynamoDB streams: what LocalStack's poller leaves out of them.

LocalStack's stores `BisectBatchOnFunctionError`, `ParallelizationFactor` and `TumblingWindowInSeconds`
without a deed, lets no record grow old, starts over from its first record at each update and after a
snapshot, and never ends a batch that it retries without bound. `stream_batches` carries out one batch; here
are reading, filters, batches and their order.

AWS Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB".
"""

import logging
import threading
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from botocore.exceptions import ClientError
from localstack.services.lambda_.event_source_mapping.pollers.dynamodb_poller import DynamoDBPoller
from localstack.services.lambda_.event_source_mapping.pollers.poller import EmptyPollResultsException

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.lambda_service.stream_batches import BatchDelivery, Event, Settings
from serverless_harness.emulator.lambda_service.stream_windows import Windows

LOG = logging.getLogger(__name__)

RECORDS_MAX = 1000
OUTDATED = ("ExpiredIteratorException", "TrimmedDataAccessException")


class StreamMappingPoller(DynamoDBPoller):
    """Reads a stream's only shard and has its batches delivered, in order for each key of the table."""

    source_arn: str
    source_client: Any
    processor: Any

    def follow(
        self, mapping: Mapping[str, Any], stopped: threading.Event, stored: Callable[[], dict[str, Any]]
    ) -> None:
        """Take a mapping's settings; `stored` returns where it is kept, and its checkpoint with it."""
        self._settings = Settings.of(mapping)
        self._stopped = stopped
        self._stored = stored
        self._iterator: str | None = None
        self._shard_id = ""
        self._pending: list[Event] = []
        self._pending_since = 0.0
        self._next_number: int | None = None
        self._windows = Windows(self._settings.window_s, self.source_arn, stored)
        self._delivery = BatchDelivery(self._settings, stopped, self._send, self._discard)

    def poll_events(self) -> None:
        """Deliver all that can be read now, or raise EmptyPollResultsException without a shard to read."""
        if self._iterator is None and not self._start():
            raise EmptyPollResultsException(service=self.event_source(), source_arn=self.source_arn)
        while not self._stopped.is_set():
            records = self._read()
            self._take(records)
            if self._is_due():
                self._flush()
            if not records:
                self._close_window()
                return

    def _start(self) -> bool:
        """Find the place to go on from: the checkpoint, or StartingPosition the first time."""
        description = self.source_client.describe_stream(StreamArn=self.source_arn)["StreamDescription"]
        shards = description["Shards"]
        if not shards:
            return False
        self._shard_id = shards[0]["ShardId"]
        wanted = {"StreamArn": self.source_arn, "ShardId": self._shard_id}
        checkpoint = self._stored().get("StreamCheckpoint")
        kind = {"ShardIteratorType": self.stream_parameters["StartingPosition"]}
        if checkpoint:
            kind = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": checkpoint}
        try:
            answer = self.source_client.get_shard_iterator(**wanted, **kind)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TrimmedDataAccessException":
                raise
            answer = self.source_client.get_shard_iterator(**wanted, ShardIteratorType="TRIM_HORIZON")
        self._iterator = answer["ShardIterator"]
        self._pending = []
        return True

    def _read(self) -> list[dict[str, Any]]:
        if self._iterator is None:
            return []
        limit = min(self._settings.batch_size, RECORDS_MAX)
        try:
            answer = self.source_client.get_records(ShardIterator=self._iterator, Limit=limit)
        except ClientError as error:
            if error.response["Error"]["Code"] not in (
                "ExpiredIteratorException",
                "TrimmedDataAccessException",
            ):
                raise
            LOG.info("%s is read again from its last checkpoint: %s", self.source_arn, error)
            self._iterator = None
            self._start()
            return []
        self._iterator = answer.get("NextShardIterator")
        return cast(list[dict[str, Any]], answer["Records"])

    def _take(self, records: list[dict[str, Any]]) -> None:
        """Keep the records that pass the filters for the next batch; the others are done with."""
        events = self.add_source_metadata(
            self.filter_events(self.transform_into_events(records, self._shard_id))
        )
        if events and not self._pending:
            self._pending_since = clock.elapsed()
        self._pending += events
        if records:
            self._next_number = int(records[-1]["dynamodb"]["SequenceNumber"]) + 1
        if not self._pending:
            self._save_checkpoint()

    def _is_due(self) -> bool:
        if not self._pending:
            return False
        waited_s = clock.elapsed() - self._pending_since
        return (
            len(self._pending) >= self._settings.batch_size
            or waited_s >= self._settings.batching_window_s
            or self._iterator is None
        )

    def _flush(self) -> None:
        """Deliver what is kept, in as many lanes at once as the mapping has."""
        events, self._pending = self._pending, []
        lanes: dict[int, list[Event]] = {}
        for event in events:
            key = repr(sorted(event["dynamodb"]["Keys"].items(), key=lambda entry: entry[0])).encode()
            lanes.setdefault(zlib.crc32(key) % self._settings.lanes, []).append(event)
        if len(lanes) == 1:
            self._deliver(events)
        else:
            with ThreadPoolExecutor(len(lanes)) as executor:
                for future in [executor.submit(self._deliver, lane) for lane in lanes.values()]:
                    future.result()
        if not self._stopped.is_set():
            self._save_checkpoint()

    def _deliver(self, events: list[Event]) -> None:
        size = self._settings.batch_size
        for start in range(0, len(events), size):
            for batch in self._windows.split(events[start : start + size], self._final):
                self._delivery.deliver(batch)

    def _save_checkpoint(self) -> None:
        if self._next_number is not None:
            self._stored()["StreamCheckpoint"] = str(self._next_number)

    def _close_window(self) -> None:
        self._windows.close_if_over(self._final)

    def _final(self) -> None:
        """Invoke the function for the end of a tumbling window."""
        self._delivery.deliver([])

    def _send(self, events: list[Event]) -> None:
        """Invoke the function with a batch; raise what LocalStack's sender raises."""
        sender = self.processor.sender
        if not self._settings.window_s:
            sender.send_events(events)
            return
        sender.payload_dict = False  # the document is whole
        answer = sender.send_events(self._windows.document(events, self._shard_id))
        self._windows.keep_state(answer)

    def _discard(self, events: list[Event], condition: str, error: dict[str, Any], invokes: int) -> None:
        """Send the metadata of a batch that is given up to the on-failure destination."""
        request = {
            "requestId": error.get("requestId"),
            "functionArn": self.processor.sender.target_arn,
            "condition": condition,
            "approximateInvokeCount": invokes,
        }
        context: dict[str, Any] = {"requestContext": request}
        if error:
            context["responseContext"] = {
                "statusCode": error.get("httpStatusCode"),
                "executedVersion": error.get("executedVersion"),
                "functionError": error.get("functionError"),
            }
        if events:
            self.send_events_to_dlq(self._shard_id, events, context)

    def transform_into_events(self, records: list[dict[str, Any]], shard_id: str) -> list[Event]:
        """Return the records as functions get them, the service's identity among them."""
        events = super().transform_into_events(records, shard_id)
        for event, record in zip(events, records, strict=True):
            if identity := record.get("userIdentity"):
                event["userIdentity"] = {"principalId": identity["PrincipalId"], "type": identity["Type"]}
        return cast(list[Event], events)

    def get_approximate_arrival_time(self, record: Event) -> float:
        """Return when a record was created, in seconds since 1970."""
        return float(record["dynamodb"]["ApproximateCreationDateTime"])
