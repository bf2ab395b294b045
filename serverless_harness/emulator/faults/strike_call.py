"""Strikes calls to AWS services in LocalStack's gateway, before IAM and the service see them."""

import logging
from typing import Protocol

from localstack.aws.api import RequestContext
from rolo.response import Response

from serverless_harness.emulator.faults import drop_answer, errors, matching
from serverless_harness.emulator.faults.model import FaultEffect
from serverless_harness.emulator.faults.registry import Fault, FaultRegistry
from serverless_harness.emulator.iam import callers
from serverless_harness.emulator.iam.actions import Call, Permission
from serverless_harness.emulator.iam.calls import call_of
from serverless_harness.emulator.iam.policy import PolicyError
from serverless_harness.emulator.iam.principals import Principal
from serverless_harness.emulator.tracing import spans

LOG = logging.getLogger(__name__)


class Chain(Protocol):
    """What is used of the gateway's handler chain."""

    def terminate(self) -> None: ...


class StrikeCall:
    """A request handler that has calls end as the faults that are set say."""

    def __init__(self, registry: FaultRegistry) -> None:
        self._registry = registry

    def __call__(self, chain: Chain, context: RequestContext, response: Response) -> None:
        """Let a call pass, or have it end as the first fault that strikes it says."""
        if not self._registry.calls or (call := call_of(context)) is None:
            return
        for fault in self._registry.calls:
            if matching.matches(fault.spec, call, context) and self._registry.strike(fault):
                span = spans.begin("fault", call.service, fault.spec.effect, fault.id)
                try:
                    _strike(fault, call, chain, context, response)
                finally:
                    spans.end(span)
                return


def _strike(fault: Fault, call: Call, chain: Chain, context: RequestContext, response: Response) -> None:
    spec = fault.spec
    LOG.info("%s: %s of %s.%s", fault.id, spec.effect, call.service, call.operation)
    if not fault.lasts(spec.delay_ms / 1000) or spec.effect is FaultEffect.DELAY:
        return
    if spec.effect is FaultEffect.DROP:
        drop_answer.drop(response)
        _note_drop()
        chain.terminate()
        return
    if spec.effect is FaultEffect.DROP_ANSWER:
        drop_answer.mark(context)
        _note_drop()
        return
    if spec.effect is FaultEffect.ACCESS_DENIED:
        permissions = matching.permissions_of(call) or [Permission(call.name, "*")]
        raise errors.denial(call.service, permissions[0], _principal(context))
    raise errors.error_of(spec.effect, call.service)


def _note_drop() -> None:
    if span := spans.current():
        span.status, span.error = "dropped", "the connection was closed before the answer"


def _principal(context: RequestContext) -> Principal | None:
    try:
        caller = callers.identify(context)
    except (callers.InvalidTokenError, PolicyError):
        return None
    return caller.principal if caller else None
