"""A function's configuration that sets a reserved environment variable is refused, as by AWS.

LocalStack takes it and lets the function see it, which on AWS would fail only when it is deployed there.
The names are those of "Defined runtime environment variables" in AWS's Lambda developer guide.
"""

import functools
from collections.abc import Callable, Mapping

from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [LambdaProvider._verify_env_variables]

RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


def apply() -> None:
    """Check the names with the size."""
    check = functools.partial(_verify_env_variables, LambdaProvider._verify_env_variables)
    replace(LambdaProvider, "_verify_env_variables", staticmethod(check))


def _verify_env_variables(fn: Callable[..., None], env_vars: Mapping[str, str]) -> None:
    if reserved := sorted(RESERVED & env_vars.keys()):
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you "
            "have provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}",
            Type="User",
        )
    fn(env_vars)
