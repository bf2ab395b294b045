"""What a call is about, in a word, and the text by which its trace can be found."""

from collections.abc import Mapping
from typing import Any

from localstack.aws.api import RequestContext

from serverless_harness.emulator.tracing.spans import MAX_TEXT_BYTES

_NAMES = (
    "FunctionName",
    "TopicArn",
    "TargetArn",
    "QueueUrl",
    "QueueName",
    "TableName",
    "KeyId",
    "Bucket",
    "SecretId",
    "stateMachineArn",
    "StreamName",
    "StreamARN",
    "logGroupName",
    "RoleArn",
    "Name",
    "name",
)
"""Parameters that name what a call is about, of all services; the first that is there does."""
_RANKS = {name: rank for rank, name in enumerate(_NAMES)}
_WITH_PAYLOADS = frozenset({"dynamodb", "events", "kinesis", "sns", "sqs", "states"})
"""Services whose calls hold what goes through the stack; those of others may hold secrets."""


def name_of(context: RequestContext) -> str:
    """Return the name of a call's function, topic, queue, table, key, …; empty where it has none."""
    parameters: Any = context.service_request or {}
    name = _named(parameters) or _table_of(parameters) or _named(_members(context.service_response))
    if not name:
        return ""
    if name.startswith("arn:") and ":function:" in name:
        return name.split(":")[6]
    if "://" in name or name.startswith("arn:"):
        name = name.rpartition("/")[2].rpartition(":")[2]
    return f"{name}/{key}"[:500] if (key := parameters.get("Key")) and isinstance(key, str) else name[:500]


def text_of(context: RequestContext) -> bytes:
    """Return the beginning of what a call sends through the stack."""
    service = context.service.service_name if context.service else ""
    if service not in _WITH_PAYLOADS:
        return b""
    if "X-Amz-Target" in context.request.headers:
        return context.request.get_data()[:MAX_TEXT_BYTES]
    parameters: Any = context.service_request or {}
    text = parameters.get("Message") or parameters.get("PublishBatchRequestEntries") or ""
    return str(text)[:MAX_TEXT_BYTES].encode(errors="replace")[:MAX_TEXT_BYTES]


def _named(parameters: Mapping[str, Any]) -> str:
    found = sorted(parameters.keys() & _RANKS.keys(), key=_RANKS.__getitem__)
    return next((value for name in found if isinstance(value := parameters[name], str)), "")


def _table_of(parameters: Mapping[str, Any]) -> str:
    """Return the first table of a transaction or a batch."""
    for item in parameters.get("TransactItems") or ():
        for action in item.values():
            return str(action.get("TableName", ""))
    return next(iter(parameters.get("RequestItems") or ()), "")


def _members(response: object) -> Mapping[str, Any]:
    return response if isinstance(response, Mapping) else {}
