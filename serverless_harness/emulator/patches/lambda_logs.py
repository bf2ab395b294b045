"""The executor writes its log lines to CloudWatch itself (`emulator.lambda_executor.log_writer`).

LocalStack's way writes one event per line of an invoke's result, all with one time, loses what a failed init
said, and what was queued when a version stops; and it keeps a thread for each function version.
"""

from collections.abc import Callable
from typing import Any

from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.logs import LogHandler
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from serverless_harness.emulator.lambda_executor.log_writer import shared_writer
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [LogHandler, LambdaVersionManager.store_logs, LambdaService.stop]

FLUSH_TIMEOUT_S = 5


def apply() -> None:
    """Leave the logs to the `process` executor."""
    replace(LogHandler, "start_subscriber", _start_no_subscriber)
    replace(LambdaVersionManager, "store_logs", _store_no_logs)
    wrap(LambdaService.stop, _stop)


def _start_no_subscriber(self: LogHandler) -> None:
    """Start no thread."""


def _store_no_logs(
    self: LambdaVersionManager, invocation_result: InvocationResult, execution_env: object
) -> None:
    """Store nothing: each line was handed over when it was written."""


def _stop(fn: Callable[..., Any], self: LambdaService) -> None:
    """Deliver what the environments said last before the emulator goes."""
    fn(self)
    shared_writer().flush(FLUSH_TIMEOUT_S)
