"""Concurrent writes: none is lost, none is seen half done.

The `interleaved` tests bring two threads to the same point between reading and writing, so that they show
what the lock is for: the same test with a lock that doesn't lock ends with the wrong result, each time.
"""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from moto.dynamodb.models import DynamoDBBackend

from serverless_harness.emulator.dynamodb import reads, single_writes, store, transactions, write_operations
from serverless_harness.emulator.dynamodb.store import Database

THREADS = 8
MEETING_TIMEOUT_S = 0.2
KEY = {"pk": {"S": "a"}}


class NoLock:
    """Takes a lock's place and excludes nobody."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def make_database(lock: Any) -> Database:
    backend = DynamoDBBackend("us-east-1", "123456789012")
    backend.create_table(
        name="t",
        schema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        throughput=None,
        attr=[{"AttributeName": "pk", "AttributeType": "S"}],
        global_indexes=[],
        indexes=[],
        streams=None,
        billing_mode="PAY_PER_REQUEST",
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
    return Database(backend, lock)


def meeting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that after its work waits for another thread to come as far, for a while."""
    barrier = threading.Barrier(2, timeout=MEETING_TIMEOUT_S)

    def wait_for_other(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait()
        return result

    return wait_for_other


def run_both(first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(2) as executor:
        return [future.result() for future in [executor.submit(first), executor.submit(second)]]


@pytest.mark.parametrize(("lock", "total"), [(threading.RLock(), "2"), (NoLock(), "1")])
def test_interleaved_adds_both_count_only_with_the_lock(
    monkeypatch: pytest.MonkeyPatch, lock: Any, total: str
) -> None:
    database = make_database(lock)
    monkeypatch.setattr(single_writes, "updated", meeting(single_writes.updated))
    add = {
        "TableName": "t",
        "Key": KEY,
        "UpdateExpression": "ADD sold :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    run_both(
        lambda: write_operations.update_item(database, add),
        lambda: write_operations.update_item(database, add),
    )
    assert reads.get_item(database, {"TableName": "t", "Key": KEY})["Item"]["sold"] == {"N": total}


@pytest.mark.parametrize(("lock", "successes"), [(threading.RLock(), 1), (NoLock(), 2)])
def test_interleaved_conditional_puts_one_wins_only_with_the_lock(
    monkeypatch: pytest.MonkeyPatch, lock: Any, successes: int
) -> None:
    database = make_database(lock)
    monkeypatch.setattr(single_writes, "get", meeting(store.get))
    put = {"TableName": "t", "Item": KEY, "ConditionExpression": "attribute_not_exists(pk)"}

    def attempt() -> bool:
        try:
            write_operations.put_item(database, put)
        except single_writes.condition_failed(None).__class__:
            return False
        return True

    assert sum(run_both(attempt, attempt)) == successes


@pytest.mark.parametrize(("lock", "is_torn"), [(threading.RLock(), False), (NoLock(), True)])
def test_interleaved_reader_sees_half_a_transaction_only_without_the_lock(
    monkeypatch: pytest.MonkeyPatch, lock: Any, is_torn: bool
) -> None:
    database = make_database(lock)
    first_written, reader_done = threading.Event(), threading.Event()

    def replace_slowly(*args: Any) -> None:
        store.replace(*args)
        first_written.set()
        reader_done.wait(MEETING_TIMEOUT_S)

    monkeypatch.setattr(transactions, "replace", replace_slowly)
    keys = [{"pk": {"S": name}} for name in ("a", "b")]
    puts = [{"Put": {"TableName": "t", "Item": key}} for key in keys]

    def read() -> int:
        first_written.wait(1)
        gets = [{"Get": {"TableName": "t", "Key": key}} for key in keys]
        responses = transactions.transact_get_items(database, {"TransactItems": gets})["Responses"]
        reader_done.set()
        return sum("Item" in response for response in responses)

    seen = run_both(lambda: transactions.transact_write_items(database, {}, {"TransactItems": puts}), read)[1]
    assert (seen == 1) is is_torn


def in_threads(work: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(THREADS) as executor:
        for future in [executor.submit(work, number) for number in range(THREADS)]:
            future.result()


def test_concurrent_updates_through_boto3_all_count(client: Any, make_table: Callable[..., str]) -> None:
    table, rounds = make_table(range_key=False), 25

    def add(_: int) -> None:
        for _ in range(rounds):
            client.update_item(
                TableName=table,
                Key=KEY,
                UpdateExpression="SET stock = if_not_exists(stock, :zero) - :price ADD sold :one",
                ExpressionAttributeValues={":zero": {"N": "0"}, ":price": {"N": "0.1"}, ":one": {"N": "1"}},
            )

    in_threads(add)
    item = client.get_item(TableName=table, Key=KEY)["Item"]
    assert item["sold"] == {"N": str(THREADS * rounds)}
    assert item["stock"] == {"N": "-20"}, "decimal arithmetic, no floats"


def test_concurrent_transactions_are_isolated_from_each_other_and_from_readers(
    client: Any, make_table: Callable[..., str]
) -> None:
    """Every transaction moves one piece from one item to another: the sum never changes."""
    tables, rounds = [make_table(range_key=False) for _ in range(2)], 15
    for table in tables:
        client.put_item(TableName=table, Item={**KEY, "stock": {"N": "0"}})
    reads = [{"Get": {"TableName": table, "Key": KEY}} for table in tables]
    sums: list[int] = []

    def move(number: int) -> None:
        source, target = tables if number % 2 else reversed(tables)
        for _ in range(rounds):
            client.transact_write_items(
                TransactItems=[
                    {
                        "Update": {
                            "TableName": table,
                            "Key": KEY,
                            "UpdateExpression": "ADD stock :n",
                            "ExpressionAttributeValues": {":n": {"N": pieces}},
                        }
                    }
                    for table, pieces in ((source, "-1"), (target, "1"))
                ]
            )
            items = client.transact_get_items(TransactItems=reads)["Responses"]
            sums.append(sum(int(item["Item"]["stock"]["N"]) for item in items))

    in_threads(move)
    assert sums == [0] * THREADS * rounds


def test_concurrent_orders_are_booked_once(client: Any, table: str) -> None:
    """A marker and its bookings in one transaction: of eight deliveries of an order, one books."""
    booked: list[int] = []

    def book(number: int) -> None:
        try:
            client.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": table,
                            "Item": {"pk": {"S": "shop"}, "sk": {"S": "order"}},
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                    {
                        "Update": {
                            "TableName": table,
                            "Key": {"pk": {"S": "shop"}, "sk": {"S": "item"}},
                            "UpdateExpression": "ADD sold :n",
                            "ExpressionAttributeValues": {":n": {"N": "3"}},
                        }
                    },
                ]
            )
            booked.append(number)
        except client.exceptions.TransactionCanceledException:
            pass

    in_threads(book)
    item = client.get_item(TableName=table, Key={"pk": {"S": "shop"}, "sk": {"S": "item"}})["Item"]
    assert len(booked) == 1
    assert item["sold"] == {"N": "3"}
