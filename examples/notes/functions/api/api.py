"""Writes a note (POST /notes) and reads one (GET /notes/{id}); what was written is queued to be indexed."""

import json
import os

import boto3
from slugify import slugify

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
queue = boto3.client("sqs")


def handler(event, context):
    if event["httpMethod"] == "POST":
        return write(event)
    return read(event["pathParameters"]["id"])


def write(event):
    try:
        note = json.loads(event["body"] or "")
        title, text = note["title"], note["text"]
        note_id = slugify(title)
    except (ValueError, TypeError, KeyError, AttributeError):
        return answer(400, {"message": "A note is a JSON object with a title and a text."})
    if not note_id or not isinstance(text, str):
        return answer(400, {"message": "A note's title needs a letter or a digit, and its text is a string."})
    table.put_item(Item={"id": note_id, "title": title, "text": text})
    queue.send_message(
        QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps({"id": note_id, "text": text})
    )
    print(f"wrote {note_id}")
    return answer(201, {"id": note_id})


def read(note_id):
    note = table.get_item(Key={"id": note_id}).get("Item")
    if note is None:
        return answer(404, {"message": f"There is no note {note_id}."})
    return answer(200, note)


def answer(status_code, body):
    return {
        "statusCode": status_code,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body, default=int),  # DynamoDB's numbers are Decimals
    }
