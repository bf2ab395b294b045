"""Global tables: replicas of a table in other regions of the process.

AWS developer guide, "Global tables: multi-active, multi-Region replication" and "Managing global tables"
(version 2019.11.21); API reference, UpdateTable, ReplicaUpdates.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dynamodb_in_process import InProcessDynamoDb, InProcessStreams
from dynamodb_refusals import refusal
from moto.core.models import DEFAULT_ACCOUNT_ID
from stream_reader import NEW_AND_OLD

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.dynamodb.expiry import expire_items
from serverless_harness.emulator.dynamodb.provider import DynamoDbMotoProvider
from serverless_harness.emulator.dynamodb.store import open_database
from serverless_harness.emulator.dynamodb.streams_provider import DynamoDbStreamsProvider

HERE, THERE = "us-east-1", "eu-west-1"
KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
INDEX = {
    "IndexName": "by-g",
    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
DEFINITIONS = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "g")]


@pytest.fixture
def other() -> Any:
    """A client of the other region."""
    return InProcessDynamoDb(DynamoDbMotoProvider().dispatch_table(), THERE).client()


@pytest.fixture
def replicated(client: Any, other: Any, make_table: Callable[..., str]) -> Iterator[str]:
    """A table with an item of before and a replica in the other region."""
    table = make_table(AttributeDefinitions=DEFINITIONS, GlobalSecondaryIndexes=[INDEX])
    client.put_item(TableName=table, Item={**KEY, "g": {"S": "before"}})
    client.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": THERE}}])
    yield table
    if table in other.list_tables()["TableNames"]:
        other.delete_table(TableName=table)


def described(client: Any, table: str) -> dict[str, Any]:
    found: dict[str, Any] = client.describe_table(TableName=table)["Table"]
    return found


def items(client: Any, table: str, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.scan(TableName=table, **options)["Items"]
    return sorted(found, key=repr)


def changes(arn: str, region: str) -> list[tuple[str, bool]]:
    """The names of a stream's events, and whether the service made them."""
    streams = InProcessStreams(DynamoDbStreamsProvider().dispatch_table(), region).client()
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(**start)["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    return [(record["eventName"], "userIdentity" in record) for record in records]


def test_writes_in_either_region_are_read_in_both(client: Any, other: Any, replicated: str) -> None:
    assert items(other, replicated) == [{**KEY, "g": {"S": "before"}}]
    other.update_item(
        TableName=replicated,
        Key=KEY,
        UpdateExpression="SET g = :g",
        ExpressionAttributeValues={":g": {"S": "after"}},
    )
    second = {**KEY, "sk": {"S": "2"}}
    client.transact_write_items(TransactItems=[{"Put": {"TableName": replicated, "Item": second}}])
    expected = sorted([{**KEY, "g": {"S": "after"}}, second], key=repr)
    assert items(client, replicated) == items(other, replicated) == expected
    assert len(items(client, replicated, IndexName="by-g")) == 1
    assert items(client, replicated, IndexName="by-g") == items(other, replicated, IndexName="by-g")
    client.delete_item(TableName=replicated, Key=KEY)
    assert items(other, replicated) == [second]


def test_a_replica_is_described_in_each_region(client: Any, other: Any, replicated: str) -> None:
    here, there = described(client, replicated), described(other, replicated)
    assert here["GlobalTableVersion"] == there["GlobalTableVersion"] == "2019.11.21"
    assert here["Replicas"] == [{"RegionName": THERE, "ReplicaStatus": "ACTIVE"}]
    assert there["Replicas"] == [{"RegionName": HERE, "ReplicaStatus": "ACTIVE"}]
    assert f":{THERE}:" in there["TableArn"]
    for member in ("KeySchema", "AttributeDefinitions", "ItemCount", "StreamSpecification"):
        assert here[member] == there[member]
    for member in ("TableId", "LatestStreamArn"):
        assert here[member] != there[member]


def test_each_replica_has_a_stream_of_all_writes(client: Any, other: Any, replicated: str) -> None:
    setting = {"Enabled": True, "AttributeName": "expires"}
    client.update_time_to_live(TableName=replicated, TimeToLiveSpecification=setting)
    shared = other.describe_time_to_live(TableName=replicated)["TimeToLiveDescription"]
    assert shared == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    now = int(clock.now())
    other.put_item(TableName=replicated, Item={**KEY, "expires": {"N": str(now - 5)}})
    assert expire_items(open_database(DEFAULT_ACCOUNT_ID, THERE), now) == 1
    assert expire_items(open_database(DEFAULT_ACCOUNT_ID, HERE), now) == 0
    arns = {
        region: described(each, replicated)["LatestStreamArn"]
        for region, each in ((HERE, client), (THERE, other))
    }
    assert changes(arns[HERE], HERE) == [("MODIFY", False), ("REMOVE", False)]
    assert changes(arns[THERE], THERE) == [("MODIFY", False), ("REMOVE", True)], "it expires in one region"


def test_indexes_are_shared(client: Any, other: Any, replicated: str) -> None:
    index = {**INDEX, "IndexName": "by-sk", "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}]}
    other.update_table(
        TableName=replicated,
        AttributeDefinitions=DEFINITIONS[1:2],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )
    assert len(items(client, replicated, IndexName="by-sk")) == 1
    client.update_table(TableName=replicated, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-g"}}])
    (left,) = described(other, replicated)["GlobalSecondaryIndexes"]
    assert left["IndexName"] == "by-sk"


def test_a_replica_that_is_removed_is_no_part_of_the_table(client: Any, other: Any, replicated: str) -> None:
    client.update_table(TableName=replicated, ReplicaUpdates=[{"Delete": {"RegionName": THERE}}])
    refusal(lambda: described(other, replicated), "ResourceNotFoundException")
    assert "Replicas" not in described(client, replicated)
    client.put_item(TableName=replicated, Item=KEY)
    client.update_table(TableName=replicated, ReplicaUpdates=[{"Create": {"RegionName": THERE}}])
    assert items(other, replicated) == [KEY]
    other.delete_table(TableName=replicated)
    client.delete_item(TableName=replicated, Key=KEY)
    assert items(client, replicated) == []


def test_replicas_that_can_not_be(client: Any, replicated: str, make_table: Callable[..., str]) -> None:
    def refused(table: str, **change: Any) -> str:
        return refusal(client.update_table, TableName=table, ReplicaUpdates=[change])

    assert refused(replicated, Create={"RegionName": THERE}) == (
        f"Failed to create a the new replica of table with name: '{replicated}' because one or more replicas "
        "already existed as tables."
    )
    assert "already existed" in refused(replicated, Create={"RegionName": HERE})
    assert "Unknown region: mars-1" in refused(replicated, Create={"RegionName": "mars-1"})
    assert "has no replica in eu-north-1" in refused(replicated, Delete={"RegionName": "eu-north-1"})
    keys_only = make_table(StreamSpecification={**NEW_AND_OLD, "StreamViewType": "KEYS_ONLY"})
    assert "NEW_AND_OLD_IMAGES" in refused(keys_only, Create={"RegionName": THERE})
    off = {"StreamEnabled": False}
    assert "can't be disabled" in refusal(client.update_table, TableName=replicated, StreamSpecification=off)


def test_writers_in_two_regions_lose_nothing(client: Any, other: Any, replicated: str) -> None:
    def add(writer: Any) -> None:
        for _ in range(50):
            writer.update_item(
                TableName=replicated,
                Key=KEY,
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    writers = [threading.Thread(target=add, args=(each,)) for each in (client, other) * 2]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for each in (client, other):
        assert each.get_item(TableName=replicated, Key=KEY)["Item"]["n"] == {"N": "200"}
