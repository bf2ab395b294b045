"""ImportTable: the items of S3's objects, formats, compression, errors.

AWS developer guide, "Amazon S3 import formats for DynamoDB"; API reference, ImportTable and DescribeImport.
"""

import gzip
import io
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID

from serverless_harness.emulator.dynamodb import imports
from serverless_harness.emulator.dynamodb.models import DynamoDbMotoStore, dynamodb_moto_stores
from serverless_harness.emulator.dynamodb.store import Database, open_database

REGION = "us-east-1"
_names = itertools.count()


class Bucket:
    """The part of boto3's S3 client that an import uses, over a dict; one without objects isn't there."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    def get_paginator(self, name: str) -> "Bucket":
        assert name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        if not self._objects:
            error = {"Error": {"Code": "NoSuchBucket", "Message": f"no bucket {Bucket}"}}
            raise ClientError(error, "ListObjectsV2")
        yield {"Contents": [{"Key": key} for key in self._objects if key.startswith(Prefix)]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._objects[Key])}


@pytest.fixture
def place() -> tuple[Database, DynamoDbMotoStore]:
    return open_database(DEFAULT_ACCOUNT_ID, REGION), dynamodb_moto_stores[DEFAULT_ACCOUNT_ID][REGION]


def request(**options: Any) -> dict[str, Any]:
    return {
        "S3BucketSource": {"S3Bucket": "bucket", "S3KeyPrefix": "data/"},
        "InputFormat": "DYNAMODB_JSON",
        "TableCreationParameters": {
            "TableName": f"imported-{next(_names)}",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
        },
        **options,
    }


def run(place: tuple[Database, DynamoDbMotoStore], asked: dict[str, Any], bucket: Bucket) -> dict[str, Any]:
    answered = imports.import_table(*place, asked, bucket)["ImportTableDescription"]
    assert answered["ImportStatus"] == "IN_PROGRESS"
    arn = {"ImportArn": answered["ImportArn"]}
    found: dict[str, Any] = imports.describe_import(place[1], arn)["ImportTableDescription"]
    return found


LINES = b'{"Item":{"id":{"N":"1"},"b":{"B":"AP8="}}}\n\n{"Item":{"id":{"N":"2"}}}\n'


@pytest.mark.parametrize("compression", [None, "GZIP"])
def test_json_lines(client: Any, place: Any, compression: str | None) -> None:
    body = gzip.compress(LINES) if compression else LINES
    asked = request(**({"InputCompressionType": compression} if compression else {}))
    found = run(place, asked, Bucket({"data/a": body, "other": b"x"}))
    assert (found["ImportStatus"], found["ImportedItemCount"], found["ErrorCount"]) == ("COMPLETED", 2, 0)
    name = asked["TableCreationParameters"]["TableName"]
    items = client.scan(TableName=name)["Items"]
    expected = [{"id": {"N": "1"}, "b": {"B": b"\x00\xff"}}, {"id": {"N": "2"}}]
    assert sorted(items, key=lambda item: item["id"]["N"]) == expected
    assert client.describe_table(TableName=name)["Table"]["TableId"] == found["TableId"]
    listed = client.list_imports(TableArn=found["TableArn"])["ImportSummaryList"]
    assert [summary["ImportStatus"] for summary in listed] == ["COMPLETED"]
    client.delete_table(TableName=name)


def test_csv(client: Any, place: Any) -> None:
    asked = request(InputFormat="CSV", InputFormatOptions={"Csv": {"Delimiter": ";"}})
    run(place, asked, Bucket({"data/a": b'id;name\n1;"a;b"\n2;\n'}))
    name = asked["TableCreationParameters"]["TableName"]
    items = sorted(client.scan(TableName=name)["Items"], key=lambda item: item["id"]["N"])
    assert items == [{"id": {"N": "1"}, "name": {"S": "a;b"}}, {"id": {"N": "2"}}]
    client.delete_table(TableName=name)


def test_lines_that_are_no_items_are_counted(client: Any, place: Any) -> None:
    asked = request()
    wrong = b'{"Item":{"id":{"S":"x"}}}\nnothing\n{"Item":{"id":{"N":"x"}}}\n{"Item":[]}\n' + LINES
    found = run(place, asked, Bucket({"data/a": wrong, "data/b": b"\xff"}))
    assert (found["ProcessedItemCount"], found["ImportedItemCount"], found["ErrorCount"]) == (6, 2, 5)
    client.delete_table(TableName=asked["TableCreationParameters"]["TableName"])


def test_bucket_that_is_not_there(client: Any, place: Any) -> None:
    asked = request()
    found = run(place, asked, Bucket({}))
    assert (found["ImportStatus"], found["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    client.delete_table(TableName=asked["TableCreationParameters"]["TableName"])
    arn = f"{found['ImportArn']}-not"
    with pytest.raises(client.exceptions.ImportNotFoundException):
        client.describe_import(ImportArn=arn)


def test_what_is_not_emulated_is_refused(place: Any) -> None:
    for options in ({"InputFormat": "ION"}, {"InputCompressionType": "ZSTD"}):
        with pytest.raises(NotImplementedError):
            imports.import_table(*place, request(**options), Bucket({}))


def test_a_text_may_hold_any_other_line_separator(client: Any, place: Any) -> None:
    asked = request()
    text = "a\u2028b\u0085c"
    run(place, asked, Bucket({"data/a": f'{{"Item":{{"id":{{"N":"1"}},"t":{{"S":"{text}"}}}}}}\n'.encode()}))
    name = asked["TableCreationParameters"]["TableName"]
    assert client.scan(TableName=name)["Items"] == [{"id": {"N": "1"}, "t": {"S": text}}]
    client.delete_table(TableName=name)


def test_csv_rows_that_are_no_items_are_counted(client: Any, place: Any) -> None:
    asked = request(InputFormat="CSV")
    long = "x" * 200_000
    found = run(place, asked, Bucket({"data/a": f"id,t\n1,a\rb\n2,{long}\nthree,c\n".encode()}))
    assert (found["ImportStatus"], found["ProcessedItemCount"], found["ImportedItemCount"]) == (
        "COMPLETED",
        3,
        1,
    )
    name = asked["TableCreationParameters"]["TableName"]
    assert client.scan(TableName=name)["Items"] == [{"id": {"N": "2"}, "t": {"S": long}}]
    client.delete_table(TableName=name)


def test_a_binary_key_of_a_csv_file_is_its_bytes(client: Any, place: Any) -> None:
    asked = request(InputFormat="CSV")
    asked["TableCreationParameters"]["AttributeDefinitions"] = [{"AttributeName": "id", "AttributeType": "B"}]
    found = run(place, asked, Bucket({"data/a": b"id\nAP8=\n?\n"}))
    name = asked["TableCreationParameters"]["TableName"]
    assert client.scan(TableName=name)["Items"] == [{"id": {"B": b"\x00\xff"}}]
    assert found["ErrorCount"] == 1
    client.delete_table(TableName=name)
