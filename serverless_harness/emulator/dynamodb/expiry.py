"""Time to live: items whose time has passed are removed by the service, in AWS within days, here in seconds.

The service looks every `DYNAMODB_EXPIRY_INTERVAL_S` seconds (default 5) by the emulator's clock. Of each
table with time to live, the items are kept in the order of their times, so that a look costs as much as what
has expired.

AWS developer guide, "Using time to live (TTL) in DynamoDB".
"""

import logging
import threading
from decimal import Decimal
from itertools import islice

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from serverless_harness.emulator.clock import Clock, clock
from serverless_harness.emulator.dynamodb.errors import Attributes
from serverless_harness.emulator.dynamodb.followers import followers_of
from serverless_harness.emulator.dynamodb.items import StoredItem
from serverless_harness.emulator.dynamodb.sources import Order, Position, Source
from serverless_harness.emulator.dynamodb.store import (
    Database,
    adopted_items,
    item_key,
    open_database,
    replace,
)

LOG = logging.getLogger(__name__)

OLDEST_S = 5 * 365 * 24 * 60 * 60
"""An item whose time is longer ago is kept: AWS takes the time for an error."""
AT_ONCE = 100
"""How many items are removed before others get the database's lock."""


class ByTime:
    """Where an item stands among those of its table that have a time to live."""

    def __init__(self, table: Table, attribute: str) -> None:
        self.attribute = attribute
        self._source = Source(table, None)

    def contains(self, item: Attributes) -> bool:
        """Tell whether an item has a time: only numbers are ones."""
        return "N" in item.get(self.attribute, ())

    def position(self, item: Attributes) -> Position:
        """Return an item's place: by its time, in seconds since 1970."""
        return (Decimal(item[self.attribute]["N"]), *self._source.position(item))

    def size_bytes(self, item: StoredItem) -> int:
        """Nobody asks how large they are together."""
        return 0


def expire_items(database: Database, now: float) -> int:
    """Remove the items whose time, in seconds since 1970, has passed; return how many."""
    count = 0
    for name in list(database.backend.tables):
        while removed := _expire_some(database, name, Decimal(now)):
            count += removed
    return count


def _expire_some(database: Database, table_name: str, now: Decimal) -> int:
    with database.lock:
        table = database.backend.tables.get(table_name)
        order = _order(table) if table is not None else None
        if table is None or order is None:
            return 0
        due = list(islice(order.between((now - OLDEST_S,), (now,)), AT_ONCE))
        for item in due:
            replace(table, item_key(table, item.attributes), None, by_expiry=True)
        return len(due)


def _order(table: Table) -> Order[ByTime] | None:
    """Return a table's items by their time, or None without time to live."""
    followers = followers_of(table)
    attribute = table.ttl.get("AttributeName") if table.ttl["TimeToLiveStatus"] == "ENABLED" else None
    if attribute is None:
        followers.by_time = None
        return None
    if followers.by_time is None or followers.by_time.placement.attribute != attribute:
        followers.by_time = Order(ByTime(table, attribute))
        followers.by_time.fill(adopted_items(table))
    return followers.by_time


class ExpiryService:
    """Looks for expired items in all accounts and regions, in a thread of its own."""

    def __init__(self, seconds: float, by: Clock = clock) -> None:
        self._interval_s = seconds
        self._clock = by
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look from now on."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._stopped,), name="dynamodb-expiry", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a look that is under way is finished."""
        if self._thread:
            self._stopped.set()
            self._clock.wake()
            self._thread.join()
            self._thread = None

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            self._clock.sleep(self._interval_s, stopped)
            try:
                expire_everywhere(self._clock.now())
            except Exception:
                LOG.exception("expired items could not be deleted; this is tried again")


def expire_everywhere(now: float) -> int:
    """Remove the expired items of all accounts and regions; return how many."""
    places = [
        (account, region) for account, regions in list(dynamodb_backends.items()) for region in list(regions)
    ]
    return sum(expire_items(open_database(account, region), now) for account, region in places)
