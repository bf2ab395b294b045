"""Requests from outside pass the snapshots' gate when they begin and when they end.

Requests of the emulator to itself are let through: they belong to one from outside that the gate counts, or
to a worker whose service the snapshot's hooks have stopped. So are the snapshots' own.
"""

from localstack.aws.api import RequestContext

from serverless_harness.emulator.snapshots.gate import Gate
from serverless_harness.emulator.snapshots.routes import PATH

_MARK = "entered_gate"


class EnterGate:
    """A request handler that waits until the gate is open."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __call__(self, chain: object, context: RequestContext, response: object) -> None:
        """Let a request begin."""
        if context.is_internal_call or context.request.path.startswith(PATH):
            return
        self._gate.enter()
        setattr(context, _MARK, True)


class LeaveGate:
    """A finalizer that tells the gate of each request that has been answered."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __call__(self, chain: object, context: RequestContext, response: object) -> None:
        """Count the request as ended, if it was counted."""
        if context.get(_MARK):
            self._gate.leave()
