"""Counts the words of each note that was written; of a batch, only what failed comes again."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            index(json.loads(record["body"]))
        except Exception as error:  # noqa: BLE001 (whatever it is, the queue brings the message again)
            print(f"ERROR {record['messageId']} could not be indexed: {error!r}")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def index(note):
    table.update_item(
        Key={"id": note["id"]},
        UpdateExpression="SET words = :words",
        ConditionExpression="attribute_exists(id)",
        ExpressionAttributeValues={":words": len(note["text"].split())},
    )
