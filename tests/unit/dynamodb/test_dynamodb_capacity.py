"""Sizes, consumed capacity and item collection metrics.

Number sizes are those that the conformance suite `paritysuite/dynamodb-conformance` measured; capacity is
AWS's documented arithmetic ("DynamoDB read and write operations").
"""

from collections.abc import Callable
from typing import Any

import pytest

from serverless_harness.emulator.dynamodb.values import item_size_bytes

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
INDEX_OPTIONS: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "g", "l")
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "global",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "local",
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "l", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


def text(kilobytes: float) -> dict[str, Any]:
    """Return a text that makes an item of KEY and this attribute `t` as large as said."""
    return {"S": "x" * (int(kilobytes * 1024) - item_size_bytes(KEY) - 1)}


@pytest.mark.parametrize(
    ("value", "size_bytes"),
    [
        ({"N": "0"}, 1),
        ({"N": "1"}, 2),
        ({"N": "-1"}, 3),
        ({"N": "123456"}, 4),
        ({"N": "3.14159"}, 5),
        ({"N": "1" + "0" * 125}, 2),
        ({"N": "42.12"}, 3),
        ({"S": "é"}, 2),
        ({"B": b"abc"}, 3),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["a", "bc"]}, 3),
        ({"L": [{"S": "a"}, {"N": "1"}]}, 3 + 2 + 3),
        ({"M": {"ab": {"S": "c"}}}, 3 + 2 + 1 + 1),
    ],
)
def test_size_of_a_value(value: dict[str, Any], size_bytes: int) -> None:
    assert item_size_bytes({"a": value}) == 1 + size_bytes


def test_nothing_consumed_is_told_unless_asked(client: Any, table: str) -> None:
    answers = [
        client.put_item(TableName=table, Item=KEY),
        client.update_item(TableName=table, Key=KEY),
        client.get_item(TableName=table, Key=KEY, ReturnConsumedCapacity="NONE"),
        client.scan(TableName=table),
        client.delete_item(TableName=table, Key=KEY),
        client.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": KEY}}]),
        client.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": KEY}}]}),
        client.batch_get_item(RequestItems={table: {"Keys": [KEY]}}),
    ]
    absent = {"ConsumedCapacity", "ItemCollectionMetrics", "Attributes"}
    assert not [answer for answer in answers if absent & answer.keys()]


@pytest.mark.parametrize(
    ("kilobytes", "write_units", "eventual_units", "consistent_units"),
    [(1, 1.0, 0.5, 1.0), (1.001, 2.0, 0.5, 1.0), (4, 4.0, 0.5, 1.0), (4.001, 5.0, 1.0, 2.0)],
)
def test_units_by_size(
    client: Any,
    table: str,
    kilobytes: float,
    write_units: float,
    eventual_units: float,
    consistent_units: float,
) -> None:
    def consumed(answer: dict[str, Any]) -> float:
        assert answer["ConsumedCapacity"].keys() == {"TableName", "CapacityUnits"}
        return float(answer["ConsumedCapacity"]["CapacityUnits"])

    asked = {"TableName": table, "ReturnConsumedCapacity": "TOTAL"}
    item = {**KEY, "t": text(kilobytes)}
    assert consumed(client.put_item(**asked, Item=item)) == write_units
    assert consumed(client.get_item(**asked, Key=KEY)) == eventual_units
    assert consumed(client.get_item(**asked, Key=KEY, ConsistentRead=True)) == consistent_units
    assert consumed(client.scan(**asked)) == eventual_units
    assert consumed(client.put_item(**asked, Item=KEY)) == write_units, "the larger of old and new counts"


def test_units_of_nothing(client: Any, table: str) -> None:
    asked = {"TableName": table, "ReturnConsumedCapacity": "TOTAL"}
    assert client.get_item(**asked, Key=KEY)["ConsumedCapacity"]["CapacityUnits"] == 0.5
    assert client.delete_item(**asked, Key=KEY)["ConsumedCapacity"]["CapacityUnits"] == 1.0
    assert client.scan(**asked)["ConsumedCapacity"]["CapacityUnits"] == 0.5


def test_transactions_consume_twice(client: Any, table: str) -> None:
    put = {"Put": {"TableName": table, "Item": {**KEY, "t": text(1.5)}}}
    asked: dict[str, Any] = {"ReturnConsumedCapacity": "INDEXES"}
    request = {"TransactItems": [put], "ClientRequestToken": f"{table}-capacity", **asked}
    units = {"CapacityUnits": 4.0, "WriteCapacityUnits": 4.0}
    assert client.transact_write_items(**request)["ConsumedCapacity"] == [
        {"TableName": table, **units, "Table": units}
    ]
    units = {"CapacityUnits": 2.0, "ReadCapacityUnits": 2.0}
    repeated = client.transact_write_items(**request)
    assert repeated["ConsumedCapacity"] == [{"TableName": table, **units, "Table": units}]
    get = {"Get": {"TableName": table, "Key": KEY}}
    assert client.transact_get_items(TransactItems=[get], **asked)["ConsumedCapacity"] == [
        {"TableName": table, **units, "Table": units}
    ]


def test_indexes_consume_for_their_own_changes(client: Any, make_table: Callable[..., str]) -> None:
    table = make_table(**INDEX_OPTIONS)

    def put(**attributes: Any) -> dict[str, Any]:
        answer = client.put_item(
            TableName=table, Item={**KEY, **attributes}, ReturnConsumedCapacity="INDEXES"
        )
        consumed: dict[str, Any] = answer["ConsumedCapacity"]
        assert consumed.pop("TableName") == table
        return consumed

    one, two = {"CapacityUnits": 1.0}, {"CapacityUnits": 2.0}
    assert put() == {**one, "Table": one}, "in no index"
    entered = put(g={"S": "g"}, l={"S": "l"})
    assert entered == {
        "CapacityUnits": 3.0,
        "Table": one,
        "GlobalSecondaryIndexes": {"global": one},
        "LocalSecondaryIndexes": {"local": one},
    }
    changed = put(g={"S": "g"}, l={"S": "l"}, other={"S": "x"})
    assert changed == {**two, "Table": one, "LocalSecondaryIndexes": {"local": one}}, "global holds keys only"
    moved = put(g={"S": "h"}, l={"S": "l"}, other={"S": "x"})
    assert moved == {
        "CapacityUnits": 4.0,
        "Table": one,
        "GlobalSecondaryIndexes": {"global": two},
        "LocalSecondaryIndexes": {"local": one},
    }, "a changed key is a delete and a put; local holds all attributes"


def test_index_query_consumes_of_the_index(client: Any, make_table: Callable[..., str]) -> None:
    table = make_table(**INDEX_OPTIONS)
    client.put_item(TableName=table, Item={**KEY, "g": {"S": "g"}, "t": text(8)})
    answer = client.query(
        TableName=table,
        IndexName="global",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "g"}},
        ReturnConsumedCapacity="INDEXES",
    )
    half = {"CapacityUnits": 0.5}
    assert answer["ConsumedCapacity"] == {
        "TableName": table,
        **half,
        "Table": {"CapacityUnits": 0.0},
        "GlobalSecondaryIndexes": {"global": half},
    }


def test_collection_metrics_only_with_local_indexes(client: Any, make_table: Callable[..., str]) -> None:
    put = {"Item": KEY, "ReturnItemCollectionMetrics": "SIZE"}
    assert "ItemCollectionMetrics" not in client.put_item(TableName=make_table(), **put)
    indexed = make_table(**INDEX_OPTIONS)
    metrics = {"ItemCollectionKey": {"pk": {"S": "a"}}, "SizeEstimateRangeGB": [0.0, 1.0]}
    assert client.put_item(TableName=indexed, **put)["ItemCollectionMetrics"] == metrics
    batch = client.batch_write_item(
        RequestItems={indexed: [{"PutRequest": {"Item": KEY}}]}, ReturnItemCollectionMetrics="SIZE"
    )
    assert batch["ItemCollectionMetrics"] == {indexed: [metrics]}
