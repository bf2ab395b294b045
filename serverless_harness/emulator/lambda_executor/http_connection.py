"""A server's side of one HTTP/1.1 connection: any client's bytes in, whole requests out."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import h11

from serverless_harness.emulator.cpu_wait import ThreadWait
from serverless_harness.emulator.lambda_executor.own_time import Deadline

MAX_HEADER_BYTES = 2 * 1024 * 1024
"""awslambdaric sends the cause of an error, up to 1 MiB, as a header."""
RECEIVE_BYTES = 256 * 1024


@dataclass(frozen=True)
class HttpRequest:
    """A complete request; `headers` by lower-case name.

    `body` is None if it was larger than the connection takes; it has then been read and dropped.
    """

    method: str
    path: str
    headers: Mapping[bytes, bytes]
    body: bytes | None
    body_size: int
    came_at: float = 0.0
    """When its last byte was there to be read, by `time.monotonic`: before the reading thread had a CPU."""


@dataclass(frozen=True)
class HttpResponse:
    """A complete response."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = "application/json"


class HttpConnection:
    """Reads requests one after the other; a response may come from any thread, also after a long wait."""

    def __init__(self, client: socket.socket, max_body_bytes: int) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = client
        self._max_body_bytes = max_body_bytes
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES)
        self._lock = threading.Lock()
        """Of `_http`: the reading thread and a responding one use it in turn."""
        self._came_at = 0.0

    def serve(self, handler: Callable[[HttpRequest], HttpResponse | None]) -> None:
        """Answer requests until the client goes away; where `handler` gives None, `respond` comes later.

        Malformed requests are answered with 400, as Go's HTTP server does in AWS, and end the connection.
        """
        wait = ThreadWait()
        try:
            while (request := self._read_request(wait)) is not None:
                response = handler(request)
                if response is not None:
                    self.respond(response)
        except h11.RemoteProtocolError as error:
            with contextlib.suppress(OSError, h11.LocalProtocolError):
                self.respond(_bad_request(error))
        except OSError:
            # The client went away, or shutdown() was called.
            return
        finally:
            self.shutdown()
            self._socket.close()
            wait.close()

    def respond(self, response: HttpResponse, deadline: Deadline | None = None) -> None:
        """Write `response` at once, in a single write where the client reads.

        Raises:
            TimeoutError: The client hadn't read it by `deadline`.
            OSError: The client is gone.
        """
        with self._lock:
            data = self._encode(response)
            keep_alive = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
            if keep_alive:
                self._http.start_next_cycle()
        self._send(data, deadline)
        if not keep_alive:
            self.shutdown()

    def shutdown(self) -> None:
        """End the connection; a thread that reads or writes is woken."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _encode(self, response: HttpResponse) -> bytes:
        headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
        if response.content_type:
            headers.append((b"Content-Type", response.content_type.encode()))
        headers.append((b"Content-Length", str(len(response.body)).encode()))
        events = (
            h11.Response(
                status_code=response.status, headers=headers, reason=HTTPStatus(response.status).phrase
            ),
            h11.Data(data=response.body),
            h11.EndOfMessage(),
        )
        return b"".join(self._http.send(event) or b"" for event in events)

    def _send(self, data: bytes, deadline: Deadline | None) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                self._await_writable(deadline)

    def _await_writable(self, deadline: Deadline | None) -> None:
        poller = select.poll()
        poller.register(self._socket, select.POLLOUT)
        while True:
            look_s = None if deadline is None else deadline.look_s()
            if deadline is not None and look_s is None:
                raise TimeoutError("the client doesn't read the response")
            if poller.poll(None if look_s is None else look_s * 1000):
                return

    def _read_request(self, wait: ThreadWait) -> HttpRequest | None:
        """Return the next request, None when the client has gone."""
        head: h11.Request | None = None
        body = bytearray()
        body_size = 0
        while True:
            event = self._next_event(wait)
            if isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body_size += len(event.data)
                body += event.data if body_size <= self._max_body_bytes else b""
            elif isinstance(event, h11.EndOfMessage) and head:
                complete = body_size <= self._max_body_bytes
                return HttpRequest(
                    method=head.method.decode("latin-1"),
                    path=head.target.decode("latin-1").partition("?")[0],
                    headers=dict(head.headers),
                    body=bytes(body) if complete else None,
                    body_size=body_size,
                    came_at=self._came_at,
                )
            else:
                return None

    def _next_event(self, wait: ThreadWait) -> h11.Event:
        while True:
            with self._lock:
                event = self._http.next_event()
                expects_continue = event is h11.NEED_DATA and self._http.they_are_waiting_for_100_continue
                waiting = event is h11.PAUSED
            if isinstance(event, h11.Event):
                return event
            if expects_continue:
                self._send(self._encode_continue(), None)
            waited_s = wait.waited_s()
            data = self._socket.recv(RECEIVE_BYTES)
            self._came_at = time.monotonic() - (wait.waited_s() - waited_s)
            if waiting and not data:
                return h11.ConnectionClosed()
            with self._lock:
                self._http.receive_data(data)
                pending, _ = self._http.trailing_data
                if waiting and len(pending) > MAX_HEADER_BYTES:
                    raise h11.RemoteProtocolError("request before the response", error_status_hint=400)

    def _encode_continue(self) -> bytes:
        with self._lock:
            return self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b""


def _bad_request(error: h11.RemoteProtocolError) -> HttpResponse:
    status = HTTPStatus(error.error_status_hint)
    text = f"{status} {status.phrase}"
    return HttpResponse(status, text.encode(), {"Connection": "close"}, "text/plain; charset=utf-8")
