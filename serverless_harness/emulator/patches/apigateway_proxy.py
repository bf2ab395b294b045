"""A Lambda proxy integration gets AWS's event, and takes no other answer than AWS does.

LocalStack gives a repeated header's first value instead of the last, tells binary bodies by their bytes
instead of the API's binary media types, and writes the time without its zone. An answer that is `null`, or
whose body is no string, ends in status 500 with Python's text, or is sent as it is.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    IntegrationFailureError,
    InternalServerError,
    RequestTooLargeError,
)
from localstack.services.apigateway.next_gen.execute_api.handlers import modify_request, parse
from localstack.services.apigateway.next_gen.execute_api.handlers.integration_request import (
    IntegrationRequestHandler,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.parse import InvocationRequestParser
from localstack.services.apigateway.next_gen.execute_api.integrations import aws
from localstack.services.apigateway.next_gen.execute_api.integrations.aws import RestApiAwsProxyIntegration

from serverless_harness.emulator.apigateway import RestInvocation, proxy, requests
from serverless_harness.emulator.gateway import integration_calls
from serverless_harness.emulator.gateway.application import IndexedHeaders
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    RestApiAwsProxyIntegration,
    InvocationRequestParser.create_context_variables,
    IntegrationRequestHandler._set_proxy_headers,
]

LOG = logging.getLogger(__name__)

_TOO_LARGE_FOR_LAMBDA = "RequestEntityTooLargeException"


def apply() -> None:
    """Replace what makes the event and reads the answer; LocalStack has a place for the body's check."""
    modify_request.append(requests.refuse_large_body)
    replace(
        InvocationRequestParser,
        "create_context_variables",
        staticmethod(partial(_create_context_variables, InvocationRequestParser.create_context_variables)),
    )
    replace(parse, "Headers", IndexedHeaders)
    replace(IntegrationRequestHandler, "_set_proxy_headers", staticmethod(requests.set_forwarded_headers))
    wrap(RestApiAwsProxyIntegration.create_lambda_input_event, _create_event)
    wrap(RestApiAwsProxyIntegration.invoke, _invoke)
    call_lambda = partial(integration_calls.call_lambda, RestApiAwsProxyIntegration.call_lambda)
    replace(RestApiAwsProxyIntegration, "call_lambda", staticmethod(call_lambda))
    replace(RestApiAwsProxyIntegration, "parse_lambda_response", _parse_answer)
    replace(aws, "mime_type_matches_binary_media_types", _is_binary)


def _create_context_variables(fn: Callable[[RestInvocation], Any], context: RestInvocation) -> dict[str, Any]:
    return requests.tell_client(fn(context), context.request, datetime.now(UTC))


def _create_event(
    fn: Callable[..., dict[str, Any]], self: RestApiAwsProxyIntegration, context: RestInvocation
) -> dict[str, Any]:
    event = fn(self, context)
    headers = context.integration_request["headers"]
    event["headers"] = _as_told(self, proxy.last_values(headers))
    event["multiValueHeaders"] = _as_told(self, proxy.all_values(headers))
    event["body"], event["isBase64Encoded"] = proxy.event_body(
        context.integration_request["body"],
        context.invocation_request["headers"].get("Content-Type"),
        _binary_media_types(context),
    )
    return event


def _as_told(integration: RestApiAwsProxyIntegration, headers: Any) -> dict[str, Any]:  # noqa: ANN401
    """Leave out the headers that a function isn't told, and write names as CloudFront does."""
    told: dict[str, Any] = integration._format_headers(headers)
    return told


def _binary_media_types(context: RestInvocation) -> list[str]:
    return context.deployment.rest_api.rest_api.get("binaryMediaTypes") or []


def _is_binary(mime_type: str | None, binary_media_types: list[str]) -> bool:
    return proxy.is_binary(mime_type, binary_media_types or [])


def _invoke(fn: Callable[..., Any], self: RestApiAwsProxyIntegration, context: RestInvocation) -> Any:  # noqa: ANN401 (LocalStack's EndpointResponse)
    try:
        return fn(self, context)
    except IntegrationFailureError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == _TOO_LARGE_FOR_LAMBDA:
            raise RequestTooLargeError("Request Too Long") from cause
        raise


def _parse_answer(self: RestApiAwsProxyIntegration, payload: bytes) -> dict[str, Any]:
    try:
        answer = proxy.parse_answer(payload)
    except proxy.MalformedAnswerError as error:
        LOG.info("Malformed Lambda proxy response: %s: %.200s", error, payload.decode(errors="replace"))
        raise InternalServerError("Internal server error", status_code=502) from None
    return {
        "statusCode": answer.status_code,
        "multiValueHeaders": proxy.all_values(answer.headers),
        "body": answer.body,
        "isBase64Encoded": answer.is_base64_encoded,
    }
