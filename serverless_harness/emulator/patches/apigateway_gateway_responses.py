"""Gateway responses take effect: their templates and headers, and no error of ours reaches a client as it is.

LocalStack heeds a gateway response's status code alone, so that a browser never sees the CORS headers that an
API adds to its errors; and it answers an unforeseen error with Python's text. For an API that doesn't exist,
it has a status and a message of its own.
"""

import logging
from collections.abc import Callable
from typing import Any

from localstack.aws.api.apigateway import GatewayResponse
from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    BaseGatewayException,
    InternalServerError,
    get_gateway_response_or_default,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import (
    GatewayExceptionHandler,
)
from localstack.services.apigateway.next_gen.execute_api.router import ApiGatewayEndpoint

from serverless_harness.emulator.apigateway import RestInvocation, gateway_responses
from serverless_harness.emulator.gateway.allowed_origins import FORBIDDEN, forbidden_headers
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [GatewayExceptionHandler, ApiGatewayEndpoint.create_not_found_response]

LOG = logging.getLogger(__name__)


def apply() -> None:
    """Wrap how an exception becomes a response."""
    wrap(GatewayExceptionHandler.__call__, _handle)
    wrap(GatewayExceptionHandler.create_exception_response, _create_response)
    replace(ApiGatewayEndpoint, "create_not_found_response", staticmethod(_answer_for_no_api))


def _answer_for_no_api(_api_id: str) -> Response:
    return Response(FORBIDDEN, 403, forbidden_headers())


def _handle(
    fn: Callable[..., None],
    self: GatewayExceptionHandler,
    chain: object,
    exception: Exception,
    context: RestInvocation,
    response: Response,
) -> None:
    if not isinstance(exception, BaseGatewayException):
        LOG.error("API Gateway: an invocation failed: %s", exception, exc_info=exception)
        exception = InternalServerError("Internal server error")
    fn(self, chain, exception, context, response)


def _create_response(
    fn: Callable[..., Response],
    self: GatewayExceptionHandler,
    exception: BaseGatewayException,
    context: RestInvocation,
) -> Response:
    response = fn(self, exception, context)
    configured: GatewayResponse = get_gateway_response_or_default(
        exception.type, context.deployment.rest_api.gateway_responses
    )
    values = _values(context)
    media_type, body = gateway_responses.body(
        configured.get("responseTemplates") or {},
        context.request.headers.get("Accept", ""),
        values,
        lambda: response.get_data(as_text=True),
    )
    response.set_data(body)
    response.headers["Content-Type"] = media_type
    for name, value in gateway_responses.headers(configured.get("responseParameters") or {}, values).items():
        response.headers[name] = value
    return response


def _values(context: RestInvocation) -> dict[str, Any]:
    """Return what templates and parameters may name; the quoted message is JSON."""
    invoked = context.invocation_request
    return {
        "context": gateway_responses.with_quoted_message(context.context_variables),
        "stageVariables": context.stage_variables,
        "method.request": {
            "header": invoked["headers"],
            "querystring": invoked["query_string_parameters"],
            "path": invoked.get("path_parameters"),
        },
    }
