"""PartiQL: the statements of AWS's reference, batches and transactions of them.

AWS developer guide, "PartiQL select/insert/update/delete statements for DynamoDB", "PartiQL operators",
"PartiQL functions", "Running batch operations" and "Performing transactions with PartiQL for DynamoDB".
"""

from collections.abc import Callable
from typing import Any

import pytest
from dynamodb_refusals import refusal
from hypothesis import given
from hypothesis import strategies as st

from serverless_harness.emulator.dynamodb.errors import ValidationError
from serverless_harness.emulator.dynamodb.partiql_parser import parse_statement


def item(partition: str, sort: int, **attributes: Any) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"N": str(sort)}, **attributes}


@pytest.fixture
def music(client: Any, make_table: Callable[..., str]) -> str:
    """A table with a numeric range key and six items of two partitions."""
    index = {
        "IndexName": "by-n",
        "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    definitions = {"pk": "S", "sk": "N", "n": "N"}
    table = make_table(
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind} for name, kind in definitions.items()
        ],
        GlobalSecondaryIndexes=[index],
    )
    for partition in "ab":
        for sort in range(3):
            attributes = {"n": {"N": str(10 + sort)}, "m": {"M": {"x": {"S": f"{partition}{sort}"}}}}
            client.put_item(TableName=table, Item=item(partition, sort, **attributes))
    return table


def keys(items: list[dict[str, Any]]) -> list[str]:
    return [f"{entry['pk']['S']}{entry['sk']['N']}" for entry in items]


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("WHERE pk='a'", ["a0", "a1", "a2"]),
        ("WHERE pk = 'a' AND sk>=1", ["a1", "a2"]),
        ("where pk='a' and sk between 0 and 1", ["a0", "a1"]),
        ("WHERE pk='a' ORDER BY sk DESC", ["a2", "a1", "a0"]),
        ("WHERE \"pk\"='a' AND n<>11", ["a0", "a2"]),
        ("WHERE pk='a' AND (n=10 OR m.x='a2')", ["a0", "a2"]),
        ("WHERE pk IN ['a','b'] AND sk=1", ["a1", "b1"]),
        ("WHERE pk='a' AND sk IN (0, 2)", ["a0", "a2"]),
        ("WHERE begins_with(m.x, 'b')", ["b0", "b1", "b2"]),
        ("WHERE contains(m.x,'1') AND NOT pk='b'", ["a1"]),
        ("WHERE absent IS MISSING AND sk=2 AND pk!='a'", ["b2"]),
        ("WHERE m.x IS NOT MISSING AND n IS NOT NULL AND sk = 0", ["a0", "b0"]),
        ("WHERE size(m.x)=2 AND attribute_type(n, 'N') AND n > 11", ["a2", "b2"]),
        ("WHERE n = -5", []),
        ("-- a comment\n WHERE pk='a' AND sk=0;", ["a0"]),
    ],
)
def test_select(client: Any, music: str, clause: str, expected: list[str]) -> None:
    items = client.execute_statement(Statement=f'SELECT * FROM "{music}" {clause}')["Items"]
    found = keys(items)
    assert (found if "pk='a'" in clause else sorted(found)) == expected


def test_select_of_an_index_and_of_paths(client: Any, music: str) -> None:
    statement = f'SELECT pk, m.x FROM "{music}"."by-n" WHERE n=11'
    items = client.execute_statement(Statement=statement)["Items"]
    assert sorted(items, key=lambda found: found["pk"]["S"]) == [
        {"pk": {"S": "a"}, "x": {"S": "a1"}},
        {"pk": {"S": "b"}, "x": {"S": "b1"}},
    ]


def test_select_in_pages(client: Any, music: str) -> None:
    select = {"Statement": f'SELECT * FROM "{music}" WHERE pk=?', "Parameters": [{"S": "a"}], "Limit": 2}
    first = client.execute_statement(**select)
    second = client.execute_statement(**select, NextToken=first["NextToken"])
    assert keys(first["Items"]) + keys(second["Items"]) == ["a0", "a1", "a2"]
    assert "NextToken" not in second
    assert refusal(client.execute_statement, **select, NextToken="x") == "NextToken does not match request"
    other = {**select, "Statement": f"{select['Statement']} "}
    assert refusal(client.execute_statement, **other, NextToken=first["NextToken"]) == (
        "NextToken does not match request"
    )


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("pk IN ['b','a','b']", ["a0", "a1", "a2", "b0", "b1", "b2"]),
        ("pk='b' OR pk='a' ORDER BY pk DESC, sk ASC", ["b0", "b1", "b2", "a0", "a1", "a2"]),
        ("pk IN ('a','b','c') AND sk>0 ORDER BY sk DESC", ["a2", "a1", "b2", "b1"]),
        ("(pk='a' OR pk='b') AND sk=1 AND n=11 ORDER BY pk", ["a1", "b1"]),
    ],
)
def test_select_of_several_partitions(client: Any, music: str, clause: str, expected: list[str]) -> None:
    """AWS developer guide, "PartiQL select statements for DynamoDB": equality, OR and IN don't scan."""
    select = f'SELECT * FROM "{music}" WHERE {clause}'
    assert keys(client.execute_statement(Statement=select)["Items"]) == expected
    for limit in (1, 2, 4):
        found, token = [], {}
        while True:
            page = client.execute_statement(Statement=select, Limit=limit, **token)
            assert len(page["Items"]) <= limit
            found += keys(page["Items"])
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert found == expected
    other = client.execute_statement(Statement=f"SELECT * FROM \"{music}\" WHERE pk='a'", Limit=1)[
        "NextToken"
    ]
    elsewhere = f"SELECT * FROM \"{music}\" WHERE pk IN ['b','c']"
    assert refusal(client.execute_statement, Statement=elsewhere, NextToken=other) == (
        "NextToken does not match request"
    )


def test_a_select_of_several_partitions_reads_no_others(client: Any, music: str) -> None:
    def units(clause: str) -> float:
        statement = {
            "Statement": f'SELECT * FROM "{music}" WHERE {clause}',
            "ReturnConsumedCapacity": "INDEXES",
        }
        consumed = client.execute_statement(**statement)["ConsumedCapacity"]
        assert consumed["Table"]["CapacityUnits"] == consumed["CapacityUnits"]
        return float(consumed["CapacityUnits"])

    client.put_item(TableName=music, Item=item("c", 0, text={"S": "x" * 40_000}))
    assert units("pk IN ['a','b']") == 2 * units("pk='a'")
    assert units("pk='a' OR n=11") > 4


@pytest.mark.parametrize(
    ("changes", "attributes"),
    [
        ("SET n=n+1", {"n": {"N": "10"}, "s": {"NS": ["1", "2"]}, "l": {"L": []}}),
        ("SET n = n - 1 SET t='it''s'", {"n": {"N": "8"}, "t": {"S": "it's"}}),
        ("SET n=9, d={'a':[1,true,null],\"b\":<<'x','y'>>}", {"d": {"M": {
            "a": {"L": [{"N": "1"}, {"BOOL": True}, {"NULL": True}]}, "b": {"SS": ["x", "y"]}}}}),
        ("REMOVE n", {}),
        ("SET l=list_append(l,[1,'a'])", {"l": {"L": [{"N": "1"}, {"S": "a"}]}}),
        ("SET s=set_add(s,<<3>>)", {"s": {"NS": ["1", "2", "3"]}}),
        ("SET s = set_delete(s, <<1>>) REMOVE l", {"s": {"NS": ["2"]}}),
        ("SET u=if_not_exists(u, 5)", {"u": {"N": "5"}}),
    ],
)  # fmt: skip
def test_update(client: Any, table: str, changes: str, attributes: dict[str, Any]) -> None:
    values = {"n": {"N": "9"}, "s": {"NS": ["1", "2"]}, "l": {"L": []}}
    client.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"S": "b"}, **values})
    statement = f"UPDATE \"{table}\" {changes} WHERE pk='a' AND sk='b' RETURNING ALL NEW *"
    (found,) = client.execute_statement(Statement=statement)["Items"]
    for name, value in attributes.items():
        assert found[name] == value
    if "REMOVE n" in changes:
        assert "n" not in found


def test_update_with_a_condition_and_of_an_absent_item(client: Any, music: str) -> None:
    update = f"UPDATE \"{music}\" SET n=99 WHERE pk='a' AND sk=0"
    code = "ConditionalCheckFailedException"
    assert refusal(client.execute_statement, code, Statement=f"{update} AND n=5")
    assert refusal(client.execute_statement, code, Statement=update.replace("sk=0", "sk=7"))
    assert client.execute_statement(Statement=f"{update} AND n=10")["Items"] == []
    returned = client.execute_statement(Statement=f"{update} RETURNING MODIFIED OLD *")["Items"]
    assert returned == [{"n": {"N": "99"}}]
    assert refusal(client.execute_statement, Statement=f"UPDATE \"{music}\" SET n=1 WHERE pk='a'") == (
        "Where clause does not contain a mandatory equality on all key attributes"
    )


def test_insert_and_delete(client: Any, music: str) -> None:
    insert = f"INSERT INTO {music!r} VALUE {{'pk':'c','sk':1,'set':<<1,2>>}}".replace("'table", '"table', 1)
    insert = insert.replace("' VALUE", '" VALUE', 1)
    assert client.execute_statement(Statement=insert)["Items"] == []
    assert refusal(client.execute_statement, "DuplicateItemException", Statement=insert) == (
        "Duplicate primary key exists in table"
    )
    delete = f"DELETE FROM \"{music}\" WHERE pk='c' AND sk=1"
    failed = refusal(
        client.execute_statement, "ConditionalCheckFailedException", Statement=f"{delete} AND n=1"
    )
    assert failed == "The conditional request failed"
    returned = client.execute_statement(Statement=f"{delete} RETURNING ALL OLD *")["Items"]
    assert returned == [item("c", 1, set={"NS": ["1", "2"]})]
    assert client.execute_statement(Statement=delete)["Items"] == [], "what isn't there is deleted already"


def test_batch_tells_of_each_statement(client: Any, music: str) -> None:
    inserts = [f"INSERT INTO \"{music}\" VALUE {{'pk':'{name}','sk':0}}" for name in "cad"]
    wrong = f"UPDATE \"{music}\" SET n=1 WHERE pk='a'"
    absent = "DELETE FROM absent WHERE pk='a'"
    statements = [{"Statement": text} for text in [*inserts, wrong, "UPDATE nonsense", absent]]
    responses = client.batch_execute_statement(Statements=statements)["Responses"]
    codes = [response.get("Error", {}).get("Code") for response in responses]
    assert codes == [None, "DuplicateItem", None, "ValidationError", "ValidationError", "ResourceNotFound"]
    assert responses[0]["TableName"] == music
    selects = [f"SELECT sk FROM \"{music}\" WHERE pk='c' AND sk={sort}" for sort in (0, 1)]
    selects.append(f"SELECT * FROM \"{music}\" WHERE pk='c'")
    responses = client.batch_execute_statement(Statements=[{"Statement": text} for text in selects])[
        "Responses"
    ]
    assert responses[0]["Item"] == {"sk": {"N": "0"}}
    assert responses[1] == {"TableName": music}
    assert "must specify the primary key" in responses[2]["Error"]["Message"]
    mixed = [{"Statement": inserts[0]}, {"Statement": selects[0]}]
    assert "mixed" in refusal(client.batch_execute_statement, Statements=mixed)


def test_transaction_is_all_or_nothing(client: Any, music: str) -> None:
    insert = {"Statement": f"INSERT INTO \"{music}\" VALUE {{'pk':'c','sk':0}}"}
    update = {"Statement": f"UPDATE \"{music}\" SET n=? WHERE pk='a' AND sk=0", "Parameters": [{"N": "77"}]}
    exists = {"Statement": f"EXISTS(SELECT * FROM \"{music}\" WHERE pk='b' AND sk=0 AND n=11)"}
    duplicate = {"Statement": f"INSERT INTO \"{music}\" VALUE {{'pk':'a','sk':1}}"}
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        client.execute_transaction(TransactStatements=[insert, update, exists, duplicate])
    codes = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert codes == ["None", "None", "ConditionalCheckFailed", "DuplicateItem"]
    assert client.scan(TableName=music)["Count"] == 6
    client.execute_transaction(TransactStatements=[insert, update])
    reads = [f"SELECT n FROM \"{music}\" WHERE pk='{name}' AND sk=0" for name in "ac"]
    responses = client.execute_transaction(TransactStatements=[{"Statement": text} for text in reads])
    assert responses["Responses"] == [{"Item": {"n": {"N": "77"}}}, {"Item": {}}]
    mixed = [insert, {"Statement": reads[0]}]
    assert "both read and write" in refusal(client.execute_transaction, TransactStatements=mixed)


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("nothing at all", []),
        ("SELECT * FROM", []),
        ("SELECT * FROM t WHERE a", []),
        ("SELECT * FROM t WHERE a = ", []),
        ("SELECT * FROM t WHERE a = 1 b", []),
        ("INSERT INTO t VALUE 'a'", []),
        ("INSERT INTO t VALUE {'a': <<>>}", []),
        ("UPDATE t WHERE a=1", []),
        ("UPDATE t SET a=1", []),
        ("DELETE FROM t", []),
        ("SELECT * FROM t WHERE a = ?", []),
        ("SELECT * FROM t WHERE a = 1", [{"S": "x"}]),
        ("SELECT * FROM t WHERE " + "(" * 5000, []),
    ],
)
def test_statements_that_are_refused(client: Any, statement: str, parameters: list[Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        parse_statement(statement, parameters)
    assert "well formed" in str(caught.value) or "parameters" in str(caught.value)


def test_empty_parameters(unchecked_client: Any, music: str) -> None:
    assert refusal(
        unchecked_client.execute_statement, Statement=f'SELECT * FROM "{music}"', Parameters=[]
    ) == (
        "1 validation error detected: Value '[]' at 'parameters' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )


TOKENS = ["SELECT", "*", "FROM", "t", '"t"', "WHERE", "a", "=", "1", "'s'", "?", "(", ")", "[", "]", "{", "}",
          "<<", ">>", ",", ".", ":", "AND", "NOT", "IN", "IS", "MISSING", "UPDATE", "SET", "REMOVE", "INSERT",
          "INTO", "VALUE", "DELETE", "size", "begins_with", "RETURNING", "ALL", "OLD", "-", "é"]  # fmt: skip


@given(st.lists(st.sampled_from(TOKENS), max_size=12), st.sampled_from(["", " "]))
def test_any_text_is_a_statement_or_refused(tokens: list[str], separator: str) -> None:
    try:
        parse_statement(separator.join(tokens), [{"S": "x"}])
    except ValidationError as error:
        assert error.message
