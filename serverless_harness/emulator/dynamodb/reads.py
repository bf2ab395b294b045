"""GetItem and BatchGetItem.

AWS API reference, GetItem and BatchGetItem.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.capacity import Meter, read_units
from serverless_harness.emulator.dynamodb.errors import DUPLICATE_KEYS, Attributes, ValidationError
from serverless_harness.emulator.dynamodb.expression_evaluation import ResolvedPath
from serverless_harness.emulator.dynamodb.legacy import read_attributes_to_get
from serverless_harness.emulator.dynamodb.projections import project
from serverless_harness.emulator.dynamodb.request_expressions import read_expressions
from serverless_harness.emulator.dynamodb.store import Database, ItemKey, get, locate
from serverless_harness.emulator.dynamodb.values import canonical_attributes, item_size_bytes

KEYS_MAX = 100
ANSWER_MAX_BYTES = 16 * 1024 * 1024


def _paths(request: Mapping[str, Any]) -> list[ResolvedPath] | None:
    expressions = read_expressions(request, ("ProjectionExpression",), ("AttributesToGet",))
    return expressions.projection() or read_attributes_to_get(request)


def get_item(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return one item; without it, the answer has no Item."""
    paths = _paths(request)
    key = canonical_attributes(request["Key"])
    with database.lock:
        table = database.table(request["TableName"])
        item = get(table, locate(table, key))
    meter = Meter(request.get("ReturnConsumedCapacity"))
    if meter.level:
        meter.add_read(table, _units(item, request))
    if item is None:
        return meter.one()
    return {"Item": project(item, paths) if paths else item, **meter.one()}


def _units(item: Attributes | None, request: Mapping[str, Any]) -> float:
    size_bytes = item_size_bytes(item) if item else 0
    return read_units(size_bytes, consistent=bool(request.get("ConsistentRead")))


@dataclass(frozen=True, slots=True)
class _TableRead:
    """What a batch reads of one table."""

    table_name: str
    request: Mapping[str, Any]
    keys: Sequence[Attributes]
    paths: Sequence[ResolvedPath] | None


def batch_get_item(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return several items of one or more tables, up to 16 MB; the rest is in UnprocessedKeys."""
    reads = _read_requests(request["RequestItems"])
    meter = Meter(request.get("ReturnConsumedCapacity"))
    responses: dict[str, list[Attributes]] = {}
    unprocessed: dict[str, dict[str, Any]] = {}
    size_bytes = 0
    with database.lock:
        located = [(read, *_located_keys(database, read)) for read in reads]
        for read, table, keys in located:
            found = responses.setdefault(read.table_name, [])
            for key, item in zip(read.keys, [get(table, key) for key in keys], strict=True):
                size_bytes += item_size_bytes(item) if item else 0
                if size_bytes > ANSWER_MAX_BYTES:
                    rest = unprocessed.setdefault(read.table_name, {**read.request, "Keys": []})
                    rest["Keys"].append(key)
                    continue
                meter.add_read(table, _units(item, read.request))
                if item is not None:
                    found.append(project(item, read.paths) if read.paths else item)
    return {"Responses": responses, "UnprocessedKeys": unprocessed, **meter.several()}


def _read_requests(items: Mapping[str, Mapping[str, Any]]) -> list[_TableRead]:
    if sum(len(entry["Keys"]) for entry in items.values()) > KEYS_MAX:
        raise ValidationError("Too many items requested for the BatchGetItem call")
    return [
        _TableRead(name, entry, [canonical_attributes(key) for key in entry["Keys"]], _paths(entry))
        for name, entry in items.items()
    ]


def _located_keys(database: Database, read: _TableRead) -> tuple[Table, list[ItemKey]]:
    table = database.table(read.table_name)
    keys = [locate(table, key) for key in read.keys]
    if len({(key.hash, key.range) for key in keys}) != len(keys):
        raise ValidationError(DUPLICATE_KEYS)
    return table, keys
