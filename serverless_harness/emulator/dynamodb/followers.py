"""What follows each change of a table's items: the orders in which they are read, and the stream.

A table's followers are an attribute of moto's table, so that a write finds them without a look-up, and a
snapshot takes them along.
"""

from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.sources import Order, Source
from serverless_harness.emulator.dynamodb.streams import Stream

_ATTRIBUTE = "followers"


@dataclass
class Followers:
    """A table's followers."""

    orders: dict[str | None, Order[Source]] = field(default_factory=dict)
    """By index name, None for the table's own; one that is missing is built when it is read."""
    by_time: Order[Any] | None = None
    """The items that have a time to live, if the table has one."""
    stream: Stream | None = None
    """The one that is enabled."""
    latest_stream: Stream | None = None
    """The one that was enabled last."""
    replica_regions: tuple[str, ...] = ()
    """Where the other replicas of a global table are."""

    def __deepcopy__(self, _: dict[int, Any]) -> "Followers":
        # moto's backups are deep copies of tables: a stream isn't theirs.
        return Followers()

    def __getstate__(self) -> dict[str, Any]:
        # Orders are built from the items again, quicker than they are read.
        return {**self.__dict__, "orders": {}, "by_time": None}


def followers_of(table: Table) -> Followers:
    """Return a table's followers, which can be changed."""
    found: Followers | None = table.__dict__.get(_ATTRIBUTE)
    if found is None:
        found = table.__dict__[_ATTRIBUTE] = Followers()
    return found
