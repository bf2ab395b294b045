"""Environments are assigned by `emulator.lambda_service.assignment`: LocalStack's service has no limits.

It starts an environment whenever none is ready, lets invokes see it before its own has reserved it, and
starts a timer thread after every invoke for the keep-alive, which ours keeps in one thread.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.lambda_ import api_utils
from localstack.services.lambda_.invocation import lambda_service
from localstack.services.lambda_.invocation.assignment import AssignmentService
from localstack.services.lambda_.invocation.execution_environment import (
    ExecutionEnvironment,
    InvalidStatusException,
    RuntimeStatus,
)
from localstack.services.lambda_.invocation.lambda_models import InitializationType
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator import settings
from serverless_harness.emulator.debugger.registry import DEBUGGER
from serverless_harness.emulator.debugger.sessions import TIME_LIMIT_S
from serverless_harness.emulator.lambda_executor import network
from serverless_harness.emulator.lambda_executor.environment import PROVISIONED_INIT_TIMEOUT_S
from serverless_harness.emulator.lambda_service import provisioning
from serverless_harness.emulator.lambda_service.assignment import shared_service
from serverless_harness.emulator.lambda_service.environment_limits import EnvironmentLimits
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    AssignmentService,
    ExecutionEnvironment,
    LambdaService.__init__,
    LambdaService.stop,
    LambdaProvider.put_provisioned_concurrency_config,
]

MARGIN_S = 20
"""What starting takes besides the init, which the executor itself bounds."""


def apply() -> None:
    """Check the executor's settings; install the service, and environments that leave the time to it.

    Raises InvalidSettingError before anything is installed.
    """
    settings.cpu()
    settings.counts_own_time()
    network.named_ports()
    EnvironmentLimits.from_environ()
    replace(lambda_service, "AssignmentService", shared_service)
    wrap(LambdaProvider.put_provisioned_concurrency_config, _put_provisioned_concurrency_config)
    replace(ExecutionEnvironment, "release", _release)
    wrap(ExecutionEnvironment._get_startup_timeout_seconds, _startup_timeout_s)


def _release(self: ExecutionEnvironment) -> None:
    """As LocalStack's `release`, without its timer."""
    self.last_returned = datetime.now()
    with self.status_lock:
        if self.status != RuntimeStatus.INVOKING:
            raise InvalidStatusException(
                f"Execution environment {self.id} can only be set to status ready while running."
                f" Current status: {self.status}"
            )
        self.status = RuntimeStatus.READY


def _put_provisioned_concurrency_config(
    fn: Callable[..., Any],
    self: LambdaProvider,
    context: RequestContext,
    function_name: str,
    qualifier: str,
    provisioned_concurrent_executions: int,
    **arguments: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Refuse at once what this machine has no room for: it would be in progress till a timeout."""
    account_id, region = api_utils.get_account_and_region(function_name, context)
    name = api_utils.get_function_name(function_name, context)
    function = lambda_stores[account_id][region].functions.get(name) if qualifier != "$LATEST" else None
    provisioning.check(function, provisioned_concurrent_executions, shared_service().limits)
    return fn(self, context, function_name, qualifier, provisioned_concurrent_executions, **arguments)


def _startup_timeout_s(fn: Callable[..., Any], self: ExecutionEnvironment) -> int:
    """With provisioned concurrency the init isn't cut off after ten seconds; under the debugger, never."""
    if DEBUGGER.is_debugged(self.function_version.id.function_name):
        return TIME_LIMIT_S
    timeout_s: int = fn(self)
    if self.initialization_type == InitializationType.provisioned_concurrency:
        init_s = max(PROVISIONED_INIT_TIMEOUT_S, self.function_version.config.timeout)
        return max(timeout_s, init_s + MARGIN_S)
    return timeout_s
