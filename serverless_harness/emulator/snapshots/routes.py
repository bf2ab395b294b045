"""`GET` and `PUT /_emulator/snapshot/state`: the emulator's state, for whoever has its control token.

Loading a state runs what is in it; `serverless_harness.emulator.control` keeps everybody else from these
routes.
"""

import logging
import pickle

from localstack.http import Request, Response

from serverless_harness.emulator.snapshots.gate import BusyError, Gate

LOG = logging.getLogger(__name__)

PATH = "/_emulator/snapshot/state"


class SnapshotResource:
    """The state as a resource; an error is one line of text."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def on_get(self, _request: Request) -> Response:
        """Return the state."""
        from serverless_harness.emulator.snapshots import containers

        try:
            with self._gate.closed():
                return Response(containers.save(), 200, mimetype="application/octet-stream")
        except BusyError as error:
            return Response(str(error), 409)
        except (pickle.PicklingError, TypeError, RuntimeError, OSError) as error:
            LOG.warning("the state can't be saved", exc_info=LOG.isEnabledFor(logging.DEBUG))
            return Response(f"{type(error).__name__}: {error}", 500)

    def on_put(self, request: Request) -> Response:
        """Load the state; after a 500 this emulator is of no more use."""
        from serverless_harness.emulator.snapshots import containers

        try:
            with self._gate.closed():
                containers.load(request.get_data())
            return Response("", 204)
        except BusyError as error:
            return Response(str(error), 409)
        except Exception as error:
            LOG.warning("the state can't be loaded", exc_info=LOG.isEnabledFor(logging.DEBUG))
            return Response(f"{type(error).__name__}: {error}", 500)
