"""`POST /_emulator/reset`: back to the state that the emulator remembers, for whoever has its control token.

`PUT` gives it a state to remember, or without a body has it remember its present one; `DELETE` forgets it.
"""

import json

from localstack.http import Request, Response

from serverless_harness.emulator.faults.registry import FaultRegistry
from serverless_harness.emulator.snapshots.routes import SnapshotResource

PATH = "/_emulator/reset"


class ResetResource:
    """The state that a reset brings back; errors are those of `SnapshotResource`."""

    def __init__(self, snapshots: SnapshotResource, faults: FaultRegistry) -> None:
        self._snapshots = snapshots
        self._faults = faults
        self._content = b""

    def on_put(self, request: Request) -> Response:
        """Remember a state: that of the request, or the present one."""
        content = request.get_data()
        if not content:
            answer = self._snapshots.on_get(request)
            if answer.status_code != 200:
                return answer
            content = answer.get_data()
        self._content = content
        return Response("", 204)

    def on_post(self, request: Request) -> Response:
        """Bring it back, without faults; after a 500, this emulator can't be used any more."""
        if not self._content:
            message = (
                "the stack holds no fresh deployment to go back to: "
                "on a stack without Docker, run 'down --delete', then 'up'"
            )
            return Response(json.dumps({"message": message}), 404, mimetype="application/json")
        answer = self._snapshots.load(self._content)
        if answer.status_code == 204:
            self._faults.clear()
        return answer

    def on_delete(self, request: Request) -> Response:
        """Forget it."""
        self._content = b""
        return Response("", 204)
