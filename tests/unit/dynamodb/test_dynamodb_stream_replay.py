"""A stream is the whole truth: any sequence of writes, replayed from it, gives the same table."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stream_reader import NEW_AND_OLD, all_records, iterator, read, replay, stream_arn

WRITERS = 8
keys = st.fixed_dictionaries(
    {
        "pk": st.fixed_dictionaries({"S": st.sampled_from("ab")}),
        "sk": st.fixed_dictionaries({"S": st.sampled_from("123")}),
    }
)
numbers = st.integers(0, 2).map(lambda number: {"N": str(number)})
writes = st.one_of(
    st.tuples(st.just("put"), keys, numbers),
    st.tuples(st.just("delete"), keys, numbers),
    st.tuples(st.just("add"), keys, numbers),
    st.tuples(st.just("set"), keys, numbers),
    st.tuples(st.just("partiql"), keys, numbers),
    st.tuples(
        st.sampled_from(["batch", "transaction", "refused"]),
        st.lists(keys, min_size=1, max_size=6, unique_by=lambda key: (key["pk"]["S"], key["sk"]["S"])),
        numbers,
    ),
)


def scanned(client: Any, table: str) -> list[dict[str, Any]]:
    return list(client.scan(TableName=table)["Items"])


def write(client: Any, table: str, kind: str, where: Any, number: dict[str, str]) -> None:
    update = {"TableName": table, "ExpressionAttributeValues": {":n": number}}
    match kind:
        case "put":
            client.put_item(TableName=table, Item={**where, "n": number})
        case "delete":
            client.delete_item(TableName=table, Key=where)
        case "add":
            client.update_item(**update, Key=where, UpdateExpression="ADD n :n")
        case "set":
            client.update_item(**update, Key=where, UpdateExpression="SET m = :n")
        case "partiql":
            if "Item" in client.get_item(TableName=table, Key=where):
                of_key = f"WHERE pk = '{where['pk']['S']}' AND sk = '{where['sk']['S']}'"
                value = f"'x{number['N']}'"
                client.execute_statement(Statement=f'UPDATE "{table}" SET t = {value} {of_key}')
        case "batch":
            requests = [{"PutRequest": {"Item": {**key, "n": number}}} for key in where[1:]]
            client.batch_write_item(RequestItems={table: [*requests, {"DeleteRequest": {"Key": where[0]}}]})
        case "transaction" | "refused":
            items: list[Any] = [
                {"Update": {**update, "Key": key, "UpdateExpression": "ADD n :n"}} for key in where
            ]
            if kind == "refused":
                items[-1]["Update"]["ConditionExpression"] = "attribute_exists(x1)"
            try:
                client.transact_write_items(TransactItems=items)
            except client.exceptions.TransactionCanceledException:
                assert kind == "refused"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=st.lists(writes, max_size=25))
def test_a_replayed_stream_gives_the_table(
    client: Any, streams: Any, make_table: Callable[..., str], sequence: list[tuple[str, Any, Any]]
) -> None:
    table = make_table(StreamSpecification=NEW_AND_OLD)
    for kind, where, number in sequence:
        write(client, table, kind, where, number)
    replayed = replay(all_records(streams, stream_arn(client, table), limit=7))
    assert sorted(map(repr_item, replayed)) == sorted(map(repr_item, scanned(client, table)))


def repr_item(item: dict[str, Any]) -> str:
    return repr(sorted(item.items()))


def test_no_record_is_lost_or_doubled_under_eight_writers_and_faults(
    client: Any, streams: Any, make_table: Callable[..., str]
) -> None:
    """A writer whose answer is lost repeats its write, as an SDK does; a reader reads meanwhile."""
    table = make_table(StreamSpecification=NEW_AND_OLD)
    arn = stream_arn(client, table)
    done = threading.Event()
    read_meanwhile: list[dict[str, Any]] = []

    def work(number: int) -> None:
        chance = random.Random(number)
        for step in range(25):
            key = {"pk": {"S": chance.choice("ab")}, "sk": {"S": chance.choice("123")}}
            parameters = {
                "TableName": table,
                "Key": key,
                "UpdateExpression": "SET step = :s ADD n :one",
                "ExpressionAttributeValues": {":s": {"S": f"{number}-{step}"}, ":one": {"N": "1"}},
            }
            for _ in range(1 + (chance.random() < 0.3)):
                client.update_item(**parameters)
            if chance.random() < 0.2:
                client.delete_item(TableName=table, Key=key)
            if chance.random() < 0.2:
                try:
                    client.put_item(TableName=table, Item=key, ConditionExpression="attribute_exists(x1)")
                except ClientError as error:
                    assert error.response["Error"]["Code"] == "ConditionalCheckFailedException"

    def follow() -> None:
        place = iterator(streams, arn)
        while not done.wait(0.01):
            answer = streams.get_records(ShardIterator=place, Limit=7)
            read_meanwhile.extend(answer["Records"])
            place = answer["NextShardIterator"]
        read_meanwhile.extend(read(streams, place))

    with ThreadPoolExecutor(WRITERS + 1) as executor:
        reader = executor.submit(follow)
        writers = [executor.submit(work, number) for number in range(WRITERS)]
        wait(writers)
        done.set()
        for writer in writers:
            writer.result()
        reader.result()
    records = all_records(streams, arn)
    assert sorted(map(repr_item, replay(records))) == sorted(map(repr_item, scanned(client, table)))
    assert len({record["dynamodb"]["SequenceNumber"] for record in records}) == len(records)
    assert read_meanwhile == records
