"""accept: takes an order from API Gateway and hands it, unread, to decrypt."""

import json
import os
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shop_clients import create_client
from shop_context import LambdaContext

OK = "OK"
NOT_OK = "NotOK: retry later, admins: see cloudwatch logs for error"

MAX_EVENT_BYTES = 120 * 1024
"""What every dead letter can hold: SQS queues of this shop take 256 KiB, and Lambda's letters carry the event
as a string inside JSON, where escaping may double it. Anything longer couldn't be kept if it failed later."""

to_decrypt_topic_arn = os.environ["to_decrypt_topic_arn"]
# A call that fails has taken 2.7 s at most; the rest of three is for the answer.
sns = create_client("sns", read_timeout_s=0.6)


class EventTooLargeError(Exception):
    """The event has more than MAX_EVENT_BYTES."""


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish the whole event; answer 200 once SNS has it, else 500: the cash register then retries."""
    event_json = json.dumps(event)
    print(f"BEGIN: event:{event_json}")
    try:
        message_id = _publish(event_json)
        status_code, message = 200, OK
    except (ClientError, BotoCoreError, EventTooLargeError) as error:
        one_line = " ".join(str(error).split())
        print(f"ERROR: {type(error).__name__}: {one_line}")
        message_id = None
        status_code, message = 500, NOT_OK
    print(
        f"DONE: statusCode: {status_code}, message: {message}, message_id: {message_id}, "
        f"event: {event_json}, "
        f"remaining_time_ms: {context.get_remaining_time_in_millis()}, "
        f"memory_limit_mb: {context.memory_limit_in_mb}, "
        f"log_group: {context.log_group_name}, log_stream: {context.log_stream_name}"
    )
    return {
        "statusCode": status_code,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(message),
    }


def _publish(event_json: str) -> str:
    """Publish to the topic and return the message's id, which decrypt logs too.

    Raises ClientError or BotoCoreError where SNS doesn't take it, EventTooLargeError.
    """
    # json.dumps leaves ASCII alone, so characters are bytes.
    if len(event_json) > MAX_EVENT_BYTES:
        raise EventTooLargeError(f"the event has {len(event_json)} bytes, more than {MAX_EVENT_BYTES}")
    message_id: str = sns.publish(TopicArn=to_decrypt_topic_arn, Message=event_json)["MessageId"]
    return message_id
