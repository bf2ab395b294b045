"""Checks of items and keys against a table's key schema and its indexes' keys."""

from collections.abc import Iterable, Iterator
from typing import Any

from moto.dynamodb.models.table import SecondaryIndex, Table

from serverless_harness.emulator.dynamodb.errors import (
    INVALID_VALUES,
    KEY_MISMATCH,
    Attributes,
    SchemaError,
    ValidationError,
)
from serverless_harness.emulator.dynamodb.values import AttributeValue, value_type

HASH_KEY_MAX_BYTES = 2048
RANGE_KEY_MAX_BYTES = 1024


def attribute_type(table: Table, name: str) -> str:
    """Return the declared type of a key attribute: S, N or B."""
    return next(entry["AttributeType"] for entry in table.attr if entry["AttributeName"] == name)


def key_names(table: Table) -> tuple[str, ...]:
    """Return the names of the hash key and, if there is one, the range key."""
    return (table.hash_key_attr, table.range_key_attr) if table.range_key_attr else (table.hash_key_attr,)


def _key_types(table: Table) -> Iterator[tuple[str, str]]:
    yield table.hash_key_attr, table.hash_key_type
    if table.range_key_attr and table.range_key_type:
        yield table.range_key_attr, table.range_key_type


def refuse_empty_keys(table: Table, attributes: Attributes) -> None:
    """Raise ValidationError if a key attribute is an empty string or binary."""
    for name in key_names(table):
        if kind := _empty_kind(attributes.get(name)):
            raise ValidationError(
                "One or more parameter values are not valid. The AttributeValue for a key attribute "
                f"cannot contain an empty {kind} value. Key: {name}"
            )


def _empty_kind(value: AttributeValue | None) -> str | None:
    if value is None or next(iter(value.values())) not in ("", b""):
        return None
    return "string" if "S" in value else "binary"


def check_key(table: Table, key: Attributes) -> None:
    """Raise SchemaError unless `key` holds the table's key attributes, of their types, and no others."""
    types = dict(_key_types(table))
    if key.keys() != types.keys() or any(value_type(key[name]) != types[name] for name in types):
        raise SchemaError(KEY_MISMATCH)
    _check_key_sizes(table, key)


def check_item_key(table: Table, item: Attributes) -> None:
    """Raise SchemaError unless an item has the table's key attributes, of their types."""
    for name, expected in _key_types(table):
        if name not in item:
            raise SchemaError(f"{INVALID_VALUES}Missing the key {name} in the item")
        if (actual := value_type(item[name])) != expected:
            raise SchemaError(
                f"{INVALID_VALUES}Type mismatch for key {name} expected: {expected} actual: {actual}"
            )
    _check_key_sizes(table, item)


def _check_key_sizes(table: Table, attributes: Attributes) -> None:
    if _scalar_size_bytes(attributes[table.hash_key_attr]) > HASH_KEY_MAX_BYTES:
        # The missing space is the service's own.
        raise ValidationError(
            f"{INVALID_VALUES}Size of hashkey has exceeded the maximum size limit of2048 bytes"
        )
    if table.range_key_attr and _scalar_size_bytes(attributes[table.range_key_attr]) > RANGE_KEY_MAX_BYTES:
        raise ValidationError(
            f"{INVALID_VALUES}Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
        )


def _scalar_size_bytes(value: AttributeValue) -> int:
    content = next(iter(value.values()))
    return len(content.encode() if isinstance(content, str) else content)


def indexes(table: Table) -> list[SecondaryIndex]:
    """Return the table's secondary indexes, local and global."""
    return [*table.indexes, *table.global_indexes]


def check_index_keys(table: Table, item: Attributes) -> None:
    """Raise for an item to put whose attribute can't be the key of an index on it."""
    for index, name, value in _index_key_values(table, item, item):
        if kind := _empty_kind(value):
            raise ValidationError(
                "One or more parameter values are not valid. A value specified for a secondary index key is "
                f"not supported. The AttributeValue for a key attribute cannot contain an empty {kind} value."
                f" IndexName: {index.name}, IndexKey: {name}"
            )
        expected, actual = attribute_type(table, name), value_type(value)
        if actual != expected:
            raise SchemaError(
                f"{INVALID_VALUES}Type mismatch for Index Key {name} Expected: {expected} "
                f"Actual: {actual} IndexName: {index.name}"
            )


def check_updated_index_keys(table: Table, item: Attributes, changed: Iterable[str]) -> None:
    """Raise for an updated item whose changed attribute can't be the key of an index on it."""
    for _, name, value in _index_key_values(table, item, changed):
        if kind := _empty_kind(value):
            raise ValidationError(
                "One or more parameter values are not valid. The update expression attempted to update a "
                "secondary index key to a value that is not supported. "
                f"The AttributeValue for a key attribute cannot contain an empty {kind} value."
            )
        if value_type(value) != attribute_type(table, name):
            raise SchemaError(
                "The update expression attempted to update the secondary index key to unsupported type"
            )


def _index_key_values(
    table: Table, item: Attributes, names: Iterable[str]
) -> Iterator[tuple[SecondaryIndex, str, AttributeValue]]:
    considered = set(names)
    for index in indexes(table):
        for name in index.schema_key_attrs:
            if name in considered and name in item:
                yield index, name, item[name]


def in_index(table: Table, index: SecondaryIndex, item: Attributes) -> bool:
    """Tell whether an item appears in an index: whether it has the index's key attributes, of their types."""
    return all(
        name in item and value_type(item[name]) == attribute_type(table, name)
        for name in index.schema_key_attrs
    )


def index_projection(table: Table, index: SecondaryIndex, item: Attributes) -> Attributes:
    """Return what an index holds of an item."""
    projection: dict[str, Any] = index.projection or {}
    if projection.get("ProjectionType", "ALL") == "ALL":
        return item
    names = {*key_names(table), *index.schema_key_attrs, *(projection.get("NonKeyAttributes") or [])}
    return {name: value for name, value in item.items() if name in names}
