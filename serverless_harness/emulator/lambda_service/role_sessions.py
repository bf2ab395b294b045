"""The role session in which Lambda runs a function and writes its logs."""

from localstack.services.lambda_.invocation.lambda_models import FunctionVersion

from serverless_harness.emulator.authorization import assumed_role_arn


def session_name_of(function_version: FunctionVersion) -> str:
    """Return the session's name: the function's.

    Session names have two characters at least; for shorter ones LocalStack has a form of its own
    (`execution_environment.get_credentials`).
    """
    name = str(function_version.id.function_name)
    return name if len(name) > 1 else f"{name}@lambda_function"


def session_arn_of(function_version: FunctionVersion) -> str:
    """Return the session's ARN."""
    return assumed_role_arn(function_version.config.role, session_name_of(function_version))
