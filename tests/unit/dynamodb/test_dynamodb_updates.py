"""What updates do to items, what they return, and how values are stored."""

from typing import Any

import pytest
from dynamodb_refusals import refusal
from hypothesis import given
from hypothesis import strategies as st

from serverless_harness.emulator.dynamodb.errors import ValidationError
from serverless_harness.emulator.dynamodb.expression_evaluation import Bindings
from serverless_harness.emulator.dynamodb.expression_parser import parse_projection, parse_update
from serverless_harness.emulator.dynamodb.projections import project
from serverless_harness.emulator.dynamodb.updates import updated
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


REMOVALS: list[dict[str, Any]] = [
    {"UpdateExpression": "REMOVE a"},
    {"UpdateExpression": "REMOVE a.b, c[1]"},
    {"UpdateExpression": "DELETE a :s", "ExpressionAttributeValues": {":s": {"SS": ["x"]}}},
    {"AttributeUpdates": {"a": {"Action": "DELETE"}}},
    {"AttributeUpdates": {"a": {"Action": "DELETE", "Value": {"SS": ["x"]}}}},
]


@pytest.mark.parametrize("update", REMOVALS)
def test_update_that_only_removes_creates_no_item(client: Any, table: str, update: dict[str, Any]) -> None:
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    answer = client.update_item(TableName=table, Key=key, **update, ReturnValues="ALL_NEW")
    assert "Attributes" not in answer
    assert "Item" not in client.get_item(TableName=table, Key=key)


def test_update_of_nothing_creates_the_item(client: Any, table: str) -> None:
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    client.update_item(TableName=table, Key=key)
    assert client.get_item(TableName=table, Key=key)["Item"] == key


def test_older_add_appends_to_lists(client: Any, table: str) -> None:
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    add = {"list": {"Action": "ADD", "Value": {"L": [{"S": "x"}, {"S": "x"}]}}}
    for length in (2, 4):
        client.update_item(TableName=table, Key=key, AttributeUpdates=add)
        assert len(client.get_item(TableName=table, Key=key)["Item"]["list"]["L"]) == length


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"Action": "PUT"}, "Only DELETE action is allowed when no attribute value is specified"),
        ({"Action": "ADD"}, "Only DELETE action is allowed when no attribute value is specified"),
        (
            {"Action": "DELETE", "Value": {"S": "x"}},
            "DELETE action with value is not supported for the type S",
        ),
        ({"Action": "ADD", "Value": {"S": "x"}}, "ADD action is not supported for the type S"),
        ({"Action": "ADD", "Value": {"M": {}}}, "ADD action is not supported for the type M"),
    ],
)
def test_older_updates_that_are_refused(client: Any, table: str, update: Any, message: str) -> None:
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    assert refusal(client.update_item, TableName=table, Key=key, AttributeUpdates={"a": update}) == (
        f"One or more parameter values were invalid: {message}"
    )


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (
            {"Value": {"S": "x"}, "AttributeValueList": [{"S": "x"}]},
            "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            {"ComparisonOperator": "EQ", "Value": {"S": "x"}, "Exists": True},
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            {"ComparisonOperator": "EQ"},
            "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a",
        ),
        (
            {"AttributeValueList": [{"S": "x"}]},
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
        ({"Exists": True}, "Value must be provided when Exists is true for Attribute: a"),
        ({}, "Value must be provided when Exists is null for Attribute: a"),
        (
            {"Exists": False, "Value": {"S": "x"}},
            "Value cannot be used when Exists is false for Attribute: a",
        ),
        (
            {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"S": "x"}]},
            "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
        (
            {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "x"}, {"N": "1"}]},
            "AttributeValues inside AttributeValueList must be of same type",
        ),
        (
            {"ComparisonOperator": "LT", "Value": {"BOOL": True}},
            "ComparisonOperator LT is not valid for BOOL AttributeValue type",
        ),
        (
            {"ComparisonOperator": "BEGINS_WITH", "Value": {"N": "1"}},
            "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
        ),
    ],
)
def test_older_conditions_that_are_refused(client: Any, table: str, expected: Any, message: str) -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    assert refusal(client.put_item, TableName=table, Item=item, Expected={"a": expected}) == (
        f"One or more parameter values were invalid: {message}"
    )


def test_conditional_operator_without_conditions(client: Any, table: str) -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    assert refusal(client.put_item, TableName=table, Item=item, ConditionalOperator="OR") == (
        "ConditionalOperator cannot be used without Filter or Expected"
    )


def test_condition_on_two_absent_attributes(client: Any, table: str) -> None:
    put = {"TableName": table, "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}}
    client.put_item(**put, ConditionExpression="a <> b")
    refusal(client.put_item, "ConditionalCheckFailedException", **put, ConditionExpression="a = b")
