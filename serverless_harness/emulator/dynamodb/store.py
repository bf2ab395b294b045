"""Where items live: moto's tables, read and written as whole items under one lock.

An item is never changed in place: a write puts another one in its stead. What a reader got stays as it
was, and a reader that holds the lock sees no transaction half done.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.errors import Attributes, resource_not_found
from serverless_harness.emulator.dynamodb.followers import followers_of
from serverless_harness.emulator.dynamodb.keys import check_key, refuse_empty_keys
from serverless_harness.emulator.dynamodb.streams import Stream
from serverless_harness.emulator.dynamodb.values import AttributeValue, from_json, item_size_bytes, to_json


class StoredItem(Item):
    """An item in moto's table; moto's own code (PartiQL, backups, exports) reads it as one of its own."""

    def __new__(cls, *_: Any) -> "StoredItem":  # noqa: ANN401
        # moto's BaseModel would keep every instance alive in a list until the service is reset.
        return object.__new__(cls)

    def __init__(self, hash_key: DynamoType, range_key: DynamoType | None, attributes: Attributes) -> None:
        self.hash_key = hash_key
        self.range_key = range_key
        self.attributes = attributes

    @cached_property
    def size_bytes(self) -> int:
        """The item's size as DynamoDB counts it."""
        return item_size_bytes(self.attributes)

    @property
    def attrs(self) -> dict[str, Any]:  # type: ignore[override]
        """The attributes in moto's types."""
        return {name: DynamoType(value) for name, value in to_json(self.attributes).items()}

    def to_json(self, root_attr_name: str = "Attributes") -> dict[str, Any]:
        return {root_attr_name: to_json(self.attributes)}

    def size(self) -> int:
        return self.size_bytes


@dataclass(frozen=True, slots=True)
class ItemKey:
    """A primary key in the form in which moto's tables are indexed."""

    hash: DynamoType
    range: DynamoType | None


def item_key(table: Table, attributes: Attributes) -> ItemKey:
    """Return the primary key of an item whose key attributes are known to fit the table."""
    range_name = table.range_key_attr
    return ItemKey(
        _moto_value(attributes[table.hash_key_attr]),
        _moto_value(attributes[range_name]) if range_name else None,
    )


def locate(table: Table, key: Attributes) -> ItemKey:
    """Return the item key of a canonical primary key; raise ValidationError if the table has no such keys."""
    refuse_empty_keys(table, key)
    check_key(table, key)
    return item_key(table, key)


def _moto_value(value: AttributeValue) -> DynamoType:
    return DynamoType(to_json(value) if "B" in value else value)


class Database:
    """The tables of one account and region, and the lock that its operations hold.

    One lock for all tables: a transaction spans tables, and as Python runs one thread at a time, more
    locks would buy no speed.
    """

    def __init__(self, backend: DynamoDBBackend, lock: threading.RLock) -> None:
        self.backend = backend
        self.lock = lock

    def table(self, name_or_arn: str) -> Table:
        """Return a table; raise ResourceNotFoundException if there is none."""
        name = name_or_arn.rpartition(":table/")[2]
        table = self.backend.tables.get(name)
        if table is None or name != name_or_arn != table.table_arn:
            raise resource_not_found()
        return table


_locks: dict[tuple[str, str], threading.RLock] = {}


def open_database(account_id: str, region: str) -> Database:
    """Return the database of an account and region; whoever opens it shares its lock."""
    place = (account_id, region)
    lock = _locks.get(place) or _locks.setdefault(place, threading.RLock())
    return Database(dynamodb_backends[account_id][region], lock)


def get(table: Table, key: ItemKey) -> Attributes | None:
    """Return an item, or None if the table has none of this key."""
    entry: Any = table.items.get(key.hash)
    item = entry.get(key.range) if key.range and entry is not None else entry
    return _stored(item).attributes if item is not None else None


def _stored(item: Item) -> StoredItem:
    """Return an item as one of ours, also if moto made it."""
    if isinstance(item, StoredItem):
        return item
    attributes = {name: from_json(value) for name, value in item.to_json()["Attributes"].items()}
    return StoredItem(item.hash_key, item.range_key, attributes)


def replace(table: Table, key: ItemKey, attributes: Attributes | None, *, by_expiry: bool = False) -> None:
    """Put an item in the place of the one of its key, or with None remove that one, which must be there.

    It is the one way by which items change: what follows a table's changes, its stream, is told here.
    """
    if stream := followers_of(table).stream:
        stream.record(get(table, key), attributes, by_expiry=by_expiry)
    if attributes is None:
        _remove(table, key)
        return
    item = StoredItem(key.hash, key.range, attributes)
    if key.range:
        table.items[key.hash][key.range] = item
    else:
        table.items[key.hash] = item  # type: ignore[assignment]  # moto's own way without a range key


def _remove(table: Table, key: ItemKey) -> None:
    if key.range:
        partition = table.items[key.hash]
        del partition[key.range]
        if partition:
            return
    del table.items[key.hash]


def partition(table: Table, hash_value: AttributeValue) -> list[StoredItem]:
    """Return the items of one partition key, in no order."""
    entry: Any = table.items.get(_moto_value(hash_value))
    if entry is None:
        return []
    items = entry.values() if table.range_key_attr else [entry]
    return [_stored(item) for item in items]


def all_items(table: Table) -> Iterator[StoredItem]:
    """Return every item of a table, in no order."""
    entries: Iterable[Any] = table.items.values()
    for entry in entries:
        for item in entry.values() if table.range_key_attr else [entry]:
            yield _stored(item)


@contextmanager
def all_or_nothing(database: Database) -> Iterator[None]:
    """Put every item back as it was if what runs inside raises; the caller holds the database's lock.

    What moto wrote inside goes into the tables' streams, one record for each item that is another one now.
    """
    before = [(table, _copied_items(table)) for table in database.backend.tables.values()]
    try:
        yield
    except BaseException:
        for table, items in before:
            table.items = items
        raise
    for table, items in before:
        if stream := followers_of(table).stream:
            _record_changes(table, stream, items)


def _record_changes(table: Table, stream: Stream, before: Any) -> None:  # noqa: ANN401 - moto's dictionaries
    """Note in a stream how a table's items differ from those before."""
    known, present = _flat(table, before), _flat(table, table.items)
    for key in {**known, **present}:
        old, new = known.get(key), present.get(key)
        if old is not new:
            stream.record(_stored(old).attributes if old else None, _stored(new).attributes if new else None)


def _flat(table: Table, items: Any) -> dict[Any, Item]:  # noqa: ANN401 - moto's dictionaries
    if not table.range_key_attr:
        return dict(items)
    return {(hash_key, key): item for hash_key, each in items.items() for key, item in each.items()}


def _copied_items(table: Table) -> Any:  # noqa: ANN401 - moto's nested dictionaries
    """Return a table's dictionaries copied, with the same items in them: items don't change."""
    entries: Iterable[tuple[DynamoType, Any]] = table.items.items()
    copied = {key: dict(entry) if table.range_key_attr else entry for key, entry in entries}
    return defaultdict(dict, copied)
