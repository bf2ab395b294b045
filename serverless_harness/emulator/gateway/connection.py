"""One client connection, served start to end by one thread.

A thread that waits in `recv` and then answers needs the interpreter's lock once a request. A selector thread
that hands requests to a pool needs it two or three times, up to 5 ms each (`sys.getswitchinterval`) whenever
another thread computes, which in LocalStack's one process is the usual case.
"""

import logging
import math
import socket
import struct
import time
from typing import Protocol

from waitress.utilities import BadRequest, InternalServerError

from serverless_harness.emulator.cpu_wait import ThreadWait
from serverless_harness.emulator.gateway.protocol import LIMITS, ErrorResponse, GatewayTask, RequestParser
from serverless_harness.emulator.gateway.wsgi_environ import Address, FunctionCaller

LOG = logging.getLogger(__name__)

RECEIVE_BYTES = 64 * 1024
IDLE_TIMEOUT_S = 120.0
"""How long a client may send nothing, or take nothing, before its connection is closed."""

HEAD_TIMEOUT_S = 60.0
"""How long a request's head may take to arrive, however small its pieces."""

TLS_HANDSHAKE = b"\x16"
"""First byte of a TLS connection (RFC 8446, section 5.1), which no HTTP request can have."""


class Server(Protocol):
    """What a connection asks of the server that accepted it."""

    @property
    def stopping(self) -> bool:
        """Whether it accepts no more, so that connections end with their present request."""


class Connection:
    """Reads requests off a socket and answers them one after the other (so pipelining works)."""

    def __init__(
        self, server: Server, sock: socket.socket, remote_address: Address, caller: object = None
    ) -> None:
        self.server = server
        self.caller = caller
        self.adj = LIMITS  # read by waitress's tasks
        self.remote_address = remote_address
        self.local_address: Address = sock.getsockname()[:2]
        self.idle_since_s: float | None = time.monotonic()
        """Since when no request has begun, `time.monotonic()`; None from a request's head to its answer."""
        self._socket = sock
        self._waits = caller.waits if isinstance(caller, FunctionCaller) else None
        self._wait: ThreadWait | None = None
        self._received = b""
        self._unsent: list[bytes] = []

    def run(self) -> None:
        """Serve the connection until either side closes it; never raises."""
        self._wait = ThreadWait() if self._waits else None
        try:
            _set_timeout(self._socket, IDLE_TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while request := self._read_request():
                if not self._answer(request) or self.server.stopping:
                    break
        except OSError:  # the client went away, or idled too long
            LOG.debug("connection from %s lost", self.remote_address, exc_info=True)
        finally:
            self._count_wait(False)
            if self._wait:
                self._wait.close()
            self._socket.close()

    def stop_reading(self) -> None:
        """Take no more requests; one that is being answered is answered to its end."""
        _shutdown(self._socket, socket.SHUT_RD)

    def abort(self) -> None:
        """End the connection at once; its thread finds it broken when it next reads or writes."""
        _shutdown(self._socket, socket.SHUT_RDWR)

    def write_soon(self, data: bytes) -> int:
        """Buffer response bytes until `flush`; called by waitress's tasks."""
        self._unsent.append(data)
        return len(data)

    def flush(self) -> None:
        """Send what is buffered in one write."""
        data = b"".join(self._unsent)
        self._unsent.clear()
        if data:
            self._count_wait(False)
            self._socket.sendall(data)

    def _count_wait(self, counts: bool) -> None:
        """Count from now on what this thread waits for a CPU as the caller's, or no longer."""
        if self._waits and self._wait:
            (self._waits.begin if counts else self._waits.end)(self._wait)

    def _read_request(self) -> RequestParser | None:
        """Return the next request with its whole body, or None at the end of the connection."""
        request = RequestParser(self.adj)
        continued = False
        head_deadline_s = math.inf
        self.idle_since_s = time.monotonic()
        self._count_wait(True)
        while not request.completed or request.empty:
            if request.empty:  # blank lines between requests
                request = RequestParser(self.adj)
                head_deadline_s = math.inf
            if not self._received:
                self._received = self._socket.recv(RECEIVE_BYTES)
                if not self._received or time.monotonic() > head_deadline_s:
                    return None
                if self._received.startswith(TLS_HANDSHAKE) and not request.header_bytes_received:
                    request.error = BadRequest("This address speaks HTTP, not HTTPS.")
                    return request
            consumed = request.received(self._received)
            self._received = self._received[consumed:]
            if request.headers_finished and not request.empty:
                self.idle_since_s = None
                head_deadline_s = math.inf
            else:
                head_deadline_s = min(head_deadline_s, time.monotonic() + HEAD_TIMEOUT_S)
            if request.awaits_continue and not continued:
                continued = True
                self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return request

    def _answer(self, request: RequestParser) -> bool:
        """Answer one request; returns whether the connection stays open."""
        task = (ErrorResponse if request.error else GatewayTask)(self, request)
        try:
            task.start()
            task.execute()
            task.finish()
            self.flush()
        except (ConnectionError, BlockingIOError):  # the client's
            raise
        except Exception:
            LOG.exception("cannot serve %s %s", task.request_method, getattr(request, "path", ""))
            self._answer_failure(request, task.wrote_header)
            return False
        finally:
            request.close()
        return not task.close_on_finish

    def _answer_failure(self, request: RequestParser, head_is_written: bool) -> None:
        if head_is_written:
            return
        request.error = InternalServerError("The server encountered an unexpected internal server error")
        failure = ErrorResponse(self, request)
        failure.start()
        failure.execute()
        failure.finish()
        self.flush()


def _set_timeout(sock: socket.socket, timeout_s: float) -> None:
    """Have calls that wait longer raise BlockingIOError; `settimeout` polls before each of them."""
    interval = struct.pack("ll", int(timeout_s), int(timeout_s % 1 * 1_000_000))
    sock.setblocking(True)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, interval)


def _shutdown(sock: socket.socket, how: int) -> None:
    try:
        sock.shutdown(how)
    except OSError:
        LOG.debug("socket already closed")
