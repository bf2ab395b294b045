"""What follows each change of a table's items: its stream.

A table's followers are an attribute of moto's table, so that a write finds them without a look-up, and a
snapshot takes them along.
"""

from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.streams import Stream

_ATTRIBUTE = "followers"


@dataclass(slots=True)
class Followers:
    """A table's followers."""

    stream: Stream | None = None
    """The one that is enabled."""
    latest_stream: Stream | None = None
    """The one that was enabled last."""

    def __deepcopy__(self, _: dict[int, Any]) -> "Followers":
        # moto's backups are deep copies of tables: a stream isn't theirs.
        return Followers()


def followers_of(table: Table) -> Followers:
    """Return a table's followers, which can be changed."""
    found: Followers | None = table.__dict__.get(_ATTRIBUTE)
    if found is None:
        found = table.__dict__[_ATTRIBUTE] = Followers()
    return found
