"""Spans of Lambda's invokes and asynchronous events."""

import json
from collections.abc import Callable
from typing import Any

from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation.event_manager import LambdaEventManager, Poller, SQSInvocation
from localstack.services.lambda_.invocation.lambda_models import Invocation, InvocationResult
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from serverless_harness.emulator.tracing import spans
from serverless_harness.emulator.tracing.span import Span


def invoke(
    original: Callable[..., InvocationResult], manager: LambdaVersionManager, *, invocation: Invocation
) -> InvocationResult:
    """Invoke a version as a span; an event's next attempt is another, with the same request id."""
    span = spans.begin(
        "invoke",
        "lambda",
        str(manager.function_version.id.function_name),
        invocation.invoked_arn,
        cause=spans.cause_of(invocation.trace_context),
        request_id=invocation.request_id,
        text=invocation.payload or b"",
    )
    if span is None:
        return original(manager, invocation=invocation)
    try:
        with spans.within(span):
            result = original(manager, invocation=invocation)
    except Exception as error:
        status = "throttled" if isinstance(error, TooManyRequestsException) else "error"
        spans.end(span, status, f"{type(error).__name__}: {error}")
        raise
    if result.is_error:
        _fail(span, result.payload)
    spans.end(span)
    return result


def accept_event(original: Callable[..., None], manager: LambdaEventManager, invocation: Invocation) -> None:
    """Queue an event as a span that lasts until the event is processed, or given up."""
    span = spans.begin(
        "delivery",
        "lambda",
        "event",
        str(manager.version_manager.function_version.id.function_name),
        cause=spans.cause_of(invocation.trace_context),
        request_id=invocation.request_id,
    )
    if span is not None:
        invocation.trace_context[spans.LINK] = span.link
    original(manager, invocation)


def complete_event(
    original: Callable[..., None],
    poller: Poller,
    sqs_invocation: SQSInvocation,
    *arguments: Any,  # noqa: ANN401
) -> None:
    """Send a processed event's record to its destination, if it has one; the event is over then."""
    span = spans.open_span(sqs_invocation.invocation.trace_context)
    with spans.within(span):
        original(poller, sqs_invocation, *arguments)
    spans.end(span, "delivered")


def _fail(span: Span, payload: bytes | str | None) -> None:
    """Note a function's error: its own words, before those of the REPORT line."""
    if span.status == "running":
        span.status = "error"
    try:
        told = json.loads(payload or b"")
        error = f"{told['errorType']}: {told['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        error = span.error or "the function returned an error"
    span.error = error[: spans.MAX_ERROR_LENGTH]
