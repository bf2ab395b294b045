"""`GET` and `PUT /_emulator/snapshot/state`: the emulator's state, for whoever has its control token.

`GET` with `?end=true` is for who ends the emulator next: nothing is answered any more that the state doesn't
hold. What is in a state is in the header `X-State-Counts`, as JSON.

`PUT /_emulator/reset` gives the emulator a state, or without a body has it remember its present one; `POST`
brings that back, and `DELETE` forgets it.

Loading a state runs what is in it; `serverless_harness.emulator.control` keeps everybody else from these
routes.
"""

import json
import logging
from collections.abc import Callable
from contextlib import ExitStack
from threading import Timer

from localstack.http import Request, Response

from serverless_harness.emulator.faults.registry import FaultRegistry
from serverless_harness.emulator.first_uses import FirstUses
from serverless_harness.emulator.snapshots.gate import BusyError, Gate

LOG = logging.getLogger(__name__)

PATH = "/_emulator/snapshot/state"
RESET_PATH = "/_emulator/reset"
PATHS = (PATH, RESET_PATH)
"""Requests that the gate lets through."""
COUNTS = "X-State-Counts"
END_TIMEOUT_S = 60.0
"""An emulator that nobody has ended by then goes on."""


class SnapshotResource:
    """The state as a resource; an error is one line of text."""

    def __init__(self, gate: Gate, first_uses: FirstUses) -> None:
        self._gate = gate
        self._first_uses = first_uses

    def on_get(self, request: Request) -> Response:
        """Return the state."""
        from serverless_harness.emulator.snapshots import service_states

        def save() -> Response:
            with ExitStack() as closed:
                closed.enter_context(self._gate.closed())
                saved = service_states.save(self._gate)
                if request.args.get("end") == "true":
                    closed.enter_context(self._gate.ended())
                    reopening = Timer(END_TIMEOUT_S, closed.pop_all().close)
                    reopening.daemon = True
                    reopening.start()
                headers = {COUNTS: json.dumps(saved.counts)}
                return Response(saved.content, 200, headers, mimetype="application/octet-stream")

        return _answered(save)

    def on_put(self, request: Request) -> Response:
        """Load the state; after a 500 this emulator is of no more use."""
        return _answered(lambda: _load(request.get_data(), self._gate, self._first_uses))


class ResetResource:
    """The state that a reset brings back; an error is one line of text."""

    def __init__(self, gate: Gate, first_uses: FirstUses, faults: FaultRegistry) -> None:
        self._gate = gate
        self._first_uses = first_uses
        self._faults = faults
        self._content: bytes | None = None

    def on_put(self, request: Request) -> Response:
        """Keep a state: that of the request, or the present one."""
        from serverless_harness.emulator.snapshots import service_states

        def keep() -> Response:
            self._content = request.get_data() or None
            if self._content is None:
                with self._gate.closed():
                    self._content = service_states.save(self._gate).content
            return Response("", 204)

        return _answered(keep)

    def on_post(self, request: Request) -> Response:
        """Bring it back, without faults; after a 500 this emulator is of no more use."""
        content = self._content
        if content is None:
            message = "the emulator holds no state of a fresh deployment, so it can't be reset"
            return Response(json.dumps({"message": message}), 404, mimetype="application/json")
        answer = _answered(lambda: _load(content, self._gate, self._first_uses))
        if answer.status_code == 204:
            self._faults.clear()
        return answer

    def on_delete(self, request: Request) -> Response:
        """Keep none any more."""
        self._content = None
        return Response("", 204)


def _load(content: bytes, gate: Gate, first_uses: FirstUses) -> Response:
    from serverless_harness.emulator.snapshots import service_states

    with gate.closed():
        service_states.load(content, gate, first_uses)
    return Response("", 204)


def _answered(work: Callable[[], Response]) -> Response:
    try:
        return work()
    except BusyError as error:
        return Response(str(error), 409)
    except Exception as error:
        LOG.warning("the state can't be saved or loaded", exc_info=LOG.isEnabledFor(logging.DEBUG))
        return Response(f"{type(error).__name__}: {error}", 500)
