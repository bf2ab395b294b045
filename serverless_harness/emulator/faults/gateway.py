"""Strikes calls to AWS services in LocalStack's gateway, before IAM and the service see them."""

import logging
from collections.abc import Iterator
from typing import Protocol

from botocore.exceptions import ConnectionClosedError
from localstack.aws.api import RequestContext
from rolo.response import Response

from serverless_harness.emulator.faults import errors, matching
from serverless_harness.emulator.faults.model import Effect
from serverless_harness.emulator.faults.registry import Fault, FaultRegistry
from serverless_harness.emulator.iam import callers
from serverless_harness.emulator.iam.actions import Permission
from serverless_harness.emulator.iam.policy import PolicyError
from serverless_harness.emulator.iam.principals import Principal

LOG = logging.getLogger(__name__)

_DROPS_ANSWER = "fault_drops_answer"


class DroppedConnectionError(ConnectionResetError, ConnectionClosedError):
    """Ends a connection without an answer.

    The gateway's server takes an OSError for a client that is gone; LocalStack's clients of itself, which
    have no socket, get what botocore raises where a server closes the connection.
    """

    def __init__(self) -> None:
        ConnectionClosedError.__init__(self, endpoint_url="dropped by a fault")


class Chain(Protocol):
    """What is used of the gateway's handler chain."""

    def terminate(self) -> None: ...


class CallFaults:
    """A request handler and a finalizer of the gateway."""

    def __init__(self, registry: FaultRegistry) -> None:
        self._registry = registry

    def strike(self, chain: Chain, context: RequestContext, response: Response) -> None:
        """Let a call pass, or have it end as the first fault that strikes it says."""
        for fault in self._registry.calls:
            if matching.matches(fault.spec, context) and self._registry.strike(fault):
                self._apply(fault, chain, context, response)
                return

    def drop_answer(self, chain: Chain, context: RequestContext, response: Response) -> None:
        """Replace the answer of a call that was marked for it."""
        if context.get(_DROPS_ANSWER):
            _drop(response)

    def _apply(self, fault: Fault, chain: Chain, context: RequestContext, response: Response) -> None:
        spec = fault.spec
        assert context.service is not None
        assert context.operation is not None
        service, operation = context.service.service_name, context.operation.name
        LOG.info("%s: %s of %s.%s", fault.id, spec.effect, service, operation)
        if not fault.lasts(spec.delay_ms / 1000) or spec.effect is Effect.DELAY:
            return
        if spec.effect is Effect.DROP:
            _drop(response)
            chain.terminate()
            return
        if spec.effect is Effect.DROP_ANSWER:
            setattr(context, _DROPS_ANSWER, True)
            return
        if spec.effect is Effect.ACCESS_DENIED:
            permissions = matching.permissions_of(context) or [Permission(f"{service}:{operation}", "*")]
            raise errors.denial(service, permissions[0], _principal(context))
        raise errors.error_of(spec.effect, service)


def _principal(context: RequestContext) -> Principal | None:
    try:
        caller = callers.identify(context)
    except (callers.InvalidTokenError, PolicyError):
        return None
    return caller.principal if caller else None


def _drop(response: Response) -> None:
    response.headers.pop("Content-Length", None)
    response.response = _dropped()


def _dropped() -> Iterator[bytes]:
    """Fail at the first byte: nothing of the answer has been sent then."""
    raise DroppedConnectionError
    yield b""
