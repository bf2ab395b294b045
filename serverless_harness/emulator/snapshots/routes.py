"""`GET` and `PUT /_emulator/snapshot/state`: the emulator's state, for whoever has its control token.

`GET` with `?end=true` is for who ends the emulator next: nothing is answered any more that the state doesn't
hold. What is in a state is in the header `X-State-Counts`, as JSON.

Loading a state runs what is in it; `serverless_harness.emulator.control` keeps everybody else from these
routes.
"""

import json
import logging
import pickle
from contextlib import ExitStack
from threading import Timer

from localstack.http import Request, Response

from serverless_harness.emulator.first_uses import FirstUses
from serverless_harness.emulator.snapshots.gate import BusyError, Gate

LOG = logging.getLogger(__name__)

PATH = "/_emulator/snapshot/state"
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

        try:
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
        except BusyError as error:
            return Response(str(error), 409)
        except (pickle.PicklingError, TypeError, RuntimeError, OSError) as error:
            LOG.warning("the state can't be saved", exc_info=LOG.isEnabledFor(logging.DEBUG))
            return Response(f"{type(error).__name__}: {error}", 500)

    def on_put(self, request: Request) -> Response:
        """Load the state; after a 500 this emulator is of no more use."""
        return self.load(request.get_data())

    def load(self, content: bytes) -> Response:
        """Load a state, and answer as `on_put`."""
        from serverless_harness.emulator.snapshots import service_states

        try:
            with self._gate.closed():
                service_states.load(content, self._gate, self._first_uses)
            return Response("", 204)
        except BusyError as error:
            return Response(str(error), 409)
        except Exception as error:
            LOG.warning("the state can't be loaded", exc_info=LOG.isEnabledFor(logging.DEBUG))
            return Response(f"{type(error).__name__}: {error}", 500)
