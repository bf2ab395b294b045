"""The emulator in this process: its gateway with all handlers and patches, and no server."""

import gc
import os
import re
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from fuzz_requests import RawRequest

SETTINGS = Path(__file__).parents[2] / "serverless_harness/emulator/localstack.env"
PORT = 4566


@dataclass
class Answer:
    """An answer, and the exception that a handler or service ended in."""

    status: int
    body: bytes
    exception: BaseException | None


class Emulator:
    """The gateway, started once in a process."""

    def __init__(self, state: str) -> None:
        for name, value in re.findall(r"^([A-Z_]+)=(.*)$", SETTINGS.read_text(), re.M):
            os.environ.setdefault(name, value)
        os.environ.update(FILESYSTEM_ROOT=state, GATEWAY_LISTEN=f"127.0.0.1:{PORT}", PRELOAD_SERVICES="")
        tempfile.tempdir = state
        from localstack import config
        from localstack.runtime.current import initialize_runtime

        config.dirs.mkdirs()
        runtime = initialize_runtime()
        from localstack.runtime import hooks

        hooks.on_infra_start.run()
        gc.enable()  # It is off until the emulator serves, which this one never does.
        from serverless_harness.emulator.gateway.application import GatewayApplication

        self._gateway: Any = runtime.components.gateway
        self._application = GatewayApplication(self._gateway)
        self._exception: BaseException | None = None
        self._gateway.exception_handlers.insert(0, self._note)
        from localstack.aws.handlers import log_exception

        self._gateway.exception_handlers.remove(log_exception)

    def _note(self, chain: object, exception: BaseException, context: object, response: object) -> None:
        self._exception = exception

    def send(self, request: RawRequest) -> Answer:
        """Answer a request as the server would."""
        from werkzeug.test import run_wsgi_app

        from serverless_harness.emulator.gateway.wsgi_environ import wsgi_environ

        headers = {**request.headers, "Content-Length": str(len(request.body))}
        headers = {name: value for name, value in headers.items() if value != ""}
        environ = wsgi_environ(
            method=request.method,
            target=request.path + (f"?{request.query}" if request.query else ""),
            path=unquote_to_bytes(request.path).decode("latin-1"),
            query=request.query,
            version="1.1",
            headers={name.upper().replace("-", "_"): value for name, value in headers.items()},
            raw_headers=[
                (k.encode("latin-1", "replace"), v.encode("latin-1", "replace")) for k, v in headers.items()
            ],
            body=BytesIO(request.body),
            server=("127.0.0.1", PORT),
            client=("127.0.0.1", 50_000),
        )
        self._exception = None
        chunks, status, _ = run_wsgi_app(self._application, environ, buffered=True)
        return Answer(int(status.split()[0]), b"".join(chunks), self._exception)
