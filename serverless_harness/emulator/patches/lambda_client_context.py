"""An invoke reaches the executor as a whole, with its client context and Cognito identity.

LocalStack drops both on the way. It has no Cognito in this edition: a client that wants to play one gives the
header `X-Amz-Cognito-Identity`, JSON with `cognitoIdentityId` and `cognitoIdentityPoolId`.
"""

from collections.abc import Callable
from typing import Any, cast

from localstack.aws.api import RequestContext
from localstack.aws.api.lambda_ import InvocationResponse
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.lambda_models import Invocation, InvocationResult
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator.lambda_executor import invoke
from serverless_harness.emulator.lambda_executor.executor import ProcessRuntimeExecutor
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [ExecutionEnvironment.invoke, LambdaProvider.invoke]

COGNITO_IDENTITY_HEADER = "X-Amz-Cognito-Identity"


def apply() -> None:
    """Take the identity in with the request, and hand over the whole invoke."""
    wrap(LambdaProvider.invoke, _provider_invoke)
    replace(ExecutionEnvironment, "invoke", _environment_invoke)


def _provider_invoke(
    fn: Callable[..., InvocationResponse],
    self: LambdaProvider,
    context: RequestContext,
    *args: Any,  # noqa: ANN401
    **kwargs: Any,  # noqa: ANN401
) -> InvocationResponse:
    if identity := context.request.headers.get(COGNITO_IDENTITY_HEADER):
        context.trace_context[invoke.COGNITO_IDENTITY] = identity
    return fn(self, context, *args, **kwargs)


def _environment_invoke(self: ExecutionEnvironment, invocation: Invocation) -> InvocationResult:
    executor = cast(ProcessRuntimeExecutor, self.runtime_executor)
    return executor.invoke(invoke.of(invocation))
