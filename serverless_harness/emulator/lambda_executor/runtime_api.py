"""The Lambda Runtime API of one runtime process, on a loopback port of its own.

Paths, headers and statuses are those of AWS's "Using the Lambda runtime API for custom runtimes"; the order
of calls that is allowed, and the bodies of refusals, follow AWS's runtime interface emulator.
"""

import contextlib
import json
import logging
import re
import socket
import sys
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from serverless_harness.emulator.lambda_executor.errors import MAX_RESPONSE_BYTES, response_too_large
from serverless_harness.emulator.lambda_executor.http_connection import (
    HttpConnection,
    HttpRequest,
    HttpResponse,
)
from serverless_harness.emulator.lambda_executor.invoke import Invoke
from serverless_harness.emulator.lambda_executor.own_time import Deadline, Moment

LOG = logging.getLogger(__name__)

type Address = tuple[str, int]

API_ROOT = "/2018-06-01"
ERROR_TYPE_HEADER = b"lambda-runtime-function-error-type"
INVOCATION_PATH = re.compile(rf"{API_ROOT}/runtime/invocation/([^/]+)/(response|error)")


class RuntimeState(StrEnum):
    """Where the runtime is in its life; the values are the names that AWS's refusals use."""

    STARTED = "Started"
    """It hasn't asked for an invocation yet: init."""
    INIT_ERROR = "InitError"
    READY = "Ready"
    """It waits for an invocation."""
    RUNNING = "Running"
    RESPONSE_SENT = "ResponseSent"
    EXITED = "Exited"
    """The process has ended."""
    CLOSED = "Closed"
    """The environment is being stopped."""


@dataclass(frozen=True)
class RuntimeResponse:
    """What the runtime posted: a response, or an error with its type, if it named one."""

    payload: bytes
    is_error: bool = False
    error_type: str | None = None


class InvalidStateError(Exception):
    """An invocation was given to a runtime that doesn't wait for one."""


class RuntimeApi:
    """Serves one runtime process from its init to its end; thread-safe.

    The runtime's connection is served by a thread of its own; an invocation is written to the connection
    that waits for it by the thread that brings it, so that a warm invoke changes threads only once.
    """

    def __init__(self, address: str = "", is_caller: Callable[[Address], bool] = lambda _: True) -> None:
        """Listen on loopback; where `address` is given, on what `listen` brings instead.

        `is_caller` says of an address whether it is the process that is served: others are not answered.
        """
        self._is_caller = is_caller
        self._changed = threading.Condition()
        self._state = RuntimeState.STARTED
        self._running: Invoke | None = None
        self._deadline_ms = 0
        """Of that invoke, since the epoch."""
        self._waiting: HttpConnection | None = None
        self._connections: set[HttpConnection] = set()
        self._listening = True
        self.polls = 0
        """How often the runtime has asked for an invocation, repetitions left out."""
        self.ready_at: float | None = None
        """When it last asked, by `time.monotonic`; before it has asked, None."""
        self.init_error: RuntimeResponse | None = None
        self.response: RuntimeResponse | None = None
        """To the invocation that was delivered last."""
        self._listener: socket.socket | None = None
        self.address = address
        """For AWS_LAMBDA_RUNTIME_API: host and port."""
        if not address:
            listener = socket.create_server(("127.0.0.1", 0), backlog=16)
            host, port = listener.getsockname()
            self.address = f"{host}:{port}"
            self.listen(listener)

    def listen(self, listener: socket.socket) -> None:
        """Serve on `listener`, which is then this object's; once."""
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._changed:
            listening = self._listening
            self._listener = listener
        if not listening:
            listener.close()
            return
        arguments = (listener,)
        threading.Thread(
            target=self._accept, args=arguments, name=f"lambda-runtime-api-{self.address}", daemon=True
        ).start()

    @property
    def state(self) -> RuntimeState:
        with self._changed:
            return self._state

    def wait_for(self, states: Collection[RuntimeState], deadline: Deadline | None) -> RuntimeState | None:
        """Wait until the state is one of `states`; None when `deadline` came first."""
        with self._changed:
            while self._state not in states:
                look_s = None if deadline is None else deadline.look_s()
                if deadline is not None and look_s is None:
                    return None
                self._changed.wait(look_s)
            return self._state

    def deliver(self, invoke: Invoke, deadline_ms: int, deadline: Deadline) -> None:
        """Give an invoke, which ends at `deadline_ms` since the epoch, to the runtime, which must be waiting.

        A client that goes away or stops reading meanwhile is no error here: its process's end, or the
        deadline, is what the caller sees. One that merely reconnects is given the invoke again.

        Raises:
            InvalidStateError: The runtime doesn't wait for an invocation.
        """
        with self._changed:
            if self._state is not RuntimeState.READY:
                raise InvalidStateError(f"the runtime can't take an invocation while it is {self._state}")
            self._state, self._running, self.response = RuntimeState.RUNNING, invoke, None
            self._deadline_ms = deadline_ms
            connection, self._waiting = self._waiting, None
        if connection:
            with contextlib.suppress(OSError):
                connection.respond(_event_response(invoke, deadline_ms), deadline)

    def abandon(self) -> None:
        """Let whoever waits for the runtime see `CLOSED`; the runtime's own polls stay unanswered."""
        with self._changed:
            self._state = RuntimeState.CLOSED
            self._changed.notify_all()

    def close(self) -> None:
        """Stop serving, since the process has ended: whoever waits sees `EXITED`. Idempotent."""
        with self._changed:
            listening, self._listening = self._listening, False
            if self._state is not RuntimeState.CLOSED:
                self._state = RuntimeState.EXITED
            self._waiting = None
            connections = list(self._connections)
            listener = self._listener
            self._changed.notify_all()
        for connection in connections:
            connection.shutdown()
        if listening and listener:
            _wake(listener)

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                try:
                    client, address = listener.accept()
                except OSError as error:
                    with self._changed:
                        if not self._listening:
                            return
                    # Such as too many open files, which passes.
                    LOG.warning("The Runtime API at %s can't accept a connection: %s", self.address, error)
                    if self.wait_for((RuntimeState.EXITED, RuntimeState.CLOSED), Moment.after(0.1)):
                        return
                    continue
                with self._changed:
                    if not self._listening:
                        client.close()
                        return
                if not self._is_caller(address):
                    LOG.warning(
                        "The Runtime API at %s was called by another process: %s", self.address, address
                    )
                    client.close()
                    continue
                with self._changed:
                    if not self._listening:
                        client.close()
                        return
                    connection = HttpConnection(client, MAX_RESPONSE_BYTES)
                    self._connections.add(connection)
                threading.Thread(
                    target=self._serve, args=(connection,), name="lambda-runtime-connection", daemon=True
                ).start()

    def _serve(self, connection: HttpConnection) -> None:
        try:
            connection.serve(lambda request: self._handle(connection, request))
        finally:
            with self._changed:
                self._connections.discard(connection)
                if self._waiting is connection:
                    self._waiting = None

    def _handle(self, connection: HttpConnection, request: HttpRequest) -> HttpResponse | None:
        route = self._route(request.path)
        if route is None:
            return HttpResponse(404, b"404 page not found\n", content_type="text/plain; charset=utf-8")
        method, handler = route
        if request.method != method:
            return HttpResponse(405, b"", content_type=None)
        return handler(connection, request)

    def _route(
        self, path: str
    ) -> tuple[str, Callable[[HttpConnection, HttpRequest], HttpResponse | None]] | None:
        if path == f"{API_ROOT}/runtime/invocation/next":
            return "GET", self._next
        if path == f"{API_ROOT}/runtime/init/error":
            return "POST", self._init_error
        if match := INVOCATION_PATH.fullmatch(path):
            request_id, kind = match.groups()
            return "POST", lambda _, request: self._answer(request_id, kind == "error", request)
        if path == f"{API_ROOT}/ping":
            return "GET", lambda _, __: HttpResponse(200, b"pong", content_type="text/plain; charset=utf-8")
        return None

    def _next(self, connection: HttpConnection, request: HttpRequest) -> HttpResponse | None:
        with self._changed:
            if self._state is RuntimeState.RUNNING and self._running:
                return _event_response(self._running, self._deadline_ms)
            if self._state is RuntimeState.CLOSED:
                return None
            if self._state not in (RuntimeState.STARTED, RuntimeState.RESPONSE_SENT, RuntimeState.READY):
                return _refusal(self._state, "Ready")
            superseded, self._waiting = self._waiting, connection
            if self._state is not RuntimeState.READY:
                self._state, self._running = RuntimeState.READY, None
                self.polls += 1
                self.ready_at = request.came_at
                self._changed.notify_all()
        if superseded:
            superseded.shutdown()
        return None

    def _answer(self, request_id: str, is_error: bool, request: HttpRequest) -> HttpResponse:
        with self._changed:
            if self._running is None or self._running.request_id != request_id:
                return _json_response(400, "InvalidRequestID", "Invalid request ID")
            if self._state is not RuntimeState.RUNNING:
                target = "InvocationErrorResponse" if is_error else "InvocationResponse"
                return _refusal(self._state, target)
            if request.body is None:
                too_large = response_too_large(request.body_size)
                self.response = RuntimeResponse(too_large.payload, True, too_large.error_type)
            else:
                self.response = RuntimeResponse(request.body, is_error, _error_type(request))
            # Nobody is woken: an invoke ends when the runtime is ready for the next one.
            self._state = RuntimeState.RESPONSE_SENT
        return _too_large() if request.body is None else _accepted()

    def _init_error(self, _: HttpConnection, request: HttpRequest) -> HttpResponse:
        with self._changed:
            if self._state is not RuntimeState.STARTED:
                return _refusal(self._state, "InitError")
            if request.body is None:
                return _too_large()
            self.init_error = RuntimeResponse(request.body, True, _error_type(request))
            self._state = RuntimeState.INIT_ERROR
            self._changed.notify_all()
        return _accepted()


def _wake(listener: socket.socket) -> None:
    """Have a blocked accept() return: on Linux by a shutdown, elsewhere for a connection alone."""
    with contextlib.suppress(OSError):
        if sys.platform == "linux":
            listener.shutdown(socket.SHUT_RDWR)
        else:
            socket.create_connection(listener.getsockname(), timeout=1).close()


def _event_response(invoke: Invoke, deadline_ms: int) -> HttpResponse:
    headers = {
        "Lambda-Runtime-Aws-Request-Id": invoke.request_id,
        "Lambda-Runtime-Trace-Id": invoke.trace_id,
        "Lambda-Runtime-Client-Context": invoke.client_context,
        "Lambda-Runtime-Cognito-Identity": invoke.cognito_identity,
        "Lambda-Runtime-Invoked-Function-Arn": invoke.invoked_function_arn,
        "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
    }
    return HttpResponse(200, invoke.payload, {name: value for name, value in headers.items() if value})


def _error_type(request: HttpRequest) -> str | None:
    value = request.headers.get(ERROR_TYPE_HEADER)
    return value.decode("latin-1") if value else None


def _accepted() -> HttpResponse:
    return HttpResponse(202, b'{"status":"OK"}\n')


def _refusal(state: RuntimeState, target: str) -> HttpResponse:
    transition = f"State transition from {state} to {target}"
    message = f"{transition} failed for runtime. Error: State transition is not allowed"
    return _json_response(403, "InvalidStateTransition", message)


def _too_large() -> HttpResponse:
    message = f"Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
    return _json_response(413, "RequestEntityTooLarge", message)


def _json_response(status: int, error_type: str, message: str) -> HttpResponse:
    body = json.dumps({"errorMessage": message, "errorType": error_type}, separators=(",", ":"))
    return HttpResponse(status, body.encode() + b"\n")
