"""ExportTableToPointInTime: what is written to S3, and what is refused; restores to a point in time.

AWS developer guide, "DynamoDB table export output format"; API reference, ExportTableToPointInTime,
DescribeExport, RestoreTableToPointInTime.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from dynamodb_refusals import refusal
from localstack.aws.api.dynamodb import (
    ExportNotFoundException,
    PointInTimeRecoveryUnavailableException,
    TableNotFoundException,
)
from moto.core.models import DEFAULT_ACCOUNT_ID

from serverless_harness.emulator.dynamodb import exports, imports
from serverless_harness.emulator.dynamodb.models import dynamodb_moto_stores
from serverless_harness.emulator.dynamodb.store import open_database

REGION = "us-east-1"
ITEM = {"pk": {"S": "a"}, "sk": {"S": "1"}, "n": {"N": "1.5"}, "b": {"B": b"\x00\xff"}}


def place() -> tuple[Any, Any]:
    """The tables that tests use now: other tests have the backends made anew."""
    return open_database(DEFAULT_ACCOUNT_ID, REGION), dynamodb_moto_stores[DEFAULT_ACCOUNT_ID][REGION]


class Bucket:
    """The part of boto3's S3 client that an export uses, over a dict."""

    def __init__(self, name: str = "bucket") -> None:
        self.name = name
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> dict[str, str]:
        if Bucket != self.name:
            error = {"Error": {"Code": "NoSuchBucket", "Message": f"no bucket {Bucket}"}}
            raise ClientError(error, "PutObject")
        self.objects[Key] = Body
        return {"ETag": f'"{hashlib.md5(Body, usedforsecurity=False).hexdigest()}"'}


@pytest.fixture
def recoverable(client: Any, table: str) -> str:
    """The ARN of a table with two items that has point-in-time recovery."""
    client.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    for sort in "12":
        client.put_item(TableName=table, Item={**ITEM, "sk": {"S": sort}})
    return str(client.describe_table(TableName=table)["Table"]["TableArn"])


def test_items_and_manifests(client: Any, recoverable: str) -> None:
    bucket = Bucket()
    asked = {"TableArn": recoverable, "S3Bucket": "bucket", "S3Prefix": "out"}
    answered = exports.export_table(*place(), asked, bucket)["ExportDescription"]
    assert answered["ExportStatus"] == "IN_PROGRESS"
    arn = answered["ExportArn"]
    found = client.describe_export(ExportArn=arn)["ExportDescription"]
    assert (found["ExportStatus"], found["ItemCount"]) == ("COMPLETED", 2)
    assert found["ExportManifest"].startswith("out/AWSDynamoDB/")
    (summary,) = client.list_exports(TableArn=recoverable)["ExportSummaries"]
    assert summary == {"ExportArn": arn, "ExportStatus": "COMPLETED", "ExportType": "FULL_EXPORT"}
    manifest = json.loads(bucket.objects[found["ExportManifest"]])
    assert (manifest["itemCount"], manifest["tableArn"]) == (2, recoverable)
    files = json.loads(bucket.objects[manifest["manifestFilesS3Key"]])
    body = bucket.objects[files["dataFileS3Key"]]
    assert base64.b64decode(files["md5Checksum"]) == hashlib.md5(body, usedforsecurity=False).digest()
    lines = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    assert {"Item": {**ITEM, "b": {"B": "AP8="}}} in lines
    items = imports._items(gzip.decompress(body).decode(), {"InputFormat": "DYNAMODB_JSON"})
    assert ITEM in list(items), "what is exported can be imported"


def test_an_export_into_no_bucket_has_failed(client: Any, recoverable: str) -> None:
    asked = {"TableArn": recoverable, "S3Bucket": "absent"}
    answered = exports.export_table(*place(), asked, Bucket())["ExportDescription"]
    found = client.describe_export(ExportArn=answered["ExportArn"])["ExportDescription"]
    assert (found["ExportStatus"], found["FailureCode"]) == ("FAILED", "S3NoSuchBucket")


def test_exports_that_are_refused(client: Any, table: str, recoverable: str) -> None:
    def export(**options: Any) -> None:
        exports.export_table(*place(), {"TableArn": recoverable, "S3Bucket": "bucket", **options}, Bucket())

    for options in (
        {"ExportTime": datetime.now(UTC)},
        {"ExportType": "INCREMENTAL_EXPORT"},
        {"ExportFormat": "ION"},
    ):
        with pytest.raises(NotImplementedError):
            export(**options)
    with pytest.raises(TableNotFoundException):
        export(TableArn=f"{recoverable}-absent")
    client.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    with pytest.raises(PointInTimeRecoveryUnavailableException, match="is not enabled for table"):
        export()
    with pytest.raises(ExportNotFoundException):
        exports.describe_export(place()[1], {"ExportArn": f"{recoverable}/export/absent"})


def test_a_restore_needs_recovery_and_is_of_now(
    client: Any, recoverable: str, make_table: Callable[..., str]
) -> None:
    source = recoverable.rpartition("/")[2]
    target = f"{source}-restored"
    names = {"SourceTableName": source, "TargetTableName": target}
    client.restore_table_to_point_in_time(**names, UseLatestRestorableTime=True)
    assert client.scan(TableName=target)["Count"] == 2
    client.put_item(TableName=target, Item={**ITEM, "sk": {"S": "3"}})
    assert client.scan(TableName=source)["Count"] == 2
    client.delete_table(TableName=target)
    with pytest.raises(NotImplementedError, match="as it is now"):
        client.restore_table_to_point_in_time(**names, RestoreDateTime=datetime.now(UTC))
    with pytest.raises(NotImplementedError, match="BillingModeOverride"):
        client.restore_table_to_point_in_time(
            **names, UseLatestRestorableTime=True, BillingModeOverride="PROVISIONED"
        )
    plain = {**names, "SourceTableName": make_table()}
    code = "PointInTimeRecoveryUnavailableException"
    assert refusal(client.restore_table_to_point_in_time, code, **plain, UseLatestRestorableTime=True)
