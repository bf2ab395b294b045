"""The role session in which Lambda runs a function and writes its logs."""

from localstack.services.lambda_.invocation.lambda_models import FunctionVersion

from serverless_harness.emulator.authorization import assumed_role_arn


def session_name_of(function_version: FunctionVersion) -> str:
    """Return the session's name: the function's."""
    return _session_name(str(function_version.id.function_name))


def session_arn(role: str, function_name: str) -> str:
    """Return the ARN of the session in which a function with this role runs."""
    return assumed_role_arn(role, _session_name(function_name))


def _session_name(function_name: str) -> str:
    """Return the function's name, which is the session's.

    Session names have two characters at least; for shorter ones LocalStack has a form of its own
    (`execution_environment.get_credentials`).
    """
    return function_name if len(function_name) > 1 else f"{function_name}@lambda_function"
