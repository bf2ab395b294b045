"""An update lets the invokes that the old version has accepted finish, with their code in place.

LocalStack kills the old version's environments in the middle of their invokes, deletes its code at once, and
refuses an invoke that reaches the old version a moment too late.
"""

import functools
from collections.abc import Callable
from typing import Any

from localstack.aws.api.lambda_ import ResourceNotFoundException, State, StateReasonCode
from localstack.services.lambda_.invocation.lambda_models import (
    FunctionVersion,
    Invocation,
    InvocationResult,
    S3Code,
    VersionState,
)
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.runtime_executor import get_runtime_executor
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from serverless_harness.emulator.lambda_service.assignment import VersionRetiredError, shared_service
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    LambdaVersionManager.invoke,
    LambdaVersionManager.stop,
    LambdaService.update_version_state,
    S3Code.destroy,
]

_SUCCESSOR = "successor"


def apply() -> None:
    """Retire versions instead of stopping them, and send latecomers to their successors."""
    wrap(LambdaService.update_version_state, _update_version_state)
    wrap(LambdaVersionManager.invoke, _invoke)
    replace(LambdaVersionManager, "stop", _stop)
    wrap(S3Code.destroy, _destroy_code)


def _update_version_state(
    fn: Callable[..., Any],
    self: LambdaService,
    function_version: FunctionVersion,
    new_state: VersionState,
) -> None:
    arn = function_version.qualified_arn
    old, new = self.lambda_running_versions.get(arn), self.lambda_starting_versions.get(arn)
    if old and new and new_state.state == State.Active:
        setattr(old, _SUCCESSOR, new)
    fn(self, function_version, new_state)


def _invoke(
    fn: Callable[..., Any], self: LambdaVersionManager, *, invocation: Invocation
) -> InvocationResult:
    manager = self
    while True:
        try:
            result: InvocationResult = fn(manager, invocation=invocation)
        except VersionRetiredError:
            successor = getattr(manager, _SUCCESSOR, None)
            if successor is None:
                message = f"Function not found: {invocation.invoked_arn}"
                raise ResourceNotFoundException(message, Type="User") from None
            manager = successor
        else:
            return result


def _stop(self: LambdaVersionManager) -> None:
    """Take no more invokes; free what the version holds once those that it has are done."""
    self.state = VersionState(state=State.Inactive, code=StateReasonCode.Idle, reason="Shutting down")
    if getattr(self, _SUCCESSOR, None) is None:
        self.shutdown_event.set()
    self.log_handler.stop()
    self.assignment_service.stop_environments_for_version(self.id)
    shared_service().when_unused(
        lambda version: version.manager_id == self.id,
        functools.partial(get_runtime_executor().cleanup_version, self.function_version),
    )


def _destroy_code(fn: Callable[[S3Code], None], self: S3Code) -> None:
    shared_service().when_unused(
        lambda version: version.function_version.config.code is self, functools.partial(fn, self)
    )
