"""Random sequences of writes against a plain dict: the items come out the same, to the last digit."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PARTITIONS = ("a", "b")
RANGES = ("1", "2", "3")

keys = st.tuples(st.sampled_from(PARTITIONS), st.sampled_from(RANGES))
amounts = st.decimals(min_value=-1000, max_value=1000, places=2)
steps = st.one_of(
    st.tuples(st.just("put"), keys, amounts),
    st.tuples(st.just("put_new"), keys, amounts),
    st.tuples(st.just("delete"), keys, st.none()),
    st.tuples(st.just("add"), keys, amounts),
    st.tuples(st.just("subtract"), keys, amounts),
    st.tuples(st.just("transaction"), st.lists(keys, min_size=1, max_size=6, unique=True), amounts),
    st.tuples(st.just("refused"), st.lists(keys, min_size=1, max_size=6, unique=True), amounts),
    st.tuples(st.just("batch"), st.lists(keys, min_size=1, max_size=6, unique=True), amounts),
)
Model = dict[tuple[str, str], Decimal]


def key_of(key: tuple[str, str]) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"N": key[1]}}


def item_of(key: tuple[str, str], amount: Decimal) -> dict[str, Any]:
    return {**key_of(key), "amount": {"N": str(amount)}}


def adding(table: str, key: tuple[str, str], amount: Decimal, operator: str = "+") -> dict[str, Any]:
    return {
        "TableName": table,
        "Key": key_of(key),
        "UpdateExpression": f"SET amount = if_not_exists(amount, :zero) {operator} :n",
        "ExpressionAttributeValues": {":zero": {"N": "0"}, ":n": {"N": str(amount)}},
    }


def carry_out(client: Any, table: str, model: Model, kind: str, where: Any, amount: Decimal) -> None:
    match kind:
        case "put":
            client.put_item(TableName=table, Item=item_of(where, amount))
            model[where] = amount
        case "put_new":
            put_new(client, table, model, where, amount)
        case "delete":
            client.delete_item(TableName=table, Key=key_of(where))
            model.pop(where, None)
        case "add" | "subtract":
            client.update_item(**adding(table, where, amount, "+" if kind == "add" else "-"))
            model[where] = model.get(where, Decimal(0)) + (amount if kind == "add" else -amount)
        case "transaction":
            client.transact_write_items(
                TransactItems=[{"Update": adding(table, key, amount)} for key in where]
            )
            for key in where:
                model[key] = model.get(key, Decimal(0)) + amount
        case "refused":
            refused_transaction(client, table, where, amount)
        case "batch":
            *kept, removed = where
            requests: list[dict[str, Any]] = [{"PutRequest": {"Item": item_of(key, amount)}} for key in kept]
            requests.append({"DeleteRequest": {"Key": key_of(removed)}})
            client.batch_write_item(RequestItems={table: requests})
            model.update(dict.fromkeys(kept, amount))
            model.pop(removed, None)


def put_new(client: Any, table: str, model: Model, where: tuple[str, str], amount: Decimal) -> None:
    try:
        client.put_item(
            TableName=table, Item=item_of(where, amount), ConditionExpression="attribute_not_exists(pk)"
        )
    except client.exceptions.ConditionalCheckFailedException:
        assert where in model
    else:
        assert where not in model
        model[where] = amount


def refused_transaction(client: Any, table: str, where: list[tuple[str, str]], amount: Decimal) -> None:
    """Its last action can't succeed, so the others must leave no trace."""
    actions: list[dict[str, Any]] = [{"Update": adding(table, key, amount)} for key in where]
    actions[-1] = {"Update": {**adding(table, where[-1], amount), "ConditionExpression": "sk > pk"}}
    try:
        client.transact_write_items(TransactItems=actions)
    except ClientError as error:
        codes = [reason["Code"] for reason in error.response["CancellationReasons"]]
        assert codes == ["None"] * (len(where) - 1) + ["ConditionalCheckFailed"]
    else:
        raise AssertionError("the transaction should have been cancelled")


@given(st.lists(steps, max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_items_are_those_of_the_model(
    client: Any, make_table: Callable[..., str], sequence: list[tuple[str, Any, Any]]
) -> None:
    table = make_table(
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ]
    )
    model: Model = {}
    for kind, where, amount in sequence:
        carry_out(client, table, model, kind, where, amount)
    items = client.scan(TableName=table)["Items"]
    assert {(item["pk"]["S"], item["sk"]["N"]): Decimal(item["amount"]["N"]) for item in items} == model
    for partition in PARTITIONS:
        queried = client.query(
            TableName=table,
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": partition}},
        )["Items"]
        assert [item["sk"]["N"] for item in queried] == sorted(
            sort for hash_value, sort in model if hash_value == partition
        )
