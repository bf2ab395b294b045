"""Query and Scan: which items, in which order, up to which page's end.

AWS API reference, Query and Scan; developer guide, "Paginating table query results".
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models.table import GlobalSecondaryIndex, SecondaryIndex, Table

from serverless_harness.emulator.dynamodb.capacity import Meter, read_units
from serverless_harness.emulator.dynamodb.documents import project
from serverless_harness.emulator.dynamodb.errors import (
    INVALID_VALUES,
    KEY_MISMATCH,
    Attributes,
    SchemaError,
    ValidationError,
)
from serverless_harness.emulator.dynamodb.expression_tree import Path, ResolvedPath
from serverless_harness.emulator.dynamodb.expressions import BoundCondition, Expressions, read_expressions
from serverless_harness.emulator.dynamodb.key_conditions import KeyCondition, read_key_condition
from serverless_harness.emulator.dynamodb.keys import attribute_type, in_index, index_projection, key_names
from serverless_harness.emulator.dynamodb.legacy import (
    check_key_conditions,
    read_attributes_to_get,
    read_conditions,
)
from serverless_harness.emulator.dynamodb.store import Database, StoredItem, all_items, partition
from serverless_harness.emulator.dynamodb.values import (
    AttributeValue,
    canonical_attributes,
    item_size_bytes,
    sort_key,
    to_json,
    value_type,
)

PAGE_MAX_BYTES = 1024 * 1024
QUERY_LEGACY = ("KeyConditions", "QueryFilter", "ConditionalOperator", "AttributesToGet")
SCAN_LEGACY = ("ScanFilter", "ConditionalOperator", "AttributesToGet")

Position = tuple[Any, ...]
"""Where an item stands in the order of a query or scan; positions of one of them compare."""


@dataclass(frozen=True, slots=True)
class _Source:
    """The table or index that a request reads."""

    table: Table
    index: SecondaryIndex | None

    @property
    def key_names(self) -> tuple[str, ...]:
        return tuple(self.index.schema_key_attrs) if self.index else key_names(self.table)

    @property
    def start_key_names(self) -> tuple[str, ...]:
        """The attributes that make an ExclusiveStartKey: the index's key and the table's."""
        return tuple(dict.fromkeys((*self.key_names, *key_names(self.table))))

    @property
    def is_global(self) -> bool:
        return isinstance(self.index, GlobalSecondaryIndex)

    def contains(self, item: Attributes) -> bool:
        return self.index is None or in_index(self.table, self.index, item)

    def held(self, item: Attributes) -> Attributes:
        """Return what the table or index holds of an item."""
        return index_projection(self.table, self.index, item) if self.index else item

    def query_position(self, item: Attributes) -> Position:
        """Order within one partition: the range key, then in an index the table's key."""
        range_names = self.key_names[1:]
        return (*(sort_key(item[name]) for name in range_names), *self._table_position(item))

    def scan_position(self, item: Attributes) -> Position:
        """Order of partitions by their keys' hash, as in DynamoDB, then as in a query."""
        return (partition_hash(item[self.key_names[0]]), *self.query_position(item))

    def _table_position(self, item: Attributes) -> Position:
        if self.index is None:
            return ()
        hash_name, *range_names = key_names(self.table)
        return (partition_hash(item[hash_name]), *(sort_key(item[name]) for name in range_names))


def partition_hash(value: AttributeValue) -> int:
    """Return a hash-key value's place among partitions, 0 to 2^128 - 1, the same in every run."""
    return int.from_bytes(hashlib.md5(repr(to_json(value)).encode(), usedforsecurity=False).digest())


@dataclass(frozen=True, slots=True)
class _Page:
    evaluated: list[Attributes]
    """What the table or index holds of the items read, before the filter."""
    size_bytes: int
    last_key: Attributes | None


def query(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items of one partition whose range key meets the key condition."""
    _check_request(request)
    # KeyConditions may stand beside a filter and a projection, but not beside its own successor.
    legacy = QUERY_LEGACY if request.get("KeyConditionExpression") is not None else QUERY_LEGACY[1:]
    expressions = read_expressions(
        request, ("KeyConditionExpression", "FilterExpression", "ProjectionExpression"), legacy
    )
    conditions = expressions.condition("KeyConditionExpression") or read_conditions(request, "KeyConditions")
    check_key_conditions(request)
    key_condition = read_key_condition(conditions)
    result_filter = expressions.condition("FilterExpression") or read_conditions(request, "QueryFilter")
    with database.lock:
        source = _source(database, request)
        key_condition.check(source.table, source.key_names)
        filters = "QueryFilter" if request.get("QueryFilter") else "Filter Expression"
        _refuse_key_filter(source, result_filter, filters)
        start = _start_key(source, request)
        candidates = _partition_items(source, key_condition)
    matching = [item for item in candidates if key_condition.range_holds(item.attributes)]
    forward = request.get("ScanIndexForward", True)
    if start and start[source.key_names[0]] != key_condition.hash_value:
        raise ValidationError(
            "The provided starting key is outside query boundaries based on provided conditions"
        )
    if start and not key_condition.range_holds(start):
        raise ValidationError("The provided starting key does not match the range key predicate")
    ordered = _after(matching, source.query_position, start, forward=forward)
    return _answer(source, request, expressions, result_filter, ordered)


def scan(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items of a table or index, or of one segment of it."""
    _check_request(request)
    _check_segments(request)
    expressions = read_expressions(request, ("FilterExpression", "ProjectionExpression"), SCAN_LEGACY)
    result_filter = expressions.condition("FilterExpression") or read_conditions(request, "ScanFilter")
    with database.lock:
        source = _source(database, request)
        start = _start_key(source, request)
        candidates = [item for item in all_items(source.table) if source.contains(item.attributes)]
    if (total := request.get("TotalSegments")) is not None:
        segment, hash_name = request["Segment"], source.key_names[0]
        if start and _segment(start[hash_name], total) != segment:
            raise ValidationError(
                "The provided Exclusive start key does not map to the provided Segment and TotalSegments "
                "values."
            )
        candidates = [item for item in candidates if _segment(item.attributes[hash_name], total) == segment]
    ordered = _after(candidates, source.scan_position, start, forward=True)
    return _answer(source, request, expressions, result_filter, ordered)


def _segment(hash_value: AttributeValue, total: int) -> int:
    return partition_hash(hash_value) * total >> 128


def _check_request(request: Mapping[str, Any]) -> None:
    projection = next(
        (name for name in ("ProjectionExpression", "AttributesToGet") if request.get(name)), None
    )
    select = request.get("Select")
    if select == "SPECIFIC_ATTRIBUTES" and not projection:
        raise ValidationError(
            "Must specify the AttributesToGet or ProjectionExpression "
            "when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if projection and select not in (None, "SPECIFIC_ATTRIBUTES"):
        chosen = "only the Count" if select == "COUNT" else select
        raise ValidationError(f"Cannot specify the {projection} when choosing to get {chosen}")
    if select == "ALL_PROJECTED_ATTRIBUTES" and not request.get("IndexName"):
        raise ValidationError(
            f"{INVALID_VALUES}ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
        )


def _check_segments(request: Mapping[str, Any]) -> None:
    segment, total = request.get("Segment"), request.get("TotalSegments")
    if segment is not None and total is None:
        raise ValidationError(
            "The TotalSegments parameter is required but was not present in the request "
            "when Segment parameter is present"
        )
    if total is not None and segment is None:
        raise ValidationError(
            "The Segment parameter is required but was not present in the request "
            "when parameter TotalSegments is present"
        )
    if segment is not None and total is not None and segment >= total:
        raise ValidationError(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )


def _source(database: Database, request: Mapping[str, Any]) -> _Source:
    table = database.table(request["TableName"])
    name = request.get("IndexName")
    if not name:
        return _Source(table, None)
    index = next((index for index in table.all_indexes() if index.name == name), None)
    if index is None:
        raise ValidationError(f"The table does not have the specified index: {name}")
    source = _Source(table, index)
    if source.is_global:
        _check_global_index_request(index, request)
    return source


def _check_global_index_request(index: SecondaryIndex, request: Mapping[str, Any]) -> None:
    if request.get("ConsistentRead"):
        raise ValidationError("Consistent reads are not supported on global secondary indexes")
    if request.get("Select") == "ALL_ATTRIBUTES" and index.projection.get("ProjectionType") != "ALL":
        raise ValidationError(
            f"{INVALID_VALUES}Select type ALL_ATTRIBUTES is not supported for global secondary index "
            f"{index.name} because its projection type is not ALL"
        )


def _partition_items(source: _Source, condition: KeyCondition) -> list[StoredItem]:
    if source.is_global:
        hash_name = source.key_names[0]
        return [
            item
            for item in all_items(source.table)
            if item.attributes.get(hash_name) == condition.hash_value and source.contains(item.attributes)
        ]
    items = partition(source.table, condition.hash_value)
    return [item for item in items if source.contains(item.attributes)]


def _refuse_key_filter(source: _Source, result_filter: BoundCondition | None, parameter: str) -> None:
    if result_filter is None:
        return
    for node in result_filter.tree.nodes:
        if isinstance(node, Path) and (name := node.resolve(result_filter.bindings)[0]) in source.key_names:
            raise ValidationError(
                f"{parameter} can only contain non-primary key attributes: Primary key attribute: {name}"
            )


def _start_key(source: _Source, request: Mapping[str, Any]) -> Attributes | None:
    if not request.get("ExclusiveStartKey"):
        return None
    try:
        start = canonical_attributes(request["ExclusiveStartKey"])
    except ValidationError as error:
        raise ValidationError(f"The provided starting key is invalid: {error.message}") from None
    names = source.start_key_names
    if start.keys() != set(names) or any(
        value_type(start[name]) != attribute_type(source.table, name) for name in names
    ):
        suffix = "" if source.index else f": {KEY_MISMATCH}"
        raise SchemaError(f"The provided starting key is invalid{suffix}")
    return start


def _after(
    items: list[StoredItem],
    position: Callable[[Attributes], Position],
    start: Attributes | None,
    *,
    forward: bool,
) -> list[StoredItem]:
    """Return the items in order, from the one after `start`."""
    if start is not None:
        last = position(start)
        items = [
            item
            for item in items
            if (position(item.attributes) > last if forward else position(item.attributes) < last)
        ]
    return sorted(items, key=lambda item: position(item.attributes), reverse=not forward)


def _read_page(source: _Source, items: Sequence[StoredItem], limit: int | None, *, whole: bool) -> _Page:
    """Read items up to the limit or 1 MB; `whole` reads more of an item than a local index holds."""
    evaluated: list[Attributes] = []
    page_bytes = 0
    for number, item in enumerate(items):
        held = item.attributes if whole else source.held(item.attributes)
        size_bytes = item.size_bytes if whole else item_size_bytes(held)
        if evaluated and (number == limit or page_bytes + size_bytes > PAGE_MAX_BYTES):
            return _Page(evaluated, page_bytes, _last_key(source, items[number - 1].attributes))
        evaluated.append(held)
        page_bytes += size_bytes
    # DynamoDB doesn't look beyond the limit: a page that it fills has a last key, even at the end.
    full = limit is not None and len(evaluated) == limit
    return _Page(evaluated, page_bytes, _last_key(source, items[-1].attributes) if full else None)


def _last_key(source: _Source, item: Attributes) -> Attributes:
    return {name: item[name] for name in source.start_key_names}


def _answer(
    source: _Source,
    request: Mapping[str, Any],
    expressions: Expressions,
    result_filter: BoundCondition | None,
    items: Sequence[StoredItem],
) -> dict[str, Any]:
    paths = expressions.projection() or read_attributes_to_get(request)
    whole = _reads_whole_items(source, request, paths)
    page = _read_page(source, items, request.get("Limit"), whole=whole)
    kept = [item for item in page.evaluated if not result_filter or result_filter.holds(item)]
    answer: dict[str, Any] = {"Count": len(kept), "ScannedCount": len(page.evaluated)}
    if request.get("Select") != "COUNT":
        answer["Items"] = [project(item, paths) for item in kept] if paths else kept
    if page.last_key:
        answer["LastEvaluatedKey"] = page.last_key
    return {**answer, **_consumed(source, request, page)}


def _reads_whole_items(
    source: _Source, request: Mapping[str, Any], paths: Sequence[ResolvedPath] | None
) -> bool:
    """Tell whether a local index fetches from its table what it doesn't hold; a global one can't."""
    if source.index is None or source.index.projection.get("ProjectionType") == "ALL":
        return True
    if not source.is_global:
        return bool(paths) or request.get("Select") == "ALL_ATTRIBUTES"
    held = {*source.start_key_names, *(source.index.projection.get("NonKeyAttributes") or [])}
    missing = sorted({str(path[0]) for path in paths or [] if path[0] not in held})
    if missing:
        raise ValidationError(
            f"{INVALID_VALUES}Global secondary index {source.index.name} does not project "
            f"[{', '.join(missing)}]"
        )
    return False


def _consumed(source: _Source, request: Mapping[str, Any], page: _Page) -> dict[str, Any]:
    meter = Meter(request.get("ReturnConsumedCapacity"))
    if meter.level:
        units = read_units(page.size_bytes, consistent=bool(request.get("ConsistentRead")))
        meter.add_read(source.table, units, source.index.name if source.index else None)
    return meter.one()
