"""Requests and answers over HTTP: what isn't DynamoDB's protocol, compression, checksums, types of members.

AWS developer guide, "DynamoDB low-level API" and "Error handling with DynamoDB"; AWS API reference, "Common
Errors".
"""

import gzip
import json
import zlib
from typing import Any

import pytest
from dynamodb_in_process import InProcessDynamoDb, InProcessStreams, RawAnswer

CORAL = "com.amazon.coral."
KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}


def error_of(answer: RawAnswer, status: int = 400) -> tuple[str, str]:
    assert answer.status == status
    document = json.loads(answer.body)
    return document["__type"], document.get("message", document.get("Message", ""))


def serialization_message(served: InProcessDynamoDb, operation: str, body: Any) -> str:
    answer = served.raw(operation, json.dumps(body))
    assert json.loads(answer.body).keys() == {"__type", "Message"}
    kind, message = error_of(answer)
    assert kind == f"{CORAL}service#SerializationException"
    return message


@pytest.mark.parametrize("body", ["", "{", "[]", "1", '"a"', "{]", '{"a": NaN}', "\xff", "[" * 100_000])
def test_body_that_is_no_json_object(served: InProcessDynamoDb, body: str) -> None:
    answer = served.raw("ListTables", body.encode("latin-1"))
    if body == "":
        assert answer.status == 200
    else:
        assert json.loads(answer.body) == {"__type": f"{CORAL}service#SerializationException"}
        assert answer.status == 400


@pytest.mark.parametrize(
    "target", ["", "ListTables", "DynamoDB_20120810.Nothing", "DynamoDB_20111205.ListTables"]
)
def test_target_that_names_no_operation(served: InProcessDynamoDb, target: str) -> None:
    answer = served.raw("", b"{}", **{"X-Amz-Target": target})
    assert (answer.status, json.loads(answer.body)) == (
        400,
        {"__type": f"{CORAL}service#UnknownOperationException"},
    )


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_content_type_that_is_not_the_protocols(served: InProcessDynamoDb, content_type: str) -> None:
    answer = served.raw("ListTables", b"{}", **{"Content-Type": content_type})
    assert (answer.status, answer.body) == (404, b"<UnknownOperationException/>\n")


@pytest.mark.parametrize("content_type", ["application/json", "application/x-amz-json-1.0"])
def test_answer_has_the_requests_content_type(served: InProcessDynamoDb, content_type: str) -> None:
    answer = served.raw("ListTables", b"{}", **{"Content-Type": content_type})
    assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)


def test_streams_speak_the_same_protocol(served_streams: InProcessStreams) -> None:
    """AWS API reference, "Amazon DynamoDB Streams": the same errors, under a target prefix of its own."""
    answer = served_streams.raw("ListStreams", b"{}")
    assert answer.status == 200
    assert answer.headers["x-amz-crc32"] == str(zlib.crc32(answer.body))
    assert error_of(served_streams.raw("ListStreams", b"[]")) == (
        f"{CORAL}service#SerializationException",
        "",
    )
    message = serialization_message(served_streams, "ListStreams", {"Limit": "x"})
    assert message == "STRING_VALUE cannot be converted to Integer"
    unknown = served_streams.raw("", b"{}", **{"X-Amz-Target": "DynamoDB_20120810.ListTables"})
    assert "UnknownOperationException" in unknown.body.decode()
    kind, message = error_of(served_streams.raw("DescribeStream", b"{}"))
    assert kind.endswith("#ValidationException")
    assert message.startswith("1 validation error detected: Value null at 'streamArn'")


def test_request_without_a_signature(served: InProcessDynamoDb) -> None:
    unsigned = served.raw("ListTables", b"{}", Authorization="")
    expected = (
        f"{CORAL}service#MissingAuthenticationTokenException",
        "Request is missing Authentication Token",
    )
    assert error_of(unsigned) == expected
    partly = served.raw("ListTables", b"{}", Authorization="AWS4-HMAC-SHA256 Credential=a")
    kind, message = error_of(partly)
    assert kind == f"{CORAL}service#IncompleteSignatureException"
    assert message.startswith(
        "Authorization header requires 'Signature' parameter. Authorization header requires"
    )


def test_every_answer_has_an_id_and_a_checksum(served: InProcessDynamoDb) -> None:
    for answer in (served.raw("ListTables", b"{}"), served.raw("DescribeTable", b"{}")):
        assert len(answer.headers["x-amzn-RequestId"]) == 52
        assert int(answer.headers["x-amz-crc32"]) == zlib.crc32(answer.body)


def test_compressed_requests_and_answers(served: InProcessDynamoDb, client: Any, table: str) -> None:
    item = {**KEY, "text": {"S": "x" * 10_000}}
    body = json.dumps({"TableName": table, "Item": item}).encode()
    plain_deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    codings = {
        "gzip": gzip.compress(body),
        "deflate": zlib.compress(body),
        "Deflate": plain_deflate.compress(body) + plain_deflate.flush(),
        "deflate, gzip": gzip.compress(zlib.compress(body)),
    }
    for coding, compressed in codings.items():
        assert served.raw("PutItem", compressed, **{"Content-Encoding": coding}).status == 200
    assert served.raw("PutItem", b"\x1f\x8bnothing", **{"Content-Encoding": "gzip"}).status == 400
    get = json.dumps({"TableName": table, "Key": KEY})
    for coding, decompress in (("gzip", gzip.decompress), ("deflate", zlib.decompress)):
        answer = served.raw("GetItem", get, **{"Accept-Encoding": f"{coding};q=0.5, br"})
        assert answer.headers["Content-Encoding"] == coding
        assert int(answer.headers["x-amz-crc32"]) == zlib.crc32(answer.body)
        assert json.loads(decompress(answer.body)) == {"Item": item}
    for asked in ("", "identity", "gzip;q=0", "br"):
        answer = served.raw("GetItem", get, **{"Accept-Encoding": asked})
        assert "Content-Encoding" not in answer.headers
    assert "Content-Encoding" not in served.raw("ListTables", b"{}", **{"Accept-Encoding": "gzip"}).headers


def test_body_of_more_than_16_mb(served: InProcessDynamoDb) -> None:
    answer = served.raw("ListTables", b"{" + b" " * 16 * 1024 * 1024 + b"}")
    assert (answer.status, answer.body) == (413, b"")


JAVA_CAST = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class"
MODEL = "com.amazonaws.dynamodb.v20120810."


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        ("GetItem", {"TableName": 23}, "NUMBER_VALUE cannot be converted to String"),
        ("GetItem", {"TableName": 3.5}, "DECIMAL_VALUE cannot be converted to String"),
        ("GetItem", {"TableName": True}, "TRUE_VALUE cannot be converted to String"),
        ("GetItem", {"TableName": []}, "Unrecognized collection type class java.lang.String"),
        ("GetItem", {"TableName": {}}, "Start of structure or map found where not expected"),
        ("GetItem", {"ConsistentRead": "x"}, "Unexpected token received from parser"),
        ("GetItem", {"ConsistentRead": 1}, "NUMBER_VALUE cannot be converted to Boolean"),
        ("GetItem", {"Key": "x"}, "Unexpected field type"),
        (
            "GetItem",
            {"Key": []},
            f"Unrecognized collection type java.util.Map<java.lang.String, {MODEL}AttributeValue>",
        ),
        ("GetItem", {"Key": {"a": 1}}, "Unexpected value type in payload"),
        ("GetItem", {"Key": {"a": []}}, f"Unrecognized collection type class {MODEL}AttributeValue"),
        ("GetItem", {"Key": {"a": {"S": 1}}}, "NUMBER_VALUE cannot be converted to String"),
        ("GetItem", {"Key": {"a": {"L": "x"}}}, "Unexpected field type"),
        ("GetItem", {"Key": {"a": {"L": [1]}}}, "Unexpected value type in payload"),
        ("GetItem", {"Key": {"a": {"SS": {}}}}, "Start of structure or map found where not expected"),
        ("GetItem", {"Key": {"a": {"B": 1}}}, "only base-64-encoded strings are convertible to bytes"),
        (
            "GetItem",
            {"Key": {"a": {"B": "23456"}}},
            "'23456' can not be converted to a Blob: "
            "Base64 encoded length is expected a multiple of 4 bytes but found: 5",
        ),
        (
            "GetItem",
            {"Key": {"a": {"BS": ["=+/="]}}},
            "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='",
        ),
        (
            "GetItem",
            {"Key": {"a": {"B": "+/+="}}},
            "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected",
        ),
        ("GetItem", {"AttributesToGet": "x"}, "Unexpected field type"),
        ("GetItem", {"AttributesToGet": {}}, "Start of structure or map found where not expected"),
        ("Scan", {"Limit": "x"}, "STRING_VALUE cannot be converted to Integer"),
        ("Scan", {"Limit": []}, "Unrecognized collection type class java.lang.Integer"),
        ("UpdateItem", {"AttributeUpdates": {"a": "x"}}, "Unexpected value type in payload"),
        ("UpdateItem", {"AttributeUpdates": {"a": {"Value": "x"}}}, "Unexpected field type"),
        (
            "BatchWriteItem",
            {"RequestItems": []},
            "Unrecognized collection type java.util.Map<java.lang.String, "
            f"java.util.List<{MODEL}WriteRequest>>",
        ),
        (
            "CreateTable",
            {"ProvisionedThroughput": {"ReadCapacityUnits": True}},
            "TRUE_VALUE cannot be converted to Long",
        ),
        (
            "CreateTable",
            {"ProvisionedThroughput": []},
            f"Unrecognized collection type class {MODEL}ProvisionedThroughput",
        ),
        ("CreateTable", {"KeySchema": ["x"]}, "Unexpected value type in payload"),
    ],
)  # fmt: skip
def test_member_of_another_json_type(
    served: InProcessDynamoDb, operation: str, body: Any, message: str
) -> None:
    assert serialization_message(served, operation, body) == message


def test_collection_within_a_collection_of_another_type(served: InProcessDynamoDb) -> None:
    for body in ({"abc": "x"}, {"abc": 1}):
        assert serialization_message(served, "BatchWriteItem", {"RequestItems": body}).startswith(JAVA_CAST)


def test_null_is_as_good_as_absent(served: InProcessDynamoDb, table: str) -> None:
    body = {"TableName": table, "Key": KEY, "ProjectionExpression": None, "ExpressionAttributeNames": None}
    assert served.raw("GetItem", json.dumps(body)).status == 200
    item = {**KEY, "a": {"S": "x", "N": None}, "Unknown": {"S": "x"}}
    assert served.raw("PutItem", json.dumps({"TableName": table, "Item": item, "More": 1})).status == 200
    kind, message = error_of(
        served.raw("PutItem", json.dumps({"TableName": table, "Item": {**KEY, "a": None}}))
    )
    assert kind == f"{CORAL}validate#ValidationException"
    assert message == "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"


@pytest.mark.parametrize(
    ("operation", "body", "violations"),
    [
        (
            "GetItem",
            {"TableName": "a;", "ReturnConsumedCapacity": "x", "AttributesToGet": []},
            [
                "Value 'a;' at 'tableName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
                "Value 'a;' at 'tableName' failed to satisfy constraint: "
                "Member must have length greater than or equal to 3",
                "Value null at 'key' failed to satisfy constraint: Member must not be null",
                "Value '[]' at 'attributesToGet' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1",
                "Value 'x' at 'returnConsumedCapacity' failed to satisfy constraint: "
                "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]",
            ],
        ),
        (
            "BatchGetItem",
            {"RequestItems": {"a;": {"Keys": []}}},
            [
                "Value '{a;=KeysAndAttributes(keys=[], attributesToGet=null, consistentRead=null, "
                "projectionExpression=null, expressionAttributeNames=null)}' at 'requestItems' failed to "
                "satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or "
                "equal to 255, Member must have length greater than or equal to 3, Member must satisfy "
                "regular expression pattern: [a-zA-Z0-9_.-]+]",
                "Value '[]' at 'requestItems.a;.member.keys' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1",
            ],
        ),
        (
            "CreateTable",
            {"TableName": "abc;", "KeySchema": [{"AttributeName": "a", "KeyType": "x"}] * 3},
            [
                "Value null at 'attributeDefinitions' failed to satisfy constraint: Member must not be null",
                "Value 'abc;' at 'tableName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
                "Value '[KeySchemaElement(attributeName=a, keyType=x), KeySchemaElement(attributeName=a, "
                "keyType=x), KeySchemaElement(attributeName=a, keyType=x)]' at 'keySchema' failed to satisfy "
                "constraint: Member must have length less than or equal to 2",
                *(
                    f"Value 'x' at 'keySchema.{number}.member.keyType' failed to satisfy constraint: "
                    "Member must satisfy enum value set: [HASH, RANGE]"
                    for number in (1, 2, 3)
                ),
            ],
        ),
        (
            "Scan",
            {"TableName": "abc", "Limit": 0, "Segment": -1, "TotalSegments": 1_000_001},
            [
                "Value '0' at 'limit' failed to satisfy constraint: "
                "Member must have value greater than or equal to 1",
                "Value '1000001' at 'totalSegments' failed to satisfy constraint: "
                "Member must have value less than or equal to 1000000",
                "Value '-1' at 'segment' failed to satisfy constraint: "
                "Member must have value greater than or equal to 0",
            ],
        ),
        (
            "TransactWriteItems",
            {"TransactItems": [{"ConditionCheck": {"TableName": "abc", "Key": KEY}}]},
            [
                "Value null at 'transactItems.1.member.conditionCheck.conditionExpression' failed to satisfy "
                "constraint: Member must not be null"
            ],
        ),
    ],
)
def test_all_violations_are_told_in_one_message(
    served: InProcessDynamoDb, operation: str, body: Any, violations: list[str]
) -> None:
    kind, message = error_of(served.raw(operation, json.dumps(body)))
    assert kind == f"{CORAL}validate#ValidationException"
    number = len(violations)
    detected = f"{number} validation error{'s' if number > 1 else ''} detected: "
    assert message == detected + "; ".join(violations)


def test_at_most_ten_violations_are_told(served: InProcessDynamoDb) -> None:
    body = {"TransactItems": [{"Put": {}}] * 9}
    _, message = error_of(served.raw("TransactWriteItems", json.dumps(body)))
    assert message.startswith("10 validation errors detected: ")
    assert message.count("Member must not be null") == 10


@pytest.mark.parametrize("operation", ["CreateTable", "DescribeTable", "UpdateTable", "DeleteTable"])
def test_table_operations_have_sentences_of_their_own_for_names(
    served: InProcessDynamoDb, operation: str
) -> None:
    _, missing = error_of(served.raw(operation, "{}"))
    assert missing == "The parameter 'TableName' is required but was not present in the request"
    for name in ("", "ab", "a" * 256):
        _, message = error_of(served.raw(operation, json.dumps({"TableName": name})))
        assert message == "TableName must be at least 3 characters long and at most 255 characters long"


def test_errors_of_the_service_have_its_namespace(served: InProcessDynamoDb) -> None:
    kind, _ = error_of(served.raw("DescribeTable", '{"TableName": "absent"}'))
    assert kind == "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
