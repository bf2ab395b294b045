"""Errors as AWS words them.

Wording: AWS API reference, and the answers of the service that the conformance suite
`paritysuite/dynamodb-conformance` records.
"""

from typing import Any

import pytest
from dynamodb_refusals import refusal

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
VALUE = {":v": {"S": "x"}}
MISMATCH = "The provided key element does not match the schema"


@pytest.mark.parametrize(
    ("expression", "detail"),
    [
        ("", "The expression can not be empty;"),
        ("INVALID SYNTAX HERE", 'Syntax error; token: "INVALID", near: "INVALID SYNTAX"'),
        ("SET a = ", 'Syntax error; token: "<EOF>", near: "="'),
        ("SET a = :v b", 'Syntax error; token: "b", near: ":v b"'),
        ("SET a = :v SET b = :v", 'The "SET" section can only be used once in an update expression;'),
        ("SET name = :v", "Attribute name is a reserved keyword; reserved keyword: name"),
        (
            "SET #n = :v",
            "An expression attribute name used in the document path is not defined; attribute name: #n",
        ),
        (
            "SET a = :w",
            "An expression attribute value used in expression is not defined; attribute value: :w",
        ),
        (
            "SET a = :v, a.b = :v",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; "
            "path one: [a], path two: [a, b]",
        ),
        (
            "SET a.b = :v, a[0] = :v",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; "
            "path one: [a, b], path two: [a, [0]]",
        ),
        (
            "SET a = a + :v",
            "Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        (
            "SET a = list_append(a, :v)",
            "Incorrect operand type for operator or function; "
            "operator or function: list_append, operand type: S",
        ),
        (
            "ADD a :v",
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, "
            "typeSet: ALLOWED_FOR_ADD_OPERAND",
        ),
        (
            "DELETE a :v",
            "Incorrect operand type for operator or function; operator: DELETE, operand type: STRING, "
            "typeSet: ALLOWED_FOR_DELETE_OPERAND",
        ),
        ("SET a = lower(:v)", "Invalid function name; function: lower"),
        (
            "SET a = if_not_exists(:v)",
            "Incorrect number of operands for operator or function; "
            "operator or function: if_not_exists, number of operands: 1",
        ),
        (
            "SET a = if_not_exists(:v, :v)",
            "Operator or function requires a document path; operator or function: if_not_exists",
        ),
    ],
)
def test_update_expression(client: Any, table: str, expression: str, detail: str) -> None:
    message = refusal(
        client.update_item,
        TableName=table,
        Key=KEY,
        UpdateExpression=expression,
        ExpressionAttributeValues=VALUE,
    )
    assert message == f"Invalid UpdateExpression: {detail}"


@pytest.mark.parametrize(
    ("expression", "detail"),
    [
        ("attribute_not_exists(", 'Syntax error; token: "<EOF>", near: "("'),
        ("a = :v AND", 'Syntax error; token: "<EOF>", near: "AND"'),
        ("a ! :v", 'Syntax error; token: "!", near: "a ! :v"'),
        ("((a = :v))", "The expression has redundant parentheses;"),
        (
            "contains(a, a) OR a = :v",
            "The first operand must be distinct from the remaining operands for this operator or function; "
            "operator: contains, first operand: [a]",
        ),
        (
            "attribute_exists(:v)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "attribute_type(a, :v)",
            "Invalid attribute type name found; type: x, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        ("unknown(a, :v)", "Invalid function name; function: unknown"),
        ("size(a)", 'Syntax error; token: "<EOF>", near: ")"'),
    ],
)
def test_condition_expression(client: Any, table: str, expression: str, detail: str) -> None:
    message = refusal(
        client.put_item,
        TableName=table,
        Item=KEY,
        ConditionExpression=expression,
        ExpressionAttributeValues=VALUE,
    )
    assert message == f"Invalid ConditionExpression: {detail}"


@pytest.mark.parametrize(
    ("condition", "values", "detail"),
    [
        (
            "a < :t",
            {":t": {"BOOL": True}},
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        (
            "begins_with(a, :n)",
            {":n": {"N": "1"}},
            "Incorrect operand type for operator or function; "
            "operator or function: begins_with, operand type: N",
        ),
        (
            "a BETWEEN :n AND :m",
            {":n": {"N": "2"}, ":m": {"N": "1"}},
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            "lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
        ),
        (
            "a BETWEEN :n AND :s",
            {":n": {"N": "2"}, ":s": {"S": "1"}},
            "The BETWEEN operator requires same data type for lower and upper bounds; "
            "lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {S:1}",
        ),
    ],
)
def test_condition_operand_types(
    client: Any, table: str, condition: str, values: dict[str, Any], detail: str
) -> None:
    message = refusal(
        client.delete_item,
        TableName=table,
        Key=KEY,
        ConditionExpression=condition,
        ExpressionAttributeValues=values,
    )
    assert message == f"Invalid ConditionExpression: {detail}"


def test_unused_names_and_values(client: Any, table: str) -> None:
    update = {"TableName": table, "Key": KEY, "UpdateExpression": "SET a = :v"}
    assert (
        refusal(client.update_item, **update, ExpressionAttributeValues={**VALUE, ":x": {"S": "y"}})
        == "Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}"
    )
    assert (
        refusal(
            client.update_item,
            **update,
            ExpressionAttributeValues=VALUE,
            ExpressionAttributeNames={"#b": "b", "#c": "c"},
        )
        == "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b, #c}"
    )


def test_names_and_values_without_expression_empty_or_malformed(client: Any, table: str) -> None:
    put = {"TableName": table, "Item": KEY}
    assert refusal(client.put_item, **put, ExpressionAttributeNames={"#a": "a"}) == (
        "ExpressionAttributeNames can only be specified when using expressions"
    )
    assert refusal(client.put_item, **put, ExpressionAttributeValues=VALUE) == (
        "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null"
    )
    put["ConditionExpression"] = "a = :v"
    assert refusal(client.put_item, **put, ExpressionAttributeValues={}) == (
        "ExpressionAttributeValues must not be empty"
    )
    assert refusal(client.put_item, **put, ExpressionAttributeValues={"v": {"S": "x"}}) == (
        'ExpressionAttributeValues contains invalid key: Syntax error; key: "v"'
    )


def test_expressions_and_older_parameters_together(client: Any, table: str) -> None:
    message = refusal(
        client.update_item,
        TableName=table,
        Key=KEY,
        UpdateExpression="SET a = :v",
        ExpressionAttributeValues=VALUE,
        AttributeUpdates={"a": {"Value": {"S": "x"}, "Action": "PUT"}},
    )
    assert message == (
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}"
    )


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"pk": {"S": "a"}}, "One or more parameter values were invalid: Missing the key sk in the item"),
        (
            {"pk": {"S": "a"}, "sk": {"N": "1"}},
            "One or more parameter values were invalid: Type mismatch for key sk expected: S actual: N",
        ),
        (
            {"pk": {"S": ""}, "sk": {"S": "1"}},
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            "cannot contain an empty string value. Key: pk",
        ),
        (
            {"pk": {"S": "x" * 2049}, "sk": {"S": "1"}},
            "One or more parameter values were invalid: "
            "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
        (
            {"pk": {"S": "a"}, "sk": {"S": "x" * 1025}},
            "One or more parameter values were invalid: "
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        ),
        ({**KEY, "a": {"S": "x" * 409_600}}, "Item size has exceeded the maximum allowed size"),
        (
            {**KEY, "a": {"SS": []}},
            "One or more parameter values were invalid: An string set  may not be empty",
        ),
        (
            {**KEY, "a": {"SS": ["b", "a", "b"]}},
            "One or more parameter values were invalid: "
            'Input collection ["a", "b", "b"] contains duplicates.',
        ),
        (
            {**KEY, "a": {"NS": ["1", "1.0"]}},
            "One or more parameter values were invalid: Input collection contains duplicates.",
        ),
        ({**KEY, "a": {"N": "abc"}}, "The parameter cannot be converted to a numeric value: abc"),
        ({**KEY, "a": {"N": "NaN"}}, "The parameter cannot be converted to a numeric value: NaN"),
        (
            {**KEY, "a": {"M": {"b": {"L": [{"N": "1e126"}]}}}},
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
        (
            {**KEY, "a": {"N": "1e-131"}},
            "Number underflow. Attempting to store a number with magnitude smaller than supported range",
        ),
        (
            {**KEY, "a": {"N": "1e-99999999999999999999"}},
            "Number underflow. Attempting to store a number with magnitude smaller than supported range",
        ),
        (
            {**KEY, "a": {"N": "1" * 39}},
            "Attempting to store more than 38 significant digits in a Number",
        ),
        (
            {**KEY, "a": {}},
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        (
            {**KEY, "a": {"S": "x", "N": "1"}},
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes",
        ),
        (
            {**KEY, "a": {"NULL": False}},
            "One or more parameter values were invalid: "
            "Null attribute value types must have the value of true",
        ),
    ],
)
def test_put_item(unchecked_client: Any, table: str, item: dict[str, Any], message: str) -> None:
    assert refusal(unchecked_client.put_item, TableName=table, Item=item) == message


def test_nesting_deeper_than_32_levels(client: Any, table: str) -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: dict[str, Any] = {"S": "leaf"}
        for _ in range(levels):
            value = {"M": {"n": value}}
        return value

    client.put_item(TableName=table, Item={**KEY, "a": nested(31)})
    assert refusal(client.put_item, TableName=table, Item={**KEY, "a": nested(32)}) == (
        "Nesting Levels have exceeded supported limits: "
        "Attributes in the item have nested levels beyond supported limit"
    )


@pytest.mark.parametrize(
    "key", [{"pk": {"S": "a"}}, {**KEY, "more": {"S": "x"}}, {"pk": {"S": "a"}, "sk": {"N": "1"}}]
)
def test_key_that_is_not_the_schemas(client: Any, table: str, key: dict[str, Any]) -> None:
    assert refusal(client.get_item, TableName=table, Key=key) == MISMATCH
    assert refusal(client.delete_item, TableName=table, Key=key) == MISMATCH
    assert refusal(client.update_item, TableName=table, Key=key) == MISMATCH
    assert refusal(client.batch_get_item, RequestItems={table: {"Keys": [key]}}) == MISMATCH
    delete = {"DeleteRequest": {"Key": key}}
    assert refusal(client.batch_write_item, RequestItems={table: [delete]}) == MISMATCH


@pytest.mark.parametrize(
    ("name", "bytes_max", "message"),
    [
        ("pk", 2048, "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ("sk", 1024, "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"),
    ],
)
def test_key_that_is_too_large(client: Any, table: str, name: str, bytes_max: int, message: str) -> None:
    largest, too_large = ({**KEY, name: {"S": "x" * size}} for size in (bytes_max, bytes_max + 1))
    client.put_item(TableName=table, Item=largest)
    assert client.get_item(TableName=table, Key=largest)["Item"] == largest
    text = f"One or more parameter values were invalid: {message}"
    assert refusal(client.put_item, TableName=table, Item=too_large) == text
    assert refusal(client.get_item, TableName=table, Key=too_large) == text


def test_update_of_a_key_attribute(client: Any, table: str) -> None:
    message = refusal(
        client.update_item,
        TableName=table,
        Key=KEY,
        UpdateExpression="SET sk = :v",
        ExpressionAttributeValues=VALUE,
    )
    assert message == (
        "One or more parameter values were invalid: "
        "Cannot update attribute sk. This attribute is part of the key"
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("SET a = absent", "The provided expression refers to an attribute that does not exist in the item"),
        ("SET absent.b = :v", "The document path provided in the update expression is invalid for update"),
        ("SET txt.b = :v", "The document path provided in the update expression is invalid for update"),
        ("SET a = txt + :n", "An operand in the update expression has an incorrect data type"),
        ("ADD txt :n", "An operand in the update expression has an incorrect data type"),
        ("SET txt = :long", "Item size to update has exceeded the maximum allowed size"),
    ],
)
def test_update_that_the_item_does_not_take(client: Any, table: str, expression: str, message: str) -> None:
    client.put_item(TableName=table, Item={**KEY, "txt": {"S": "x"}})
    values = {":v": {"S": "x"}, ":n": {"N": "1"}, ":long": {"S": "x" * 409_600}}
    used = {name: value for name, value in values.items() if name in expression}
    parameters = {"ExpressionAttributeValues": used} if used else {}
    assert (
        refusal(client.update_item, TableName=table, Key=KEY, UpdateExpression=expression, **parameters)
        == message
    )
    assert client.get_item(TableName=table, Key=KEY)["Item"] == {**KEY, "txt": {"S": "x"}}


def test_missing_table(client: Any) -> None:
    item_calls = [
        (client.get_item, {"TableName": "absent", "Key": KEY}),
        (client.put_item, {"TableName": "absent", "Item": KEY}),
        (client.scan, {"TableName": "absent"}),
        (client.batch_get_item, {"RequestItems": {"absent": {"Keys": [KEY]}}}),
        (client.transact_write_items, {"TransactItems": [{"Put": {"TableName": "absent", "Item": KEY}}]}),
    ]
    for call, parameters in item_calls:
        assert refusal(call, "ResourceNotFoundException", **parameters) == "Requested resource not found"
    for call in (client.describe_table, client.delete_table):
        assert refusal(call, "ResourceNotFoundException", TableName="absent") == (
            "Requested resource not found: Table: absent not found"
        )


def test_failed_condition_carries_the_item_if_asked(client: Any, table: str) -> None:
    item = {**KEY, "b": {"B": b"\x00\xff"}}
    client.put_item(TableName=table, Item=item)
    put = {"TableName": table, "Item": KEY, "ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as caught:
        client.put_item(**put)
    assert caught.value.response["Error"]["Message"] == "The conditional request failed"
    assert "Item" not in caught.value.response
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as caught:
        client.put_item(**put, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert caught.value.response["Item"] == item


def test_enumerations(unchecked_client: Any, table: str) -> None:
    put = {"TableName": table, "Item": KEY}
    assert refusal(unchecked_client.put_item, **put, ReturnConsumedCapacity="BOGUS") == (
        "1 validation error detected: Value 'BOGUS' at 'returnConsumedCapacity' failed to satisfy "
        "constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"
    )
    assert refusal(unchecked_client.put_item, **put, ReturnValues="ALL_NEW") == (
        "ReturnValues can only be ALL_OLD or NONE"
    )

    assert refusal(
        unchecked_client.update_item,
        TableName=table,
        Key=KEY,
        AttributeUpdates={"s": {"Action": "BOGUS", "Value": {"SS": ["a"]}}},
    ) == (
        "1 validation error detected: Value 'BOGUS' at 'attributeUpdates.s.member.action' failed to satisfy "
        "constraint: Member must satisfy enum value set: [ADD, PUT, DELETE]"
    )


@pytest.mark.parametrize(
    ("operation", "parameters", "path"),
    [
        ("put_item", {"Item": KEY}, "tableName"),
        ("put_item", {"TableName": "tab"}, "item"),
        ("describe_time_to_live", {}, "tableName"),
        (
            "transact_write_items",
            {"TransactItems": [{"Put": {"TableName": "tab"}}]},
            "transactItems.1.member.put.item",
        ),
        (
            "batch_write_item",
            {"RequestItems": {"tab": [{"DeleteRequest": {}}]}},
            "requestItems.tab.member.1.member.deleteRequest.key",
        ),
    ],
)
def test_missing_member_is_named(
    unchecked_client: Any, operation: str, parameters: dict[str, Any], path: str
) -> None:
    assert refusal(getattr(unchecked_client, operation), **parameters) == (
        f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_value_of_another_json_type_is_named(unchecked_client: Any, table: str) -> None:
    item = {**KEY, "list": {"L": [{"S": "a"}, {"N": 5}]}}
    assert refusal(unchecked_client.put_item, "SerializationException", TableName=table, Item=item) == (
        "NUMBER_VALUE cannot be converted to String"
    )


def test_text_that_is_not_unicode_is_refused(client: Any, table: str) -> None:
    assert refusal(
        client.put_item, "SerializationException", TableName=table, Item={**KEY, "s": {"S": "\ud800"}}
    ) == ("Invalid UTF-8: a string holds half a surrogate pair")


def test_batches(client: Any, unchecked_client: Any, table: str) -> None:
    def put(number: int) -> dict[str, Any]:
        return {"PutRequest": {"Item": {"pk": {"S": "a"}, "sk": {"S": str(number)}}}}

    message = refusal(client.batch_write_item, RequestItems={table: [put(n) for n in range(26)]})
    assert message.startswith(f"1 validation error detected: Value '{{{table}=[WriteRequest(putRequest=")
    assert message.endswith(
        "}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: "
        "[Member must have length less than or equal to 25, "
        "Member must have length greater than or equal to 1]"
    )
    assert refusal(client.batch_write_item, RequestItems={table: [put(1), put(1)]}) == (
        "Provided list of item keys contains duplicates"
    )
    for wrong in ({"pk": {"S": "a"}}, {"pk": {"S": "a"}, "sk": {"N": "1"}}):
        requests = {table: [put(1), {"PutRequest": {"Item": wrong}}]}
        assert refusal(client.batch_write_item, RequestItems=requests) == MISMATCH
    assert client.scan(TableName=table)["Count"] == 0, "what is refused writes nothing"
    keys = [{"pk": {"S": "a"}, "sk": {"S": str(number)}} for number in range(101)]
    assert refusal(client.batch_get_item, RequestItems={table: {"Keys": keys}}).endswith(
        f" at 'requestItems.{table}.member.keys' failed to satisfy "
        "constraint: Member must have length less than or equal to 100"
    )
    assert refusal(client.batch_get_item, RequestItems={table: {"Keys": keys[:1] * 2}}) == (
        "Provided list of item keys contains duplicates"
    )
    assert refusal(unchecked_client.batch_get_item, RequestItems={}) == (
        "The requestItems parameter is required for BatchGetItem"
    )


def test_projection(client: Any, table: str) -> None:
    get = {"TableName": table, "Key": KEY}
    assert refusal(client.get_item, **get, ProjectionExpression="a, a.b") == (
        "Invalid ProjectionExpression: Two document paths overlap with each other; "
        "must remove or rewrite one of these paths; path one: [a], path two: [a, b]"
    )
    assert refusal(client.get_item, **get, ProjectionExpression="!!!") == (
        'Invalid ProjectionExpression: Syntax error; token: "!", near: "!!"'
    )


def test_attribute_names_that_are_empty_or_too_long(client: Any, table: str) -> None:
    too_long = "x" * 65_536
    client.put_item(TableName=table, Item={**KEY, "x" * 65_535: {"S": "a"}})
    size = "Attribute name is too large, must be less than 65536 bytes"
    for name, message in (("", "Empty attribute name"), (too_long, size)):
        assert refusal(client.put_item, TableName=table, Item={**KEY, name: {"S": "a"}}) == message
        assert refusal(client.get_item, TableName=table, Key={**KEY, name: {"S": "a"}}) == message
        get = {"TableName": table, "Key": KEY}
        assert refusal(client.get_item, **get, AttributesToGet=[name]) == message
        named = {"ProjectionExpression": "#n", "ExpressionAttributeNames": {"#n": name}}
        assert refusal(client.get_item, **get, **named) == (
            f"ExpressionAttributeNames contains invalid value: {message} for key #n"
        )
        older = {"AttributeUpdates": {name: {"Value": {"S": "a"}}}}
        assert refusal(client.update_item, **get, **older) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        (
            {"NULL": False},
            "One or more parameter values were invalid: "
            "Null attribute value types must have the value of true",
        ),
        ({"N": ""}, "The parameter cannot be converted to a numeric value"),
        (
            {"N": "b", "S": "a"},
            "The parameter cannot be converted to a numeric value: b",
        ),
    ],
)
def test_expression_value_that_is_invalid_is_named(
    unchecked_client: Any, table: str, value: Any, message: str
) -> None:
    put = {"TableName": table, "Item": KEY, "ConditionExpression": "a = :v"}
    assert refusal(unchecked_client.put_item, **put, ExpressionAttributeValues={":v": value}) == (
        f"ExpressionAttributeValues contains invalid value: {message} for key :v"
    )


def test_expression_names_and_values_that_are_too_large(client: Any, table: str) -> None:
    put = {"TableName": table, "Item": KEY, "ConditionExpression": "a = :v"}
    long_key = ":" + "v" * 255
    assert refusal(client.put_item, **put, ExpressionAttributeValues={**VALUE, long_key: {"S": "x"}}) == (
        "ExpressionAttributeValues contains invalid key: "
        f'The expression attribute map contains a key that is too long; key: "{long_key}"'
    )
    large = {":v": {"S": "x" * 2 * 1024 * 1024}}
    assert refusal(client.put_item, **put, ExpressionAttributeValues=large) == (
        "Combined size of ExpressionAttributeNames and ExpressionAttributeValues exceeds max size"
    )


def test_lists_of_more_than_100_operands(client: Any, table: str) -> None:
    values = {f":v{number}": {"S": str(number)} for number in range(101)}
    put = {"TableName": table, "Item": KEY}
    fits = dict(list(values.items())[:100])
    client.put_item(
        **put, ConditionExpression=f"NOT a IN ({', '.join(fits)})", ExpressionAttributeValues=fits
    )
    refused = {"ConditionExpression": f"a IN ({', '.join(values)})", "ExpressionAttributeValues": values}
    assert refusal(client.put_item, **put, **refused) == (
        "Invalid ConditionExpression: The IN operator is provided with too many operands; "
        "number of operands: 101"
    )


def test_paths_that_are_too_deep_or_far(client: Any, table: str) -> None:
    get = {"TableName": table, "Key": KEY}
    deep = ".".join(["a"] * 33)
    assert refusal(client.get_item, **get, ProjectionExpression=deep) == (
        "Invalid ProjectionExpression: The document path has too many nesting elements; nesting levels: 33"
    )
    assert refusal(client.get_item, **get, ProjectionExpression="a[999999999]") == (
        "Invalid ProjectionExpression: List index is not within the allowable range; index: [999999999]"
    )


def test_write_requests_without_one_write(unchecked_client: Any, table: str) -> None:
    def write(request: Any) -> str:
        return refusal(unchecked_client.batch_write_item, RequestItems={table: [request]})

    assert write({}) == (
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    )
    assert write({"PutRequest": {"Item": KEY}, "DeleteRequest": {"Key": KEY}}) == (
        "Supplied AttributeValue has more than one datatypes set, "
        "must contain exactly one of the supported datatypes"
    )


def test_an_attribute_update_of_another_type(client: Any, table: str) -> None:
    """AWS API reference, UpdateItem, AttributeUpdates: ADD and DELETE take values of the attribute's type."""
    client.put_item(TableName=table, Item={**KEY, "n": {"N": "1"}, "s": {"SS": ["a"]}})
    for name, action, value in (
        ("n", "ADD", {"SS": ["a"]}),
        ("s", "ADD", {"N": "1"}),
        ("s", "DELETE", {"NS": ["1"]}),
    ):
        updates = {name: {"Action": action, "Value": value}}
        message = refusal(client.update_item, TableName=table, Key=KEY, AttributeUpdates=updates)
        assert message == "Type mismatch for attribute to update"
