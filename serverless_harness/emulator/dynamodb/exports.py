"""ExportTableToPointInTime: a table's items as objects in S3.

AWS API reference, ExportTableToPointInTime; developer guide, "DynamoDB table export output format". The table
is exported as it is now, and the export is complete when the answer comes, which says IN_PROGRESS as AWS's
does. Exports of the past, increments and Amazon Ion are refused.
"""

import base64
import gzip
import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api.dynamodb import (
    ExportNotFoundException,
    PointInTimeRecoveryUnavailableException,
    TableNotFoundException,
)
from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb.models import DynamoDbMotoStore, now
from serverless_harness.emulator.dynamodb.store import Database, all_items
from serverless_harness.emulator.dynamodb.values import to_json

Export = dict[str, Any]
"""The ExportDescription of the API."""


def export_table(
    database: Database,
    store: DynamoDbMotoStore,
    request: Mapping[str, Any],
    s3: Any,  # noqa: ANN401 - boto3's client
) -> dict[str, Any]:
    """Write a table's items into a bucket; point-in-time recovery must be on."""
    _refuse_unsupported(request)
    arn = request["TableArn"]
    with database.lock:
        table = database.backend.tables.get(arn.rpartition("/")[2])
        if table is None or table.table_arn != arn:
            raise TableNotFoundException(f"Table not found: {arn}")
        facts = store.table_facts.get(table.name)
        if facts is None or facts.recoverable_since is None:
            raise PointInTimeRecoveryUnavailableException(
                f"Point in time recovery is not enabled for table '{table.name}'"
            )
        items = [item.attributes for item in all_items(table)]
    started_at = now()
    export_id = f"{int(started_at.timestamp() * 1000):014}-{uuid.uuid4().hex[:8]}"
    described: Export = {
        "ExportArn": f"{arn}/export/{export_id}",
        "ExportStatus": "IN_PROGRESS",
        "StartTime": started_at,
        "ExportTime": started_at,
        "TableId": facts.table_id,
        "ExportFormat": "DYNAMODB_JSON",
        "ExportType": "FULL_EXPORT",
        **{name: value for name, value in request.items() if value is not None},
    }
    store.exports[described["ExportArn"]] = outcome = dict(described)
    lines = [json.dumps({"Item": to_json(item)}, separators=(",", ":")) for item in items]
    try:
        manifest = _write(s3, request, table, export_id, lines, outcome)
        outcome.update(ExportStatus="COMPLETED", ExportManifest=manifest)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        outcome.update(ExportStatus="FAILED", FailureCode=f"S3{code}", FailureMessage=message)
    outcome["EndTime"] = now()
    return {"ExportDescription": described}


def _refuse_unsupported(request: Mapping[str, Any]) -> None:
    if request.get("ExportTime") is not None:
        raise NotImplementedError("Exports of a table's past are not emulated: leave ExportTime out.")
    if request.get("ExportType") == "INCREMENTAL_EXPORT":
        raise NotImplementedError("Incremental exports are not emulated: use FULL_EXPORT.")
    if request.get("ExportFormat") == "ION":
        raise NotImplementedError("Exports in Amazon Ion are not emulated: use DYNAMODB_JSON.")


def _write(
    s3: Any,  # noqa: ANN401 - boto3's client
    request: Mapping[str, Any],
    table: Table,
    export_id: str,
    lines: list[str],
    outcome: Export,
) -> str:
    """Write data and manifests; return the key of the summary."""
    prefix = f"{request['S3Prefix']}/" if request.get("S3Prefix") else ""
    folder = f"{prefix}AWSDynamoDB/{export_id}"
    data_key = f"{folder}/data/{uuid.uuid4().hex[:26]}.json.gz"

    def put(key: str, body: bytes) -> str:
        answer = s3.put_object(Bucket=request["S3Bucket"], Key=key, Body=body)
        return str(answer["ETag"]).strip('"')

    text = "".join(f"{line}\n" for line in lines).encode()
    body = gzip.compress(text, mtime=0)
    entry = {
        "itemCount": len(lines),
        "md5Checksum": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
        "etag": put(data_key, body),
        "dataFileS3Key": data_key,
    }
    outcome.update(ItemCount=len(lines), BilledSizeBytes=len(text))
    files_key, summary_key = f"{folder}/manifest-files.json", f"{folder}/manifest-summary.json"
    put(files_key, json.dumps(entry).encode() + b"\n")
    summary = {
        "version": "2020-06-30",
        "exportArn": outcome["ExportArn"],
        "startTime": outcome["StartTime"].isoformat(),
        "tableArn": table.table_arn,
        "tableId": outcome["TableId"],
        "exportTime": outcome["ExportTime"].isoformat(),
        "s3Bucket": request["S3Bucket"],
        "s3Prefix": request.get("S3Prefix"),
        "manifestFilesS3Key": files_key,
        "billedSizeBytes": len(text),
        "itemCount": len(lines),
        "outputFormat": outcome["ExportFormat"],
        "exportType": outcome["ExportType"],
    }
    put(summary_key, json.dumps(summary).encode())
    return summary_key


def describe_export(store: DynamoDbMotoStore, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return an export's outcome; raise ExportNotFoundException if there is none of this ARN."""
    found = store.exports.get(request["ExportArn"])
    if found is None:
        raise ExportNotFoundException(f"Export not found: {request['ExportArn']}")
    return {"ExportDescription": found}


def list_exports(store: DynamoDbMotoStore, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summaries of exports, the latest first, on one page."""
    wanted = request.get("TableArn")
    summaries = [
        {name: found[name] for name in ("ExportArn", "ExportStatus", "ExportType")}
        for found in reversed(store.exports.values())
        if wanted in (None, found["TableArn"])
    ]
    return {"ExportSummaries": summaries[: request.get("MaxResults") or len(summaries)]}
