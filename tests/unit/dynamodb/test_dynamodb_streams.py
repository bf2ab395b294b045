"""DynamoDB Streams: records, views, iterators, retention.

AWS API reference, Amazon DynamoDB Streams; developer guide, "Change data capture for DynamoDB Streams".
"""

import copy
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from stream_reader import NEW_AND_OLD, all_records, iterator, only_shard, read, stream_arn

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.snapshots import codec

DAY_S = 24 * 60 * 60
KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}


@pytest.fixture
def streamed(make_table: Callable[..., str]) -> str:
    """A table whose stream has both images."""
    return make_table(StreamSpecification=NEW_AND_OLD)


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refusal:
        call(**parameters)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


def put(client: Any, table: str, **attributes: Any) -> None:
    client.put_item(TableName=table, Item={**KEY, **attributes})


def test_a_record_of_each_change(client: Any, streams: Any, streamed: str) -> None:
    """The sizes are those of the developer guide's example: 26, 59 and 38 bytes without the range key."""
    before = datetime.now(tz=UTC) - timedelta(seconds=2)
    put(client, streamed, n={"N": "1"})
    put(client, streamed, n={"N": "2"})
    client.delete_item(TableName=streamed, Key=KEY)
    records = all_records(streams, stream_arn(client, streamed))
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    images = [(r["dynamodb"].get("OldImage"), r["dynamodb"].get("NewImage")) for r in records]
    one, two = {**KEY, "n": {"N": "1"}}, {**KEY, "n": {"N": "2"}}
    assert images == [(None, one), (one, two), (two, None)]
    for record in records:
        assert re.fullmatch("[0-9a-f]{32}", record["eventID"])
        assert record["eventVersion"] == "1.1"
        assert record["eventSource"] == "aws:dynamodb"
        assert record["awsRegion"] == "us-east-1"
        assert "userIdentity" not in record
        assert record["dynamodb"]["Keys"] == KEY
        assert record["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
        created_at = record["dynamodb"]["ApproximateCreationDateTime"]
        assert created_at.microsecond == 0
        assert before <= created_at
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    assert numbers == sorted(numbers)
    assert all(re.fullmatch("[0-9]{21,40}", number) for number in numbers)
    assert len({record["eventID"] for record in records}) == 3
    key_bytes = 6
    assert [r["dynamodb"]["SizeBytes"] for r in records] == [2 * key_bytes + 3, 3 * key_bytes + 6, 15]


def test_the_sizes_of_the_developer_guides_example(
    client: Any, streams: Any, make_table: Callable[..., str]
) -> None:
    table = make_table(
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "N"}],
        StreamSpecification=NEW_AND_OLD,
    )
    for message in ("New item!", "This item has changed"):
        client.put_item(TableName=table, Item={"Id": {"N": "101"}, "Message": {"S": message}})
    client.delete_item(TableName=table, Key={"Id": {"N": "101"}})
    records = all_records(streams, stream_arn(client, table))
    assert [record["dynamodb"]["SizeBytes"] for record in records] == [26, 59, 38]


@pytest.mark.parametrize(
    ("view_type", "has_old", "has_new"),
    [
        ("KEYS_ONLY", False, False),
        ("NEW_IMAGE", False, True),
        ("OLD_IMAGE", True, False),
        ("NEW_AND_OLD_IMAGES", True, True),
    ],
)
def test_views(
    client: Any,
    streams: Any,
    make_table: Callable[..., str],
    view_type: str,
    has_old: bool,
    has_new: bool,
) -> None:
    table = make_table(StreamSpecification={"StreamEnabled": True, "StreamViewType": view_type})
    put(client, table, n={"N": "1"})
    put(client, table, n={"N": "2"})
    client.delete_item(TableName=table, Key=KEY)
    changes = [record["dynamodb"] for record in all_records(streams, stream_arn(client, table))]
    assert ["OldImage" in change for change in changes] == [False, has_old, has_old]
    assert ["NewImage" in change for change in changes] == [has_new, has_new, False]
    assert all(change["Keys"] == KEY and change["StreamViewType"] == view_type for change in changes)


def test_no_record_of_a_write_that_changes_nothing(client: Any, streams: Any, streamed: str) -> None:
    put(client, streamed, n={"N": "1"}, tags={"SS": ["x", "y"]})
    put(client, streamed, n={"N": "1.0"}, tags={"SS": ["y", "x"]})
    client.update_item(
        TableName=streamed,
        Key=KEY,
        UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
    )
    client.delete_item(TableName=streamed, Key={"pk": {"S": "b"}, "sk": {"S": "none"}})
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.delete_item(TableName=streamed, Key=KEY, ConditionExpression="attribute_not_exists(pk)")
    assert len(all_records(streams, stream_arn(client, streamed))) == 1


def test_every_kind_of_write_is_recorded(client: Any, streams: Any, streamed: str) -> None:
    keys = [{"pk": {"S": "a"}, "sk": {"S": str(number)}} for number in range(4)]
    client.batch_write_item(RequestItems={streamed: [{"PutRequest": {"Item": key}} for key in keys[:2]]})
    client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": streamed, "Item": keys[2]}},
            {"Delete": {"TableName": streamed, "Key": keys[0]}},
            {
                "ConditionCheck": {
                    "TableName": streamed,
                    "Key": keys[1],
                    "ConditionExpression": "attribute_exists(pk)",
                }
            },
        ]
    )
    client.execute_statement(Statement=f"""INSERT INTO "{streamed}" VALUE {{'pk': 'a', 'sk': '3'}}""")
    client.execute_statement(Statement=f"""DELETE FROM "{streamed}" WHERE pk = 'a' AND sk = '3'""")
    records = all_records(streams, stream_arn(client, streamed))
    seen = [(record["eventName"], record["dynamodb"]["Keys"]["sk"]["S"]) for record in records]
    assert seen == [
        ("INSERT", "0"),
        ("INSERT", "1"),
        ("INSERT", "2"),
        ("REMOVE", "0"),
        ("INSERT", "3"),
        ("REMOVE", "3"),
    ]


def test_a_cancelled_transaction_leaves_no_record(client: Any, streams: Any, streamed: str) -> None:
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": streamed, "Item": KEY}},
                {
                    "Put": {
                        "TableName": streamed,
                        "Item": {**KEY, "sk": {"S": "2"}},
                        "ConditionExpression": "attribute_exists(pk)",
                    }
                },
            ]
        )
    assert all_records(streams, stream_arn(client, streamed)) == []


def test_the_stream_specification_of_create_table(client: Any, make_table: Callable[..., str]) -> None:
    table = make_table(StreamSpecification=NEW_AND_OLD)
    described = client.describe_table(TableName=table)["Table"]
    assert described["StreamSpecification"] == NEW_AND_OLD
    assert described["LatestStreamArn"] == f"{described['TableArn']}/stream/{described['LatestStreamLabel']}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", described["LatestStreamLabel"])
    without = client.describe_table(TableName=make_table(StreamSpecification={"StreamEnabled": False}))
    assert not {"StreamSpecification", "LatestStreamArn", "LatestStreamLabel"} & without["Table"].keys()


NO_STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/none/stream/2020-01-01T00:00:00.000"
NO_SHARD = "shardId-00000001414562045508-2bac9cd2"
PREFIX = "One or more parameter values were invalid: "


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        (
            {"StreamEnabled": True},
            f"{PREFIX}Table is being created with a stream enabled, UpdateViewType is required",
        ),
        (
            {"StreamEnabled": False, "StreamViewType": "NEW_IMAGE"},
            f"{PREFIX}Table is being created with a stream disabled, UpdateViewType should not be specified",
        ),
        (
            {"StreamEnabled": True, "StreamViewType": "new_image"},
            "1 validation error detected: Value 'new_image' at 'streamSpecification.streamViewType' failed "
            "to satisfy constraint: Member must satisfy enum value set: "
            "[NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY]",
        ),
    ],
)
def test_create_table_refuses_a_specification(
    unchecked_client: Any, specification: dict[str, Any], message: str
) -> None:
    parameters = {
        "TableName": "refused",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "StreamSpecification": specification,
    }
    assert refused(unchecked_client.create_table, **parameters) == ("ValidationException", message)
    with pytest.raises(unchecked_client.exceptions.ResourceNotFoundException):
        unchecked_client.describe_table(TableName="refused")


def test_update_table_enables_and_disables(client: Any, streams: Any, table: str) -> None:
    def update(**specification: Any) -> dict[str, Any]:
        answer = client.update_table(TableName=table, StreamSpecification=specification)
        return dict(answer["TableDescription"])

    def refusal(**specification: Any) -> str:
        code, message = refused(client.update_table, TableName=table, StreamSpecification=specification)
        assert code == "ValidationException"
        return message

    assert refusal(StreamEnabled=False) == f"Table has no stream to disable: TableName: {table}"
    assert refusal(StreamEnabled=True) == (
        f"{PREFIX}If stream is being enabled then UpdateViewType is required"
    )
    put(client, table)
    first = update(**NEW_AND_OLD)["LatestStreamArn"]
    again = f"Table already has an enabled stream: TableName: {table}"
    assert refusal(**NEW_AND_OLD) == again
    assert refusal(StreamEnabled=True, StreamViewType="KEYS_ONLY") == again
    client.delete_item(TableName=table, Key=KEY)
    assert refusal(StreamEnabled=False, StreamViewType="KEYS_ONLY") == (
        f"{PREFIX}If stream is being disabled, then UpdateViewType must not be specified"
    )
    disabled = update(StreamEnabled=False)
    assert "StreamSpecification" not in disabled
    assert disabled["LatestStreamArn"] == first
    put(client, table)
    second = update(StreamEnabled=True, StreamViewType="KEYS_ONLY")["LatestStreamArn"]
    assert second > first
    client.delete_item(TableName=table, Key=KEY)
    assert [len(all_records(streams, arn)) for arn in (first, second)] == [1, 1]
    assert [each["StreamArn"] for each in streams.list_streams(TableName=table)["Streams"]] == [first, second]


def test_a_disabled_stream_ends_and_is_readable_for_a_day(client: Any, streams: Any, streamed: str) -> None:
    arn = stream_arn(client, streamed)
    put(client, streamed)
    put(client, streamed, n={"N": "1"})
    opened = only_shard(streams, arn)["SequenceNumberRange"]
    assert "EndingSequenceNumber" not in opened
    latest = iterator(streams, arn, "LATEST")
    assert streams.get_records(ShardIterator=latest)["NextShardIterator"]
    client.update_table(TableName=streamed, StreamSpecification={"StreamEnabled": False})
    description = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert description["StreamStatus"] == "DISABLED"
    numbers = only_shard(streams, arn)["SequenceNumberRange"]
    assert numbers["StartingSequenceNumber"] == opened["StartingSequenceNumber"]
    first = streams.get_records(ShardIterator=iterator(streams, arn), Limit=1)
    (record,) = first["Records"]
    assert record["dynamodb"]["SequenceNumber"] <= numbers["EndingSequenceNumber"]
    last = streams.get_records(ShardIterator=first["NextShardIterator"])
    assert len(last["Records"]) == 1
    assert "NextShardIterator" not in last
    assert "NextShardIterator" not in streams.get_records(ShardIterator=latest)
    clock.advance(DAY_S + 1)
    not_found = ("ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found")
    assert refused(streams.describe_stream, StreamArn=arn) == not_found
    assert refused(streams.get_records, ShardIterator=iterator_of(arn)) == not_found


def iterator_of(arn: str) -> str:
    from serverless_harness.emulator.dynamodb.stream_reads import Iterator

    return Iterator(arn, NO_SHARD, 0, clock.now()).encode()


def test_the_stream_of_a_deleted_table_is_readable(
    client: Any, streams: Any, make_table: Callable[..., str]
) -> None:
    table = make_table(StreamSpecification=NEW_AND_OLD)
    arn = stream_arn(client, table)
    put(client, table)
    client.delete_table(TableName=table)
    assert streams.describe_stream(StreamArn=arn)["StreamDescription"]["StreamStatus"] == "DISABLED"
    assert len(all_records(streams, arn)) == 1
    assert [each["StreamArn"] for each in streams.list_streams(TableName=table)["Streams"]] == [arn]
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        StreamSpecification=NEW_AND_OLD,
    )
    assert stream_arn(client, table) != arn


def test_describe_stream(client: Any, streams: Any, streamed: str) -> None:
    described = client.describe_table(TableName=streamed)["Table"]
    arn = described["LatestStreamArn"]
    description = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    shard = only_shard(streams, arn)
    assert abs(description.pop("CreationRequestDateTime").timestamp() - clock.now()) < 60
    assert description == {
        "StreamArn": arn,
        "StreamLabel": described["LatestStreamLabel"],
        "StreamStatus": "ENABLED",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
        "TableName": streamed,
        "KeySchema": described["KeySchema"],
        "Shards": [shard],
    }
    assert re.fullmatch(r"shardId-\d{20}-[0-9a-f]{8}", shard["ShardId"])
    after = streams.describe_stream(StreamArn=arn, ExclusiveStartShardId=shard["ShardId"])
    assert after["StreamDescription"]["Shards"] == []
    children = {"Type": "CHILD_SHARDS", "ShardId": shard["ShardId"]}
    filtered = streams.describe_stream(StreamArn=arn, ShardFilter=children)
    assert filtered["StreamDescription"]["Shards"] == []


def test_list_streams_by_pages(client: Any, streams: Any, make_table: Callable[..., str]) -> None:
    arns = {stream_arn(client, make_table(StreamSpecification=NEW_AND_OLD)) for _ in range(3)}
    found: list[str] = []
    start: dict[str, str] = {}
    while True:
        answer = streams.list_streams(Limit=1, **start)
        found += [each["StreamArn"] for each in answer["Streams"]]
        if "LastEvaluatedStreamArn" not in answer:
            break
        start = {"ExclusiveStartStreamArn": answer["LastEvaluatedStreamArn"]}
    assert len(found) == len(set(found))
    assert arns <= set(found)
    table = make_table()
    assert streams.list_streams(TableName=table)["Streams"] == []


@pytest.mark.parametrize(
    ("operation", "parameters", "code", "message"),
    [
        ("list_streams", {"Limit": 0}, "ValidationException", "greater than or equal to 1"),
        ("list_streams", {"Limit": 101}, "ValidationException", "less than or equal to 100"),
        ("list_streams", {"ExclusiveStartStreamArn": "x" * 40}, "ValidationException", "Invalid StreamArn"),
        ("list_streams", {"TableName": "no-such-table"}, "ResourceNotFoundException", "no-such-table"),
        ("describe_stream", {"StreamArn": "ARN", "Limit": 0}, "ValidationException", "equal to 1"),
        ("describe_stream", {"StreamArn": "ARN", "Limit": 101}, "ValidationException", "equal to 100"),
        ("describe_stream", {"StreamArn": "stream" * 9}, "ValidationException", "Invalid StreamArn"),
        (
            "describe_stream",
            {"StreamArn": NO_STREAM},
            "ResourceNotFoundException",
            f"Requested resource not found: Stream: {NO_STREAM} not found",
        ),
        ("describe_stream", {}, "ValidationException", "streamArn"),
        ("get_records", {"ShardIterator": "nonsense"}, "ValidationException", "Invalid ShardIterator"),
        ("get_records", {"ShardIterator": "ARN|1|e30="}, "ValidationException", "Invalid ShardIterator"),
        ("get_records", {"ShardIterator": "LATEST", "Limit": 0}, "ValidationException", "equal to 1"),
        ("get_records", {"ShardIterator": "LATEST", "Limit": 1001}, "ValidationException", "equal to 1000"),
        (
            "get_shard_iterator",
            {"StreamArn": "ARN", "ShardId": "SHARD", "ShardIteratorType": "FIRST"},
            "ValidationException",
            "enum value set",
        ),
        (
            "get_shard_iterator",
            {"StreamArn": "ARN", "ShardId": NO_SHARD, "ShardIteratorType": "TRIM_HORIZON"},
            "ResourceNotFoundException",
            NO_SHARD,
        ),
        (
            "get_shard_iterator",
            {"StreamArn": "ARN", "ShardId": "shardId-1", "ShardIteratorType": "TRIM_HORIZON"},
            "ValidationException",
            "greater than or equal to 28",
        ),
        (
            "get_shard_iterator",
            {"StreamArn": "ARN", "ShardId": "SHARD", "ShardIteratorType": "AT_SEQUENCE_NUMBER"},
            "ValidationException",
            "SequenceNumber",
        ),
        (
            "get_shard_iterator",
            {
                "StreamArn": "ARN",
                "ShardId": "SHARD",
                "ShardIteratorType": "AT_SEQUENCE_NUMBER",
                "SequenceNumber": "1",
            },
            "ValidationException",
            "greater than or equal to 21",
        ),
        (
            "get_shard_iterator",
            {
                "StreamArn": "ARN",
                "ShardId": "SHARD",
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": "9" * 40,
            },
            "ValidationException",
            "Invalid SequenceNumber",
        ),
        (
            "get_shard_iterator",
            {
                "StreamArn": "ARN",
                "ShardId": "SHARD",
                "ShardIteratorType": "AT_SEQUENCE_NUMBER",
                "SequenceNumber": "1" + "0" * 20,
            },
            "TrimmedDataAccessException",
            "The data you are trying to access has been trimmed.",
        ),
    ],
)
def test_refusals(
    client: Any,
    streams: Any,
    streamed: str,
    operation: str,
    parameters: dict[str, Any],
    code: str,
    message: str,
) -> None:
    arn = stream_arn(client, streamed)
    places = {"ARN": arn, "SHARD": only_shard(streams, arn)["ShardId"], "LATEST": iterator(streams, arn)}

    def filled(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("ARN|"):
            return value.replace("ARN", arn)
        return places.get(value, value)

    given = {name: filled(value) for name, value in parameters.items()}
    actual_code, actual_message = refused(getattr(streams, operation), **given)
    assert actual_code == code
    assert message in actual_message


def test_iterators_start_where_they_say(client: Any, streams: Any, streamed: str) -> None:
    arn = stream_arn(client, streamed)
    latest_of_none = iterator(streams, arn, "LATEST")
    for number in range(5):
        put(client, streamed, n={"N": str(number)})
    numbers = [record["dynamodb"]["SequenceNumber"] for record in all_records(streams, arn, limit=2)]
    assert len(numbers) == 5
    assert only_shard(streams, arn)["SequenceNumberRange"]["StartingSequenceNumber"] <= numbers[0]

    def seen(kind: str, **more: Any) -> list[str]:
        start = iterator(streams, arn, kind, **more)
        return [record["dynamodb"]["SequenceNumber"] for record in read(streams, start)]

    assert seen("TRIM_HORIZON") == numbers
    assert seen("LATEST") == []
    assert seen("AT_SEQUENCE_NUMBER", SequenceNumber=numbers[2]) == numbers[2:]
    assert seen("AFTER_SEQUENCE_NUMBER", SequenceNumber=numbers[2]) == numbers[3:]
    assert seen("AFTER_SEQUENCE_NUMBER", SequenceNumber=numbers[4]) == []
    assert [r["dynamodb"]["SequenceNumber"] for r in read(streams, latest_of_none)] == numbers
    latest = iterator(streams, arn, "LATEST")
    put(client, streamed, n={"N": "5"})
    assert [r["dynamodb"]["NewImage"]["n"]["N"] for r in read(streams, latest)] == ["5"]


def test_a_page_has_at_most_a_megabyte(client: Any, streams: Any, streamed: str) -> None:
    arn = stream_arn(client, streamed)
    for number in range(4):
        put(client, streamed, n={"N": str(number)}, text={"S": "x" * 300_000})
    answer = streams.get_records(ShardIterator=iterator(streams, arn))
    assert len(answer["Records"]) == 2, "300 kB, then twice 600 kB"
    assert len(read(streams, answer["NextShardIterator"])) == 2


def test_an_iterator_expires_after_15_minutes(client: Any, streams: Any, streamed: str) -> None:
    start = iterator(streams, stream_arn(client, streamed))
    clock.advance(14 * 60)
    next_start = streams.get_records(ShardIterator=start)["NextShardIterator"]
    clock.advance(2 * 60)
    assert refused(streams.get_records, ShardIterator=start) == (
        "ExpiredIteratorException",
        "The provided iterator exceeds the maximum age allowed.",
    )
    assert streams.get_records(ShardIterator=next_start)["Records"] == []


def test_records_are_trimmed_after_a_day(client: Any, streams: Any, streamed: str) -> None:
    arn = stream_arn(client, streamed)
    put(client, streamed, n={"N": "0"})
    put(client, streamed, n={"N": "1"})
    first, second = all_records(streams, arn)
    clock.advance(DAY_S - 60)
    put(client, streamed, n={"N": "2"})
    start = iterator(streams, arn)
    assert len(read(streams, start)) == 3
    clock.advance(120)
    trimmed = ("TrimmedDataAccessException", "The data you are trying to access has been trimmed.")
    assert refused(streams.get_records, ShardIterator=start) == trimmed
    shard_id = only_shard(streams, arn)["ShardId"]
    asked = {"StreamArn": arn, "ShardId": shard_id, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}
    number = first["dynamodb"]["SequenceNumber"]
    assert refused(streams.get_shard_iterator, **asked, SequenceNumber=number) == trimmed
    after = iterator(
        streams,
        arn,
        "AFTER_SEQUENCE_NUMBER",
        SequenceNumber=str(int(second["dynamodb"]["SequenceNumber"]) + 1),
    )
    assert read(streams, after) == []
    (left,) = all_records(streams, arn)
    assert left["dynamodb"]["NewImage"]["n"] == {"N": "2"}


def test_a_snapshot_and_a_backup_of_a_table_with_a_stream(client: Any, streams: Any, streamed: str) -> None:
    put(client, streamed)
    backend = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    table = backend.tables[streamed]
    restored = codec.loads(codec.dumps((table, table.followers.stream)))
    assert restored[0].followers.stream is restored[1], "the table writes into the stream that is read"
    assert restored[1].shard.records == table.followers.stream.shard.records
    assert copy.deepcopy(table).followers.stream is None
    arn = client.create_backup(TableName=streamed, BackupName="backup")["BackupDetails"]["BackupArn"]
    client.restore_table_from_backup(TargetTableName=f"{streamed}-restored", BackupArn=arn)
    put(client, f"{streamed}-restored", n={"N": "1"})
    assert len(all_records(streams, stream_arn(client, streamed))) == 1
    client.delete_table(TableName=f"{streamed}-restored")
