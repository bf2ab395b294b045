"""boto3's resources, as applications use them: Python's numbers, bytes and sets, conditions as objects."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary


@pytest.fixture
def resource_table(served: Any, table: str) -> Any:
    return served.resource().Table(table)


def test_every_type_comes_back_as_it_went_in(resource_table: Any) -> None:
    item = {
        "pk": "a",
        "sk": "1",
        "number": Decimal("-12345678901234567890.123456789012345678"),
        "binary": Binary(b"\x00\xff"),
        "flag": False,
        "nothing": None,
        "strings": {"b", "a"},
        "numbers": {Decimal(2), Decimal("-0.5")},
        "binaries": {Binary(b"x"), Binary(b"y")},
        "list": [Decimal(1), "two", {"three": [None]}],
        "map": {"": Decimal("1E+2"), "empty": {}},
        "empty": "",
    }
    resource_table.put_item(Item=item)
    assert resource_table.get_item(Key={"pk": "a", "sk": "1"})["Item"] == item
    deleted = resource_table.delete_item(Key={"pk": "a", "sk": "1"}, ReturnValues="ALL_OLD")
    assert deleted["Attributes"] == item


def test_batch_writer_keeps_the_last_of_each_key(resource_table: Any) -> None:
    with resource_table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
        for number in range(60):
            batch.put_item(Item={"pk": "a", "sk": f"{number % 40:02}", "n": number})
        batch.delete_item(Key={"pk": "a", "sk": "00"})
    items = resource_table.query(KeyConditionExpression=Key("pk").eq("a"))["Items"]
    assert [int(item["n"]) for item in items] == [*range(41, 60), *range(20, 40)]


def test_conditions_as_objects(resource_table: Any) -> None:
    for number in range(5):
        tags = {"odd" if number % 2 else "even"}
        resource_table.put_item(Item={"pk": "a", "sk": str(number), "n": number, "tags": tags})
    answer = resource_table.query(
        KeyConditionExpression=Key("pk").eq("a") & Key("sk").between("1", "4"),
        FilterExpression=Attr("n").gte(2) & Attr("tags").contains("even") & ~Attr("n").is_in([Decimal(9)]),
        ScanIndexForward=False,
        ProjectionExpression="n",
    )
    assert answer["Items"] == [{"n": Decimal(4)}, {"n": Decimal(2)}]
    assert (answer["Count"], answer["ScannedCount"]) == (2, 4)
    scanned = resource_table.scan(FilterExpression=Attr("n").lt(Decimal("1.5")) | Attr("tags").size().gt(1))
    assert sorted(item["sk"] for item in scanned["Items"]) == ["0", "1"]
    with pytest.raises(resource_table.meta.client.exceptions.ConditionalCheckFailedException):
        resource_table.put_item(Item={"pk": "a", "sk": "0"}, ConditionExpression=Attr("pk").not_exists())
