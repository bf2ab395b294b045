"""An update lets the invokes that the old version has accepted finish, with their code in place."""

import functools
from collections.abc import Callable

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

_SUCCESSOR = "successor"


def update_version_state(
    original: Callable[..., None],
    service: LambdaService,
    function_version: FunctionVersion,
    new_state: VersionState,
) -> None:
    """Note which version manager comes after another, before LocalStack stops the other."""
    arn = function_version.qualified_arn
    old, new = service.lambda_running_versions.get(arn), service.lambda_starting_versions.get(arn)
    if old and new and new_state.state == State.Active:
        setattr(old, _SUCCESSOR, new)
    original(service, function_version, new_state)


def invoke(
    original: Callable[..., InvocationResult], manager: LambdaVersionManager, *, invocation: Invocation
) -> InvocationResult:
    """Invoke a version, or the newest of its successors if it was replaced before it took the invoke."""
    while True:
        try:
            return original(manager, invocation=invocation)
        except VersionRetiredError:
            successor = getattr(manager, _SUCCESSOR, None)
            if successor is None:
                message = f"Function not found: {invocation.invoked_arn}"
                raise ResourceNotFoundException(message, Type="User") from None
            manager = successor


def stop(manager: LambdaVersionManager) -> None:
    """Take no more invokes; free what the version holds once those that it has are done."""
    manager.state = VersionState(state=State.Inactive, code=StateReasonCode.Idle, reason="Shutting down")
    if getattr(manager, _SUCCESSOR, None) is None:
        manager.shutdown_event.set()
    manager.log_handler.stop()
    manager.assignment_service.stop_environments_for_version(manager.id)
    shared_service().when_unused(
        lambda version: version.manager_id == manager.id,
        functools.partial(get_runtime_executor().cleanup_version, manager.function_version),
    )


def destroy_code(original: Callable[[S3Code], None], code: S3Code) -> None:
    """Delete a version's code once nothing runs it."""
    shared_service().when_unused(
        lambda version: version.function_version.config.code is code, functools.partial(original, code)
    )
