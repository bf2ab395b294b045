"""An environment's log stream has one name for its whole life, and its log group is the configured one.

LocalStack makes up the stream's name from today's local date whenever it is asked, so that it changes at
midnight, and takes no notice of the log group in the function's LoggingConfig.
"""

from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment

from serverless_harness.emulator.lambda_executor import log_streams
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [ExecutionEnvironment.get_log_group_name, ExecutionEnvironment.get_log_stream_name]


def apply() -> None:
    """Replace both names' methods."""
    replace(ExecutionEnvironment, "get_log_group_name", log_streams.group_name)
    replace(ExecutionEnvironment, "get_log_stream_name", log_streams.stream_name)
