"""An Invoke request is checked before anything is queued or started (`lambda_service.invoke_request`).

LocalStack hands a payload that is no JSON, or too large, to the function; as an event it fails later, unseen,
when a record of it is made for a destination.
"""

from collections.abc import Callable
from typing import Any

from localstack.aws.api.lambda_ import InvocationType
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.lambda_service import LambdaService

from serverless_harness.emulator.lambda_service import invoke_request
from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [LambdaService.invoke]


def apply() -> None:
    """Check, then invoke."""
    wrap(LambdaService.invoke, _invoke)


def _invoke(
    fn: Callable[..., InvocationResult | None],
    self: LambdaService,
    **arguments: Any,  # noqa: ANN401
) -> InvocationResult | None:
    invoke_request.check(
        arguments.get("payload"),
        arguments.get("client_context"),
        arguments.get("invocation_type") or InvocationType.RequestResponse,
    )
    return fn(self, **arguments)
