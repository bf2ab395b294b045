"""Query, Scan, BatchGetItem and their conditions, orders and pages."""

from collections.abc import Callable
from typing import Any

import pytest
from dynamodb_refusals import refusal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

INDEXED: dict[str, Any] = {
    "AttributeDefinitions": [
        *({"AttributeName": name, "AttributeType": "S"} for name in ("pk", "g", "l")),
        *({"AttributeName": name, "AttributeType": "N"} for name in ("sk", "gs")),
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "global",
            "KeySchema": [
                {"AttributeName": "g", "KeyType": "HASH"},
                {"AttributeName": "gs", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["kept"]},
        }
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "local",
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "l", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}


@pytest.fixture
def indexed(make_table: Callable[..., str]) -> str:
    """The name of a table with a numeric range key and the indexes `global` and `local`."""
    return make_table(**INDEXED)


def item(partition: str, sort: int, **attributes: Any) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"N": str(sort)}, **attributes}


def fill(client: Any, table: str, *items: dict[str, Any]) -> None:
    for entry in items:
        client.put_item(TableName=table, Item=entry)


def query(client: Any, table: str, condition: str, values: dict[str, Any], **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.query(
        TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=values, **options
    )
    return answer


def sorts(answer: dict[str, Any]) -> list[int]:
    return [int(entry["sk"]["N"]) for entry in answer["Items"]]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("pk = :p", [-1, 2, 10, 30]),
        ("pk = :p AND sk = :ten", [10]),
        ("pk = :p AND sk < :ten", [-1, 2]),
        ("pk = :p AND sk >= :ten", [10, 30]),
        (":ten >= sk AND pk = :p", [-1, 2, 10]),
        ("(pk = :p) AND (sk BETWEEN :two AND :ten)", [2, 10]),
    ],
)
def test_key_conditions_order_by_number(
    client: Any, indexed: str, condition: str, expected: list[int]
) -> None:
    fill(client, indexed, *(item("a", sort) for sort in (10, 2, 30, -1)), item("b", 5))
    values = {":p": {"S": "a"}, ":ten": {"N": "10.0"}, ":two": {"N": "2"}}
    used = {name: value for name, value in values.items() if name in condition}
    assert sorts(query(client, indexed, condition, used)) == expected
    assert sorts(query(client, indexed, condition, used, ScanIndexForward=False)) == expected[::-1]


def test_begins_with_and_empty_result(client: Any, table: str) -> None:
    for sort in ("s-00001", "s-00002", "o-1"):
        client.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"S": sort}})
    values = {":p": {"S": "a"}, ":s": {"S": "s-"}}
    answer = query(client, table, "pk = :p AND begins_with(sk, :s)", values)
    assert [entry["sk"]["S"] for entry in answer["Items"]] == ["s-00001", "s-00002"]
    none = query(client, table, "pk = :p", {":p": {"S": "z"}})
    assert (none["Items"], none["Count"], none["ScannedCount"]) == ([], 0, 0)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("sk = :n", "Query condition missed key schema element: pk"),
        ("pk > :p", "Query key condition not supported"),
        ("pk = :p AND extra = :n", "Query condition missed key schema element: sk"),
        ("pk = :p OR sk = :n", "Invalid operator used in KeyConditionExpression: OR"),
        ("pk = :p AND contains(sk, :n)", "Invalid operator used in KeyConditionExpression: contains"),
        (
            "pk = :p AND sk > :n AND sk < :n",
            "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
        ),
        (
            "pk = :p AND sk > :n AND extra = :n",
            "The number of query conditions (3) exceeds the number of key attributes "
            "defined in the schema (2)",
        ),
        (
            "pk = :p AND sk = :p",
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
        (
            "pk = :p AND begins_with(sk, :n)",
            "Invalid KeyConditionExpression: Incorrect operand type for operator or function; "
            "operator or function: begins_with, operand type: N",
        ),
    ],
)
def test_key_conditions_refused(client: Any, indexed: str, condition: str, message: str) -> None:
    values = {":p": {"S": "a"}, ":n": {"N": "1"}}
    used = {name: value for name, value in values.items() if name in condition}
    assert refusal(lambda: query(client, indexed, condition, used)) == message


def test_filter_counts_what_it_scanned(client: Any, indexed: str) -> None:
    fill(client, indexed, *(item("a", sort, odd={"BOOL": bool(sort % 2)}) for sort in range(10)))
    values = {":p": {"S": "a"}, ":t": {"BOOL": True}}
    answer = query(client, indexed, "pk = :p", values, FilterExpression="odd = :t", Limit=4)
    assert (sorts(answer), answer["Count"], answer["ScannedCount"]) == ([1, 3], 2, 4)
    assert answer["LastEvaluatedKey"] == item("a", 3)
    assert refusal(
        lambda: query(client, indexed, "pk = :p", values, FilterExpression="odd = :t AND sk = :t")
    ) == ("Filter Expression can only contain non-primary key attributes: Primary key attribute: sk")


@pytest.mark.parametrize(
    ("filter_expression", "expected"),
    [
        ("attribute_exists(a)", [1, 2, 3]),
        ("attribute_not_exists(a)", [4]),
        ("a = :one", [1]),
        ("a <> :one", [2, 3, 4]),
        ("a > :zero", [1, 2]),
        ("NOT a > :zero", [3, 4]),
        ("a IN (:one, :text)", [1, 3]),
        ("attribute_type(a, :type)", [1, 2]),
        ("begins_with(a, :text)", [3]),
        ("contains(tags, :text)", [2]),
        ("size(tags) > :one", [2]),
        ("a = :one OR a = :text AND attribute_exists(tags)", [1]),
        ("(a = :one OR a = :text) AND attribute_not_exists(tags)", [1, 3]),
    ],
)
def test_filters(client: Any, indexed: str, filter_expression: str, expected: list[int]) -> None:
    fill(
        client,
        indexed,
        item("a", 1, a={"N": "1"}),
        item("a", 2, a={"N": "20"}, tags={"SS": ["tex", "more"]}),
        item("a", 3, a={"S": "text"}),
        item("a", 4),
    )
    values = {":one": {"N": "1.0"}, ":zero": {"N": "0"}, ":text": {"S": "tex"}, ":type": {"S": "N"}}
    if "a = :text" in filter_expression or ":one, :text" in filter_expression:
        values[":text"] = {"S": "text"}
    used = {name: value for name, value in values.items() if name in filter_expression}
    answer = client.scan(
        TableName=indexed,
        FilterExpression=filter_expression,
        **({"ExpressionAttributeValues": used} if used else {}),
    )
    assert sorted(sorts(answer)) == expected


def test_page_ends_at_one_megabyte(client: Any, table: str) -> None:
    for number in range(4):
        entry = {"pk": {"S": "a"}, "sk": {"S": str(number)}, "t": {"S": "x" * 350_000}}
        client.put_item(TableName=table, Item=entry)
    first = query(client, table, "pk = :p", {":p": {"S": "a"}})
    assert first["Count"] == 2
    start = first["LastEvaluatedKey"]
    second = query(client, table, "pk = :p", {":p": {"S": "a"}}, ExclusiveStartKey=start)
    assert second["Count"] == 2
    assert "LastEvaluatedKey" not in second


def test_page_that_the_limit_fills_has_a_last_key_even_at_the_end(client: Any, table: str) -> None:
    for number in range(2):
        client.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"S": str(number)}})
    of_a = {":p": {"S": "a"}}
    for read in (lambda **page: query(client, table, "pk = :p", of_a, **page),
                 lambda **page: client.scan(TableName=table, **page)):  # fmt: skip
        full = read(Limit=2)
        assert full["LastEvaluatedKey"] == {"pk": {"S": "a"}, "sk": {"S": "1"}}
        rest = read(Limit=2, ExclusiveStartKey=full["LastEvaluatedKey"])
        assert rest["Items"] == []
        assert "LastEvaluatedKey" not in rest
        assert "LastEvaluatedKey" not in read(Limit=3)


def test_page_can_only_start_within_the_partition(client: Any, table: str) -> None:
    start = {"pk": {"S": "b"}, "sk": {"S": "1"}}
    assert refusal(lambda: query(client, table, "pk = :p", {":p": {"S": "a"}}, ExclusiveStartKey=start)) == (
        "The provided starting key is outside query boundaries based on provided conditions"
    )


def test_global_index_holds_what_it_projects(client: Any, indexed: str) -> None:
    fill(
        client,
        indexed,
        item("a", 1, g={"S": "x"}, gs={"N": "2"}, kept={"S": "k"}, dropped={"S": "d"}),
        item("b", 2, g={"S": "x"}, gs={"N": "1"}),
        item("c", 3, g={"S": "x"}),
        item("d", 4, g={"S": "y"}, gs={"N": "1"}),
    )
    answer = query(client, indexed, "g = :g", {":g": {"S": "x"}}, IndexName="global")
    assert answer["Items"] == [
        item("b", 2, g={"S": "x"}, gs={"N": "1"}),
        item("a", 1, g={"S": "x"}, gs={"N": "2"}, kept={"S": "k"}),
    ]
    assert client.scan(TableName=indexed, IndexName="global")["Count"] == 3


def test_local_index_fetches_what_it_does_not_hold(client: Any, indexed: str) -> None:
    fill(client, indexed, item("a", 1, l={"S": "z"}, t={"S": "t"}), item("a", 2, l={"S": "b"}), item("a", 3))
    values = {":p": {"S": "a"}}
    held = query(client, indexed, "pk = :p", values, IndexName="local")
    assert held["Items"] == [item("a", 2, l={"S": "b"}), item("a", 1, l={"S": "z"})]
    fetched = query(client, indexed, "pk = :p", values, IndexName="local", Select="ALL_ATTRIBUTES")
    assert fetched["Items"][1] == item("a", 1, l={"S": "z"}, t={"S": "t"})


def test_index_requests_refused(client: Any, indexed: str) -> None:
    def on_index(**options: Any) -> str:
        return refusal(lambda: client.scan(TableName=indexed, **options))

    assert on_index(IndexName="none") == "The table does not have the specified index: none"
    assert on_index(IndexName="global", ConsistentRead=True) == (
        "Consistent reads are not supported on global secondary indexes"
    )
    assert on_index(IndexName="global", Select="ALL_ATTRIBUTES") == (
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for "
        "global secondary index global because its projection type is not ALL"
    )
    assert (
        on_index(ExclusiveStartKey={})
        == on_index(ExclusiveStartKey={"pk": {"S": "a"}})
        == ("The provided starting key is invalid: The provided key element does not match the schema")
    )
    assert on_index(IndexName="global", ExclusiveStartKey={"pk": {"S": "a"}}) == (
        "The provided starting key is invalid"
    )
    wrong = {"g": {"N": "1"}}
    assert refusal(lambda: client.put_item(TableName=indexed, Item=item("a", 1, **wrong))) == (
        "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S "
        "Actual: N IndexName: global"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"N": "1"}, "The update expression attempted to update the secondary index key to unsupported type"),
        (
            {"S": ""},
            "One or more parameter values are not valid. The update expression attempted to update a "
            "secondary index key to a value that is not supported. The AttributeValue for a key attribute "
            "cannot contain an empty string value.",
        ),
    ],
)
def test_update_of_an_index_key_refused(
    client: Any, indexed: str, value: dict[str, str], message: str
) -> None:
    assert message == refusal(
        client.update_item,
        TableName=indexed,
        Key={"pk": {"S": "a"}, "sk": {"N": "1"}},
        UpdateExpression="SET g = :g",
        ExpressionAttributeValues={":g": value},
    )


def test_segments_cover_the_table_once(client: Any, indexed: str) -> None:
    fill(client, indexed, *(item(f"p{number}", number) for number in range(40)))
    segments = [
        sorts(client.scan(TableName=indexed, Segment=segment, TotalSegments=4)) for segment in range(4)
    ]
    assert sorted(sort for segment in segments for sort in segment) == list(range(40))
    assert all(segments), "a hash spreads partitions over all segments"


def test_batch_get_reads_what_is_there(client: Any, indexed: str, table: str) -> None:
    fill(client, indexed, item("a", 1, t={"S": "t"}), item("a", 2))
    keys = [item("a", sort) for sort in (1, 2, 3)]
    absent = {"pk": {"S": "a"}, "sk": {"S": "1"}}
    answer = client.batch_get_item(
        RequestItems={indexed: {"Keys": keys, "ProjectionExpression": "sk"}, table: {"Keys": [absent]}}
    )
    assert answer["Responses"] == {indexed: [{"sk": {"N": "1"}}, {"sk": {"N": "2"}}], table: []}
    assert answer["UnprocessedKeys"] == {}


def test_batch_get_leaves_what_exceeds_16_megabytes_unprocessed(client: Any, table: str) -> None:
    keys = [{"pk": {"S": "a"}, "sk": {"S": f"{number:02}"}} for number in range(50)]
    for key in keys:
        client.put_item(TableName=table, Item={**key, "t": {"S": "x" * 350_000}})
    answer = client.batch_get_item(RequestItems={table: {"Keys": keys, "ProjectionExpression": "sk"}})
    read = answer["Responses"][table]
    assert len(read) == 16 * 1024 * 1024 // 350_000
    rest = answer["UnprocessedKeys"]
    assert rest[table]["ProjectionExpression"] == "sk"
    read += client.batch_get_item(RequestItems=rest)["Responses"][table]
    assert read == [{"sk": key["sk"]} for key in keys]


def test_older_query_and_scan_parameters(client: Any, indexed: str) -> None:
    fill(client, indexed, *(item("a", sort, n={"N": str(sort)}) for sort in range(5)))
    at_least = {"ComparisonOperator": "GE", "AttributeValueList": [{"N": "2"}]}
    partition = {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]}
    below = {"ComparisonOperator": "LT", "AttributeValueList": [{"N": "4"}]}
    answer = client.query(
        TableName=indexed, KeyConditions={"pk": partition, "sk": at_least}, QueryFilter={"n": below}
    )
    assert sorts(answer) == [2, 3]
    scanned = client.scan(TableName=indexed, ScanFilter={"n": below, "pk": partition}, Limit=10)
    assert sorted(sorts(scanned)) == [0, 1, 2, 3]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(-50, 50)), unique=True, max_size=12),
    st.integers(1, 5),
    st.booleans(),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_together_are_the_whole(
    client: Any,
    make_table: Callable[..., str],
    entries: list[tuple[str, int]],
    page_size: int,
    forward: bool,
) -> None:
    table = make_table(**INDEXED)
    fill(client, table, *(item(p, s, g={"S": "x"}, gs={"N": str(s % 3)}) for p, s in entries))

    def pages(operation: str, **options: Any) -> list[tuple[str, int]]:
        paginator = client.get_paginator(operation)
        found = paginator.paginate(TableName=table, PaginationConfig={"PageSize": page_size}, **options)
        return [(e["pk"]["S"], int(e["sk"]["N"])) for page in found for e in page["Items"]]

    scanned = pages("scan")
    assert sorted(scanned) == sorted(entries)
    of_index = pages(
        "query",
        IndexName="global",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "x"}},
        ScanIndexForward=forward,
    )
    assert sorted(of_index) == sorted(entries)
    ranks = [sort % 3 for _, sort in of_index]
    assert ranks == sorted(ranks, reverse=not forward)


def key_condition(operator: str, *values: dict[str, Any]) -> dict[str, Any]:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


def test_older_key_conditions_beside_newer_filter_and_projection(client: Any, indexed: str) -> None:
    fill(client, indexed, *(item("a", sort, n={"N": str(sort)}) for sort in range(4)))
    conditions = {"pk": key_condition("EQ", {"S": "a"}), "sk": key_condition("GE", {"N": "1"})}
    answer = client.query(
        TableName=indexed,
        KeyConditions=conditions,
        FilterExpression="n < :n",
        ProjectionExpression="sk",
        ExpressionAttributeValues={":n": {"N": "3"}},
    )
    assert answer["Items"] == [{"sk": {"N": "1"}}, {"sk": {"N": "2"}}]
    both = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}
    assert refusal(client.query, TableName=indexed, KeyConditions=conditions, **both) == (
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {KeyConditions} Expression parameters: {KeyConditionExpression}"
    )


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (
            {name: key_condition("EQ", {"S": "a"}) for name in ("pk", "sk", "x")},
            "Conditions can be of length 1 or 2 only",
        ),
        (
            {"pk": key_condition("NE", {"S": "a"})},
            "Attempted conditional constraint is not an indexable operation",
        ),
        ({"pk": key_condition("GT", {"S": "a"})}, "Query key condition not supported"),
        (
            {"pk": key_condition("EQ", {"S": "a"}), "x": key_condition("EQ", {"S": "a"})},
            "Query condition missed key schema element: sk",
        ),
        (
            {"pk": key_condition("EQ", {"S": "a"}), "sk": key_condition("BEGINS_WITH", {"S": "1"})},
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
    ],
)
def test_older_key_conditions_that_are_refused(
    client: Any, indexed: str, conditions: dict[str, Any], message: str
) -> None:
    assert refusal(client.query, TableName=indexed, KeyConditions=conditions) == message


def test_filters_on_key_attributes(client: Any, indexed: str) -> None:
    conditions = {"pk": key_condition("EQ", {"S": "a"})}
    older = {"QueryFilter": {"sk": key_condition("EQ", {"N": "1"})}}
    assert refusal(client.query, TableName=indexed, KeyConditions=conditions, **older) == (
        "QueryFilter can only contain non-primary key attributes: Primary key attribute: sk"
    )
    newer = {"FilterExpression": "sk = :s", "ExpressionAttributeValues": {":s": {"N": "1"}}}
    assert refusal(client.query, TableName=indexed, KeyConditions=conditions, **newer) == (
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk"
    )


def test_starting_keys_that_are_refused(client: Any, indexed: str) -> None:
    values = {":p": {"S": "a"}, ":s": {"N": "5"}}

    def refused(start: dict[str, Any], condition: str = "pk = :p AND sk > :s") -> str:
        return refusal(lambda: query(client, indexed, condition, values, ExclusiveStartKey=start))

    assert refused(item("a", 5)) == "The provided starting key does not match the range key predicate"
    assert refused(item("b", 6)) == (
        "The provided starting key is outside query boundaries based on provided conditions"
    )
    assert refused({"pk": {"S": "a"}, "sk": {"N": "x"}}) == (
        "The provided starting key is invalid: The parameter cannot be converted to a numeric value: x"
    )


def test_starting_key_of_another_segment(client: Any, indexed: str) -> None:
    outcomes = []
    for segment in range(2):
        options = {"Segment": segment, "TotalSegments": 2, "ExclusiveStartKey": item("a", 1)}
        try:
            client.scan(TableName=indexed, **options)
        except client.exceptions.ClientError as error:
            outcomes.append(error.response["Error"]["Message"])
    assert outcomes == [
        "The provided Exclusive start key does not map to the provided Segment and TotalSegments values."
    ]


def test_index_leaves_out_what_can_not_be_its_key(client: Any, make_table: Callable[..., str]) -> None:
    """An index that UpdateTable adds meets items that it wouldn't have taken."""
    table = make_table()
    unfit: list[dict[str, Any]] = [{}, {"g": {"N": "1"}}, {"g": {"S": ""}}, {"g": {"S": "x" * 2049}}]
    for number, attributes in enumerate([*unfit, {"g": {"S": "fits"}}]):
        key = {"pk": {"S": "a"}, "sk": {"S": str(number)}}
        client.put_item(TableName=table, Item={**key, **attributes})
    index = {
        "IndexName": "added",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    client.update_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )
    items = client.scan(TableName=table, IndexName="added")["Items"]
    assert [entry["g"]["S"] for entry in items] == ["fits"]
    too_large = {"pk": {"S": "a"}, "sk": {"S": "b"}, "g": {"S": "x" * 2049}}
    assert "Size of hashkey has exceeded" in refusal(client.put_item, TableName=table, Item=too_large)
    mismatch = (
        "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N"
    )
    update = {"TableName": table, "Key": {"pk": {"S": "a"}, "sk": {"S": "4"}}}
    older = {"AttributeUpdates": {"g": {"Value": {"N": "1"}}}}
    assert refusal(client.update_item, **update, **older) == f"{mismatch} IndexName: added"
    newer = {"UpdateExpression": "SET g = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}
    assert refusal(client.update_item, **update, **newer) == (
        "The update expression attempted to update the secondary index key to unsupported type"
    )
