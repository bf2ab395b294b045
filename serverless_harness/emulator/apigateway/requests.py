"""What API Gateway tells of a request, and what it takes at all."""

from datetime import datetime
from typing import Any

from localstack.http import Request
from localstack.services.apigateway.helpers import REQUEST_TIME_DATE_FORMAT
from localstack.services.apigateway.next_gen.execute_api.gateway_response import RequestTooLargeError
from werkzeug.datastructures import Headers

from serverless_harness.emulator.apigateway import RestInvocation

MAX_BODY_BYTES = 10 * 1024 * 1024
"""API Gateway's quota "Payload size", which can't be raised."""


def refuse_large_body(chain: object, context: RestInvocation, response: object) -> None:
    """End a request whose body is too large with 413, before it is routed."""
    if len(context.invocation_request["body"]) > MAX_BODY_BYTES:
        raise RequestTooLargeError("Request Too Long")


def tell_client(variables: dict[str, Any], request: Request, now: datetime) -> dict[str, Any]:
    """Put the time with its zone, and the client's address, into the context variables."""
    variables["requestTime"] = now.strftime(REQUEST_TIME_DATE_FORMAT)
    variables["requestTimeEpoch"] = int(now.timestamp() * 1000)
    if request.remote_addr:
        variables["identity"]["sourceIp"] = request.remote_addr
    return variables


def set_forwarded_headers(headers: Headers, request: Request) -> None:
    """Add the client to those that it forwards for, and say which protocol and port it used."""
    chain = [*headers.getlist("X-Forwarded-For"), request.remote_addr or ""]
    headers.set("X-Forwarded-For", ", ".join(filter(None, chain)))
    headers.set("X-Forwarded-Port", str(request.environ.get("SERVER_PORT", "")))
    headers.set("X-Forwarded-Proto", request.scheme)
