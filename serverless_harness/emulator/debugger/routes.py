"""The debugger's HTTP interface, for whoever has the stack's control token.

| request | answer |
|---|---|
| `PUT /_emulator/debugger/<function>`, `{"port": 5678, "packages": "<debugpy's folder>"}` | the session |
| `GET /_emulator/debugger` | `{"sessions": […]}` |
| `DELETE /_emulator/debugger`, `…/<function>` | `{"sessions": […]}`: those ended |

A `"host"` of `0.0.0.0` has other machines connect, instead of this one's loopback.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from localstack.http import Request, Response

from serverless_harness.emulator.debugger.registry import DebuggerRegistry
from serverless_harness.emulator.debugger.sessions import LOOPBACK, DebuggingError, Session

PATH = "/_emulator/debugger"
HOSTS = (LOOPBACK, "0.0.0.0")


class DebuggerResource:
    """Serves sessions over HTTP."""

    def __init__(self, registry: DebuggerRegistry) -> None:
        self._registry = registry

    def on_put(self, request: Request, function_name: str | None = None) -> Response:
        """Start a session."""
        try:
            asked = json.loads(request.get_data())
            port, packages = int(asked["port"]), Path(asked["packages"])
            host = asked.get("host", LOOPBACK)
        except (ValueError, KeyError, TypeError):
            message = "give the debugger's 'port' and the folder of its 'packages' as JSON"
            return _answer({"message": message}, HTTPStatus.BAD_REQUEST)
        if not function_name or not 0 < port < 65536 or host not in HOSTS:
            message = f"give a function's name, a port from 1 to 65535 (not {port}), and a host of {HOSTS}"
            return _answer({"message": message}, HTTPStatus.BAD_REQUEST)
        if not (packages / "debugpy").is_dir():
            message = (
                f"this stack has no debugpy for the function's runtime (there is no {packages}): "
                "debug it on a stack without containers, where debugpy is installed for every runtime"
            )
            return _answer({"message": message}, HTTPStatus.BAD_REQUEST)
        try:
            return _answer(_shown(self._registry.start(function_name, port, packages, host)))
        except DebuggingError as error:
            return _answer({"message": str(error)}, HTTPStatus.BAD_REQUEST)

    def on_get(self, request: Request) -> Response:
        """List the sessions."""
        return _answer({"sessions": [_shown(session) for session in self._registry.all()]})

    def on_delete(self, request: Request, function_name: str | None = None) -> Response:
        """End all sessions, or one."""
        ended = [
            _shown(session)
            for session in self._registry.all()
            if function_name in (None, session.function_name) and self._registry.end(session.function_name)
        ]
        if function_name and not ended:
            return _answer({"message": f"{function_name} is not being debugged"}, HTTPStatus.NOT_FOUND)
        return _answer({"sessions": ended})


def _shown(session: Session) -> dict[str, Any]:
    return {
        "function": session.function_name,
        "port": session.port,
        "has_client": session.has_client,
        "waiting": session.waiting,
    }


def _answer(content: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(json.dumps(content), status=status, mimetype="application/json")
