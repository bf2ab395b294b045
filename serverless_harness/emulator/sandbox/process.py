"""A function's process as the emulator sees it: its output, its end, its killing."""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from serverless_harness.emulator.cpu_wait import CpuWait
from serverless_harness.emulator.sandbox.base import Exit

LOG = logging.getLogger(__name__)

CHUNK_BYTES = 65536
START_TIMEOUT_S = 30.0
MAX_LISTENERS = 16
ANCILLARY_BYTES = socket.CMSG_SPACE(struct.calcsize("3i")) + socket.CMSG_SPACE(MAX_LISTENERS * 4)
KILL_PATIENCE_S = 2.0
"""How long the init, which ends everything in order, is waited for before it is killed too."""


class SpawnError(RuntimeError):
    """The process could not be started; the message says why."""


@dataclass(frozen=True)
class Ended:
    """What the init process reported."""

    returncode: int
    max_rss_bytes: int


class LaunchedProcess:
    """One process started by the launcher; its init answers over `status` until it is gone."""

    def __init__(
        self,
        output: int,
        status: socket.socket,
        lifeline: int,
        on_output: Callable[[bytes], None],
        on_exit: Callable[[Exit], None],
        judge: Callable[[Ended], Exit],
        kill_init: Callable[[], None],
        throttled_ns: Callable[[], int],
        vcpus: Callable[[], float | None],
    ) -> None:
        self._output, self._status, self._lifeline = output, status, lifeline
        if sys.platform.startswith("linux"):
            # Before the launcher has the other end: the sender's id comes with what is sent from now on.
            status.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._on_output, self._on_exit, self._judge = on_output, on_exit, judge
        self._kill_init = kill_init
        self._throttled_ns, self._vcpus = throttled_ns, vcpus
        self._cpu_wait: CpuWait | None = None
        self._pending = b""
        self._reported: Ended | None = None
        self._exit: Exit | None = None
        self._gone = threading.Event()
        self._kill_lock = threading.Lock()
        self._follower: threading.Thread | None = None
        self.pid = 0
        """The process's id on the host."""
        self.listeners: list[socket.socket] = []
        """Those of the process's own network, for who takes them to close."""

    def start(self) -> None:
        """Wait until the process runs its program, then follow it; raises SpawnError."""
        self._status.settimeout(START_TIMEOUT_S)
        try:
            while not self._take_messages():
                pass
        except (OSError, SpawnError) as error:
            self._discard()
            for listener in self.listeners:
                listener.close()
            if isinstance(error, SpawnError):
                raise
            raise SpawnError(f"the function's process did not start: {error}") from error
        self._cpu_wait = CpuWait(self.pid, self._throttled_ns, self._vcpus)
        self._follower = threading.Thread(target=self._follow, name=f"lambda-{self.pid}", daemon=True)
        self._follower.start()

    def kill(self) -> None:
        """Kill the process and every descendant; returns when none is left."""
        self._end_lifeline()
        if threading.current_thread() is self._follower:
            return
        while not self._gone.wait(KILL_PATIENCE_S):
            self._kill_init()

    def wait(self, timeout_s: float | None = None) -> Exit | None:
        """Wait for the end; None when `timeout_s` passed first."""
        return self._exit if self._gone.wait(timeout_s) else None

    def waited_for_cpu_s(self, until: float | None = None) -> float:
        """Return for how long it was ready to run while others had the CPUs, in seconds since `start`."""
        return self._cpu_wait.waited_s(until) if self._cpu_wait else 0.0

    @property
    def gone(self) -> bool:
        """Whether it has ended, with every descendant."""
        return self._gone.is_set()

    def _follow(self) -> None:
        """Read output and status until no process is left, then tell."""
        self._read_until_end()
        self._discard()
        self._exit = self._judge(self._reported or Ended(-signal.SIGKILL, 0))
        self._gone.set()
        try:
            self._on_exit(self._exit)
        except Exception:
            LOG.exception("The end of function process %s could not be handled", self.pid)

    def _read_until_end(self) -> None:
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        poll.register(self._status, select.POLLIN)
        self._status.settimeout(None)
        gone = False
        while not (gone or self._reported):
            for fd, _ in poll.poll():
                if fd == self._status.fileno():
                    gone = self._take_messages() is None
                elif not self._take_output():
                    poll.unregister(self._output)
        os.set_blocking(self._output, False)
        with contextlib.suppress(
            BlockingIOError
        ):  # a descendant that got away may hold it (without namespaces)
            while self._take_output():
                pass

    def _take_output(self) -> bool:
        chunk = os.read(self._output, CHUNK_BYTES)
        if chunk:
            try:
                self._on_output(chunk)
            except Exception:
                LOG.exception("Output of function process %s was lost", self.pid)
        return bool(chunk)

    def _take_messages(self) -> bool | None:
        """Read status lines: True once the program runs, None at the end of the init."""
        data, ancillary, _, _ = self._status.recvmsg(4096, ANCILLARY_BYTES)
        self.listeners += _sockets(ancillary)
        if not data:
            if not self.pid:
                raise SpawnError("the function's process did not start: its launcher ended")
            return None
        started = False
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "error" in message:
                raise SpawnError(f"the function's process did not start: {message['error']}")
            if "pid" in message:
                self.pid = _sender(ancillary) or message["pid"]
            elif "started" in message:
                started = True
            elif "exit" in message:
                unit = 1 if sys.platform == "darwin" else 1024
                self._reported = Ended(message["exit"], message["max_rss"] * unit)
        return started

    def _end_lifeline(self) -> None:
        with self._kill_lock:
            if self._lifeline >= 0:
                os.close(self._lifeline)
                self._lifeline = -1

    def _discard(self) -> None:
        self._end_lifeline()
        self._status.close()
        os.close(self._output)


def _sockets(ancillary: list[tuple[int, int, bytes]]) -> list[socket.socket]:
    """The sockets that came with a message."""
    return [
        socket.socket(fileno=fd)
        for level, kind, data in ancillary
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS
        for (fd,) in struct.iter_unpack("i", data)
    ]


def _sender(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """The sender's process id in our PID namespace, as the kernel attached it (SCM_CREDENTIALS)."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == getattr(socket, "SCM_CREDENTIALS", None):
            pid: int = struct.unpack("3i", data[: struct.calcsize("3i")])[0]
            return pid
    return None
