"""Checks of items and keys against a table's key schema and its indexes' keys."""

from collections.abc import Iterator
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
    _check_key_size(attributes[table.hash_key_attr], is_hash=True)
    if table.range_key_attr:
        _check_key_size(attributes[table.range_key_attr], is_hash=False)


def _check_key_size(value: AttributeValue, *, is_hash: bool) -> None:
    if not _is_too_large(value, is_hash=is_hash):
        return
    if is_hash:
        # The missing space is the service's own.
        raise ValidationError(
            f"{INVALID_VALUES}Size of hashkey has exceeded the maximum size limit of2048 bytes"
        )
    raise ValidationError(
        f"{INVALID_VALUES}Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
    )


def _is_too_large(value: AttributeValue, *, is_hash: bool) -> bool:
    return _scalar_size_bytes(value) > (HASH_KEY_MAX_BYTES if is_hash else RANGE_KEY_MAX_BYTES)


def _scalar_size_bytes(value: AttributeValue) -> int:
    content = next(iter(value.values()))
    return len(content.encode() if isinstance(content, str) else content)


def indexes(table: Table) -> list[SecondaryIndex]:
    """Return the table's secondary indexes, local and global."""
    return [*table.indexes, *table.global_indexes]


def check_index_keys(table: Table, item: Attributes) -> None:
    """Raise for attributes to put that can't be the key of an index on them."""
    for index, name, value in _index_key_values(table, item):
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
        _check_key_size(value, is_hash=_is_hash_key(index, name))


def _is_hash_key(index: SecondaryIndex, name: str) -> bool:
    return any(entry["AttributeName"] == name and entry["KeyType"] == "HASH" for entry in index.schema)


def check_updated_index_keys(table: Table, changed: Attributes) -> None:
    """Raise for attributes that an update expression changed so that no index on them takes them."""
    for index, name, value in _index_key_values(table, changed):
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
        _check_key_size(value, is_hash=_is_hash_key(index, name))


def _index_key_values(
    table: Table, attributes: Attributes
) -> Iterator[tuple[SecondaryIndex, str, AttributeValue]]:
    for index in indexes(table):
        for name in index.schema_key_attrs:
            if name in attributes:
                yield index, name, attributes[name]


def in_index(table: Table, index: SecondaryIndex, item: Attributes) -> bool:
    """Tell whether an item appears in an index: whether its attributes can be the index's key.

    Items older than the index may have attributes that can't: absent, empty, too large, of another type.
    """
    return all(
        name in item
        and value_type(item[name]) == attribute_type(table, name)
        and not _empty_kind(item[name])
        and not _is_too_large(item[name], is_hash=_is_hash_key(index, name))
        for name in index.schema_key_attrs
    )


def index_projection(table: Table, index: SecondaryIndex, item: Attributes) -> Attributes:
    """Return what an index holds of an item."""
    projection: dict[str, Any] = index.projection or {}
    if projection.get("ProjectionType", "ALL") == "ALL":
        return item
    names = {*key_names(table), *index.schema_key_attrs, *(projection.get("NonKeyAttributes") or [])}
    return {name: value for name, value in item.items() if name in names}
