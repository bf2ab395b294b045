"""The operations of DynamoDB Streams: ListStreams, DescribeStream, GetShardIterator and GetRecords.

An iterator names its stream, its shard and the sequence number to read from next; it keeps nothing alive.
AWS API reference, Amazon DynamoDB Streams.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from localstack.aws.api.dynamodbstreams import (
    ExpiredIteratorException,
    ResourceNotFoundException,
    TrimmedDataAccessException,
)

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.dynamodb.errors import ValidationError
from serverless_harness.emulator.dynamodb.models import DynamoDbMotoStore
from serverless_harness.emulator.dynamodb.store import Database
from serverless_harness.emulator.dynamodb.streams import Stream, forget_ended

LIST_MAX = 100
RECORDS_MAX = 1000
ANSWER_MAX_BYTES = 1024 * 1024
ITERATOR_VALID_S = 15 * 60
TRIMMED = "The data you are trying to access has been trimmed."
EXPIRED = "The provided iterator exceeds the maximum age allowed."
INVALID_ITERATOR = "Invalid ShardIterator"

_ARN = re.compile(r"arn:[\w-]+:dynamodb:[\w-]+:\d{12}:table/[\w.-]+/stream/\S+")


def list_streams(database: Database, store: DynamoDbMotoStore, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the streams of one table or of all, up to 100, by ARN after ExclusiveStartStreamArn."""
    _check_limit(request, LIST_MAX)
    forget_ended(store.streams)
    name = request.get("TableName")
    start = request.get("ExclusiveStartStreamArn") or ""
    if start and not _ARN.fullmatch(start):
        raise ValidationError("Invalid StreamArn")
    streams = [each for each in store.streams.values() if name in (None, each.table_name)]
    if name and not streams and name not in database.backend.tables:
        raise ResourceNotFoundException(f"Requested resource not found: Table: {name} not found")
    ordered = sorted((each for each in streams if each.arn > start), key=lambda each: each.arn)
    page = ordered[: request.get("Limit") or LIST_MAX]
    more = {"LastEvaluatedStreamArn": page[-1].arn} if len(page) < len(ordered) else {}
    described = [
        {"StreamArn": each.arn, "TableName": each.table_name, "StreamLabel": each.label} for each in page
    ]
    return {"Streams": described, **more}


def describe_stream(_: Database, store: DynamoDbMotoStore, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stream's description with its shard, if it comes after ExclusiveStartShardId."""
    _check_limit(request, LIST_MAX)
    stream = _stream(store, request["StreamArn"])
    shards = [] if request.get("ExclusiveStartShardId") else [stream.shard.describe()]
    if (shard_filter := request.get("ShardFilter")) is not None:
        if not shard_filter.get("ShardId"):
            raise ValidationError("ShardId is required in a ShardFilter of type CHILD_SHARDS")
        shards = []  # the only shard has no children
    return {"StreamDescription": {**stream.describe(), "Shards": shards}}


def get_shard_iterator(_: Database, store: DynamoDbMotoStore, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return an iterator: where GetRecords reads from, valid for 15 minutes."""
    kind = request["ShardIteratorType"]
    number = _sequence_number(request) if kind.endswith("_SEQUENCE_NUMBER") else 0
    stream = _stream(store, request["StreamArn"])
    shard = stream.shard
    if request["ShardId"] != shard.shard_id:
        raise ResourceNotFoundException(
            f"Requested resource not found: Shard: {request['ShardId']} in Stream: {stream.arn} not found"
        )
    if kind == "TRIM_HORIZON":
        number = shard.oldest_number
    elif kind == "LATEST":
        number = shard.next_number
    elif number < shard.oldest_number:
        raise TrimmedDataAccessException(TRIMMED)
    elif number > shard.next_number:
        raise ValidationError(f"Invalid SequenceNumber: {number} is beyond the shard's latest record")
    if kind == "AFTER_SEQUENCE_NUMBER":
        number += 1
    return {"ShardIterator": Iterator(stream.arn, shard.shard_id, number, clock.now()).encode()}


def _sequence_number(request: Mapping[str, Any]) -> int:
    text = request.get("SequenceNumber")
    if text is None:
        raise ValidationError(
            f"SequenceNumber is required when ShardIteratorType is {request['ShardIteratorType']}"
        )
    if not (text.isascii() and text.isdigit()):
        raise ValidationError(f"Invalid SequenceNumber: {text}")
    return int(text)


@dataclass(frozen=True, slots=True)
class Iterator:
    """A place in a shard, and when somebody asked for it, in seconds since 1970."""

    stream_arn: str
    shard_id: str
    number: int
    issued_at: float

    def encode(self) -> str:
        """Return the iterator's text, which starts with the stream's ARN as AWS's does."""
        content = json.dumps([self.shard_id, self.number, self.issued_at])
        return f"{self.stream_arn}|1|{base64.b64encode(content.encode()).decode()}"

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read an iterator's text; raise ValidationError if it isn't one of ours."""
        try:
            arn, _, content = text.split("|")
            shard_id, number, issued_at = json.loads(base64.b64decode(content, validate=True))
            return cls(arn, str(shard_id), int(number), float(issued_at))
        except (ValueError, TypeError, binascii.Error):
            raise ValidationError(INVALID_ITERATOR) from None


def get_records(_: Database, store: DynamoDbMotoStore, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return records from an iterator on, up to 1,000 or 1 MB, and where to go on.

    There is no NextShardIterator at the end of a closed shard.
    """
    _check_limit(request, RECORDS_MAX)
    iterator = Iterator.decode(request["ShardIterator"])
    stream = _stream(store, iterator.stream_arn)
    shard = stream.shard
    if iterator.shard_id != shard.shard_id or not shard.first_number <= iterator.number:
        raise ValidationError(INVALID_ITERATOR)
    if clock.now() - iterator.issued_at > ITERATOR_VALID_S:
        raise ExpiredIteratorException(EXPIRED)
    if iterator.number < shard.oldest_number:
        raise TrimmedDataAccessException(TRIMMED)
    records, number = _page(stream, iterator.number, request.get("Limit") or RECORDS_MAX)
    answer: dict[str, Any] = {"Records": records}
    if shard.last_number is None or number < shard.last_number:
        answer["NextShardIterator"] = Iterator(stream.arn, shard.shard_id, number, clock.now()).encode()
    return answer


def _page(stream: Stream, number: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Return described records, and the sequence number after them."""
    region = stream.arn.split(":")[3]
    records: list[dict[str, Any]] = []
    size_bytes = 0
    for record in stream.shard.from_number(number):
        size_bytes += record.size_bytes
        if len(records) == limit or (records and size_bytes > ANSWER_MAX_BYTES):
            break
        records.append(record.describe(region, stream.view_type))
        number = record.sequence_number + 1
    return records, number


def _check_limit(request: Mapping[str, Any], maximum: int) -> None:
    limit = request.get("Limit")
    if limit is not None and limit > maximum:
        raise ValidationError(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value less than or equal to {maximum}"
        )


def _stream(store: DynamoDbMotoStore, arn: str) -> Stream:
    """Return a stream without what is older than 24 hours."""
    if not _ARN.fullmatch(arn):
        raise ValidationError("Invalid StreamArn")
    forget_ended(store.streams)
    stream = store.streams.get(arn)
    if stream is None:
        raise ResourceNotFoundException(f"Requested resource not found: Stream: {arn} not found")
    stream.trim()
    return stream
