"""The log group and log stream of an execution environment."""

from datetime import UTC, datetime

from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment

from serverless_harness.emulator.lambda_executor.log_writer import log_group_name


def group_name(environment: ExecutionEnvironment) -> str:
    """Return the log group that the function's LoggingConfig names, or Lambda's own for it."""
    return log_group_name(environment.function_version)


def stream_name(environment: ExecutionEnvironment) -> str:
    """Return `<UTC date of the start>/[<version>]<environment's id>`: one name for its whole life."""
    fields = vars(environment)
    if "log_stream_name" not in fields:
        qualifier = environment.function_version.id.qualifier
        fields["log_stream_name"] = f"{datetime.now(UTC):%Y/%m/%d}/[{qualifier}]{environment.id}"
    return str(fields["log_stream_name"])
