"""What updates do to items, what they return, and how values are stored."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serverless_harness.emulator.dynamodb.documents import project, updated
from serverless_harness.emulator.dynamodb.errors import ValidationError
from serverless_harness.emulator.dynamodb.expression_parser import parse_projection, parse_update
from serverless_harness.emulator.dynamodb.expression_tree import Bindings
from serverless_harness.emulator.dynamodb.values import add, canonical, canonical_number, subtract

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
ITEM: dict[str, Any] = {
    "n": {"N": "10"},
    "s": {"S": "text"},
    "tags": {"SS": ["a", "b"]},
    "list": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]},
    "map": {"M": {"inner": {"M": {"x": {"N": "1"}}}, "y": {"S": "y"}}},
}
NAMES = {"#list": "list", "#map": "map", "#inner": "inner"}
VALUES: dict[str, Any] = {
    ":n": {"N": "0.1"},
    ":s": {"S": "new"},
    ":tags": {"SS": ["b", "c"]},
    ":list": {"L": [{"S": "z"}]},
}


@pytest.mark.parametrize(
    ("expression", "changes"),
    [
        ("SET n = n - :n", {"n": {"N": "9.9"}}),
        ("SET n = :n + n, s = :s", {"n": {"N": "10.1"}, "s": {"S": "new"}}),
        ("SET n = s, s = n", {"n": {"S": "text"}, "s": {"N": "10"}}),
        ("SET q = if_not_exists(q, :n) + :n", {"q": {"N": "0.2"}}),
        ("SET n = if_not_exists(n, :n)", {}),
        ("SET #list = list_append(:list, #list)", {"list": {"L": [{"S": "z"}, *ITEM["list"]["L"]]}}),
        ("SET #list[1] = :s", {"list": {"L": [{"N": "0"}, {"S": "new"}, {"N": "2"}]}}),
        ("SET #list[9] = :s", {"list": {"L": [*ITEM["list"]["L"], {"S": "new"}]}}),
        (
            "SET #list[9] = :s, #list[5] = :n, #list[12] = n",
            {"list": {"L": [*ITEM["list"]["L"], {"N": "0.1"}, {"S": "new"}, {"N": "10"}]}},
        ),
        ("REMOVE #list[0], #list[1]", {"list": {"L": [{"N": "2"}]}}),
        ("SET #list[9] = :s REMOVE #list[0]", {"list": {"L": [{"N": "1"}, {"N": "2"}, {"S": "new"}]}}),
        ("REMOVE #list[7], q, #map.q", {}),
        (
            "SET #map.#inner.x = :s REMOVE #map.y",
            {"map": {"M": {"inner": {"M": {"x": {"S": "new"}}}}}},
        ),
        ("ADD tags :tags, q :n", {"tags": {"SS": ["a", "b", "c"]}, "q": {"N": "0.1"}}),
        ("DELETE tags :tags", {"tags": {"SS": ["a"]}}),
    ],
)
def test_update(expression: str, changes: dict[str, Any]) -> None:
    original = {name: repr(value) for name, value in ITEM.items()}
    assert updated(ITEM, parse_update(expression), Bindings(NAMES, VALUES)) == {**ITEM, **changes}
    assert {name: repr(value) for name, value in ITEM.items()} == original, "items are never changed in place"


def test_set_without_members_left_is_removed() -> None:
    emptied = updated(ITEM, parse_update("DELETE tags :all"), Bindings({}, {":all": ITEM["tags"]}))
    assert "tags" not in emptied


@pytest.mark.parametrize(
    ("expression", "projected"),
    [
        ("n, q", {"n": {"N": "10"}}),
        ("#map.#inner.x", {"map": {"M": {"inner": {"M": {"x": {"N": "1"}}}}}}),
        ("#list[2], #list[0]", {"list": {"L": [{"N": "0"}, {"N": "2"}]}}),
        ("#list[9], s.x, #map.q", {}),
    ],
)
def test_projection(expression: str, projected: dict[str, Any]) -> None:
    paths = [path.resolve(Bindings(NAMES, {})) for path in parse_projection(expression).roots]
    assert project(ITEM, paths) == projected


@pytest.mark.parametrize(
    ("return_values", "attributes"),
    [
        ("NONE", None),
        ("ALL_OLD", {**KEY, "m": {"M": {"a": {"N": "1"}, "b": {"N": "2"}}}, "s": {"S": "x"}}),
        ("ALL_NEW", {**KEY, "m": {"M": {"a": {"N": "3"}, "b": {"N": "2"}}}, "q": {"N": "3"}}),
        ("UPDATED_OLD", {"m": {"M": {"a": {"N": "1"}}}, "s": {"S": "x"}}),
        ("UPDATED_NEW", {"m": {"M": {"a": {"N": "3"}}}, "q": {"N": "3"}}),
    ],
)
def test_returned_attributes(client: Any, table: str, return_values: str, attributes: Any) -> None:
    client.put_item(
        TableName=table, Item={**KEY, "m": {"M": {"a": {"N": "1"}, "b": {"N": "2"}}}, "s": {"S": "x"}}
    )
    answer = client.update_item(
        TableName=table,
        Key=KEY,
        UpdateExpression="SET m.a = :n, q = :n REMOVE s",
        ExpressionAttributeValues={":n": {"N": "3"}},
        ReturnValues=return_values,
    )
    assert answer.get("Attributes") == attributes


def test_returned_attributes_of_nothing_are_left_out(client: Any, table: str) -> None:
    assert "Attributes" not in client.put_item(TableName=table, Item=KEY, ReturnValues="ALL_OLD")
    assert client.put_item(TableName=table, Item=KEY, ReturnValues="ALL_OLD")["Attributes"] == KEY
    assert client.delete_item(TableName=table, Key=KEY, ReturnValues="ALL_OLD")["Attributes"] == KEY
    assert "Attributes" not in client.delete_item(TableName=table, Key=KEY, ReturnValues="ALL_OLD")


def test_update_of_an_absent_item_creates_it(client: Any, table: str) -> None:
    client.update_item(TableName=table, Key=KEY)
    assert client.get_item(TableName=table, Key=KEY)["Item"] == KEY


def test_older_parameters(client: Any, table: str) -> None:
    client.put_item(
        TableName=table,
        Item={**KEY, "n": {"N": "1"}, "tags": {"SS": ["a"]}, "#odd name": {"S": "x"}},
        Expected={"pk": {"Exists": False}},
    )
    answer = client.update_item(
        TableName=table,
        Key=KEY,
        AttributeUpdates={
            "n": {"Value": {"N": "2"}, "Action": "ADD"},
            "tags": {"Value": {"SS": ["a"]}, "Action": "DELETE"},
            "#odd name": {"Value": {"S": "y"}},
        },
        Expected={"n": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "0"}, {"N": "1"}]}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {**KEY, "n": {"N": "3"}, "#odd name": {"S": "y"}}
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.delete_item(TableName=table, Key=KEY, Expected={"n": {"Value": {"N": "1"}}})
    absent = {"pk": {"S": "absent"}, "sk": {"S": "1"}}
    client.update_item(TableName=table, Key=absent, AttributeUpdates={"n": {"Action": "DELETE"}})
    assert "Item" not in client.get_item(TableName=table, Key=absent), "deletions create nothing"
    got = client.get_item(TableName=table, Key=KEY, AttributesToGet=["n", "absent"])
    assert got["Item"] == {"n": {"N": "3"}}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0042.1200", "42.12"),
        ("1E125", "1" + "0" * 125),
        ("-0", "0"),
        ("-0.0", "0"),
        ("+5", "5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e-130", "0." + "0" * 129 + "1"),
        ("100", "100"),
    ],
)
def test_numbers_are_stored_in_plain_notation(text: str, number: str) -> None:
    assert canonical_number(text) == number


def test_keys_of_equal_numbers_are_one_key(client: Any, make_table: Any) -> None:
    definitions = [{"AttributeName": name, "AttributeType": "N"} for name in ("pk", "sk")]
    table = make_table(AttributeDefinitions=definitions)
    client.put_item(TableName=table, Item={"pk": {"N": "1.0"}, "sk": {"N": "1e1"}})
    assert client.get_item(TableName=table, Key={"pk": {"N": "1"}, "sk": {"N": "10.00"}})["Item"] == {
        "pk": {"N": "1"},
        "sk": {"N": "10"},
    }


numbers = st.decimals(min_value=-(10**17), max_value=10**17, places=2).map(str).map(canonical_number)


@given(numbers, numbers)
def test_arithmetic_is_exact(left: str, right: str) -> None:
    assert subtract(add(left, right), right) == left


def test_sets_of_numbers_are_in_the_order_of_their_values() -> None:
    assert canonical({"NS": ["10", "9", "-1", "0.5"]}) == {"NS": ["-1", "0.5", "9", "10"]}


def test_sum_that_38_digits_cannot_hold_is_refused_not_rounded() -> None:
    with pytest.raises(ValidationError, match="more than 38 significant digits"):
        add("1" + "0" * 38, "1")


@given(
    st.sets(st.binary(max_size=3), min_size=1, max_size=5),
    st.sets(st.text(max_size=3), min_size=1, max_size=5),
)
def test_sets_are_equal_in_any_order(binaries: set[bytes], texts: set[str]) -> None:
    for kind, members in (("BS", binaries), ("SS", texts)):
        assert canonical({kind: list(members)}) == canonical({kind: sorted(members, reverse=True)})
