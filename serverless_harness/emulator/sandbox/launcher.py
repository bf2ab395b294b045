"""The emulator's end of the launcher process: start it, restart it when it died, send it requests."""

import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import psutil

from serverless_harness.emulator.sandbox.filesystem import GID, UID

LauncherMode = Literal["root", "user", "none"]
"""Namespaces made as root, inside a user namespace, or not at all."""

_PROJECT_ROOT = Path(__file__).resolve().parents[3]
_RUN = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from serverless_harness.emulator.sandbox.launcher_process.main import main; main()"
)


class LauncherError(RuntimeError):
    """The launcher could not be started or reached."""


class Launcher:
    """One launcher process; requests may come from any thread."""

    def __init__(self, mode: LauncherMode) -> None:
        self.mode: LauncherMode = mode
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, None before the first request."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process unless it runs; raises LauncherError where this mode is not possible."""
        with self._lock:
            self._ensure_running()

    def request(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send a request; a launcher that died is started again first."""
        body = json.dumps(message).encode()
        with self._lock:
            try:
                self._send(body, fds)
            except OSError:
                self._stop()
                self._send(body, fds)

    def stop(self) -> None:
        """End the process, with everything that it started."""
        with self._lock:
            self._stop()

    def _send(self, body: bytes, fds: Sequence[int]) -> None:
        connection = self._ensure_running()
        frame = struct.pack("!I", len(body)) + body
        sent = socket.send_fds(connection, [frame], fds)
        connection.sendall(frame[sent:])

    def _ensure_running(self) -> socket.socket:
        if self._process and self._process.poll() is not None:
            self._stop()
        return self._connection or self._start()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = subprocess.Popen(
                [*self._command(), str(theirs.fileno()), self.mode, str(UID), str(GID), _psutil_folder()],
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # ctrl-C at the terminal is the emulator's to handle
                stdin=subprocess.DEVNULL,
                env={},
                cwd="/",
            )
        answer = ours.makefile("rb").readline().decode().strip()
        if answer != "ready":
            ours.close()
            self._process.wait()
            raise LauncherError(answer or "the launcher ended at once")
        self._connection = ours
        return ours

    def _stop(self) -> None:
        if self._connection:
            self._connection.close()
        if self._process:
            self._process.wait()
        self._connection = self._process = None

    def _command(self) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", _RUN, str(_PROJECT_ROOT)]


def _psutil_folder() -> str:
    return str(Path(psutil.__file__).parents[1])
