"""Starts an execution for each queued sale, by its id: the same sale twice is one execution."""

import json
import os

import boto3
from botocore.exceptions import ClientError

workflow = boto3.client("stepfunctions")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            start(json.loads(record["body"]))
        except (ClientError, ValueError) as error:
            print(json.dumps({"level": "WARN", "message": str(error)}))
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def start(sale):
    try:
        workflow.start_execution(
            stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=sale["id"], input=json.dumps(sale)
        )
    except workflow.exceptions.ExecutionAlreadyExists:
        print(json.dumps({"level": "INFO", "message": f"{sale['id']} came again"}))
