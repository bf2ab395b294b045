"""The calls that LocalStack makes to itself for every order, without botocore.

A botocore client takes longer to build a request, and to read the answer, than the gateway takes to serve it,
and the gateway then reads again what was just written. A direct call brings its request as the gateway would
read it, and goes through the same handlers, so that faults, IAM, traces and the service see what they would
see of a client's. An error is a client's, too, but nothing is tried again.
"""

import json
from contextvars import Context
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import quote

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.model import OperationModel
from localstack.aws.api import RequestContext
from localstack.aws.client import parse_response
from localstack.aws.connect import InternalRequestParameters, connect_to, get_service_endpoint
from localstack.aws.spec import load_service
from localstack.constants import INTERNAL_AWS_ACCESS_KEY_ID, INTERNAL_AWS_SECRET_ACCESS_KEY
from localstack.http import Response
from localstack.runtime import get_current_runtime
from werkzeug import Request

from serverless_harness.emulator.gateway import internal_calls
from serverless_harness.emulator.gateway.application import IndexedHeaders
from serverless_harness.emulator.gateway.in_memory import environ_of
from serverless_harness.emulator.gateway.unsigned_calls import scope_headers

OWN = ReadOnlyCredentials(INTERNAL_AWS_ACCESS_KEY_ID, INTERNAL_AWS_SECRET_ACCESS_KEY, None)
"""With which LocalStack calls itself where no role is assumed."""
FIRST_ERROR_STATUS, THROTTLED_STATUS, SERVER_ERROR_STATUS = 300, 429, 500


@dataclass(frozen=True)
class Answer:
    """What the gateway answered, without an error."""

    body: bytes
    request_id: str


def is_server_side(error: Exception) -> bool:
    """Whether the service is at fault, not what was asked of it: it throttles, fails, or can't be reached."""
    if not isinstance(error, ClientError):
        return True
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", SERVER_ERROR_STATUS))
    return status >= SERVER_ERROR_STATUS or status == THROTTLED_STATUS


def invoke(
    function_arn: str, payload: bytes, invocation_type: str, *, service_principal: str, source_arn: str
) -> Answer:
    """Call Lambda's Invoke for a service, in the name of the resource `source_arn`.

    Raises:
        ClientError: the call was refused or failed
        ConnectionClosedError: a fault closed the connection
    """
    return _call(
        _operation("lambda", "Invoke"),
        {"FunctionName": function_arn, "InvocationType": invocation_type, "Payload": BytesIO(payload)},
        path=f"/2015-03-31/functions/{quote(function_arn, safe='')}/invocations",
        headers={"X-Amz-Invocation-Type": invocation_type},
        body=payload,
        region_name=function_arn.split(":", 4)[3],
        credentials=OWN,
        parameters={"service_principal": service_principal, "source_arn": source_arn},
    )


def put_log_events(request: dict[str, Any], region_name: str, credentials: ReadOnlyCredentials) -> None:
    """Call PutLogEvents of CloudWatch Logs with a role's session; raises what `invoke` does."""
    _call(
        _operation("logs", "PutLogEvents"),
        request,
        path="/",
        headers={
            "X-Amz-Target": "Logs_20140328.PutLogEvents",
            "Content-Type": "application/x-amz-json-1.1",
        },
        body=json.dumps(request).encode(),
        region_name=region_name,
        credentials=credentials,
        parameters={},
    )


@lru_cache
def _operation(service_name: str, operation_name: str) -> OperationModel:
    return load_service(service_name).operation_model(operation_name)


def _call(
    operation: OperationModel,
    request: dict[str, Any],
    *,
    path: str,
    headers: dict[str, str],
    body: bytes,
    region_name: str,
    credentials: ReadOnlyCredentials,
    parameters: dict[str, str],
) -> Answer:
    service = operation.service_model
    scope = f"{region_name}/{service.signing_name}/aws4_request"
    context = RequestContext(_http_request(path, headers | scope_headers(credentials, scope), body))
    told: Any = MappingProxyType(internal_calls.told(cast(InternalRequestParameters, parameters)))
    context.internal_request_params = told
    context.service, context.operation = service, operation
    context.service_request = cast(Any, request)
    gateway: Any = get_current_runtime().components.gateway
    response = Response()
    # As over HTTP, the gateway has context variables of its own.
    Context().run(gateway.handle, context, response)
    try:
        content = response.get_data()
    finally:
        response.close()
    if response.status_code >= FIRST_ERROR_STATUS:
        protocol: Any = context.protocol or service.protocol
        raise ClientError(cast(Any, parse_response(operation, protocol, response)), operation.name)
    return Answer(content, response.headers.get("x-amzn-requestid", ""))


def _http_request(path: str, headers: dict[str, str], body: bytes) -> Any:  # noqa: ANN401 (werkzeug's)
    config: Any = connect_to._config
    told: Any = HeadersDict({"User-Agent": config.user_agent, "Content-Length": str(len(body)), **headers})
    sent = AWSPreparedRequest("POST", f"{get_service_endpoint()}{path}", told, body, stream_output=False)
    request = Request(environ_of(sent))
    request.headers = IndexedHeaders.of(request.environ["rolo.headers"])
    return request
