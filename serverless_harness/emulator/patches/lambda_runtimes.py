"""Creating a function that this machine can't run fails at once, with a message that says what it can.

In LocalStack the function goes to the state `Failed` later, and an invoke of it is told to look for Docker.
"""

from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.lambda_ import (
    FunctionConfiguration,
    UpdateFunctionConfigurationRequest,
)
from localstack.services.lambda_.provider import LambdaProvider
from localstack.services.lambda_.runtimes import ALL_RUNTIMES

from serverless_harness.emulator.lambda_service import runtimes
from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [
    LambdaProvider._validate_runtime,
    LambdaProvider.create_function,
    LambdaProvider.update_function_configuration,
]


def apply() -> None:
    """Check the runtime with the request."""
    wrap(LambdaProvider._validate_runtime, _validate_runtime)
    wrap(LambdaProvider.update_function_configuration, _update_function_configuration)


def _validate_runtime(
    fn: Callable[..., None], self: LambdaProvider, package_type: str, runtime: str | None
) -> None:
    fn(self, package_type, runtime)
    runtimes.check_package_type(package_type)
    runtimes.check_installed(str(runtime))


def _update_function_configuration(
    fn: Callable[..., FunctionConfiguration],
    self: LambdaProvider,
    context: RequestContext,
    request: UpdateFunctionConfigurationRequest,
    **arguments: Any,  # noqa: ANN401
) -> FunctionConfiguration:
    runtime = request.get("Runtime")
    if runtime in ALL_RUNTIMES:  # LocalStack refuses another, with the list of those that there are
        runtimes.check_installed(str(runtime))
    return fn(self, context, request, **arguments)
