"""The client context and the Cognito identity of an invoke reach the function.

LocalStack drops both on the way to the executor. It has no Cognito in this edition: a client that wants to
play one gives the header `X-Amz-Cognito-Identity`, JSON with `cognitoIdentityId` and `cognitoIdentityPoolId`.
"""

from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.lambda_ import InvocationResponse, InvocationType
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.lambda_models import Invocation, InvocationResult
from localstack.services.lambda_.provider import LambdaProvider
from localstack.utils.strings import to_str
from localstack.utils.xray.trace_header import TraceHeader

from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [ExecutionEnvironment.invoke, LambdaProvider.invoke]

COGNITO_IDENTITY_HEADER = "X-Amz-Cognito-Identity"
COGNITO_IDENTITY = "cognito_identity"
"""Its key in an invocation's trace context, the one mapping that goes all the way, retries included."""


def apply() -> None:
    """Take the identity in with the request, and hand both over with the payload."""
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
        context.trace_context[COGNITO_IDENTITY] = identity
    return fn(self, context, *args, **kwargs)


def _environment_invoke(self: ExecutionEnvironment, invocation: Invocation) -> InvocationResult:
    """As LocalStack's `invoke`, with the two."""
    trace_header: Any = invocation.trace_context.get("aws_trace_header") or _new_trace()
    trace_header.ensure_sampled_exists()
    trace_header.ensure_parent_exists()
    payload = {
        "invoke-id": invocation.request_id,
        "invoked-function-arn": invocation.invoked_arn,
        "payload": to_str(invocation.payload),
        "trace-id": trace_header.to_header_str(),
    }
    # Lambda passes the client context to synchronous invokes only (API reference of Invoke).
    if invocation.client_context and invocation.invocation_type != InvocationType.Event:
        payload["client-context"] = invocation.client_context
    if identity := invocation.trace_context.get(COGNITO_IDENTITY):
        payload["cognito-identity"] = identity
    return self.runtime_executor.invoke(payload=payload)


def _new_trace() -> TraceHeader:
    header = TraceHeader()  # type: ignore[no-untyped-call]
    header.ensure_root_exists()  # type: ignore[no-untyped-call]
    return header
