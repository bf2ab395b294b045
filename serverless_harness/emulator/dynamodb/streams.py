"""Streams of tables: a record of each change, kept for 24 hours, read in order from one shard.

A stream has one shard, which stays open as long as the stream is enabled: AWS's roll over every few hours
and split with the table's load. Stream records share the items' attributes, which never change in place.

AWS developer guide, "Change data capture for DynamoDB Streams"; API reference, StreamDescription, Record.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.dynamodb.models.table import Table

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.dynamodb.errors import Attributes
from serverless_harness.emulator.dynamodb.keys import key_names
from serverless_harness.emulator.dynamodb.values import item_size_bytes

RETENTION_S = 24 * 60 * 60
EXPIRY_IDENTITY = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One change of one item; an image is None where there is no item, or the view has none."""

    sequence_number: int
    created_at: float
    """Seconds since 1970."""
    event_id: str
    event_name: str
    keys: Attributes
    old_image: Attributes | None
    new_image: Attributes | None
    by_expiry: bool

    @property
    def size_bytes(self) -> int:
        """The size that AWS gives: of the keys and of the images that the view has."""
        parts = (self.keys, self.old_image, self.new_image)
        return sum(item_size_bytes(part) for part in parts if part)

    def describe(self, region: str, view_type: str) -> dict[str, Any]:
        """Return the Record of the API."""
        change: dict[str, Any] = {
            "ApproximateCreationDateTime": datetime.fromtimestamp(int(self.created_at), tz=UTC),
            "Keys": self.keys,
            "SequenceNumber": str(self.sequence_number),
            "SizeBytes": self.size_bytes,
            "StreamViewType": view_type,
        }
        if self.new_image is not None:
            change["NewImage"] = self.new_image
        if self.old_image is not None:
            change["OldImage"] = self.old_image
        identity = {"userIdentity": EXPIRY_IDENTITY} if self.by_expiry else {}
        return {
            "eventID": self.event_id,
            "eventName": self.event_name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": region,
            "dynamodb": change,
            **identity,
        }


@dataclass(slots=True)
class Shard:
    """The records of a stream that are not trimmed yet, oldest first."""

    shard_id: str
    first_number: int
    next_number: int
    last_number: int | None = None
    """None as long as the shard is open."""
    records: list[StreamRecord] = field(default_factory=list)
    trimmed_count: int = 0

    @property
    def oldest_number(self) -> int:
        """The lowest sequence number that can still be read from."""
        return self.first_number + self.trimmed_count

    def from_number(self, number: int) -> Iterator[StreamRecord]:
        """Yield the records from a sequence number on; numbers have no gaps."""
        for index in range(number - self.oldest_number, len(self.records)):
            yield self.records[index]

    def trim(self, before: float) -> None:
        """Drop the records that were created before a time, in seconds since 1970."""
        count = 0
        while count < len(self.records) and self.records[count].created_at < before:
            count += 1
        if count:
            del self.records[:count]
            self.trimmed_count += count

    def describe(self) -> dict[str, Any]:
        """Return the Shard of the API."""
        numbers = {"StartingSequenceNumber": str(self.first_number)}
        if self.last_number is not None:
            numbers["EndingSequenceNumber"] = str(self.last_number)
        return {"ShardId": self.shard_id, "SequenceNumberRange": numbers}


@dataclass(slots=True)
class Stream:
    """A table's stream, or what is left of one for 24 hours after it was disabled."""

    arn: str
    label: str
    table_name: str
    view_type: str
    key_schema: list[dict[str, str]]
    created_at: float
    """Seconds since 1970."""
    key_names: tuple[str, ...]
    shard: Shard
    disabled_at: float | None = None

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    def record(self, old: Attributes | None, new: Attributes | None, *, by_expiry: bool = False) -> None:
        """Note that `new` took the place of `old`, unless they are equal; None is no item."""
        item = new if new is not None else old
        if item is None or old == new:
            return
        now, shard = clock.now(), self.shard
        if shard.records and shard.records[0].created_at < now - RETENTION_S:
            shard.trim(now - RETENTION_S)
        shard.records.append(
            StreamRecord(
                sequence_number=shard.next_number,
                created_at=now,
                event_id=uuid.uuid4().hex,
                event_name="INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
                keys={name: item[name] for name in self.key_names},
                old_image=old if self.view_type in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES") else None,
                new_image=new if self.view_type in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES") else None,
                by_expiry=by_expiry,
            )
        )
        shard.next_number += 1

    def trim(self) -> None:
        """Drop the records that are older than 24 hours."""
        self.shard.trim(clock.now() - RETENTION_S)

    def disable(self) -> None:
        """Close the shard for good."""
        self.disabled_at = clock.now()
        self.shard.last_number = self.shard.next_number
        self.shard.next_number += 1

    def describe(self) -> dict[str, Any]:
        """Return the StreamDescription of the API, without its shards."""
        return {
            "StreamArn": self.arn,
            "StreamLabel": self.label,
            "StreamStatus": "ENABLED" if self.is_enabled else "DISABLED",
            "StreamViewType": self.view_type,
            "CreationRequestDateTime": datetime.fromtimestamp(self.created_at, tz=UTC),
            "TableName": self.table_name,
            "KeySchema": self.key_schema,
        }


Streams = dict[str, Stream]
"""Streams by ARN, in the order of their creation: the enabled ones, and others for 24 hours."""


def create_stream(streams: Streams, table: Table, view_type: str) -> Stream:
    """Enable a new stream on a table that has none enabled."""
    created_at_ms = int(clock.now() * 1000)
    while (arn := f"{table.table_arn}/stream/{_label(created_at_ms)}") in streams:
        created_at_ms += 1
    # 21 digits, as in AWS; higher than all of the streams that the table had before.
    first_number = created_at_ms * 10**8
    streams[arn] = Stream(
        arn=arn,
        label=_label(created_at_ms),
        table_name=table.name,
        view_type=view_type,
        key_schema=table.schema,
        created_at=created_at_ms / 1000,
        key_names=key_names(table),
        shard=Shard(f"shardId-{created_at_ms:020}-{uuid.uuid4().hex[:8]}", first_number, first_number),
    )
    return streams[arn]


def _label(created_at_ms: int) -> str:
    created_at = datetime.fromtimestamp(created_at_ms / 1000, tz=UTC)
    return created_at.replace(tzinfo=None).isoformat(timespec="milliseconds")


def forget_ended(streams: Streams) -> None:
    """Forget the streams that were disabled more than 24 hours ago."""
    horizon = clock.now() - RETENTION_S
    for arn in [a for a, each in streams.items() if each.disabled_at and each.disabled_at < horizon]:
        del streams[arn]
