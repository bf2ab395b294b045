"""Requests pass the snapshots' gate when they begin and when they end.

Requests of the emulator to itself, and of functions, are kept away for the moment alone in which nothing may
change. The snapshots' own requests are let through. Those that wait for a message aren't awaited, for they
would be under way for as long as none comes; but while the gate is closed, none but a function's begins.
"""

import json
from typing import Any

from localstack.aws.api import RequestContext
from rolo.gateway import HandlerChain

from serverless_harness.emulator.snapshots import reset_routes
from serverless_harness.emulator.snapshots.changes import may_have_changed
from serverless_harness.emulator.snapshots.gate import Gate
from serverless_harness.emulator.snapshots.routes import CHECKPOINTS_PATH, PATH

_MARK = "entered_gate"
_SNAPSHOTS = (PATH, CHECKPOINTS_PATH, reset_routes.PATH)
SESSION = "X-Amz-Security-Token"
_WAITING = "AmazonSQS.ReceiveMessage"
_PULLING = (_WAITING, "DynamoDBStreams_20120810.GetRecords")
"""How Lambda's pollers get more work: from the emulator itself they wait, with those from outside."""
REPLACED = "The emulator is about to stop, or has loaded another state meanwhile: send the request again."


class EnterGate:
    """A request handler that waits until the gate is open."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __call__(self, chain: HandlerChain[Any], context: RequestContext, response: object) -> None:
        """Let a request begin; answer with status 503 what was meant for a state that is gone."""
        target = context.request.headers.get("X-Amz-Target")
        is_own = _is_own(context)
        is_functions = is_own and not context.is_internal_call
        if context.request.path.startswith(_SNAPSHOTS) or (target == _WAITING and is_functions):
            return
        if target == _WAITING or (context.is_internal_call and target in _PULLING):
            may_begin = self._gate.pass_when_open()
        elif may_begin := self._gate.enter(is_own, is_functions):
            setattr(context, _MARK, is_own)
        if not may_begin:
            body = json.dumps({"__type": "ServiceUnavailable", "message": REPLACED})
            chain.respond(503, body, {"Content-Type": "application/json"})


class LeaveGate:
    """A finalizer that tells the gate of each request that has been answered."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __call__(self, chain: object, context: RequestContext, response: object) -> None:
        """Count the request as ended, if it was counted; note whether it may have changed the state."""
        if may_have_changed(context):
            self._gate.note_change()
        if (is_own := context.get(_MARK)) is not None:
            self._gate.leave(is_own)


def _is_own(context: RequestContext) -> bool:
    """Whether a request is the emulator's own, or a function's.

    Functions sign by their role's session, in a header or in the address. Others may as well: they too are
    awaited, only not kept away as early.
    """
    request = context.request
    if context.is_internal_call or SESSION in request.headers:
        return True
    return bool(request.query_string) and SESSION in request.args
