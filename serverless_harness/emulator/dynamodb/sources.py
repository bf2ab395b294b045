"""What Query and Scan read: a table or one of its indexes, in its order.

An order is kept up to date with each write, so that a page costs as much as the page, however large the
table. It is one sorted list: by the hash of the partition key, then by the range key, then in an index by
the table's own key. An index on several attributes has its key in the order of its key schema.

AWS developer guide, "Partitions and data distribution in DynamoDB" and "Using Global Secondary Indexes in
DynamoDB", multi-attribute keys.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Protocol

from moto.dynamodb.models.table import GlobalSecondaryIndex, SecondaryIndex, Table
from sortedcontainers import SortedDict

from serverless_harness.emulator.dynamodb.errors import Attributes
from serverless_harness.emulator.dynamodb.items import StoredItem
from serverless_harness.emulator.dynamodb.keys import in_index, index_projection, key_names
from serverless_harness.emulator.dynamodb.values import AttributeValue, item_size_bytes, sort_key, to_json

Position = tuple[Any, ...]
"""Where an item stands in an order; positions of one order compare, also with bounds that are shorter."""


class Source:
    """The table or index that a request reads."""

    def __init__(self, table: Table, index: SecondaryIndex | None) -> None:
        self.table = table
        self.index = index

    @cached_property
    def hash_names(self) -> tuple[str, ...]:
        """The attributes of the partition key: up to four in a global index."""
        return self._names("HASH")

    @cached_property
    def range_names(self) -> tuple[str, ...]:
        """The attributes of the sort key: up to four in a global index."""
        return self._names("RANGE")

    def _names(self, kind: str) -> tuple[str, ...]:
        schema = self.index.schema if self.index else self.table.schema
        return tuple(entry["AttributeName"] for entry in schema if entry["KeyType"] == kind)

    @property
    def key_names(self) -> tuple[str, ...]:
        return self.hash_names + self.range_names

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

    def size_bytes(self, item: StoredItem) -> int:
        """Return the size of what the table or index holds of an item."""
        held = self.held(item.attributes)
        return item.size_bytes if held is item.attributes else item_size_bytes(held)

    def partition(self, item: Attributes) -> int:
        """Return the place of an item's partition among all."""
        return partition_hash(*[item[name] for name in self.hash_names])

    def position(self, item: Attributes) -> Position:
        """Return an item's place in the order."""
        ranges = [sort_key(item[name]) for name in self.range_names]
        return (self.partition(item), *ranges, *self._table_position(item))

    def _table_position(self, item: Attributes) -> Position:
        if self.index is None:
            return ()
        hash_name, *range_names = key_names(self.table)
        return (partition_hash(item[hash_name]), *(sort_key(item[name]) for name in range_names))


def partition_hash(*values: AttributeValue) -> int:
    """Return a partition key's place among partitions, 0 to 2^128 - 1, the same in every run."""
    text = "".join([repr(to_json(value)) for value in values])
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest())


class Top:
    """Stands above everything: a bound that ends with it comes after all positions that start alike."""

    def __gt__(self, _: object) -> bool:
        return True

    def __lt__(self, _: object) -> bool:
        return False


class AfterPrefix:
    """Stands right above all texts, or bytes, that start with a prefix."""

    def __init__(self, prefix: Any) -> None:  # noqa: ANN401 - str or bytes
        self._prefix = prefix

    def __gt__(self, other: Any) -> bool:  # noqa: ANN401
        return bool(other <= self._prefix or other.startswith(self._prefix))

    def __lt__(self, other: Any) -> bool:  # noqa: ANN401
        return not self > other


TOP = Top()


class Placement(Protocol):
    """Which items of a table are in an order, and where."""

    def contains(self, item: Attributes) -> bool: ...

    def position(self, item: Attributes) -> Position: ...

    def size_bytes(self, item: StoredItem) -> int: ...


class Order[Place: Placement]:
    """Items of a table, in the order of their positions."""

    def __init__(self, placement: Place) -> None:
        self.placement = placement
        self.size_bytes = 0
        """The size of all items, as `placement` counts it."""
        self._items = SortedDict()

    @property
    def count(self) -> int:
        """How many items there are; an order without items is an order, so it has no length."""
        return len(self._items)

    def fill(self, items: Iterable[StoredItem]) -> None:
        """Take in the items of a table that aren't in the order yet."""
        place = self.placement
        found = [item for item in items if place.contains(item.attributes)]
        self._items.update((place.position(item.attributes), item) for item in found)
        self.size_bytes += sum(map(place.size_bytes, found))

    def replace(self, old: StoredItem | None, new: StoredItem | None) -> None:
        """Have an item take the place of another of the table; None is no item."""
        was, is_now = self._position(old), self._position(new)
        if old is not None and was is not None:
            self.size_bytes -= self.placement.size_bytes(old)
            if was != is_now:
                del self._items[was]
        if new is not None and is_now is not None:
            self.size_bytes += self.placement.size_bytes(new)
            self._items[is_now] = new

    def _position(self, item: StoredItem | None) -> Position | None:
        if item is None or not self.placement.contains(item.attributes):
            return None
        return self.placement.position(item.attributes)

    def between(self, low: Position, high: Position, *, forward: bool = True) -> Iterator[StoredItem]:
        """Return the items from `low` on and before `high`."""
        order = self._items
        positions = order.islice(order.bisect_left(low), order.bisect_left(high), reverse=not forward)
        return (order[position] for position in positions)
