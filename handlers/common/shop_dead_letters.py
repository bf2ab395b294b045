"""Where the functions that SNS calls send an order that no retry can mend: to the dead letters, at once."""

import functools
import os
from collections.abc import Callable
from typing import Any

from shop_clients import create_client
from shop_context import LambdaContext
from shop_messages import PermanentError

READ_TIMEOUT_S = 0.9


@functools.cache
def _sqs() -> Any:
    """Only when the first bad order comes: a client is init time that good orders don't need."""
    return create_client("sqs", READ_TIMEOUT_S)


def handle_records(
    event: dict[str, Any], context: LambdaContext, handle: Callable[[str, LambdaContext], None]
) -> None:
    """Call `handle(message, context)` with the message of each SNS record in `event`.

    A PermanentError becomes a line `ERROR: <reason code>: <reason>, …` and a dead letter. Everything else is
    raised: Lambda then retries the event, and after its last retry sends it to the same queue by itself.
    """
    for record in event["Records"]:
        message = record["Sns"]["Message"]
        try:
            handle(message, context)
        except PermanentError as error:
            print(f"ERROR: {error}, message_id: {record['Sns'].get('MessageId')}")
            send_dead_letter(message, error, context)


def send_dead_letter(message: str, error: PermanentError, context: LambdaContext) -> None:
    """Send the SNS message as it came, so that publishing the letter's body again redrives it.

    The reason travels in message attributes, as it does in the dead letters that Lambda writes itself.
    Raises ClientError or BotoCoreError where the queue can't be reached.
    """
    attributes = {
        "reason_code": error.reason_code,
        "reason": error.reason,
        "function_name": context.function_name,
        "request_id": context.aws_request_id,
    }
    _sqs().send_message(
        QueueUrl=os.environ["dead_letter_queue_url"],
        MessageBody=message,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    )
