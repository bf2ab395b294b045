"""The faults' HTTP interface.

| request | answer |
|---|---|
| `POST /_emulator/faults`, a `FaultSpec` as JSON | 201, the fault |
| `GET /_emulator/faults` | `{"faults": […], "injected": {effect: n}}` |
| `DELETE /_emulator/faults`, `…/<id>` | `{"faults": […]}`: those cleared, with their counts |

Functions can reach the gateway, and must not set faults: `serverless_harness.emulator.control` asks for the
stack's token before anything below `/_emulator` is served.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from localstack.http import Request, Response

from serverless_harness.emulator.faults.model import InvalidFaultError, parse
from serverless_harness.emulator.faults.registry import Fault, FaultRegistry

PATH = "/_emulator/faults"


class FaultsResource:
    """Serves faults over HTTP."""

    def __init__(self, registry: FaultRegistry) -> None:
        self._registry = registry

    def on_post(self, request: Request) -> Response:
        """Set a fault."""
        try:
            spec = parse(request.get_data())
        except InvalidFaultError as error:
            return _answer({"message": str(error)}, HTTPStatus.BAD_REQUEST)
        return _answer(self._registry.add(spec).to_json(), HTTPStatus.CREATED)

    def on_get(self, request: Request) -> Response:
        """List the faults that are set."""
        faults = _shown(self._registry.current())
        return _answer({"faults": faults, "injected": self._registry.injected_by_effect})

    def on_delete(self, request: Request, fault_id: str | None = None) -> Response:
        """Clear all faults, or one."""
        if fault_id is None:
            return _answer({"faults": _shown(self._registry.clear())})
        removed = self._registry.remove(fault_id)
        if removed is None:
            message = f"there is no fault '{fault_id}'; it may have expired"
            return _answer({"message": message}, HTTPStatus.NOT_FOUND)
        return _answer({"faults": _shown([removed])})


def _shown(faults: list[Fault]) -> list[dict[str, Any]]:
    return [fault.to_json() for fault in faults]


def _answer(content: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(json.dumps(content), status=status, mimetype="application/json")
