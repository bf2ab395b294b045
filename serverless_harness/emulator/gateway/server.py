"""The runtime server `loopback`: LocalStack's gateway over HTTP on exactly the addresses of `GATEWAY_LISTEN`.

LocalStack's own server (`localstack.runtime.server.twisted`) ignores the host of an IPv4 entry and listens on
every interface. TLS and WebSockets are not offered.
"""

import socket
from typing import TYPE_CHECKING, Any

from localstack.runtime.exceptions import LocalstackExit
from localstack.runtime.server.core import RuntimeServer, RuntimeServerPlugin

from serverless_harness.emulator import activation

if TYPE_CHECKING:
    from localstack.config import HostAndPort
    from rolo.gateway import Gateway

    from serverless_harness.emulator.gateway.http_server import HttpServer

USAGE_ERROR_EXIT_CODE = 2


class LoopbackServerPlugin(RuntimeServerPlugin):
    """The plugin behind `GATEWAY_SERVER=loopback`."""

    name = "loopback"

    def load(self, *args: Any, **kwargs: Any) -> RuntimeServer:  # noqa: ANN401
        """Return the server; LocalStack then calls `register` and, on its main thread, `run`.

        Raises `LocalstackExit` where the emulator was chosen by half, or LocalStack is another version: here
        too, since LocalStack goes on without a hook that it can't import.
        """
        try:
            activation.is_chosen()
        except activation.ActivationError as error:
            raise LocalstackExit(f"{error}\n", code=USAGE_ERROR_EXIT_CODE) from error
        return LoopbackRuntimeServer()


class LoopbackRuntimeServer(RuntimeServer):
    """Serves one gateway over plain HTTP."""

    def __init__(self) -> None:
        self._http_server: HttpServer | None = None

    def register(
        self, gateway: "Gateway", listen: "list[HostAndPort]", ssl_creds: tuple[str, str] | None = None
    ) -> None:
        """Bind the addresses in `listen`. Raises `LocalstackExit` (one line, exit code 2) where one can't be.

        `ssl_creds` are ignored: a TLS client is told that the port speaks HTTP.
        """
        from localstack import config

        from serverless_harness.emulator.gateway.application import GatewayApplication
        from serverless_harness.emulator.gateway.http_server import HttpServer
        from serverless_harness.emulator.gateway.listeners import CannotListenError, open_listeners

        if self._http_server is not None:
            raise RuntimeError("this server serves one gateway")
        self._http_server = HttpServer(
            GatewayApplication(gateway), max_connections=config.GATEWAY_WORKER_COUNT
        )
        try:
            for address in listen:
                for listener in open_listeners(address.host, address.port):
                    self._http_server.add_listener(listener)
        except CannotListenError as error:
            raise LocalstackExit(f"{error}\n", code=USAGE_ERROR_EXIT_CODE) from error

    def add_listener(self, listener: socket.socket, caller: object = None) -> None:
        """Serve the gateway on one more listening socket too, for instance of another network namespace.

        `caller` is who is known to connect there.
        """
        self._registered().add_listener(listener, caller)

    def remove_listener(self, listener: socket.socket) -> None:
        """Close one of them."""
        self._registered().remove_listener(listener)

    def wait_until_serving(self, timeout_s: float) -> bool:
        """Wait for `run` to accept connections; returns whether it does."""
        return self._registered().serving.wait(timeout_s)

    def run(self) -> None:
        """Serve until `shutdown`, in the calling thread."""
        self._registered().run()

    def shutdown(self) -> None:
        """Make `run` return. May be called from any thread."""
        if self._http_server is not None:
            self._http_server.shutdown()

    def _registered(self) -> "HttpServer":
        if self._http_server is None:
            raise RuntimeError("no gateway is registered")
        return self._http_server
