"""Consumed capacity, by AWS's arithmetic.

AWS developer guide, "DynamoDB read and write operations": one write unit for each 1 KB, one read unit for
each 4 KB read strongly consistent, half of it eventually consistent; a transaction takes twice as much.
A secondary index consumes as if each change of it were a write of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.models.table import GlobalSecondaryIndex, SecondaryIndex, Table

from serverless_harness.emulator.dynamodb.errors import Attributes
from serverless_harness.emulator.dynamodb.keys import in_index, index_projection, indexes
from serverless_harness.emulator.dynamodb.values import item_size_bytes

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024


def read_units(size_bytes: int, *, consistent: bool) -> float:
    """Return the units of reading `size_bytes` together; a read of nothing costs as much as of 1 byte."""
    units = max(1, -(-size_bytes // READ_UNIT_BYTES))
    return float(units) if consistent else units / 2


def write_units(size_bytes: int) -> float:
    """Return the units of writing one item; a delete of nothing costs as much as one of 1 byte."""
    return float(max(1, -(-size_bytes // WRITE_UNIT_BYTES)))


@dataclass(slots=True)
class Consumption:
    """What a request consumed of one table and its indexes, in capacity units."""

    table: Table
    table_units: float = 0.0
    index_units: dict[str, float] = field(default_factory=dict)
    transaction_member: str | None = None
    """In a transaction, the member that repeats the total: ReadCapacityUnits or WriteCapacityUnits."""

    def add_write(self, old: Attributes | None, new: Attributes | None) -> None:
        """Add the units of putting `new` in place of `old`; None is no item."""
        factor = 2 if self.transaction_member else 1
        largest = max(item_size_bytes(item) if item else 0 for item in (old, new))
        self.table_units += factor * write_units(largest)
        for index in indexes(self.table):
            if units := factor * self._index_write_units(index, old, new):
                self.index_units[index.name] = self.index_units.get(index.name, 0.0) + units

    def _index_write_units(
        self, index: SecondaryIndex, old: Attributes | None, new: Attributes | None
    ) -> float:
        before, after = self._indexed(index, old), self._indexed(index, new)
        if before == after:
            return 0.0
        if before is None or after is None:
            return write_units(item_size_bytes(before or after or {}))
        if all(before[name] == after[name] for name in index.schema_key_attrs):
            return write_units(max(item_size_bytes(before), item_size_bytes(after)))
        return write_units(item_size_bytes(before)) + write_units(item_size_bytes(after))

    def _indexed(self, index: SecondaryIndex, item: Attributes | None) -> Attributes | None:
        if item is None or not in_index(self.table, index, item):
            return None
        return index_projection(self.table, index, item)

    def describe(self, level: str) -> dict[str, Any]:
        """Return the ConsumedCapacity of the API, at level TOTAL or INDEXES."""
        total = self.table_units + sum(self.index_units.values())
        description: dict[str, Any] = {"TableName": self.table.name, **self._units(total)}
        if level == "INDEXES":
            description["Table"] = self._units(self.table_units)
            for index in indexes(self.table):
                if index.name in self.index_units:
                    global_index = isinstance(index, GlobalSecondaryIndex)
                    member = "GlobalSecondaryIndexes" if global_index else "LocalSecondaryIndexes"
                    units = self._units(self.index_units[index.name])
                    description.setdefault(member, {})[index.name] = units
        return description

    def _units(self, units: float) -> dict[str, float]:
        described = {"CapacityUnits": units}
        if self.transaction_member:
            described[self.transaction_member] = units
        return described


class Meter:
    """The consumption of a request that may touch several tables, counted only if the request asks."""

    def __init__(self, level: str | None, transaction_member: str | None = None) -> None:
        self.level = level if level in ("TOTAL", "INDEXES") else None
        self._transaction_member = transaction_member
        self._by_table: dict[str, Consumption] = {}

    def of(self, table: Table) -> Consumption:
        return self._by_table.setdefault(
            table.name, Consumption(table, transaction_member=self._transaction_member)
        )

    def add_write(self, table: Table, old: Attributes | None, new: Attributes | None) -> None:
        if self.level:
            self.of(table).add_write(old, new)

    def add_read(self, table: Table, units: float, index_name: str | None = None) -> None:
        if not self.level:
            return
        consumption = self.of(table)
        if index_name:
            consumption.index_units[index_name] = consumption.index_units.get(index_name, 0.0) + units
        else:
            consumption.table_units += units

    def one(self) -> dict[str, Any]:
        """Return the ConsumedCapacity member of an operation on one table, or nothing."""
        return {"ConsumedCapacity": self.all()[0]} if self.level else {}

    def several(self) -> dict[str, Any]:
        """Return the ConsumedCapacity member of an operation on several tables, or nothing."""
        return {"ConsumedCapacity": self.all()} if self.level else {}

    def all(self) -> list[dict[str, Any]]:
        return [consumption.describe(self.level or "TOTAL") for consumption in self._by_table.values()]


def collection_metrics(table: Table, items: Iterable[Attributes]) -> list[dict[str, Any]]:
    """Return the ItemCollectionMetrics of written items: only tables with local indexes have them.

    The estimate is the range 0 to 1 GB, which DynamoDB reports of small collections.
    """
    if not table.indexes:
        return []
    keys = {repr(item[table.hash_key_attr]): item[table.hash_key_attr] for item in items}
    return [
        {"ItemCollectionKey": {table.hash_key_attr: value}, "SizeEstimateRangeGB": [0.0, 1.0]}
        for value in keys.values()
    ]
