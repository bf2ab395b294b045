"""DynamoDB beside moto and ministack: `.venv/bin/python -m benchmarks.dynamodb [--calls N] [--seed N]`.

Each server holds the same table of 1,000 items in ten partitions, and is called by boto3 over HTTP. The
servers take turns after each call, in random order, so that what else the machine does meets all of them
alike. This project's server is the whole stack of `up`, with validation and traces.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from benchmarks.contenders import Contender, Embedded, Ministack, Moto, install_ministack, install_moto

TABLE = "items"
PARTITIONS = 10
PER_PARTITION = 100
BATCH = 25
"""DynamoDB's own limit."""
WARM_UP_CALLS = 20

Call = Callable[[Any, int], object]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    install_moto()
    install_ministack()
    contenders: list[Contender] = [Embedded(), Moto(), Ministack()]
    with ExitStack() as running:
        for contender in contenders:
            running.callback(contender.stop)
            contender.start()
        clients = {contender.name: contender.target.client("dynamodb") for contender in contenders}
        for client in clients.values():
            fill(client)
        print(f"| | {' | '.join(clients)} |\n|{'---|' * (len(clients) + 1)}")
        for operation, call in OPERATIONS.items():
            samples = measure(clients, call, options.calls, random.Random(options.seed))
            cells = [f"{fastest(values):.1f}, {statistics.median(values):.1f}" for values in samples.values()]
            print(f"| {operation} | {' | '.join(cells)} |", flush=True)


def fill(client: Any) -> None:  # noqa: ANN401 (boto3 clients are untyped)
    """Create the table with its items."""
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    for batch in _batches():
        client.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item(n)}} for n in batch]})


def measure(clients: dict[str, Any], call: Call, calls: int, order: random.Random) -> dict[str, list[float]]:
    """Time one operation on all servers in turn; gives each one's samples in milliseconds."""
    samples: dict[str, list[float]] = {name: [] for name in clients}
    for number in range(WARM_UP_CALLS + calls):
        for name in order.sample(list(clients), len(clients)):
            begin = time.perf_counter()
            call(clients[name], number)
            if number >= WARM_UP_CALLS:
                samples[name].append((time.perf_counter() - begin) * 1000)
    return samples


def fastest(values: list[float]) -> float:
    """Give the value that a tenth of the samples don't exceed: what a call takes when nothing delays it."""
    return statistics.quantiles(values, n=10)[0]


def key(number: int) -> dict[str, Any]:
    """Give the key of one of the items."""
    number %= PARTITIONS * PER_PARTITION
    return {"pk": {"S": f"p{number % PARTITIONS}"}, "sk": {"S": f"s{number // PARTITIONS:04d}"}}


def item(number: int) -> dict[str, Any]:
    """Give an item of five attributes."""
    return {**key(number), "count": {"N": "1"}, "name": {"S": f"item {number}"}, "price": {"N": "12.34"}}


def _batches() -> Iterator[range]:
    for first in range(0, PARTITIONS * PER_PARTITION, BATCH):
        yield range(first, first + BATCH)


def _put(client: Any, number: int) -> None:  # noqa: ANN401
    client.put_item(TableName=TABLE, Item=item(number * 7))


def _get(client: Any, number: int) -> None:  # noqa: ANN401
    assert "Item" in client.get_item(TableName=TABLE, Key=key(number * 7))


ADD_ONE = {
    "UpdateExpression": "SET #c = #c + :one",
    "ExpressionAttributeNames": {"#c": "count"},
    "ExpressionAttributeValues": {":one": {"N": "1"}},
}


def _update(client: Any, number: int) -> None:  # noqa: ANN401
    client.update_item(TableName=TABLE, Key=key(number * 7), **ADD_ONE)


def _transact(client: Any, number: int) -> None:  # noqa: ANN401
    marker = {"pk": {"S": "markers"}, "sk": {"S": f"m{number}"}}
    condition = {"ConditionExpression": "attribute_not_exists(pk)"}
    updates = [
        {
            "Update": {
                "TableName": TABLE,
                "Key": key(number * 7 + n),
                "ConditionExpression": "#c >= :one",
                **ADD_ONE,
            }
        }
        for n in range(3)
    ]
    client.transact_write_items(
        TransactItems=[{"Put": {"TableName": TABLE, "Item": marker, **condition}}, *updates]
    )


def _query(client: Any, number: int) -> None:  # noqa: ANN401
    answer = client.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :p AND sk >= :s",
        ExpressionAttributeValues={":p": {"S": f"p{number % PARTITIONS}"}, ":s": {"S": "s0050"}},
        Limit=10,
    )
    assert answer["Count"] == 10


OPERATIONS: dict[str, Call] = {
    "`PutItem`": _put,
    "`GetItem`": _get,
    "`UpdateItem` with arithmetic": _update,
    "`TransactWriteItems`: a put, three conditional updates": _transact,
    "`Query`, 10 of a partition": _query,
}

if __name__ == "__main__":
    main()
