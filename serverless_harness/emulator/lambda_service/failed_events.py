"""What becomes of an event that failed for good: a record for its destination, and a dead letter.

Both have AWS's shape, and are sent until they arrive or are refused.
"""

import functools
import json
from datetime import UTC, datetime
from typing import Any, cast

from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.event_manager import Poller, SQSInvocation
from localstack.services.lambda_.invocation.lambda_models import EventInvokeConfig, InvocationResult
from localstack.utils.aws import arns
from localstack.utils.aws.client_types import ServicePrincipal
from localstack.utils.aws.message_forwarding import send_event_to_target
from localstack.utils.strings import convert_to_printable_chars

from serverless_harness.emulator.delivery import dead_letters
from serverless_harness.emulator.gateway.internal_calls import acting
from serverless_harness.emulator.lambda_service.event_retries import backoff_s
from serverless_harness.emulator.tracing import spans

MAX_ERROR_MESSAGE_BYTES = 1024
FUNCTION_ERROR, THROTTLED = "200", "429"
"""ErrorCode of a dead letter: the HTTP status of the last attempt."""
MAX_RETRIES = 80
"""With Lambda's back-off these take six hours, for which AWS keeps an event."""


def retry_delay_s(retry: int) -> float | None:
    """Return the delay before a record's or letter's `retry`-th retry (from 1), None after the last."""
    return backoff_s(retry - 1) if retry <= MAX_RETRIES else None


def invocation_record(
    sqs_invocation: SQSInvocation, result: InvocationResult, version_arn: str, condition: str
) -> dict[str, Any]:
    """Return an on-failure destination's record (Lambda developer guide, "Retaining records …").

    Without the two `response…` members where the last attempt didn't get as far as the function.
    """
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": result.request_id,
            "functionArn": version_arn,
            "condition": condition,
            "approximateInvokeCount": sqs_invocation.retries + (1 if result.payload else 0),
        },
        "requestPayload": json.loads(sqs_invocation.invocation.payload or b"{}"),
    }
    if result.payload:
        record["responseContext"] = {
            "statusCode": 200,
            "executedVersion": version_arn.rpartition(":")[2],
            "functionError": "Unhandled",
        }
        record["responsePayload"] = _json_or_text(result.payload)
    return record


def dead_letter_attributes(result: InvocationResult) -> dict[str, dict[str, str]]:
    """Return the message attributes of a dead letter: RequestID, ErrorCode, and ErrorMessage's first KB."""
    response = _json_or_text(result.payload) if result.payload else "Rate Exceeded."
    message = response.get("errorMessage") if isinstance(response, dict) else response
    text = str(message or "Unhandled").encode()[:MAX_ERROR_MESSAGE_BYTES].decode(errors="ignore")
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": result.request_id},
        "ErrorCode": {
            "DataType": "Number",
            "StringValue": FUNCTION_ERROR if result.payload else THROTTLED,
        },
        "ErrorMessage": {"DataType": "String", "StringValue": text},
    }
    return cast(dict[str, dict[str, str]], convert_to_printable_chars(attributes))


def send_record(
    poller: Poller,
    sqs_invocation: SQSInvocation,
    invocation_result: InvocationResult,
    event_invoke_config: EventInvokeConfig | None,
    failure_cause: str,
) -> None:
    """Send a failed event's record to its on-failure destination, if there is one."""
    destinations = (event_invoke_config and event_invoke_config.destination_config) or {}
    target_arn = (destinations.get("OnFailure") or {}).get("Destination")
    if not target_arn:
        return
    version = poller.version_manager.function_version
    record = functools.partial(
        send_event_to_target,
        target_arn=target_arn,
        event=invocation_record(sqs_invocation, invocation_result, version.qualified_arn, failure_cause),
        role=version.config.role,
        source_arn=str(version.id.unqualified_arn()),  # type: ignore[no-untyped-call]
        source_service="lambda",
        events_source="lambda",
        events_detail_type="Lambda Function Invocation Result - Failure",
    )
    with spans.within(spans.open_span(sqs_invocation.invocation.trace_context)):
        dead_letters.send(record, _name(version, invocation_result), target_arn, retry_delay_s, "record")


def send_dead_letter(
    poller: Poller, sqs_invocation: SQSInvocation, invocation_result: InvocationResult
) -> None:
    """Send a failed event to its function's dead-letter queue or topic, if there is one; it is over then."""
    span = spans.open_span(sqs_invocation.invocation.trace_context)
    with spans.within(span):
        _send_letter(poller, sqs_invocation, invocation_result)
    spans.end(span, "failed", "every attempt failed")


def _send_letter(poller: Poller, sqs_invocation: SQSInvocation, invocation_result: InvocationResult) -> None:
    version = poller.version_manager.function_version
    target_arn = version.config.dead_letter_arn
    if not target_arn:
        return
    body = (sqs_invocation.invocation.payload or b"{}").decode()
    letter = functools.partial(_send, target_arn, body, dead_letter_attributes(invocation_result), version)
    dead_letters.send(letter, _name(version, invocation_result), target_arn, retry_delay_s)


def _name(version: Any, result: InvocationResult) -> str:  # noqa: ANN401
    return f"{version.qualified_arn}'s event {result.request_id}"


def _send(target_arn: str, body: str, attributes: dict[str, Any], version: Any) -> None:  # noqa: ANN401
    with acting(source_arn=version.id.unqualified_arn()):
        clients: Any = connect_to.with_assumed_role(
            role_arn=version.config.role,
            service_principal=cast(ServicePrincipal, ServicePrincipal.lambda_),
            region_name=arns.extract_region_from_arn(target_arn),
            config=dead_letters.ONE_ATTEMPT,
        )
    source = {"source_arn": version.id.unqualified_arn(), "service_principal": "lambda"}
    if ":sqs:" in target_arn:
        clients.sqs.request_metadata(**source).send_message(
            QueueUrl=arns.sqs_queue_url_for_arn(target_arn), MessageBody=body, MessageAttributes=attributes
        )
    else:
        clients.sns.request_metadata(**source).publish(
            TopicArn=target_arn, Message=body, MessageAttributes=attributes
        )


def _json_or_text(payload: bytes) -> Any:  # noqa: ANN401
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")
