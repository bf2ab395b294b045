"""Creating a function that this machine can't run fails at once, with a message that says what it can.

In LocalStack the function goes to the state `Failed` later, and an invoke of it is told to look for Docker.
"""

from collections.abc import Callable
from typing import Any

from localstack import config
from localstack.aws.api import RequestContext
from localstack.aws.api.lambda_ import (
    FunctionConfiguration,
    InvalidParameterValueException,
    PackageType,
    UpdateFunctionConfigurationRequest,
)
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [
    LambdaProvider._validate_runtime,
    LambdaProvider.create_function,
    LambdaProvider.update_function_configuration,
]


def apply() -> None:
    """Check the runtime with the request, if the `process` executor is the one that is chosen."""
    if config.LAMBDA_RUNTIME_EXECUTOR == "process":
        wrap(LambdaProvider._validate_runtime, _validate_runtime)
        wrap(LambdaProvider.update_function_configuration, _update_function_configuration)


def _validate_runtime(
    fn: Callable[..., None], self: LambdaProvider, package_type: str, runtime: str | None
) -> None:
    fn(self, package_type, runtime)
    if package_type != PackageType.Zip:
        raise InvalidParameterValueException(
            f"PackageType {package_type} can't be run without containers: use {PackageType.Zip}", Type="User"
        )
    check_installed(str(runtime))


def _update_function_configuration(
    fn: Callable[..., FunctionConfiguration],
    self: LambdaProvider,
    context: RequestContext,
    request: UpdateFunctionConfigurationRequest,
    **arguments: Any,  # noqa: ANN401
) -> FunctionConfiguration:
    if runtime := request.get("Runtime"):
        check_installed(runtime)
    return fn(self, context, request, **arguments)


def check_installed(runtime: str) -> None:
    """Raise InvalidParameterValueException, which names the runtimes that there are, if this one isn't."""
    from serverless_harness.emulator.sandbox import interpreters

    try:
        interpreters.find(runtime)
    except interpreters.InterpreterNotFoundError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error
