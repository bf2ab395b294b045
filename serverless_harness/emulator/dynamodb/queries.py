"""Query and Scan: which items, in which order, up to which page's end.

AWS API reference, Query and Scan; developer guide, "Paginating table query results".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models.table import SecondaryIndex

from serverless_harness.emulator.dynamodb.capacity import Meter, read_units
from serverless_harness.emulator.dynamodb.errors import (
    INVALID_VALUES,
    KEY_MISMATCH,
    Attributes,
    SchemaError,
    ValidationError,
)
from serverless_harness.emulator.dynamodb.expression_evaluation import Path, ResolvedPath
from serverless_harness.emulator.dynamodb.items import StoredItem
from serverless_harness.emulator.dynamodb.key_conditions import read_key_condition
from serverless_harness.emulator.dynamodb.keys import attribute_type
from serverless_harness.emulator.dynamodb.legacy import (
    check_key_conditions,
    read_attributes_to_get,
    read_conditions,
)
from serverless_harness.emulator.dynamodb.projections import project
from serverless_harness.emulator.dynamodb.request_expressions import (
    BoundCondition,
    Expressions,
    read_expressions,
)
from serverless_harness.emulator.dynamodb.sources import TOP, Position, Source
from serverless_harness.emulator.dynamodb.store import Database, order_of
from serverless_harness.emulator.dynamodb.values import canonical_attributes, item_size_bytes, value_type

PAGE_MAX_BYTES = 1024 * 1024
PARTITIONS = 1 << 128
QUERY_LEGACY = ("KeyConditions", "QueryFilter", "ConditionalOperator", "AttributesToGet")
SCAN_LEGACY = ("ScanFilter", "ConditionalOperator", "AttributesToGet")


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
        key_condition.check(source)
        filters = "QueryFilter" if request.get("QueryFilter") else "Filter Expression"
        _refuse_key_filter(source, result_filter, filters)
        bounds = key_condition.bounds(source)
        start = _start_key(source, request)
        if start and any(start[name] != value for name, value in key_condition.hash_values.items()):
            raise ValidationError(
                "The provided starting key is outside query boundaries based on provided conditions"
            )
        if start and not bounds[0] <= source.position(start) < bounds[1]:
            raise ValidationError("The provided starting key does not match the range key predicate")
        paths = _paths(request, expressions)
        page = _page(source, request, paths, bounds, start)
    return _answer(source, request, paths, result_filter, page)


def scan(database: Database, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items of a table or index, or of one segment of it."""
    _check_request(request)
    _check_segments(request)
    expressions = read_expressions(request, ("FilterExpression", "ProjectionExpression"), SCAN_LEGACY)
    result_filter = expressions.condition("FilterExpression") or read_conditions(request, "ScanFilter")
    segment, total = request.get("Segment", 0), request.get("TotalSegments", 1)
    low, high = (-(-(number * PARTITIONS) // total) for number in (segment, segment + 1))
    with database.lock:
        source = _source(database, request)
        start = _start_key(source, request)
        if start and not low <= source.partition(start) < high:
            raise ValidationError(
                "The provided Exclusive start key does not map to the provided Segment and TotalSegments "
                "values."
            )
        paths = _paths(request, expressions)
        page = _page(source, request, paths, ((low,), (high,)), start)
    return _answer(source, request, paths, result_filter, page)


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


def _source(database: Database, request: Mapping[str, Any]) -> Source:
    table = database.table(request["TableName"])
    name = request.get("IndexName")
    if not name:
        return Source(table, None)
    index = next((index for index in table.all_indexes() if index.name == name), None)
    if index is None:
        raise ValidationError(f"The table does not have the specified index: {name}")
    source = Source(table, index)
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


def _refuse_key_filter(source: Source, result_filter: BoundCondition | None, parameter: str) -> None:
    if result_filter is None:
        return
    for node in result_filter.tree.nodes:
        if isinstance(node, Path) and (name := node.resolve(result_filter.bindings)[0]) in source.key_names:
            raise ValidationError(
                f"{parameter} can only contain non-primary key attributes: Primary key attribute: {name}"
            )


def _start_key(source: Source, request: Mapping[str, Any]) -> Attributes | None:
    if request.get("ExclusiveStartKey") is None:
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


def _ordered(
    source: Source,
    bounds: tuple[Position, Position],
    start: Attributes | None,
    *,
    forward: bool,
) -> Iterator[StoredItem]:
    """Return the items between two bounds in order, from the one after `start`."""
    low, high = bounds
    if start is not None:
        position = source.position(start)
        low, high = (max(low, (*position, TOP)), high) if forward else (low, min(high, position))
    return order_of(source.table, source.index).between(low, high, forward=forward)


def _read_page(source: Source, items: Iterable[StoredItem], limit: int | None, *, whole: bool) -> _Page:
    """Read items up to the limit or 1 MB; `whole` reads more of an item than a local index holds."""
    evaluated: list[Attributes] = []
    page_bytes = 0
    last: StoredItem | None = None
    for item in items:
        held = item.attributes if whole else source.held(item.attributes)
        size_bytes = item.size_bytes if whole else item_size_bytes(held)
        if last and (len(evaluated) == limit or page_bytes + size_bytes > PAGE_MAX_BYTES):
            return _Page(evaluated, page_bytes, _last_key(source, last.attributes))
        evaluated.append(held)
        page_bytes += size_bytes
        last = item
    # DynamoDB doesn't look beyond the limit: a page that it fills has a last key, even at the end.
    full = limit is not None and len(evaluated) == limit
    return _Page(evaluated, page_bytes, _last_key(source, last.attributes) if full and last else None)


def _last_key(source: Source, item: Attributes) -> Attributes:
    return {name: item[name] for name in source.start_key_names}


def _paths(request: Mapping[str, Any], expressions: Expressions) -> list[ResolvedPath] | None:
    return expressions.projection() or read_attributes_to_get(request)


def _page(
    source: Source,
    request: Mapping[str, Any],
    paths: Sequence[ResolvedPath] | None,
    bounds: tuple[Position, Position],
    start: Attributes | None,
) -> _Page:
    whole = _reads_whole_items(source, request, paths)
    items = _ordered(source, bounds, start, forward=request.get("ScanIndexForward", True))
    return _read_page(source, items, request.get("Limit"), whole=whole)


def _answer(
    source: Source,
    request: Mapping[str, Any],
    paths: Sequence[ResolvedPath] | None,
    result_filter: BoundCondition | None,
    page: _Page,
) -> dict[str, Any]:
    kept = [item for item in page.evaluated if not result_filter or result_filter.holds(item)]
    answer: dict[str, Any] = {"Count": len(kept), "ScannedCount": len(page.evaluated)}
    if request.get("Select") != "COUNT":
        answer["Items"] = [project(item, paths) for item in kept] if paths else kept
    if page.last_key:
        answer["LastEvaluatedKey"] = page.last_key
    return {**answer, **_consumed(source, request, page)}


def _reads_whole_items(
    source: Source, request: Mapping[str, Any], paths: Sequence[ResolvedPath] | None
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


def _consumed(source: Source, request: Mapping[str, Any], page: _Page) -> dict[str, Any]:
    meter = Meter(request.get("ReturnConsumedCapacity"))
    if meter.level:
        units = read_units(page.size_bytes, consistent=bool(request.get("ConsistentRead")))
        meter.add_read(source.table, units, source.index.name if source.index else None)
    return meter.one()
