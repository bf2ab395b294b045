"""A gateway of a few small handlers, served on a loopback port that the system picks."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rolo import Request, Response
from rolo.gateway import Gateway
from rolo.request import get_raw_path

from serverless_harness.emulator.gateway.application import GatewayApplication
from serverless_harness.emulator.gateway.http_server import HttpServer
from serverless_harness.emulator.gateway.listeners import open_listeners

Handler = Callable[[Request], Response]


def echo(request: Request) -> Response:
    """Answer with what arrived."""
    body = request.get_data()
    seen = {
        "method": request.method,
        "path": request.path,
        "raw_path": get_raw_path(request),
        "query": request.query_string.decode(),
        "headers": list(request.headers.items()),
        "body": body.decode("latin-1") if len(body) < 10_000 else None,
        "body_length_bytes": len(body),
        "remote_addr": request.remote_addr,
    }
    return Response(json.dumps(seen), mimetype="application/json")


@dataclass
class RunningServer:
    """A server in a thread of this process; `handle` may be replaced by a test before it sends a request."""

    server: HttpServer
    port: int
    thread: threading.Thread
    sockets: list[socket.socket] = field(default_factory=list)

    def connect(self, timeout_s: float = 20.0) -> socket.socket:
        """Return a new connection to the server, closed at the test's end."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)
        self.sockets.append(sock)
        return sock

    def exchange(self, request: bytes) -> bytes:
        """Send raw bytes, and return all that comes back until the server closes the connection."""
        sock = self.connect()
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        return read_to_end(sock)


def read_to_end(sock: socket.socket) -> bytes:
    """Return what the peer sends until it closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(65536):
            received += data
    return received


@contextlib.contextmanager
def serving(handle: Handler, max_connections: int = 1000) -> Iterator[RunningServer]:
    """Serve `handle` until the block ends, and then check that the server does end."""

    def dispatch(chain: object, context: object, response: Response) -> None:
        response.update_from(handle(context.request))  # type: ignore[attr-defined]

    server = HttpServer(GatewayApplication(Gateway(request_handlers=[dispatch])), max_connections)
    (listener,) = open_listeners("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server.add_listener(listener)
    thread = threading.Thread(target=server.run)
    thread.start()
    running = RunningServer(server, port, thread)
    try:
        yield running
    finally:
        for sock in running.sockets:
            sock.close()
        server.shutdown()
        thread.join(timeout=20)
        assert not thread.is_alive()
