"""The environment variables of a function's process: AWS's, then the function's own.

Names and values are those of AWS's "Working with Lambda environment variables" and of what a Python function
on AWS prints. Nothing of the emulator's environment is passed on.
"""

from collections.abc import Mapping

from localstack.services.lambda_.invocation.lambda_models import FunctionVersion

FROM_LOCALSTACK = (
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
"""Reserved variables whose values only LocalStack's ExecutionEnvironment knows."""

X_RAY_DAEMON_HOST, X_RAY_DAEMON_PORT = "127.0.0.1", "2000"


def build(
    function_version: FunctionVersion,
    own: Mapping[str, str],
    from_localstack: Mapping[str, str],
    task_root: str,
    log_group_name: str,
) -> dict[str, str]:
    """Return the variables; the Runtime API's address is still to be added.

    Args:
        own: The function's own, decrypted.
        from_localstack: What `ExecutionEnvironment.get_environment_variables` gave: credentials, log stream,
            endpoint.
        task_root: Where the function sees its code.
    """
    return {
        **_defaults(function_version, from_localstack),
        **{name: str(value) for name, value in own.items()},
        **_reserved(function_version, from_localstack, task_root, log_group_name),
    }


def _defaults(function_version: FunctionVersion, from_localstack: Mapping[str, str]) -> dict[str, str]:
    """Variables that a function's configuration may replace."""
    variables = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{X_RAY_DAEMON_HOST}:{X_RAY_DAEMON_PORT}",
        "_AWS_XRAY_DAEMON_ADDRESS": X_RAY_DAEMON_HOST,
        "_AWS_XRAY_DAEMON_PORT": X_RAY_DAEMON_PORT,
    }
    if endpoint := from_localstack.get("AWS_ENDPOINT_URL"):
        variables["AWS_ENDPOINT_URL"] = endpoint
    return variables


def _reserved(
    function_version: FunctionVersion,
    from_localstack: Mapping[str, str],
    task_root: str,
    log_group_name: str,
) -> dict[str, str]:
    """Variables that AWS doesn't let a function's configuration set."""
    identifier, config = function_version.id, function_version.config
    variables = {
        "_HANDLER": config.handler or "",
        "AWS_REGION": identifier.region,
        "AWS_DEFAULT_REGION": identifier.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": identifier.function_name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_size),
        "AWS_LAMBDA_FUNCTION_VERSION": identifier.qualifier,
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group_name,
        "LAMBDA_TASK_ROOT": task_root,
        "PWD": task_root,
        "SHLVL": "0",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        **{name: str(from_localstack[name]) for name in FROM_LOCALSTACK if name in from_localstack},
    }
    if config.logging_config and config.logging_config.get("LogFormat") == "JSON":
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        variables["AWS_LAMBDA_LOG_LEVEL"] = config.logging_config.get("ApplicationLogLevel") or "INFO"
    return variables
