"""Time to live: what expires, when, and what its stream record says.

AWS developer guide, "Using time to live (TTL) in DynamoDB" and "DynamoDB Streams and Time to Live".
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID
from stream_reader import NEW_AND_OLD, all_records, replay, stream_arn

from serverless_harness.emulator.clock import Clock, clock
from serverless_harness.emulator.dynamodb.expiry import ExpiryService, expire_items
from serverless_harness.emulator.dynamodb.store import open_database
from serverless_harness.emulator.settings import InvalidSettingError, expiry_interval_s

YEAR_S = 365 * 24 * 60 * 60


@pytest.fixture
def expiring(client: Any, make_table: Callable[..., str]) -> str:
    table = make_table(range_key=False, StreamSpecification=NEW_AND_OLD)
    enable(client, table)
    return table


def enable(client: Any, table: str, attribute: str = "expires", *, enabled: bool = True) -> None:
    client.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute}
    )


def put(client: Any, table: str, name: str, expires: Any) -> None:
    value = expires if isinstance(expires, dict) else {"N": str(expires)}
    client.put_item(TableName=table, Item={"pk": {"S": name}, "expires": value})


def expire(now: float) -> int:
    return expire_items(open_database(DEFAULT_ACCOUNT_ID, "us-east-1"), now)


def left(client: Any, table: str) -> set[str]:
    return {item["pk"]["S"] for item in client.scan(TableName=table)["Items"]}


def test_items_go_when_their_time_has_passed(client: Any, expiring: str) -> None:
    now = int(clock.now())
    put(client, expiring, "past", now - 10)
    put(client, expiring, "soon", now + 100)
    put(client, expiring, "far", now + YEAR_S)
    put(client, expiring, "error", now - 6 * YEAR_S)
    put(client, expiring, "text", {"S": str(now - 10)})
    client.put_item(TableName=expiring, Item={"pk": {"S": "none"}})
    assert left(client, expiring) >= {"past"}, "it is there until the service finds it"
    assert expire(now) == 1
    assert left(client, expiring) == {"soon", "far", "error", "text", "none"}
    assert expire(now + 100) == 0
    assert expire(now + 101) == 1
    assert left(client, expiring) == {"far", "error", "text", "none"}


def test_an_item_goes_by_its_last_time(client: Any, expiring: str) -> None:
    now = int(clock.now())
    for name, first, second in (("longer", -10, 100), ("shorter", 100, -10)):
        put(client, expiring, name, now + first)
        put(client, expiring, name, now + second)
    put(client, expiring, "deleted", now - 10)
    client.delete_item(TableName=expiring, Key={"pk": {"S": "deleted"}})
    put(client, expiring, "endless", now - 10)
    client.update_item(TableName=expiring, Key={"pk": {"S": "endless"}}, UpdateExpression="REMOVE expires")
    assert expire(now) == 1
    assert left(client, expiring) == {"longer", "endless"}


def test_items_go_that_came_after_a_look_at_an_empty_table(client: Any, expiring: str) -> None:
    now = int(clock.now())
    for _ in range(2):
        assert expire(now) == 0
        put(client, expiring, "past", now - 10)
        assert expire(now) == 1


def test_many_items_at_once_and_items_of_before(client: Any, make_table: Callable[..., str]) -> None:
    table, now = make_table(range_key=False), int(clock.now())
    for number in range(120):
        put(client, table, str(number), now - 1 - number)
    enable(client, table)
    assert expire(now) == 120
    assert left(client, table) == set()
    enable(client, table, enabled=False)
    put(client, table, "kept", now - 10)
    assert expire(now) == 0
    enable(client, table, "other")
    assert expire(now) == 0


def test_the_record_of_an_expired_item_names_the_service(client: Any, streams: Any, expiring: str) -> None:
    now = int(clock.now())
    put(client, expiring, "a", now - 10)
    put(client, expiring, "b", now - 10)
    client.delete_item(TableName=expiring, Key={"pk": {"S": "b"}})
    expire(now)
    records = all_records(streams, stream_arn(client, expiring))
    by_user, by_service = records[-2:]
    assert "userIdentity" not in by_user
    assert by_service["eventName"] == "REMOVE"
    assert by_service["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    assert by_service["dynamodb"]["OldImage"] == {"pk": {"S": "a"}, "expires": {"N": str(now - 10)}}
    assert replay(records) == []


def test_an_expired_item_leaves_its_indexes(client: Any, make_table: Callable[..., str]) -> None:
    table, now = (
        make_table(
            range_key=False,
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": kind}
                for name, kind in (("pk", "S"), ("expires", "N"))
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-time",
                    "KeySchema": [{"AttributeName": "expires", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        ),
        int(clock.now()),
    )
    enable(client, table)
    put(client, table, "a", now - 10)
    assert client.scan(TableName=table, IndexName="by-time")["Count"] == 1
    expire(now)
    assert client.scan(TableName=table, IndexName="by-time")["Count"] == 0


@pytest.mark.parametrize(
    ("enabled", "attribute", "message"),
    [
        (True, "expires", "TimeToLive is already enabled"),
        (
            True,
            "other",
            "TimeToLive is active on a different AttributeName: current AttributeName is expires",
        ),
        (
            False,
            "other",
            "TimeToLive is active on a different AttributeName: current AttributeName is expires",
        ),
    ],
)
def test_a_change_of_time_to_live_that_is_refused(
    client: Any, expiring: str, enabled: bool, attribute: str, message: str
) -> None:
    with pytest.raises(ClientError) as refusal:
        enable(client, expiring, attribute, enabled=enabled)
    assert refusal.value.response["Error"] == {"Code": "ValidationException", "Message": message}


def test_time_to_live_that_is_off_is_not_turned_off(client: Any, table: str) -> None:
    with pytest.raises(ClientError, match="TimeToLive is already disabled"):
        enable(client, table, enabled=False)
    assert client.describe_time_to_live(TableName=table)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "DISABLED"
    }


def test_the_service_looks_as_soon_as_its_clock_is_set_forward(client: Any, expiring: str) -> None:
    """An hour between two looks, and no wait: the clock is set forward."""
    own = Clock()
    service = ExpiryService(3600, own)
    put(client, expiring, "a", int(own.now()) + 1800)
    service.start()
    try:
        gone = threading.Event()
        for _ in range(200):
            own.advance(3600)
            if not left(client, expiring):
                gone.set()
                break
            threading.Event().wait(0.05)
        assert gone.is_set()
    finally:
        service.stop()


@pytest.mark.parametrize("text", ["0", "-1", "often", "nan", "inf"])
def test_an_interval_that_is_no_number_of_seconds_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("DYNAMODB_EXPIRY_INTERVAL_S", text)
    with pytest.raises(InvalidSettingError, match="DYNAMODB_EXPIRY_INTERVAL_S"):
        expiry_interval_s()


def test_the_interval_is_five_seconds_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DYNAMODB_EXPIRY_INTERVAL_S", raising=False)
    assert expiry_interval_s() == 5
    monkeypatch.setenv("DYNAMODB_EXPIRY_INTERVAL_S", "0.5")
    assert expiry_interval_s() == 0.5


def test_a_clock_is_not_set_back() -> None:
    with pytest.raises(ValueError, match="set back"):
        Clock().advance(-1)
