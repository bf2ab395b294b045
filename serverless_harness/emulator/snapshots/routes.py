"""The emulator's state, for whoever has its control token: `GET` and `PUT /_emulator/snapshot/state`.

`GET` with `?end=true` is for who ends the emulator next: nothing is answered any more that the state doesn't
hold, unless a `DELETE` says that the emulator isn't ended. What is in a state is in the header
`X-State-Counts`, as JSON.

`PUT /_emulator/snapshot/checkpoints` has checkpoints written to a file from then on; it takes
`{"file": "/a/path", "key": "what signs them", "about": what else they are to say}`. `POST` makes one at once,
and `GET` tells of the latest.

Loading a state runs what is in it; `serverless_harness.emulator.control` keeps everybody else from these
routes.
"""

import json
import logging
import pickle
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from pathlib import Path
from threading import Timer

from localstack.http import Request, Response

from serverless_harness.emulator.first_uses import FirstUses
from serverless_harness.emulator.snapshots.checkpoints import Checkpoints, Destination
from serverless_harness.emulator.snapshots.gate import BusyError, Gate

LOG = logging.getLogger(__name__)

PATH = "/_emulator/snapshot/state"
CHECKPOINTS_PATH = "/_emulator/snapshot/checkpoints"
COUNTS = "X-State-Counts"
END_TIMEOUT_S = 60.0
"""An emulator that nobody has ended by then goes on."""


class SnapshotResource:
    """The state as a resource; an error is one line of text."""

    def __init__(self, gate: Gate, first_uses: FirstUses, is_awaited: bool = False) -> None:
        """Keep requests away until the first load, if a state `is_awaited`."""
        self._gate = gate
        self._first_uses = first_uses
        self._is_awaited = is_awaited
        self._awaiting, self._ended, self._ending = ExitStack(), ExitStack(), ExitStack()
        if is_awaited:
            self._awaiting.enter_context(gate.closed())

    def on_get(self, request: Request) -> Response:
        """Return the state."""
        from serverless_harness.emulator.snapshots import service_states

        try:
            with ExitStack() as closed:
                closed.enter_context(self._gate.closed())
                saved = service_states.save(self._gate)
                if request.args.get("end") == "true":
                    closed.enter_context(self._gate.ended())
                    self._ending = closed.pop_all()
                    reopening = Timer(END_TIMEOUT_S, self._ending.close)
                    reopening.daemon = True
                    reopening.start()
                headers = {COUNTS: json.dumps(saved.counts)}
                return Response(saved.content, 200, headers, mimetype="application/octet-stream")
        except BusyError as error:
            return Response(str(error), 409)
        except (pickle.PicklingError, TypeError, RuntimeError, OSError) as error:
            LOG.warning("the state can't be saved", exc_info=LOG.isEnabledFor(logging.DEBUG))
            return Response(f"{type(error).__name__}: {error}", 500)

    def on_delete(self, request: Request) -> Response:
        """Answer requests again: whoever was to end the emulator has no use for the state."""
        self._ending.close()
        return Response("", 204)

    def on_put(self, request: Request) -> Response:
        """Load the state; after a 500 this emulator is of no more use."""
        return self.load(request.get_data())

    def load(self, content: bytes) -> Response:
        """Load a state, and answer as `on_put`."""
        from serverless_harness.emulator.snapshots import service_states

        is_first = self._is_awaited
        try:
            with nullcontext() if is_first else self._gate.closed():
                service_states.load(content, self._gate, self._first_uses, is_first)
        except BusyError as error:
            return Response(str(error), 409)
        except Exception as error:
            if is_first:  # Whoever waits for this state isn't to be answered by half of it.
                self._ended.enter_context(self._gate.ended())
            LOG.warning("the state can't be loaded", exc_info=LOG.isEnabledFor(logging.DEBUG))
            return Response(f"{type(error).__name__}: {error}", 500)
        self._is_awaited = False
        self._awaiting.close()
        return Response("", 204)


class CheckpointsResource:
    """The checkpoints as a resource."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    def on_get(self, request: Request) -> Response:
        """Tell of the latest."""
        return self._told()

    def on_post(self, request: Request) -> Response:
        """Make one, whether or not anything has changed, and tell of it."""
        self._checkpoints.make()
        return self._told()

    def on_put(self, request: Request) -> Response:
        """Have them made from now on, unless a setting says that there are none."""
        try:
            asked = json.loads(request.get_data())
            destination = Destination(Path(asked["file"]), str(asked["key"]).encode(), asked["about"])
        except (ValueError, KeyError, TypeError) as error:
            message = f"give file, key and about: {type(error).__name__}: {error}"
            return Response(json.dumps({"message": message}), 400, mimetype="application/json")
        self._checkpoints.begin(destination)
        return Response("", 204)

    def _told(self) -> Response:
        told = {"interval_s": self._checkpoints.interval_s, **asdict(self._checkpoints.report)}
        return Response(json.dumps(told), mimetype="application/json")
