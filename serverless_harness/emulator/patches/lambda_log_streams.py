"""An environment's log stream has one name for its whole life, and its log group is the configured one.

LocalStack makes up the stream's name from today's local date whenever it is asked, so that it changes at
midnight, and takes no notice of the log group in the function's LoggingConfig.
"""

from datetime import UTC, datetime

from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment

from serverless_harness.emulator.lambda_executor.log_writer import log_group_name
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [ExecutionEnvironment.get_log_group_name, ExecutionEnvironment.get_log_stream_name]


def apply() -> None:
    """Replace both names' methods."""
    replace(ExecutionEnvironment, "get_log_group_name", _get_log_group_name)
    replace(ExecutionEnvironment, "get_log_stream_name", _get_log_stream_name)


def _get_log_group_name(self: ExecutionEnvironment) -> str:
    return log_group_name(self.function_version)


def _get_log_stream_name(self: ExecutionEnvironment) -> str:
    """Return `<UTC date of the start>/[<version>]<environment's id>`."""
    fields = vars(self)
    if "log_stream_name" not in fields:
        qualifier = self.function_version.id.qualifier
        fields["log_stream_name"] = f"{datetime.now(UTC):%Y/%m/%d}/[{qualifier}]{self.id}"
    return str(fields["log_stream_name"])
