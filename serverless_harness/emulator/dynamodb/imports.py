"""ImportTable: a new table with the items of objects in S3.

AWS API reference, ImportTable and DescribeImport; developer guide, "DynamoDB data import from Amazon S3" and
"Amazon S3 import formats for DynamoDB". An import is complete when ImportTable answers; what it answers is
IN_PROGRESS, as AWS does, and the next DescribeImport tells the outcome.
"""

import csv
import gzip
import io
import json
import uuid
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api.dynamodb import ImportNotFoundException, ResourceInUseException

from serverless_harness.emulator.dynamodb import table_checks, tables
from serverless_harness.emulator.dynamodb.errors import Attributes, ValidationError
from serverless_harness.emulator.dynamodb.models import DynamoDbMotoStore, now
from serverless_harness.emulator.dynamodb.store import Database
from serverless_harness.emulator.dynamodb.values import ITEM_MAX_BYTES
from serverless_harness.emulator.dynamodb.wire import SerializationError, read_item
from serverless_harness.emulator.dynamodb.write_operations import put_item

Import = dict[str, Any]
"""The ImportTableDescription of the API."""

_SUMMARY = (
    "ImportArn", "ImportStatus", "TableArn", "S3BucketSource", "InputFormat", "StartTime", "EndTime",
)  # fmt: skip


def import_table(
    database: Database,
    store: DynamoDbMotoStore,
    request: Mapping[str, Any],
    s3: Any,  # noqa: ANN401 - boto3's client
) -> dict[str, Any]:
    """Make a table and put the items of S3's objects into it; raise for a table that can't be made."""
    _refuse_unsupported(request)
    creation = request["TableCreationParameters"]
    table_checks.check_creation(creation)
    arn_suffix = f"{int(now().timestamp() * 1000):014}-{uuid.uuid4().hex[:8]}"
    with database.lock:
        if creation["TableName"] in database.backend.tables:
            raise ResourceInUseException(f"Table already exists: {creation['TableName']}")
        table = tables.create(database, creation)
        facts = store.table_facts[table.name] = tables.created_facts(creation)
    described: Import = {
        "ImportArn": f"{table.table_arn}/import/{arn_suffix}",
        "ImportStatus": "IN_PROGRESS",
        "TableArn": table.table_arn,
        "TableId": facts.table_id,
        "StartTime": now(),
        "ErrorCount": 0,
        "ProcessedItemCount": 0,
        "ProcessedSizeBytes": 0,
        "ImportedItemCount": 0,
        **{name: value for name, value in request.items() if value is not None},
    }
    store.imports[described["ImportArn"]] = outcome = dict(described)
    try:
        for body in _objects(s3, request):
            _import_object(database, body, request, outcome)
        outcome["ImportStatus"] = "COMPLETED"
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        outcome.update(ImportStatus="FAILED", FailureCode=f"S3{code}", FailureMessage=message)
    except Exception:
        outcome.update(ImportStatus="FAILED", FailureCode="InternalServerError")
        raise
    outcome["EndTime"] = now()
    return {"ImportTableDescription": described}


def _refuse_unsupported(request: Mapping[str, Any]) -> None:
    if request["InputFormat"] == "ION":
        raise NotImplementedError("ImportTable of Amazon Ion is not emulated: use DYNAMODB_JSON or CSV.")
    if request.get("InputCompressionType") == "ZSTD":
        raise NotImplementedError("ImportTable of ZSTD is not emulated: use GZIP or NONE.")


def _objects(s3: Any, request: Mapping[str, Any]) -> Iterator[bytes]:  # noqa: ANN401
    source = request["S3BucketSource"]
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=source["S3Bucket"], Prefix=source.get("S3KeyPrefix") or ""
    )
    for page in pages:
        for entry in page.get("Contents", []):
            answer = s3.get_object(Bucket=source["S3Bucket"], Key=entry["Key"])
            yield answer["Body"].read()


def _import_object(
    database: Database, body: bytes, request: Mapping[str, Any], outcome: dict[str, Any]
) -> None:
    """Put an object's items.

    Those that the table doesn't take, and an object that can't be read, count as errors.
    """
    outcome["ProcessedSizeBytes"] += len(body)
    try:
        text = (gzip.decompress(body) if request.get("InputCompressionType") == "GZIP" else body).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        outcome["ErrorCount"] += 1
        return
    name = request["TableCreationParameters"]["TableName"]
    for item in _items(text, request):
        outcome["ProcessedItemCount"] += 1
        try:
            if item is None:
                raise SerializationError
            put_item(database, {"TableName": name, "Item": item})
            outcome["ImportedItemCount"] += 1
        except (ValidationError, SerializationError):
            outcome["ErrorCount"] += 1


def _items(text: str, request: Mapping[str, Any]) -> Iterator[Attributes | None]:
    """Return the items that a text holds; None stands for one that can't be read."""
    if request["InputFormat"] == "CSV":
        yield from _csv_items(text, request)
        return
    for line in text.split("\n"):  # A JSON text may hold what else ends a line for Python.
        if line.strip():
            yield _json_item(line)


def _json_item(line: str) -> Attributes | None:
    try:
        item: Attributes = read_item(json.loads(line)["Item"])
    except (ValueError, KeyError, TypeError, RecursionError, SerializationError):
        return None
    return item


def _csv_items(text: str, request: Mapping[str, Any]) -> Iterator[Attributes | None]:
    """Return the rows of a CSV file: key attributes of their types, all others strings."""
    options = (request.get("InputFormatOptions") or {}).get("Csv") or {}
    definitions = request["TableCreationParameters"]["AttributeDefinitions"]
    types = {entry["AttributeName"]: entry["AttributeType"] for entry in definitions}
    rows = _csv_rows(text, options.get("Delimiter") or ",")
    header = options.get("HeaderList") or next(rows, None) or []
    for row in rows:
        if row != []:
            yield _csv_item(header, row, types) if row and len(row) <= len(header) else None


def _csv_rows(text: str, delimiter: str) -> Iterator[list[str] | None]:
    """Return a CSV file's rows; None stands for one that can't be read."""
    csv.field_size_limit(ITEM_MAX_BYTES)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield None


def _csv_item(header: list[str], row: list[str], types: Mapping[str, str]) -> Attributes | None:
    cells = zip(header, row, strict=False)
    try:
        item: Attributes = read_item({name: {types.get(name, "S"): cell} for name, cell in cells if cell})
    except SerializationError:
        return None
    return item


def describe_import(store: DynamoDbMotoStore, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return an import's outcome; raise ImportNotFoundException if there is none of this ARN."""
    found = store.imports.get(request["ImportArn"])
    if found is None:
        raise ImportNotFoundException(f"Import not found: {request['ImportArn']}")
    return {"ImportTableDescription": found}


def list_imports(store: DynamoDbMotoStore, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summaries of imports, the latest first, on one page."""
    wanted = request.get("TableArn")
    summaries = [
        {name: found[name] for name in _SUMMARY if name in found}
        for found in reversed(store.imports.values())
        if wanted in (None, found["TableArn"])
    ]
    return {"ImportSummaryList": summaries[: request.get("PageSize") or len(summaries)]}
