"""TransactWriteItems and TransactGetItems: cancellation reasons, idempotency, limits."""

from typing import Any

import pytest
from dynamodb_refusals import refusal

from serverless_harness.emulator.dynamodb import transactions

MISMATCH = "The provided key element does not match the schema"


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": "a"}, "sk": {"S": name}}


def put(table: str, name: str, **options: Any) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": key(name), **options}}


def add_one(table: str, name: str, **options: Any) -> dict[str, Any]:
    values = {":one": {"N": "1"}}
    update = {"UpdateExpression": "ADD sold :one", "ExpressionAttributeValues": values}
    return {"Update": {"TableName": table, "Key": key(name), **update, **options}}


def cancellation(client: Any, actions: list[dict[str, Any]]) -> dict[str, Any]:
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        client.transact_write_items(TransactItems=actions)
    response: dict[str, Any] = caught.value.response
    return response


def test_cancellation_reasons_are_in_the_order_of_the_actions(client: Any, table: str) -> None:
    client.put_item(TableName=table, Item={**key("there"), "n": {"N": "7"}})
    new = {"ConditionExpression": "attribute_not_exists(pk)"}
    response = cancellation(
        client,
        [
            put(table, "x", **new),
            put(table, "there", **new),
            put(table, "there-not", ConditionExpression="attribute_exists(pk)"),
        ],
    )
    assert response["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed, ConditionalCheckFailed]"
    )
    failed = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    assert response["CancellationReasons"] == [{"Code": "None"}, failed, failed]
    assert client.scan(TableName=table)["Count"] == 1


def test_cancellation_reason_carries_the_item_if_asked(client: Any, table: str) -> None:
    client.put_item(TableName=table, Item={**key("there"), "n": {"N": "7"}})
    check = {
        "TableName": table,
        "Key": key("there"),
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    response = cancellation(client, [{"ConditionCheck": check}, put(table, "x")])
    assert response["CancellationReasons"][0]["Item"] == {**key("there"), "n": {"N": "7"}}


def test_what_only_the_item_tells_cancels_with_a_validation_error(client: Any, table: str) -> None:
    client.put_item(TableName=table, Item={**key("text"), "sold": {"S": "many"}})
    response = cancellation(client, [put(table, "x"), add_one(table, "text")])
    assert response["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ValidationError",
            "Message": "An operand in the update expression has an incorrect data type",
        },
    ]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (
            {"Put": {"Item": {"pk": {"S": "a"}, "sk": {"N": "5"}}}},
            "One or more parameter values were invalid: Type mismatch for key sk expected: S actual: N",
        ),
        ({"Delete": {"Key": {"pk": {"S": "a"}, "sk": {"N": "5"}}}}, MISMATCH),
        (
            {"ConditionCheck": {"Key": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_exists(pk)"}},
            MISMATCH,
        ),
    ],
)
def test_key_that_is_not_the_schemas_cancels(
    client: Any, table: str, action: dict[str, Any], message: str
) -> None:
    ((kind, parameters),) = action.items()
    response = cancellation(client, [{kind: {"TableName": table, **parameters}}])
    assert response["CancellationReasons"] == [{"Code": "ValidationError", "Message": message}]


def test_what_the_request_alone_tells_is_refused_without_cancellation(client: Any, table: str) -> None:
    def write(*actions: dict[str, Any]) -> str:
        return refusal(client.transact_write_items, TransactItems=list(actions))

    assert write(put(table, "")) == (
        "One or more parameter values are not valid. The AttributeValue for a key attribute "
        "cannot contain an empty string value. Key: sk"
    )
    assert write(put(table, "x"), put(table, "x")) == (
        "Transaction request cannot include multiple operations on one item"
    )
    assert write(put(table, "x", ConditionExpression="attribute_not_exists(")) == (
        'Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "("'
    )
    assert write({**put(table, "x"), **add_one(table, "y")}) == (
        "TransactItems can only contain one of Check, Put, Update or Delete"
    )
    assert write(*(put(table, str(number)) for number in range(101))).endswith(
        " at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100"
    )


def test_every_kind_of_action_takes_effect(client: Any, table: str) -> None:
    for name in ("changed", "deleted", "checked"):
        client.put_item(TableName=table, Item=key(name))
    exists = {"ConditionExpression": "attribute_exists(pk)"}
    client.transact_write_items(
        TransactItems=[
            put(table, "put"),
            add_one(table, "changed", **exists),
            add_one(table, "created"),
            {"Delete": {"TableName": table, "Key": key("deleted"), **exists}},
            {"ConditionCheck": {"TableName": table, "Key": key("checked"), **exists}},
        ]
    )
    items = {item["sk"]["S"]: item.get("sold") for item in client.scan(TableName=table)["Items"]}
    assert items == {"put": None, "changed": {"N": "1"}, "created": {"N": "1"}, "checked": None}


def test_a_hundred_actions_are_allowed(client: Any, table: str) -> None:
    client.transact_write_items(TransactItems=[put(table, f"{number:03}") for number in range(100)])
    assert client.scan(TableName=table, Select="COUNT")["Count"] == 100


def test_repeated_token_changes_nothing(client: Any, table: str) -> None:
    request = {"TransactItems": [add_one(table, "x")], "ClientRequestToken": "repeated"}
    client.transact_write_items(**request)
    client.transact_write_items(**request)
    assert client.get_item(TableName=table, Key=key("x"))["Item"]["sold"] == {"N": "1"}


def test_token_of_another_request_is_refused(client: Any, table: str) -> None:
    client.transact_write_items(TransactItems=[add_one(table, "x")], ClientRequestToken="other")
    refusal(
        client.transact_write_items,
        "IdempotentParameterMismatchException",
        TransactItems=[add_one(table, "y")],
        ClientRequestToken="other",
    )
    assert "Item" not in client.get_item(TableName=table, Key=key("y"))


def test_token_of_a_cancelled_transaction_can_be_used_again(client: Any, table: str) -> None:
    action = put(table, "x", ConditionExpression="attribute_exists(pk)")
    request = {"TransactItems": [action], "ClientRequestToken": "retried"}
    refusal(client.transact_write_items, "TransactionCanceledException", **request)
    client.put_item(TableName=table, Item={**key("x"), "n": {"N": "1"}})
    client.transact_write_items(**request)
    assert client.get_item(TableName=table, Key=key("x"))["Item"] == key("x")


def test_token_is_forgotten_after_ten_minutes(
    client: Any, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = {"TransactItems": [add_one(table, "x")], "ClientRequestToken": "old"}
    client.transact_write_items(**request)
    later = transactions.clock.now() + transactions.TOKEN_VALID_SECONDS + 1
    monkeypatch.setattr(transactions.clock, "now", lambda: later)
    client.transact_write_items(**request)
    assert client.get_item(TableName=table, Key=key("x"))["Item"]["sold"] == {"N": "2"}


def test_reads_of_a_transaction_keep_their_places(client: Any, table: str) -> None:
    client.put_item(TableName=table, Item={**key("x"), "a": {"M": {"b": {"N": "1"}, "c": {"N": "2"}}}})
    gets = [
        {"Get": {"TableName": table, "Key": key("absent")}},
        {"Get": {"TableName": table, "Key": key("x"), "ProjectionExpression": "a.b"}},
    ]
    answer = client.transact_get_items(TransactItems=gets)
    assert answer["Responses"] == [{}, {"Item": {"a": {"M": {"b": {"N": "1"}}}}}]


def test_reads_of_one_item_twice_are_refused(client: Any, table: str) -> None:
    read = {"Get": {"TableName": table, "Key": key("a")}}
    assert refusal(client.transact_get_items, TransactItems=[read, read]) == (
        "Transaction request cannot include multiple operations on one item"
    )


def test_read_with_a_key_that_is_not_the_schemas_cancels(client: Any, table: str) -> None:
    gets = [
        {"Get": {"TableName": table, "Key": key("x")}},
        {"Get": {"TableName": table, "Key": {"pk": {"S": "a"}}}},
    ]
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        client.transact_get_items(TransactItems=gets)
    assert [reason["Code"] for reason in caught.value.response["CancellationReasons"]] == [
        "None",
        "ValidationError",
    ]


def test_four_megabytes_at_most(client: Any, table: str) -> None:
    def put_large(count: int) -> None:
        large = {"S": "x" * 400_000}
        actions = [put(table, str(number)) for number in range(count)]
        for action in actions:
            action["Put"]["Item"]["t"] = large
        client.transact_write_items(TransactItems=actions)

    refusal(put_large, count=11)
    assert client.scan(TableName=table, Select="COUNT")["Count"] == 0
    put_large(10)
