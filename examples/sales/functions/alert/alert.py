"""Gets the lines of the subscription's filter pattern, and keeps one alert a sale."""

import base64
import gzip
import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def handler(event, context):
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    for line in batch["logEvents"]:
        found = json.loads(line["message"])
        table.put_item(Item={"id": f"alert-{found['sale']}", "message": found["message"]})
