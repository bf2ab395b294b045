"""An event source mapping that can't work is refused at once, and a queue's messages come as they were sent.

LocalStack lets the error of a role without permissions through as InternalError, which clients retry for
minutes. It writes a body that is JSON anew, so that its text isn't the one that was sent, hands a body that
is a JSON string over without its quotation marks, and sends batches that are larger than Lambda takes.
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api import RequestContext, ServiceException
from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.services.lambda_.event_source_mapping.pollers.poller import Poller
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator.gateway.internal_calls import acting
from serverless_harness.emulator.lambda_service import event_sources
from serverless_harness.emulator.patches import wrap
from serverless_harness.emulator.tracing import spans
from serverless_harness.emulator.tracing.span import Cause
from serverless_harness.emulator.tracing.store import TRACES

PATCHED: list[object] = [
    LambdaProvider.check_service_resource_exists,
    LambdaProvider.validate_event_source_mapping,
    SqsPoller.handle_messages,
    Poller.add_source_metadata,
]


def apply() -> None:
    """Check more, and split and restore what a queue's poller hands over."""
    wrap(LambdaProvider.check_service_resource_exists, _check)
    wrap(LambdaProvider.validate_event_source_mapping, _validate)
    wrap(SqsPoller.handle_messages, _handle)
    wrap(Poller.add_source_metadata, _restore_bodies)


def _check(
    fn: Callable[..., None],
    self: LambdaProvider,
    service: str,
    resource_arn: str,
    function_arn: str,
    function_role_arn: str,
) -> None:
    *place, session_name = function_arn.split(":")[:7]
    event_sources.require_permissions(service, resource_arn, function_role_arn, session_name)
    try:
        with acting(source_arn=":".join((*place, session_name))):
            fn(self, service, resource_arn, function_arn, function_role_arn)
    except ClientError as error:
        raise event_sources.unreadable(service, resource_arn, error) from error


def _validate(
    fn: Callable[..., Any], self: LambdaProvider, context: RequestContext, request: dict[str, Any]
) -> Any:  # noqa: ANN401
    try:
        result = fn(self, context, request)
    except ServiceException:
        raise
    except Exception as error:
        # LocalStack's own `Exception("unknown alias")` and such.
        raise InvalidParameterValueException("Function does not exist", Type="User") from error
    source_arn = str(request.get("EventSourceArn") or "")
    if source_arn.split(":")[2:3] == ["sqs"]:
        visible_s = event_sources.visibility_timeout_s(source_arn)
        event_sources.check_queue(request, visible_s, result[3].config.timeout)
    return result


def _handle(fn: Callable[..., None], self: SqsPoller, messages: list[dict[str, Any]]) -> None:
    for batch in event_sources.by_size(messages):
        self._bodies = {message["MessageId"]: message.get("Body", "") for message in batch}  # type: ignore[attr-defined]
        link = TRACES.sender_of(message["MessageId"] for message in batch)
        with spans.within(Cause(*link) if link else None):
            fn(self, batch)


def _restore_bodies(
    fn: Callable[..., list[dict[str, Any]]],
    self: Any,  # noqa: ANN401 (a poller of any kind)
    events: list[dict[str, Any]],
    *args: Any,  # noqa: ANN401
    **kwargs: Any,  # noqa: ANN401
) -> list[dict[str, Any]]:
    bodies = getattr(self, "_bodies", {})
    for event in events:
        if event.get("messageId") in bodies:
            event["body"] = bodies[event["messageId"]]
    return fn(self, events, *args, **kwargs)
