"""A request's AWS call, made once: faults and enforcement ask for the same one."""

from localstack.aws.api import RequestContext

from serverless_harness.emulator.iam.actions import Call
from serverless_harness.emulator.iam.lookups import LocalStackLookups

_LOOKUPS = LocalStackLookups()
_MADE = "iam_call"


def call_of(context: RequestContext) -> Call | None:
    """Return the call that a parsed request makes; None for requests that are no AWS call."""
    call: Call | None = context.get(_MADE)
    if call is None and context.service is not None and context.operation is not None:
        call = Call(
            service=context.service.service_name,
            operation=context.operation.name,
            parameters=context.service_request or {},
            account_id=context.account_id,
            region=context.region,
            lookups=_LOOKUPS,
            partition=context.partition,
            http_method=context.request.method,
            path=context.request.path,
        )
        setattr(context, _MADE, call)
    return call
