"""A WSGI server with a thread for each connection, on sockets that may be added while it runs."""

import logging
import selectors
import socket
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from serverless_harness.emulator.gateway.connection import Connection
from serverless_harness.emulator.gateway.wsgi_environ import Address

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LOG = logging.getLogger(__name__)

SHUTDOWN_GRACE_S = 5.0
"""How long requests that are being answered may take to end at shutdown."""

ACCEPT_PAUSE_S = 0.05
"""Pause after a failed accept (no file descriptor left, or no thread), so as not to spin."""


class HttpServer:
    """Serves one WSGI application.

    There is a thread for each connection: handlers block for minutes (synchronous Lambda invokes, SQS long
    polls) and call back into the server, so a fixed pool could deadlock.
    """

    def __init__(self, application: "WSGIApplication", max_connections: int) -> None:
        self.application = application
        self.serving = threading.Event()
        self._max_connections = max_connections
        self._connections: set[Connection] = set()
        self._lock = threading.Condition()
        self._stopping = False
        self._leaving: list[socket.socket] = []
        self._selector = selectors.DefaultSelector()
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._selector.register(self._wake_receiver, selectors.EVENT_READ)

    def add_listener(self, listener: socket.socket, caller: object = None) -> None:
        """Accept connections on `listener` too: a listening stream socket, which the server then owns.

        `caller` is who is known to connect there; requests have it in their environment.
        """
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, (listener, caller))
        self._wake()

    def remove_listener(self, listener: socket.socket) -> None:
        """Accept no more connections on `listener`, and close it. Idempotent."""
        self._leaving.append(listener)
        self._wake()

    def run(self) -> None:
        """Accept connections, in the calling thread, until `shutdown`."""
        self.serving.set()
        try:
            while not self._stopping:
                for key, _ in self._selector.select():
                    if key.data is None:
                        self._wake_receiver.recv(1024)
                    else:
                        self._accept(*key.data)
                while self._leaving:
                    self._close_listener(self._leaving.pop())
        finally:
            self._close_listeners()
            self._end_connections()

    def shutdown(self) -> None:
        """Make `run` end: no new connections, idle ones closed, requests under way get `SHUTDOWN_GRACE_S`."""
        self._stopping = True
        self._wake()

    @property
    def stopping(self) -> bool:
        """Whether `shutdown` was called: connections then end after the request that they are answering."""
        return self._stopping

    def _wake(self) -> None:
        try:
            self._wake_sender.send(b"\0")
        except OSError:  # `run` has ended and closed it
            LOG.debug("server is already down")

    def _accept(self, listener: socket.socket, caller: object) -> None:
        try:
            sock, address = listener.accept()
            self._start(sock, address[:2], caller)
        except BlockingIOError:
            return
        except (OSError, RuntimeError) as error:  # no file descriptor left, or no thread
            LOG.warning("cannot accept a connection: %s", error)
            self._close_longest_idle()
            time.sleep(ACCEPT_PAUSE_S)

    def _start(self, sock: socket.socket, address: Address, caller: object) -> None:
        """Serve a connection in a thread of its own; one that no thread can be started for is closed."""
        with ExitStack() as on_failure:
            on_failure.callback(sock.close)
            connection = Connection(self, sock, address, caller)
            with self._lock:
                crowded = len(self._connections) >= self._max_connections
                self._connections.add(connection)
            on_failure.callback(self._forget, connection)
            if crowded:
                self._close_longest_idle(but=connection)
            threading.Thread(target=self._serve, args=(connection,), name="gateway", daemon=True).start()
            on_failure.pop_all()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.run()
        finally:
            self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        with self._lock:
            self._connections.discard(connection)
            self._lock.notify_all()

    def _close_longest_idle(self, but: Connection | None = None) -> None:
        with self._lock:
            since = {each: each.idle_since_s for each in self._connections if each is not but}
        idle = {connection: since_s for connection, since_s in since.items() if since_s is not None}
        if idle:
            min(idle, key=idle.__getitem__).stop_reading()

    def _close_listeners(self) -> None:
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            if key.data is not None:
                key.data[0].close()
        self._selector.close()

    def _close_listener(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            self._selector.unregister(listener)
            listener.close()

    def _end_connections(self) -> None:
        with self._lock:
            for connection in self._connections:
                connection.stop_reading()
            self._lock.wait_for(lambda: not self._connections, timeout=SHUTDOWN_GRACE_S)
            for connection in self._connections:
                LOG.warning("request from %s cut off by the shutdown", connection.remote_address)
                connection.abort()
        self._wake_sender.close()
        self._wake_receiver.close()
