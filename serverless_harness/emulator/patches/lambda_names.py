"""Names of new functions and layers are AWS's: letters, digits, hyphens and underscores.

LocalStack takes a function named `..`, and checks no layer's name at all; both become names of folders.
DeleteFunctionConcurrency ends in an exception for a name that no function has. The patterns are those of
"CreateFunction" and "PublishLayerVersion" in AWS's Lambda API reference.
"""

import re
from collections.abc import Callable
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.lambda_ import PublishLayerVersionResponse
from localstack.services.lambda_ import api_utils
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [
    api_utils.get_name_and_qualifier,
    api_utils.validate_function_name,
    LambdaProvider.publish_layer_version,
    LambdaProvider.delete_function_concurrency,
]

LAYER_PATTERN = r"((arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+)"
MAX_LAYER_NAME = 140


def apply() -> None:
    """Check the names with the requests that make functions and layers."""
    wrap(api_utils.validate_function_name, _validate_function_name)
    wrap(LambdaProvider.publish_layer_version, _publish_layer_version)
    wrap(LambdaProvider.delete_function_concurrency, _delete_function_concurrency)


def _validate_function_name(fn: Callable[..., list[str]], name: str, operation_type: str) -> list[str]:
    problems = fn(name, operation_type)
    if operation_type == "CreateFunction" and not re.fullmatch(api_utils.ARN_NAME_PATTERN_CREATE, name):
        problem = _problem(name, "functionName", api_utils.ARN_NAME_PATTERN_CREATE)
        problems = [problem, *(each for each in problems if each != problem)]
    return problems


def _publish_layer_version(
    fn: Callable[..., PublishLayerVersionResponse],
    self: LambdaProvider,
    context: RequestContext,
    layer_name: str,
    *arguments: Any,  # noqa: ANN401
    **named: Any,  # noqa: ANN401
) -> PublishLayerVersionResponse:
    problems = []
    if not re.fullmatch(LAYER_PATTERN, layer_name):
        problems.append(_problem(layer_name, "layerName", LAYER_PATTERN))
    if len(layer_name) > MAX_LAYER_NAME:
        constraint = f"Member must have length less than or equal to {MAX_LAYER_NAME}"
        problems.append(f"Value '{layer_name}' at 'layerName' failed to satisfy constraint: {constraint}")
    if problems:
        message = (
            f"{len(problems)} validation error{'s'[: len(problems) - 1]} detected: {'; '.join(problems)}"
        )
        raise CommonServiceException(message=message, code="ValidationException")
    return fn(self, context, layer_name, *arguments, **named)


def _delete_function_concurrency(
    fn: Callable[..., None],
    self: LambdaProvider,
    context: RequestContext,
    function_name: str,
    **named: Any,  # noqa: ANN401
) -> None:
    account_id, region = api_utils.get_account_and_region(function_name, context)
    name, _ = api_utils.get_name_and_qualifier(function_name, None, context)
    self._get_function(name, account_id, region)  # raises ResourceNotFoundException
    fn(self, context, function_name, **named)


def _problem(value: str, member: str, pattern: str) -> str:
    constraint = f"Member must satisfy regular expression pattern: {pattern}"
    return f"Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
