"""Sessions of the debugger: each has a function, and a port of loopback for a client, such as an IDE.

A process that debugpy runs in connects to the emulator, as a runtime does to its Runtime API, and speaks the
Debug Adapter Protocol. Its bytes are passed on to the client and back; whichever comes first waits for the
other.
"""

import contextlib
import functools
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import psutil

from serverless_harness.emulator.gateway import function_processes
from serverless_harness.emulator.gateway.wsgi_environ import Address

LOG = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
TIME_LIMIT_S = 86_400
"""Replaces the time limits of init and invoke, which are too short for somebody who steps through code."""
MEMORY_MB = 64
"""What an environment may use beyond its function's memory size: debugpy takes about 20 MB."""
FIRST_BYTES = b"Content-Length:"
"""How each message of the protocol begins. A web page's request begins otherwise."""
TAKEOVER_S = 2.0
"""How long a client waits for the one before it to be gone."""
CHUNK_BYTES = 65536


class DebuggingError(Exception):
    """A session can't be started; the message says why."""


class Session:
    """One function under the debugger, until `close`."""

    def __init__(self, function_name: str, port: int, packages: Path, host: str = LOOPBACK) -> None:
        """Listen on `port` for a client; `packages` is the folder that debugpy is installed in.

        With another `host` than loopback's, clients are on other machines, such as containers; whoever is on
        this one, where functions are, is refused.

        Raises:
            DebuggingError: Nothing can listen there.
        """
        self.function_name, self.port, self.packages = function_name, port, packages
        self._host = host
        self.changed = threading.Condition()
        self._client: socket.socket | None = None
        self._is_paired = False
        self._waiting_processes = 0
        self._closed = False
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise DebuggingError(
                f"nothing can listen on port {port} for the debugger ({reason}): choose another port"
            ) from None
        threading.Thread(target=self._accept, name=f"debugger-{port}", daemon=True).start()

    @property
    def has_client(self) -> bool:
        """Whether a client is connected to an environment's process."""
        return self._is_paired

    @property
    def waiting(self) -> str | None:
        """Who waits for the other one, `client` or `function`; None where nobody does."""
        with self.changed:
            if self._is_paired:
                return None
            return "function" if self._waiting_processes else "client" if self._client else None

    def is_open(self) -> bool:
        """Return whether debugging goes on."""
        return not self._closed

    def close(self) -> None:
        """End the session: what is stopped goes on. Idempotent."""
        with self.changed:
            self._closed = True
            client = self._client
            self.changed.notify_all()
        _wake(self._listener)
        _shut_down(client)

    def serve(self, process: socket.socket, is_gone: Callable[[], bool]) -> None:
        """Pass bytes between a process and the client, once there is one, until either ends.

        `changed` is notified where `is_gone` may have changed: nobody waits for that process any longer.
        """
        with self.changed:
            self._waiting_processes += 1
        try:
            client = self._await_client(is_gone)
        finally:
            with self.changed:
                self._waiting_processes -= 1
        if client is not None:
            there = threading.Thread(target=_pass_on, args=(client, process), daemon=True)
            there.start()
            _pass_on(process, client)
            there.join()
            self._forget(client)
        process.close()

    def _is_refused(self, address: Address) -> bool:
        return function_processes.own(address) if self._host == LOOPBACK else _is_of_this_machine(address)

    def _accept(self) -> None:
        with self._listener:
            while True:
                try:
                    client, address = self._listener.accept()
                except OSError:
                    return
                refused = self._is_refused(address)
                with self.changed:
                    if not refused:
                        self.changed.wait_for(lambda: not self._is_paired or self._closed, TAKEOVER_S)
                    # A client that has no process yet gives way to the next: it may have gone.
                    refused = refused or self._closed or self._is_paired
                    if not refused:
                        _shut_down(self._client)
                        self._client = client
                        self.changed.notify_all()
                if refused:
                    LOG.warning("Another client of the debugger of %s was refused", self.function_name)
                    client.close()
                if self._closed:
                    return

    def _await_client(self, is_gone: Callable[[], bool]) -> socket.socket | None:
        """Return the next client that speaks the protocol; None where nobody waits for it any longer."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self._client is not None or self._closed or is_gone())
                client = self._client
            is_one = client is not None and _speaks_protocol(client)
            with self.changed:
                if self._closed or is_gone():
                    return None
                if is_one and client is self._client:
                    self._is_paired = True
                    return client
            if client is not None:
                self._forget(client)

    def _forget(self, client: socket.socket) -> None:
        with self.changed:
            if self._client is client:
                self._client, self._is_paired = None, False
                self.changed.notify_all()
        client.close()


class Link:
    """Connects an execution environment to its session, also after restarts of its process; until `close`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._host_listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._host_listener.getsockname()[1]
        """Of loopback, in the environment's own network or the host's: the process connects to it."""
        self._lock = threading.Lock()
        self._listeners: set[socket.socket] = {self._host_listener}
        self._connection: socket.socket | None = None
        self._is_process: Callable[[Address], bool] = lambda _: False
        self._serves_host = False
        self._closed = False

    def prelude(self, packages: str) -> str:
        """Return the Python with which a process begins that sees debugpy's folder as `packages`."""
        code = Path(__file__).with_name("in_process.py").read_text()
        return f"{code}\nwait_for_client({self.port}, {packages!r})\n"

    @property
    def is_connected(self) -> bool:
        """Whether a process is in the debugger's hands, or waits for a client."""
        with self._lock:
            return self._connection is not None and not self._closed

    def listen(self, listener: socket.socket | None, is_process: Callable[[Address], bool]) -> None:
        """Serve a process that was just started, on a listener of its own network if it has one.

        `is_process` says of an address whether it is the process's.
        """
        with self._lock:
            self._is_process = is_process
            if listener is None and self._serves_host:
                return
            self._serves_host = listener is None
            if listener is not None:
                _wake(self._host_listener)
                self._listeners.add(listener)
            listener = listener or self._host_listener
        if not self.session.is_open():
            self.close()
        threading.Thread(target=self._accept, args=(listener,), name="debugger-link", daemon=True).start()

    def hang_up(self) -> None:
        """Forget the process, which has ended, with what listens in its network."""
        with self._lock:
            connection, self._connection = self._connection, None
            ended = self._listeners - {self._host_listener}
            self._listeners -= ended
        self._end(connection, ended)

    def close(self) -> None:
        """Let go of the process, which runs on without the debugger. Idempotent."""
        with self._lock:
            self._closed = True
            connection, self._connection = self._connection, None
            ended, self._listeners = self._listeners, set()
        self._end(connection, ended)

    def _end(self, connection: socket.socket | None, listeners: set[socket.socket]) -> None:
        for listener in listeners:
            _wake(listener)
        _shut_down(connection)
        with self.session.changed:
            self.session.changed.notify_all()

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                try:
                    process, address = listener.accept()
                except OSError:
                    return
                if not self._take(process, address, listener):
                    process.close()
                    continue
                self.session.serve(process, functools.partial(self._is_gone, process))
                with self._lock:
                    if self._connection is process:
                        self._connection = None

    def _is_gone(self, process: socket.socket) -> bool:
        return self._connection is not process

    def _take(self, process: socket.socket, address: Address, listener: socket.socket) -> bool:
        if not self._is_process(address):
            LOG.warning("The debugger of %s refused another process", self.session.function_name)
            return False
        with self._lock:
            if self._closed or listener not in self._listeners:
                return False
            self._connection = process
            return True


def _is_of_this_machine(address: Address) -> bool:
    own = {each.address for interface in psutil.net_if_addrs().values() for each in interface}
    return address[0] in own or ip_address(address[0]).is_loopback


def _speaks_protocol(client: socket.socket) -> bool:
    """Return whether the first thing that a client sends is a message; waits for it."""
    with contextlib.suppress(OSError):
        return client.recv(len(FIRST_BYTES), socket.MSG_PEEK | socket.MSG_WAITALL) == FIRST_BYTES
    return False


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until either end is closed; then both are."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            target.sendall(chunk)
    _shut_down(source)
    _shut_down(target)


def _shut_down(connection: socket.socket | None) -> None:
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _wake(listener: socket.socket) -> None:
    """Close a listener, and have a blocked accept() return."""
    with contextlib.suppress(OSError):
        if sys.platform == "linux":
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
