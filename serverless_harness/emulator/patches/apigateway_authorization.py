"""A REST API asks its authorizers, IAM, resource policies and usage plans before a method is invoked.

LocalStack has a place for that, and nothing in it: whoever asks gets what the method has. It checks API keys,
but counts no requests. Cognito's user pools aren't in this edition, so that an authorizer that needs one is
refused when it is created, not passed over when it counts.
"""

from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.apigateway import BadRequestException
from localstack.services.apigateway import helpers
from localstack.services.apigateway.legacy import provider
from localstack.services.apigateway.legacy.provider import ApigatewayProvider
from localstack.services.apigateway.next_gen.execute_api.handlers import preprocess_request
from localstack.services.apigateway.next_gen.execute_api.handlers.api_key_validation import (
    ApiKeyValidationHandler,
)

from serverless_harness.emulator.apigateway import (
    RestInvocation,
    authorizers,
    method_authorization,
    throttling,
)
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    ApiKeyValidationHandler.__call__,
    ApigatewayProvider.create_authorizer,
    ApigatewayProvider.update_authorizer,
    ApigatewayProvider.put_method,
    ApigatewayProvider.update_method,
    helpers.import_api_from_openapi_spec,
]

COGNITO = "COGNITO_USER_POOLS"
AUTHORIZATION_TYPES = ("NONE", "AWS_IAM", "CUSTOM")
VALID_TYPES = f"Valid options are {', '.join(AUTHORIZATION_TYPES)} and {COGNITO}"
REFUSAL = (
    "COGNITO_USER_POOLS authorizers aren't emulated: there are no Cognito user pools here. Use a Lambda "
    "authorizer (TOKEN or REQUEST) that checks the token (see docs/apigateway.md)."
)


def apply() -> None:
    """Put the authorization in its place, meter API keys, and refuse what needs Cognito."""
    preprocess_request.append(method_authorization.authorize)
    wrap(ApiKeyValidationHandler.__call__, _validate_api_key)
    wrap(ApigatewayProvider.create_authorizer, _create_authorizer)
    for method in ("update_authorizer", "put_method", "update_method"):
        wrap(getattr(ApigatewayProvider, method), _refuse_cognito)
    replace(provider, "import_api_from_openapi_spec", _import)


def _validate_api_key(
    fn: Callable[..., None],
    self: ApiKeyValidationHandler,
    chain: object,
    context: RestInvocation,
    response: object,
) -> None:
    throttling.throttle_method(context)
    fn(self, chain, context, response)
    throttling.meter(context)


def _create_authorizer(
    fn: Callable[..., Any], self: ApigatewayProvider, context: RequestContext, request: dict[str, Any]
) -> Any:  # noqa: ANN401
    if request.get("type") == COGNITO:
        raise BadRequestException(REFUSAL)
    if problem := authorizers.problem(request):
        raise BadRequestException(problem)
    return fn(self, context, request)


def _refuse_cognito(
    fn: Callable[..., Any],
    self: ApigatewayProvider,
    context: RequestContext,
    *args: Any,  # noqa: ANN401
    **kwargs: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Refuse a method or an authorizer that is made, or changed, to need a user pool."""
    request: Any = context.service_request or {}
    operations = request.get("patchOperations") or []
    asked = [
        request.get("authorizationType"),
        request.get("type"),
        *(each.get("value") for each in operations),
    ]
    if COGNITO in asked:
        raise BadRequestException(REFUSAL)
    if (request.get("authorizationType") or "NONE") not in AUTHORIZATION_TYPES:
        raise BadRequestException(f"Invalid authorization type specified. {VALID_TYPES}")
    return fn(self, context, *args, **kwargs)


def _import(rest_api: Any, context: RequestContext, open_api_spec: dict[str, Any], mode: Any) -> Any:  # noqa: ANN401
    schemes = (open_api_spec.get("components") or {}).get("securitySchemes") or {}
    for scheme in (*schemes.values(), *(open_api_spec.get("securityDefinitions") or {}).values()):
        authorizer = scheme.get("x-amazon-apigateway-authorizer") or {}
        if COGNITO.lower() in (scheme.get("x-amazon-apigateway-authtype"), authorizer.get("type")):
            raise BadRequestException(REFUSAL)
    return helpers.import_api_from_openapi_spec(rest_api, context, open_api_spec, mode)
