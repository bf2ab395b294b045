"""Takes a sale in (POST /sales) and queues it: whoever sells waits for nothing else."""

import json
import os

import boto3

queue = boto3.client("sqs")


def handler(event, context):
    try:
        sale = json.loads(event["body"] or "")
        message = json.dumps({"id": sale["id"], "shop": sale["shop"], "cents": sale["cents"]})
    except (ValueError, TypeError, KeyError):
        return {"statusCode": 400, "body": json.dumps({"message": "A sale has an id, a shop and cents."})}
    queue.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=message)
    return {"statusCode": 202, "body": json.dumps({"id": sale["id"]})}
