"""Serves function URLs: finds the function, asks who may invoke it, invokes it.

Source: Lambda developer guide, "Control access to Lambda function URLs": new function URLs require both
`lambda:InvokeFunctionUrl` and `lambda:InvokeFunction`; with `NONE`, of anybody.
"""

import logging
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from localstack import config
from localstack.aws.api import RequestContext, ServiceException
from localstack.aws.api.lambda_ import InvocationType
from localstack.http import Request, Response
from localstack.services.lambda_.invocation.lambda_models import FunctionUrlConfig
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.models import lambda_stores
from rolo.request import get_raw_path, restore_payload

from serverless_harness.emulator import authorization, signatures
from serverless_harness.emulator.authorization import Errand
from serverless_harness.emulator.iam.callers import InvalidTokenError
from serverless_harness.emulator.lambda_service import function_urls
from serverless_harness.emulator.lambda_service.function_urls import UrlRequest, UrlResponse
from serverless_harness.emulator.tracing import spans

LOG = logging.getLogger(__name__)

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_SERVICE = "lambda"


def address(url_id: str) -> str:
    """Return a function URL that works without DNS."""
    return f"{config.external_service_url()}{function_urls.PATH_PREFIX}/{url_id}/"


def serve(lambda_service: LambdaService, request: Request, url_id: str) -> Response:
    """Answer a request to a function URL."""
    found = _find(url_id)
    if found is None:
        return _error(403, None, "AccessDeniedException")
    url_request = _url_request(request, found.url_id)
    cors = found.cors or {}
    if cors and function_urls.is_preflight(url_request):
        return Response(status=200, headers=function_urls.preflight_headers(cors, url_request))
    response = _answer(lambda_service, request, url_request, found)
    for name, value in function_urls.cors_headers(cors, url_request).items():
        response.headers[name] = value
    return response


def _find(url_id: str) -> FunctionUrlConfig | None:
    """Find a function URL in all accounts and regions; the case of host names tells nothing."""
    return next((each for each in _all_urls() if each.url_id.lower() == url_id.lower()), None)


def _all_urls() -> Iterable[FunctionUrlConfig]:
    for regions in list(lambda_stores.values()):
        for store in list(regions.values()):
            for function in list(store.functions.values()):
                yield from list(function.function_url_configs.values())


def _url_request(request: Request, url_id: str) -> UrlRequest:
    path = get_raw_path(request)
    prefix = f"{function_urls.PATH_PREFIX}/{url_id}"
    if path.lower().startswith(prefix.lower()):
        path = path[len(prefix) :]
    return UrlRequest(
        method=request.method,
        path=path or "/",
        query=request.query_string.decode("latin-1"),
        headers=tuple(request.headers.items()),
        body=restore_payload(request),
        source_ip=request.remote_addr or "",
        port=str(request.environ.get("SERVER_PORT", "")),
        scheme=request.scheme,
    )


def _answer(
    lambda_service: LambdaService, request: Request, url_request: UrlRequest, found: FunctionUrlConfig
) -> Response:
    _, partition, _, region, account_id, _ = found.function_arn.split(":", 5)
    place = (account_id, region, partition)
    with_iam = found.auth_type == "AWS_IAM"
    context = signatures.signed(request, *place) if with_iam else signatures.unsigned(request, *place)
    try:
        iam = _signer(request, context) if with_iam else None
    except (InvalidTokenError, signatures.MalformedSignatureError):
        return _error(403, FORBIDDEN, "AccessDeniedException")
    if (with_iam and iam is None) or _is_denied(context, found):
        return _error(403, FORBIDDEN, "AccessDeniedException")
    return _invoke(lambda_service, url_request, found, iam)


def _signer(request: Request, context: RequestContext) -> dict[str, Any] | None:
    """Return what the function is told of who signed a request; None where nobody did, for Lambda."""
    credential = signatures.credential(request)
    if credential is None or credential.service != _SERVICE:
        return None
    signer = signatures.identity(context)
    return {
        "accessKey": signer.access_key_id,
        "accountId": signer.account_id,
        "callerId": signer.user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": signer.arn,
        "userId": signer.user_id,
    }


def _is_denied(context: RequestContext, found: FunctionUrlConfig) -> bool:
    needed = {
        "lambda:InvokeFunctionUrl": {"lambda:functionurlauthtype": (str(found.auth_type),)},
        "lambda:InvokeFunction": {"lambda:invokedviafunctionurl": ("true",)},
    }
    for action, keys in needed.items():
        errand = Errand("lambda:InvokeFunctionUrl", action, found.function_arn, keys)
        if error := authorization.denial_for_caller(errand, context):
            LOG.info("Function URL %s: %s", found.url_id, error.message)
            return True
    return False


def _invoke(
    lambda_service: LambdaService,
    url_request: UrlRequest,
    found: FunctionUrlConfig,
    iam: dict[str, Any] | None,
) -> Response:
    request_id = str(uuid.uuid4())
    trace = spans.trace_header(url_request.header("X-Amzn-Trace-Id"))
    trace_id = trace.to_header_str()
    event = function_urls.event(url_request, found.url_id, request_id, trace_id, datetime.now(UTC), iam)
    _, _, _, region, account_id, _, name, *qualifier = found.function_arn.split(":")
    try:
        result = lambda_service.invoke(
            function_name=name,
            qualifier=qualifier[0] if qualifier else "$LATEST",
            account_id=account_id,
            region=region,
            invocation_type=InvocationType.RequestResponse,
            client_context=None,
            payload=function_urls.payload(event),
            request_id=request_id,
            trace_context={"aws_trace_header": trace, **spans.link_parameters()},
        )
    except ServiceException as error:
        return _refused(error)
    if result is None or result.is_error:
        return _bad_gateway(request_id)
    try:
        response = function_urls.response(result.payload or b"null")
    except function_urls.BadResultError as error:
        LOG.info("Function URL %s: the function's result is not a valid response: %s", found.url_id, error)
        return _bad_gateway(request_id)
    return _http_response(response, request_id, trace_id)


def _http_response(url_response: UrlResponse, request_id: str, trace_id: str) -> Response:
    response = Response(url_response.body, status=url_response.status_code)
    response.headers.remove("Content-Type")
    for name, value in url_response.headers:
        response.headers.add(name, value)
    response.headers["x-amzn-RequestId"] = request_id
    response.headers["X-Amzn-Trace-Id"] = trace_id
    return response


def _bad_gateway(request_id: str) -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
    return Response("Internal Server Error", status=502, headers=headers)


def _refused(error: ServiceException) -> Response:
    """Answer for an invoke that Lambda refuses: throttled, too large, or a function that isn't ready."""
    status_code = int(error.status_code)
    if status_code >= 500:
        return _bad_gateway(str(uuid.uuid4()))
    return _error(status_code, error.message, error.code)


def _error(status_code: int, message: str | None, code: str) -> Response:
    response = Response(status=status_code, headers={"x-amzn-ErrorType": code})
    response.set_json({"Message": message})
    return response
