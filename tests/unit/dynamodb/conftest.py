"""A boto3 client whose requests go to the provider in this process."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dynamodb_in_process import InProcessDynamoDb, InProcessStreams

from serverless_harness.emulator.dynamodb.provider import DynamoDbMotoProvider
from serverless_harness.emulator.dynamodb.streams_provider import DynamoDbStreamsProvider

_names = itertools.count()


@pytest.fixture(scope="session")
def served() -> InProcessDynamoDb:
    return InProcessDynamoDb(DynamoDbMotoProvider().dispatch_table())


@pytest.fixture(scope="session")
def client(served: InProcessDynamoDb) -> Any:
    return served.client()


@pytest.fixture(scope="session")
def unchecked_client(served: InProcessDynamoDb) -> Any:
    """A client that sends what boto3's own parameter validation would refuse."""
    return served.client(validate=False)


@pytest.fixture(scope="session")
def served_streams() -> InProcessStreams:
    return InProcessStreams(DynamoDbStreamsProvider().dispatch_table())


@pytest.fixture(scope="session")
def streams(served_streams: InProcessStreams) -> Any:
    """A client of DynamoDB Streams that sends what boto3's own parameter validation would refuse."""
    return served_streams.client(validate=False)


@pytest.fixture
def make_table(client: Any) -> Iterator[Callable[..., str]]:
    """Return a function that creates a table and returns its name; hash key `pk`, range key `sk`, strings."""
    made: list[str] = []

    def make(*, range_key: bool = True, **options: Any) -> str:
        name = f"table-{next(_names)}"
        keys = ["pk", "sk"] if range_key else ["pk"]
        parameters = {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ["HASH", "RANGE"], strict=False)
            ],
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
        }
        client.create_table(**{**parameters, **options})
        made.append(name)
        return name

    yield make
    for name in made:
        client.delete_table(TableName=name)


@pytest.fixture
def table(make_table: Callable[..., str]) -> str:
    """The name of an empty table with hash key `pk` and range key `sk`."""
    return make_table()
