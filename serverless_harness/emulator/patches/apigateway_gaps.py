"""Requests to API Gateway that LocalStack ends in an exception for.

A policy that isn't JSON was stored, and every later list of APIs failed; a filter by name met keys without
one. Unknown members of a key, a definition that is no OpenAPI document, a path that lacks the API's id, a
usage plan's rate that isn't a whole number, and an update of a plan without limits were answered by 500.
"""

import inspect
import io
import json
from collections.abc import Callable, Iterable
from typing import IO, Any

from localstack.aws.api import RequestContext
from localstack.aws.api.apigateway import BadRequestException, NotFoundException
from localstack.services.apigateway.legacy.provider import ApigatewayProvider
from localstack.utils.json import parse_json_or_yaml
from moto.apigateway.models import APIGatewayBackend, ApiKey, UsagePlan

from serverless_harness.emulator.apigateway.throttling import update_usage_plan
from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [
    APIGatewayBackend.create_rest_api,
    APIGatewayBackend.update_rest_api,
    APIGatewayBackend.create_api_key,
    ApiKey,
    UsagePlan.apply_patch_operations,
    ApigatewayProvider.get_rest_apis,
    ApigatewayProvider.get_api_keys,
    ApigatewayProvider.import_rest_api,
    parse_json_or_yaml,
]

INVALID_POLICY = (
    "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."
)


def apply() -> None:
    """Refuse, or answer, what ended in an exception."""
    wrap(APIGatewayBackend.create_rest_api, _create_rest_api)
    wrap(APIGatewayBackend.update_rest_api, _update_rest_api)
    wrap(APIGatewayBackend.create_api_key, _create_api_key)
    wrap(ApiKey.to_json, _key_as_json)
    wrap(UsagePlan.apply_patch_operations, update_usage_plan)
    wrap(ApigatewayProvider.get_rest_apis, _get_rest_apis)
    wrap(ApigatewayProvider.import_rest_api, _import_rest_api)


def _create_rest_api(
    fn: Callable[..., Any],
    self: APIGatewayBackend,
    *arguments: Any,  # noqa: ANN401
    **parameters: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    _check_policies([parameters.get("policy")])
    return fn(self, *arguments, **parameters)


def _update_rest_api(
    fn: Callable[..., Any], self: APIGatewayBackend, function_id: str, patch_operations: list[dict[str, Any]]
) -> Any:  # noqa: ANN401
    _check_policies(each.get("value") for each in patch_operations if each.get("path") == "/policy")
    return fn(self, function_id, patch_operations)


def _check_policies(policies: Iterable[object]) -> None:
    for policy in filter(None, policies):
        try:
            document = json.loads(policy) if isinstance(policy, str) else None
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise BadRequestException(INVALID_POLICY)


def _create_api_key(fn: Callable[..., Any], self: APIGatewayBackend, payload: dict[str, Any]) -> Any:  # noqa: ANN401
    known = inspect.signature(ApiKey).parameters
    return fn(self, {name: value for name, value in payload.items() if name in known})


def _key_as_json(fn: Callable[[ApiKey], dict[str, Any]], self: ApiKey) -> dict[str, Any]:
    return {**fn(self), "name": self.name or ""}


def _get_rest_apis(
    fn: Callable[..., Any],
    self: ApigatewayProvider,
    context: RequestContext,
    **named: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    if context.request.path.endswith("/"):
        raise NotFoundException("Invalid API identifier specified")
    return fn(self, context, **named)


def _import_rest_api(
    fn: Callable[..., Any],
    self: ApigatewayProvider,
    context: RequestContext,
    body: IO[bytes],
    **named: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    content = body.read()
    try:
        document = parse_json_or_yaml(content.decode())
    except Exception:  # noqa: BLE001 - any of the parsers'
        document = None
    if not (isinstance(document, dict) and isinstance(document.get("info"), dict)):
        raise BadRequestException("Invalid OpenAPI input.")
    return fn(self, context, io.BytesIO(content), **named)
