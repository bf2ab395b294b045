"""Event source mappings: what is checked when one is made or changed, and the batches of a queue's.

Sources: Lambda developer guide, "Using Lambda with Amazon SQS", "Creating and configuring an Amazon SQS event
source mapping", "Handling errors for an SQS event source in Lambda"; Lambda API reference,
"CreateEventSourceMapping".
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api import CommonServiceException
from localstack.aws.api.lambda_ import InvalidParameterValueException

from serverless_harness.emulator import authorization
from serverless_harness.emulator.authorization import Errand

type Message = dict[str, Any]

CALL_NAME = "lambda:CreateEventSourceMapping"
MAX_EVENT_BYTES = 6 * 1024 * 1024 - 64 * 1024
"""What the records of one invoke may have: Lambda's 6 MB, less what is around them."""

_QUEUE_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_STREAM_ACTIONS = ("DescribeStream", "GetRecords", "GetShardIterator")
_STREAM_HINTS = {
    "kinesis": "GetRecords, GetShardIterator, DescribeStream, ListShards, and ListStreams",
    "dynamodb": "GetRecords, GetShardIterator, DescribeStream, and ListStreams",
}


def require_permissions(service: str, source_arn: str, role_arn: str, session_name: str) -> None:
    """Raise where a function's role may not read its event source.

    Raises:
        InvalidParameterValueException: It names the queue's action that is missing, or the stream's.
    """
    is_queue = service.startswith("sqs")
    if not is_queue and service not in _STREAM_HINTS:
        return
    for name in _QUEUE_ACTIONS if is_queue else _STREAM_ACTIONS:
        action = f"{'sqs' if is_queue else service}:{name}"
        if authorization.denial_for_role(Errand(CALL_NAME, action, source_arn), role_arn, session_name):
            raise InvalidParameterValueException(_no_permission(service, source_arn, name), Type="User")


def _no_permission(service: str, source_arn: str, action: str) -> str:
    if service.startswith("sqs"):
        return f"The provided execution role does not have permissions to call {action} on SQS"
    return (
        f"Cannot access stream {source_arn}. Please ensure the role can perform the {_STREAM_HINTS[service]} "
        "Actions on your stream in IAM."
    )


def unreadable(service: str, source_arn: str, error: ClientError) -> InvalidParameterValueException:
    """Return what is told of an event source that can't be read, whatever the reason."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if error.operation_name == "AssumeRole":
        text = "The role defined for the function cannot be assumed by Lambda."
    elif service.startswith("sqs") and not code.startswith("AccessDenied"):
        text = f"Error occurred while ReceiveMessage. SQS Error Code: {code}. SQS Error Message: {message}"
    elif service.startswith("sqs"):
        text = _no_permission(service, source_arn, "ReceiveMessage")
    elif service in _STREAM_HINTS and code.startswith("AccessDenied"):
        text = _no_permission(service, source_arn, "")
    else:
        text = f"Stream not found: {source_arn}"
    return InvalidParameterValueException(text, Type="User")


def check_queue(request: Mapping[str, Any], visibility_timeout_s: int | None, timeout_s: int) -> None:
    """Raise where a queue's mapping can't work: its messages come back before the function has ended."""
    concurrency = (request.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if concurrency is not None and not 2 <= concurrency <= 1000:
        bound = "greater than or equal to 2" if concurrency < 2 else "less than or equal to 1000"
        raise CommonServiceException(
            "ValidationException",
            f"1 validation error detected: Value '{concurrency}' at 'scalingConfig.maximumConcurrency' "
            f"failed to satisfy constraint: Member must have value {bound}",
            400,
            sender_fault=True,
        )
    if visibility_timeout_s is not None and visibility_timeout_s < timeout_s:
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility_timeout_s} seconds is less than Function timeout: "
            f"{timeout_s} seconds",
            Type="User",
        )


def visibility_timeout_s(queue_arn: str) -> int | None:
    """Return a queue's visibility timeout; None where there is no such queue."""
    from localstack.services.sqs.models import sqs_stores

    _, _, _, region, account_id, name = queue_arn.split(":", 5)
    queue: Any = sqs_stores[account_id][region].queues.get(name)
    return int(queue.attributes.get("VisibilityTimeout", 30)) if queue else None


def by_size(messages: Iterable[Message], maximum: int = MAX_EVENT_BYTES) -> Iterator[list[Message]]:
    """Split messages into batches that fit into one invoke; one that doesn't is a batch of its own."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        its_size = len(json.dumps(message, default=str)) + 512
        if batch and size + its_size > maximum:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += its_size
    if batch:
        yield batch
