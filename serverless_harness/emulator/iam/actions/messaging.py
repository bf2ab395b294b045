"""SNS and SQS.

Sources: AWS pages "Actions, resources, and condition keys for Amazon SNS" and "… for Amazon SQS"; batch calls
need the action of the single one.
"""

from collections.abc import Iterator

from serverless_harness.emulator.iam.actions.call import Call, Permission, UnmappedCallError

_SNS_ACCOUNT_WIDE_PREFIXES = ("List", "CheckIf", "OptIn", "GetSMS", "SetSMS")
_SNS_TOPIC_LISTS = {"ListSubscriptionsByTopic", "ListTagsForResource"}


def sns(call: Call) -> Iterator[Permission]:
    """Yield what a call to `sns` needs."""
    action = f"sns:{'Publish' if call.operation == 'PublishBatch' else call.operation}"
    yield Permission(action, _sns_resource(call), _sns_context(call))


def _sns_resource(call: Call) -> str:
    parameters = call.parameters
    for name in ("TopicArn", "TargetArn", "ResourceArn"):
        if value := parameters.get(name):
            return str(value)
    if subscription_arn := parameters.get("SubscriptionArn"):
        return str(subscription_arn).rpartition(":")[0]
    if call.operation == "CreateTopic":
        return call.arn("sns", parameters["Name"])
    if number := parameters.get("PhoneNumber"):
        return str(number)
    listing = call.operation.startswith(_SNS_ACCOUNT_WIDE_PREFIXES) and call.operation not in _SNS_TOPIC_LISTS
    if listing or "Platform" in call.operation or "SMSSandbox" in call.operation:
        return "*"
    raise UnmappedCallError(f"sns:{call.operation} doesn't name a topic")


def _sns_context(call: Call) -> dict[str, tuple[str, ...]]:
    if call.operation != "Subscribe":
        return {}
    names = {"Protocol": "sns:protocol", "Endpoint": "sns:endpoint"}
    return {key: (call.parameters[name],) for name, key in names.items() if call.parameters.get(name)}


_SQS_ACTION_OF_BATCH = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}


def sqs(call: Call) -> Iterator[Permission]:
    """Yield what a call to `sqs` needs."""
    action = _SQS_ACTION_OF_BATCH.get(call.operation, call.operation)
    yield Permission(f"sqs:{action}", _sqs_resource(call))


def _sqs_resource(call: Call) -> str:
    if url := call.parameters.get("QueueUrl"):
        return _queue_arn(call, url)
    if name := call.parameters.get("QueueName"):
        return call.arn("sqs", name)
    for parameter in ("SourceArn", "TaskHandle"):
        if value := call.parameters.get(parameter):
            return str(value)
    if call.operation == "ListQueues":
        return "*"
    raise UnmappedCallError(f"sqs:{call.operation} doesn't name a queue")


def _queue_arn(call: Call, url: str) -> str:
    """Make the ARN of the queue that LocalStack takes the URL for, maybe of another account or region."""
    from localstack.services.sqs.utils import parse_queue_url

    try:
        account_id, region, name = parse_queue_url(url)
    except ValueError:
        return call.arn("sqs", url)
    return f"arn:{call.partition}:sqs:{region or call.region}:{account_id}:{name}"
