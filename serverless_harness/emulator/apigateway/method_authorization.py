"""Whether a request may invoke its method: what comes between a request's routing and its integration.

Sources: API Gateway developer guide, "Control and manage access to REST APIs in API Gateway" and "How API
Gateway resource policies affect authorization workflow".
"""

import json
import logging
import time
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api import RequestContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    AuthorizerConfigurationError,
    BaseGatewayException,
    InvalidSignatureError,
    MissingAuthTokenError,
    UnauthorizedError,
)
from localstack.services.apigateway.next_gen.execute_api.helpers import (
    get_lambda_function_arn_from_invocation_uri,
    render_uri_with_stage_variables,
)
from localstack.services.apigateway.next_gen.execute_api.integrations.aws import get_service_factory
from localstack.utils.aws.arns import extract_region_from_arn
from localstack.utils.aws.client_types import ServicePrincipal

from serverless_harness.emulator import authorization, signatures
from serverless_harness.emulator.apigateway import RestInvocation, authorizers, policies, proxy, requests
from serverless_harness.emulator.authorization import Errand
from serverless_harness.emulator.iam.callers import InvalidTokenError
from serverless_harness.emulator.iam.evaluation import Reason
from serverless_harness.emulator.iam.policy import PolicyError

LOG = logging.getLogger(__name__)

CACHE = authorizers.VerdictCache()


def authorize(chain: object, context: RestInvocation, response: object) -> None:
    """Let a request pass, or raise the exception that becomes its gateway response."""
    match (context.resource_method.get("authorizationType") or "NONE").upper():
        case "CUSTOM":
            _ask_authorizer(context)
        case "AWS_IAM":
            _require_signature(context)
            signed = signatures.signed(context.request, *_place(context))
            _tell_identity(context, signed)
            _hold_to_policies(context, signed)
        case _:
            if context.deployment.rest_api.rest_api.get("policy"):
                _hold_to_policies(context, signatures.unsigned(context.request, *_place(context)))


# -- IAM and resource policies


def _place(context: RestInvocation) -> tuple[str, str, str]:
    """Return the API's account, region and partition."""
    return context.account_id, context.region, policies.api_arn(context).split(":")[1]


def _hold_to_policies(context: RestInvocation, request_context: RequestContext) -> None:
    errand = Errand(policies.ACTION, policies.ACTION, policies.method_arn(context))
    error = authorization.denial_for_caller(errand, request_context)
    if error is not None:
        raise AccessDeniedError(error.message)


def _require_signature(context: RestInvocation) -> None:
    """Raise for a request that isn't signed for `execute-api`."""
    try:
        credential = signatures.credential(context.request)
    except signatures.MalformedSignatureError as error:
        raise IncompleteSignatureError(
            "Authorization header requires 'Credential' parameter. Authorization header requires "
            "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization "
            "header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
            f"Authorization={error}"
        ) from None
    if credential is None:
        raise MissingAuthTokenError("Missing Authentication Token")
    if credential.service != "execute-api":
        raise InvalidSignatureError("Credential should be scoped to correct service: 'execute-api'. ")


class IncompleteSignatureError(InvalidSignatureError):
    """The Authorization header isn't one of signature version 4."""

    code = "IncompleteSignatureException"


def _tell_identity(context: RestInvocation, request_context: RequestContext) -> None:
    """Tell the integration who signed the request."""
    try:
        signer = signatures.identity(request_context)
    except InvalidTokenError:
        raise UnrecognizedClientError("The security token included in the request is invalid.") from None
    context.context_variables["identity"] |= {
        "accessKey": signer.access_key_id,
        "accountId": signer.account_id,
        "caller": signer.user_id,
        "user": signer.user_id,
        "userArn": signer.arn,
    }


class UnrecognizedClientError(InvalidSignatureError):
    """The access key isn't known."""

    code = "UnrecognizedClientException"


# -- Lambda authorizers


def _ask_authorizer(context: RestInvocation) -> None:
    authorizer_id = context.resource_method.get("authorizerId")
    authorizer = context.deployment.rest_api.authorizers.get(authorizer_id)
    if authorizer is None:
        raise _failed(context, f"the authorizer {authorizer_id} isn't part of the deployment")
    began_s = time.monotonic()
    try:
        if policies.denies_everyone(context):
            raise _denied(explicit=True)
        verdict = _verdict(context, authorizer)
        decision = policies.decide(context, verdict.principal_id, verdict.policy)
    except authorizers.UnauthorizedError:
        raise UnauthorizedError("Unauthorized") from None
    except (authorizers.AuthorizerError, PolicyError) as error:
        raise _failed(context, str(error)) from error
    if not decision.allowed:
        raise _denied(explicit=decision.reason is Reason.EXPLICIT_DENY)
    context.context_variables["authorizer"] = {
        **verdict.context,
        "principalId": verdict.principal_id,
        "integrationLatency": int((time.monotonic() - began_s) * 1000),
    }
    if verdict.usage_identifier_key:
        context.context_variables["identity"]["apiKey"] = verdict.usage_identifier_key


def _denied(*, explicit: bool) -> BaseGatewayException:
    message = "User is not authorized to access this resource"
    return AccessDeniedError(
        f"{message} with an explicit deny in an identity-based policy" if explicit else message
    )


def _failed(context: RestInvocation, why: str) -> BaseGatewayException:
    LOG.warning("API Gateway: an authorizer of API %s failed: %s", context.api_id, why)
    return AuthorizerConfigurationError()


def _verdict(context: RestInvocation, authorizer: dict[str, object]) -> authorizers.Verdict:
    """Return what the authorizer said of this identity, or ask it."""
    values = authorizers.identity_values(authorizer, lambda source: _identity_value(context, source))
    ttl = authorizer.get("authorizerResultTtlInSeconds")
    ttl_s = authorizers.DEFAULT_TTL_S if ttl is None else int(str(ttl))
    key = (context.api_id, context.stage, context.deployment_id, authorizer["id"], values)
    if ttl_s and values and (known := CACHE.find(key)):
        return known
    verdict = authorizers.parse_verdict(_invoke(context, authorizer, values))
    if ttl_s and values:
        CACHE.keep(key, verdict, ttl_s)
    return verdict


def _identity_value(context: RestInvocation, source: str) -> str | None:
    invoked = context.invocation_request
    kind, _, name = source.rpartition(".")
    match kind:
        case "method.request.header":
            value = invoked["headers"].get(name)
        case "method.request.querystring":
            value = invoked["query_string_parameters"].get(name)
        case "stageVariables":
            value = (context.stage_variables or {}).get(name)
        case _:
            variables = context.context_variables
            for step in source.removeprefix("context.").split("."):
                variables = variables.get(step) if isinstance(variables, dict) else None
            value = variables
    return None if value is None else str(value)


def _invoke(context: RestInvocation, authorizer: dict[str, object], values: tuple[str, ...]) -> bytes:
    """Ask the authorizer's function; with its own role, or as API Gateway, which the function must permit."""
    uri = render_uri_with_stage_variables(str(authorizer["authorizerUri"]), context.stage_variables)
    function_arn = get_lambda_function_arn_from_invocation_uri(uri or "")
    credentials = authorizer.get("authorizerCredentials")
    client: Any = get_service_factory(
        region_name=extract_region_from_arn(function_arn), role_arn=str(credentials) if credentials else ""
    ).lambda_
    source_arn = f"{policies.api_arn(context)}/authorizers/{authorizer['id']}"
    try:
        answer = client.request_metadata(
            service_principal=ServicePrincipal.apigateway, source_arn=source_arn
        ).invoke(FunctionName=function_arn, Payload=json.dumps(_event(context, authorizer, values)).encode())
    except ClientError as error:
        raise authorizers.AuthorizerError(f"its function can't be invoked: {error}") from error
    payload: bytes = answer["Payload"].read()
    if answer.get("FunctionError"):
        raise _function_error(payload)
    return payload


def _function_error(payload: bytes) -> Exception:
    """Return 401 for the error that an authorizer raises on purpose: its message is "Unauthorized"."""
    try:
        error = json.loads(payload)
    except ValueError:
        error = None
    message = error.get("errorMessage") if isinstance(error, dict) else None
    if message == "Unauthorized":
        return authorizers.UnauthorizedError()
    return authorizers.AuthorizerError(f"its function ended with an error: {message}")


def _event(
    context: RestInvocation, authorizer: dict[str, object], values: tuple[str, ...]
) -> dict[str, object]:
    arn = policies.method_arn(context)
    if authorizer["type"] == "TOKEN":
        return {"type": "TOKEN", "methodArn": arn, "authorizationToken": values[0]}
    invoked = context.invocation_request
    headers = invoked["headers"].copy()
    requests.set_forwarded_headers(headers, context.request)
    return {
        "type": "REQUEST",
        "methodArn": arn,
        "resource": context.resource["path"],
        "path": invoked["path"],
        "httpMethod": invoked["http_method"],
        "headers": proxy.last_values(headers),
        "multiValueHeaders": proxy.all_values(headers),
        "queryStringParameters": invoked["query_string_parameters"],
        "multiValueQueryStringParameters": invoked["multi_value_query_string_parameters"],
        "pathParameters": invoked["path_parameters"],
        "stageVariables": context.stage_variables or {},
        "requestContext": context.context_variables,
    }
