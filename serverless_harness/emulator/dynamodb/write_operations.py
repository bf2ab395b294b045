"""PutItem, UpdateItem, DeleteItem and BatchWriteItem.

AWS API reference of these operations. Each write of a batch is one of its own: a batch isn't a
transaction.
"""

from collections.abc import Mapping
from typing import Any

from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.capacity import Meter, collection_metrics
from serverless_harness.emulator.dynamodb.errors import (
    DUPLICATE_KEYS,
    KEY_MISMATCH,
    Attributes,
    ValidationError,
)
from serverless_harness.emulator.dynamodb.keys import attribute_type, key_names
from serverless_harness.emulator.dynamodb.single_writes import (
    Delete,
    Put,
    Update,
    Write,
    perform,
    returned_attributes,
)
from serverless_harness.emulator.dynamodb.store import Database, ItemKey
from serverless_harness.emulator.dynamodb.values import member_count_message, value_type

REQUESTS_MAX = 25


def put_item(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Put an item; answer the one that it replaced if ReturnValues is ALL_OLD."""
    return _write_item(database, Put.from_request(request), request)


def delete_item(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Delete an item; answer it if ReturnValues is ALL_OLD."""
    return _write_item(database, Delete.from_request(request), request)


def update_item(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Update an item; answer what ReturnValues asks for."""
    return _write_item(database, Update.from_request(request), request)


def _write_item(database: Database, write: Write, request: Mapping[str, Any]) -> dict[str, Any]:
    meter = Meter(request.get("ReturnConsumedCapacity"))
    with database.lock:
        table = database.table(write.table_name)
        outcome = perform(write, table)
        meter.add_write(table, outcome.old, outcome.new)
    answer = returned_attributes(write, outcome, request.get("ReturnValues"))
    if request.get("ReturnItemCollectionMetrics") == "SIZE" and table.indexes:
        (answer["ItemCollectionMetrics"],) = collection_metrics(table, [write.attributes])
    return {**answer, **meter.one()}


def batch_write_item(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Put and delete up to 25 items of one or more tables; nothing is ever left unprocessed here."""
    writes = _read_requests(request["RequestItems"])
    meter = Meter(request.get("ReturnConsumedCapacity"))
    written: dict[str, list[Attributes]] = {}
    with database.lock:
        tables = [database.table(write.table_name) for write in writes]
        keys = [_locate(write, table) for write, table in zip(writes, tables, strict=True)]
        if len({(t.name, k.hash, k.range) for t, k in zip(tables, keys, strict=True)}) != len(keys):
            raise ValidationError(DUPLICATE_KEYS)
    for write, table in zip(writes, tables, strict=True):
        with database.lock:
            outcome = perform(write, table)
            meter.add_write(table, outcome.old, outcome.new)
        written.setdefault(table.name, []).append(write.attributes)
    answer: dict[str, Any] = {"UnprocessedItems": {}, **meter.several()}
    if request.get("ReturnItemCollectionMetrics") == "SIZE":
        by_name = {table.name: table for table in tables}
        metrics = {name: collection_metrics(by_name[name], items) for name, items in written.items()}
        answer["ItemCollectionMetrics"] = {name: entries for name, entries in metrics.items() if entries}
    return answer


def _read_requests(items: Mapping[str, list[Mapping[str, Any]]]) -> list[Write]:
    if sum(len(entries) for entries in items.values()) > REQUESTS_MAX:
        raise ValidationError("Too many items requested for the BatchWriteItem call")
    return [_read_request(name, entry) for name, entries in items.items() for entry in entries]


def _read_request(table_name: str, entry: Mapping[str, Any]) -> Write:
    if len(entry) != 1:
        raise ValidationError(member_count_message(entry))
    if put := entry.get("PutRequest"):
        return Put.from_request({**put, "TableName": table_name})
    return Delete.from_request({**entry["DeleteRequest"], "TableName": table_name})


def _locate(write: Write, table: Table) -> ItemKey:
    """Return the key of a batch's write; a batch names no details of what is wrong with a key."""
    names = key_names(table)
    values = [write.attributes.get(name) for name in names]
    for name, value in zip(names, values, strict=True):
        if value is None or value_type(value) != attribute_type(table, name):
            raise ValidationError(KEY_MISMATCH)
    return write.locate(table)
