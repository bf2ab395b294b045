"""Where items live: moto's tables, read and written as whole items under one lock.

An item is never changed in place: a write puts another one in its stead. What a reader got stays as it
was, and a reader that holds the lock sees no transaction half done.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import SecondaryIndex, Table

from serverless_harness.emulator.dynamodb.errors import Attributes, resource_not_found
from serverless_harness.emulator.dynamodb.followers import Followers, followers_of
from serverless_harness.emulator.dynamodb.items import StoredItem
from serverless_harness.emulator.dynamodb.keys import check_key, refuse_empty_keys
from serverless_harness.emulator.dynamodb.sources import Order, Source
from serverless_harness.emulator.dynamodb.values import AttributeValue, from_json, to_json


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

    One lock for all tables of an account: a transaction spans tables, a global table regions, and as Python
    runs one thread at a time, more locks would buy no speed.
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


_locks: dict[str, threading.RLock] = {}


def open_database(account_id: str, region: str) -> Database:
    """Return the database of an account and region; the account's databases share a lock."""
    lock = _locks.get(account_id) or _locks.setdefault(account_id, threading.RLock())
    return Database(dynamodb_backends[account_id][region], lock)


def get(table: Table, key: ItemKey) -> Attributes | None:
    """Return an item, or None if the table has none of this key."""
    item = _entry(table, key)
    return item.attributes if item is not None else None


def _stored(item: Item) -> StoredItem:
    """Return an item as one of ours, also if moto made it."""
    if isinstance(item, StoredItem):
        return item
    attributes = {name: from_json(value) for name, value in item.to_json()["Attributes"].items()}
    return StoredItem(item.hash_key, item.range_key, attributes)


def replace(table: Table, key: ItemKey, attributes: Attributes | None, *, by_expiry: bool = False) -> None:
    """Put an item in the place of the one of its key, or with None remove that one, which must be there.

    It is the one way by which items change: what follows a table's changes, orders and stream, is told here,
    and the replicas of a global table change with it.
    """
    followers = followers_of(table)
    _replace(table, followers, key, attributes, by_expiry=by_expiry)
    if followers.replica_regions:
        for replica in replicas_of(table):
            _replace(replica, followers_of(replica), key, attributes)


def replicas_of(table: Table) -> list[Table]:
    """Return the other replicas of a global table."""
    regions = dynamodb_backends[table.account_id]
    return [regions[region].tables[table.name] for region in followers_of(table).replica_regions]


def _replace(
    table: Table,
    followers: Followers,
    key: ItemKey,
    attributes: Attributes | None,
    *,
    by_expiry: bool = False,
) -> None:
    old = _entry(table, key)
    new = StoredItem(key.hash, key.range, attributes) if attributes is not None else None
    if new is None:
        _remove(table, key)
    elif key.range:
        table.items[key.hash][key.range] = new
    else:
        table.items[key.hash] = new  # type: ignore[assignment]  # moto's own way without a range key
    for order in followers.orders.values():
        order.replace(old, new)
    if followers.by_time is not None:
        followers.by_time.replace(old, new)
    if followers.stream is not None:
        followers.stream.record(old.attributes if old else None, attributes, by_expiry=by_expiry)


def _entry(table: Table, key: ItemKey) -> StoredItem | None:
    entry: Any = table.items.get(key.hash)
    item = entry.get(key.range) if key.range and entry is not None else entry
    return _stored(item) if item is not None else None


def _remove(table: Table, key: ItemKey) -> None:
    if key.range:
        partition = table.items[key.hash]
        del partition[key.range]
        if partition:
            return
    del table.items[key.hash]


def order_of(table: Table, index: SecondaryIndex | None) -> Order[Source]:
    """Return the order of a table or an index, built if there is none: then it takes time with the table."""
    orders = followers_of(table).orders
    name = index.name if index else None
    order = orders.get(name)
    if order is None or order.placement.index is not index:
        order = orders[name] = Order(Source(table, index))
        order.fill(adopted_items(table))
    return order


def keep_orders(table: Table) -> None:
    """Have an order of the table and of each of its indexes, and of no others, kept from now on."""
    indexes = {index.name: index for index in table.all_indexes()}
    orders = followers_of(table).orders
    for name in [name for name in orders if name and name not in indexes]:
        del orders[name]
    for index in (None, *indexes.values()):
        order_of(table, index)


def adopted_items(table: Table) -> Iterator[StoredItem]:
    """Return every item of a table, each of them made one of ours first: orders know them by identity."""
    for hash_key, entry in table.items.items():
        if not table.range_key_attr:
            table.items[hash_key] = _stored(entry)  # type: ignore[assignment,arg-type]
            continue
        for range_key, item in entry.items():
            entry[range_key] = _stored(item)
    return all_items(table)


def all_items(table: Table) -> Iterator[StoredItem]:
    """Return every item of a table, in no order."""
    entries: Iterable[Any] = table.items.values()
    for entry in entries:
        for item in entry.values() if table.range_key_attr else [entry]:
            yield _stored(item)
