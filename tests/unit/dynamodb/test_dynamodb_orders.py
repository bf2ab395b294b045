"""Orders of tables and indexes: keys of several attributes, pages, a cost that no table's size raises.

AWS developer guide, "Using Global Secondary Indexes in DynamoDB" (multi-attribute keys) and "Multi-attribute
keys pattern": the whole partition key, the sort key from the left, a range only at its end.
"""

import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Term = tuple[str, str, tuple[dict[str, str], ...]]
"""Attribute, operator, values."""
HASHES = ("tournament", "region")
RANGES = ("round", "bracket", "match")
INDEX = {
    "IndexName": "by-round",
    "KeySchema": [
        *({"AttributeName": name, "KeyType": "HASH"} for name in HASHES),
        *({"AttributeName": name, "KeyType": "RANGE"} for name in RANGES),
    ],
    "Projection": {"ProjectionType": "ALL"},
}
DEFINITIONS = [
    {"AttributeName": name, "AttributeType": "N" if name == "match" else "S"}
    for name in ("pk", "sk", *HASHES, *RANGES)
]
VALUES = {
    "tournament": [{"S": "WINTER"}, {"S": "SUMMER"}],
    "region": [{"S": "NA"}, {"S": "EU"}],
    "round": [{"S": "FINAL"}, {"S": "FINALISTS"}, {"S": "SEMI"}],
    "bracket": [{"S": "LOWER"}, {"S": "UPPER"}],
    "match": [{"N": "-1"}, {"N": "2"}, {"N": "10"}],
}


@pytest.fixture
def matches(make_table: Callable[..., str]) -> str:
    return make_table(AttributeDefinitions=DEFINITIONS, GlobalSecondaryIndexes=[INDEX])


def plain(value: dict[str, str]) -> Any:
    return Decimal(value["N"]) if "N" in value else value["S"]


def query(client: Any, table: str, terms: list[Term], **more: Any) -> Any:
    """Query the index; terms are (attribute, operator, values)."""
    texts, values = [], {}
    for name, operator, operands in terms:
        holders = [f":{name}{number}" for number in range(len(operands))]
        values.update(zip(holders, operands, strict=True))
        match operator:
            case "BETWEEN":
                texts.append(f"#{name} BETWEEN {holders[0]} AND {holders[1]}")
            case "begins_with":
                texts.append(f"begins_with(#{name}, {holders[0]})")
            case _:
                texts.append(f"#{name} {operator} {holders[0]}")
    return client.query(
        TableName=table,
        IndexName="by-round",
        KeyConditionExpression=" AND ".join(texts),
        ExpressionAttributeNames={f"#{name}": name for name, _, _ in terms},
        ExpressionAttributeValues=values,
        **more,
    )


def holds(item: dict[str, Any], name: str, operator: str, operands: tuple[dict[str, str], ...]) -> bool:
    value, first = plain(item[name]), plain(operands[0])
    match operator:
        case "=":
            return bool(value == first)
        case "<":
            return bool(value < first)
        case "<=":
            return bool(value <= first)
        case ">":
            return bool(value > first)
        case ">=":
            return bool(value >= first)
        case "begins_with":
            return bool(value.startswith(first))
    return bool(first <= value <= plain(operands[1]))


@st.composite
def conditions(draw: st.DrawFn) -> list[Term]:
    def operands(name: str, number: int) -> tuple[dict[str, str], ...]:
        return tuple(draw(st.sampled_from(VALUES[name])) for _ in range(number))

    named = RANGES[: draw(st.integers(0, len(RANGES)))]
    terms = [(name, "=", operands(name, 1)) for name in (*HASHES, *named)]
    if named:
        name = named[-1]
        operator = draw(st.sampled_from(["=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"]))
        if operator == "begins_with" and name == "match":
            operator = "="
        values = sorted(operands(name, 2 if operator == "BETWEEN" else 1), key=plain)
        terms[-1] = (name, operator, tuple(values))
    return list(draw(st.permutations(terms)))


items = st.lists(
    st.fixed_dictionaries(
        {
            "pk": st.fixed_dictionaries({"S": st.sampled_from("abc")}),
            "sk": st.fixed_dictionaries({"S": st.sampled_from("12345")}),
        },
        optional={name: st.sampled_from(values) for name, values in VALUES.items()},
    ),
    max_size=12,
    unique_by=lambda item: (item["pk"]["S"], item["sk"]["S"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    written=items,
    rewritten=items,
    condition=conditions(),
    forward=st.booleans(),
    limit=st.integers(1, 4),
)
def test_a_query_of_several_key_attributes_is_what_a_filter_would_find(
    client: Any,
    make_table: Callable[..., str],
    written: list[dict[str, Any]],
    rewritten: list[dict[str, Any]],
    condition: list[Term],
    forward: bool,
    limit: int,
) -> None:
    table = make_table(AttributeDefinitions=DEFINITIONS, GlobalSecondaryIndexes=[INDEX])
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for item in (*written, *rewritten):
        client.put_item(TableName=table, Item=item)
        kept[item["pk"]["S"], item["sk"]["S"]] = item
    indexed = [item for item in kept.values() if all(name in item for name in (*HASHES, *RANGES))]
    expected = [item for item in indexed if all(holds(item, *term) for term in condition)]
    found: list[dict[str, Any]] = []
    page: dict[str, Any] = {}
    while True:
        answer = query(client, table, condition, ScanIndexForward=forward, Limit=limit, **page)
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            break
        assert set(answer["LastEvaluatedKey"]) == {"pk", "sk", *HASHES, *RANGES}
        page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    assert sorted(map(repr_item, found)) == sorted(map(repr_item, expected))
    order = [tuple(plain(item[name]) for name in RANGES) for item in found]
    assert order == sorted(order, reverse=not forward)
    assert len(client.scan(TableName=table, IndexName="by-round")["Items"]) == len(indexed)


def repr_item(item: dict[str, Any]) -> str:
    return repr(sorted(item.items()))


WINTER, NA = ("tournament", "=", ({"S": "WINTER"},)), ("region", "=", ({"S": "NA"},))
FINAL = ("round", "=", ({"S": "FINAL"},))
FROM_FINAL = ("round", ">=", ({"S": "FINAL"},))
UPPER = ("bracket", "=", ({"S": "UPPER"},))


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([WINTER], "Query condition missed key schema element: region"),
        ([NA, FINAL], "Query condition missed key schema element: tournament"),
        ([WINTER, NA, UPPER], "Query condition missed key schema element: round"),
        ([WINTER, NA, FROM_FINAL, UPPER], "Query key condition not supported"),
        ([WINTER, ("region", "begins_with", ({"S": "N"},))], "Query key condition not supported"),
    ],
)
def test_conditions_that_a_key_of_several_attributes_does_not_take(
    client: Any, matches: str, terms: list[Any], message: str
) -> None:
    with pytest.raises(ClientError) as refusal:
        query(client, matches, terms)
    assert refusal.value.response["Error"] == {"Code": "ValidationException", "Message": message}


def test_an_index_added_later_has_the_items_of_before(client: Any, make_table: Callable[..., str]) -> None:
    table = make_table()
    item = {"pk": {"S": "a"}, "sk": {"S": "1"}, **{name: values[0] for name, values in VALUES.items()}}
    client.put_item(TableName=table, Item=item)
    client.update_table(
        TableName=table, AttributeDefinitions=DEFINITIONS, GlobalSecondaryIndexUpdates=[{"Create": INDEX}]
    )
    assert query(client, table, [WINTER, NA])["Items"] == [item]
    client.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
    assert query(client, table, [WINTER, NA])["Items"] == []


def test_segments_share_a_table_out(client: Any, make_table: Callable[..., str]) -> None:
    table = make_table(range_key=False)
    for number in range(60):
        client.put_item(TableName=table, Item={"pk": {"S": str(number)}})
    for total in (1, 3, 7):
        found: list[str] = []
        for segment in range(total):
            page: dict[str, Any] = {
                "TableName": table,
                "Segment": segment,
                "TotalSegments": total,
                "Limit": 5,
            }
            while True:
                answer = client.scan(**page)
                found += [item["pk"]["S"] for item in answer["Items"]]
                if "LastEvaluatedKey" not in answer:
                    break
                page["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        assert sorted(found, key=int) == [str(number) for number in range(60)]


def calls_during(function: Callable[[], Any]) -> int:
    """Return how many Python functions are called meanwhile: a cost that no busy machine changes."""
    count = 0

    def profile(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def test_the_cost_of_a_page_does_not_grow_with_the_table(client: Any, make_table: Callable[..., str]) -> None:
    table = make_table(AttributeDefinitions=DEFINITIONS, GlobalSecondaryIndexes=[INDEX])
    written = 0

    def fill(total: int) -> None:
        nonlocal written
        while written < total:
            batch = [
                {
                    "PutRequest": {
                        "Item": {
                            "pk": {"S": f"p{number % 7}"},
                            "sk": {"S": f"{number:06}"},
                            "match": {"N": str(number)},
                            **{name: VALUES[name][0] for name in (*HASHES, "round", "bracket")},
                        }
                    }
                }
                for number in range(written, written + 25)
            ]
            client.batch_write_item(RequestItems={table: batch})
            written += 25

    def costs() -> list[int]:
        of_partition = {
            "TableName": table,
            "KeyConditionExpression": "pk = :p AND sk > :s",
            "ExpressionAttributeValues": {":p": {"S": "p3"}, ":s": {"S": "000020"}},
            "Limit": 5,
        }
        reads = [
            lambda: client.query(**of_partition),
            lambda: client.query(**of_partition, ScanIndexForward=False),
            lambda: query(client, table, [WINTER, NA, FINAL], Limit=5),
            lambda: client.scan(TableName=table, Limit=5),
            lambda: client.scan(TableName=table, IndexName="by-round", Limit=5),
            lambda: client.put_item(TableName=table, Item={"pk": {"S": "p"}, "sk": {"S": "x"}}),
            lambda: client.describe_table(TableName=table),
        ]
        return [calls_during(read) for read in reads]

    fill(100)
    costs()  # what is made once
    small = costs()
    fill(3000)
    large = costs()
    assert all(after < 1.3 * before for before, after in zip(small, large, strict=True)), (small, large)


def test_a_table_is_described_as_large_as_it_is(client: Any, make_table: Callable[..., str]) -> None:
    """AWS developer guide, "DynamoDB item sizes and formats": names and values; indexes too."""
    index = {**INDEX, "Projection": {"ProjectionType": "KEYS_ONLY"}}
    table = make_table(AttributeDefinitions=DEFINITIONS, GlobalSecondaryIndexes=[index])
    key = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    keys = {name: VALUES[name][0] for name in (*HASHES, "round", "bracket", "match")}
    indexed = sum(len(name) + len(value.get("S", "xx")) for name, value in (key | keys).items()) + 1

    def figures() -> tuple[int, ...]:
        described = client.describe_table(TableName=table)["Table"]
        (found,) = described["GlobalSecondaryIndexes"]
        pairs = (described["ItemCount"], described["TableSizeBytes"])
        return (*pairs, found["ItemCount"], found["IndexSizeBytes"])

    def update(expression: str, **values: Any) -> None:
        given_values = {f":{name}": value for name, value in values.items()}
        more = {"ExpressionAttributeValues": given_values} if values else {}
        client.update_item(TableName=table, Key=key, UpdateExpression=expression, **more)

    client.put_item(TableName=table, Item={**key, **keys, "data": {"S": "x" * 100}})
    assert figures() == (1, indexed + 104, 1, indexed)
    client.put_item(TableName=table, Item={**key, "sk": {"S": "other"}})
    assert figures() == (2, indexed + 104 + 10, 1, indexed)
    update("SET bracket = :b, lot = :d", b={"S": "L"}, d={"S": ""})
    assert figures() == (2, indexed - 4 + 104 + 3 + 10, 1, indexed - 4)
    update("REMOVE bracket, lot")
    assert figures() == (2, indexed - 7 - 5 + 104 + 10, 0, 0)
    client.delete_item(TableName=table, Key=key)
    assert figures() == (1, 10, 0, 0)
