"""The launcher: a small single-threaded process that forks the functions' processes for the emulator.

The emulator is big and multithreaded: forking from it is slow, and unsafe for what has to happen before the
exec. The launcher has the standard library alone (`python -I -S`), a mount namespace of its own, so that no
mount shows on the host, and takes requests over a stream socket: a 4-byte length, JSON, file descriptors.

* `spawn` (output, status, lifeline, gauge): starts an init process (`init`), which starts the function's;
* `cpu`: shares out CPU time where no cgroup does it (`memory_and_cpu_limits`);
* `kill`: kills an init that doesn't end by itself;
* `close`: unmounts the environment's /tmp.

How a process fares doesn't pass through here: its init reports over `status`, in JSON lines (`{"pid": …}`,
`{"started": true}` or `{"error": …}`, `{"exit": <returncode>, "max_rss": …}`), and ends when `lifeline` does.
So a killed emulator (every lifeline ends) and a killed launcher (every init gets its parent-death signal)
leave nothing behind.
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

from serverless_harness.emulator.sandbox.launcher_process import kernel, processes, root
from serverless_harness.emulator.sandbox.launcher_process.init import Init, report
from serverless_harness.emulator.sandbox.launcher_process.memory_and_cpu_limits import (
    GovernedEnvironment,
    now_s,
)

Request = dict[str, Any]

REMOVAL_TIMEOUT_S = 5.0


class Launcher:
    """The launcher's state: its environments, and which processes are its own doing."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._environments: dict[str, GovernedEnvironment] = {}
        self._group_parents: set[Path] = set()
        self._known: set[int] = set()
        self._wake_read, self._wake_write = os.pipe()

    def serve(self) -> None:
        """Answer requests until the emulator's end closes; then see everything ended and removed."""
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            watched: list[socket.socket | int] = [self._connection, self._wake_read]
            ready, _, _ = select.select(watched, [], [], self._tick())
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
                self._reap()
            if self._connection in ready and not self._answer():
                break
        self._finish()

    def _tick(self) -> float | None:
        """Let the environments do what is due; the seconds until something is due again."""
        now = now_s()
        due = min(
            (environment.tick(now) for environment in self._environments.values()), default=float("inf")
        )
        return None if due == float("inf") else max(0.0, due - now)

    def _answer(self) -> bool:
        """Take one request; False at the end of the emulator."""
        received = _receive(self._connection)
        if received is None:
            return False
        request, fds = received
        try:
            self._dispatch(request, fds)
        except OSError as error:
            if request["op"] == "spawn":
                report(fds[1], {"error": str(error)})
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def _dispatch(self, request: Request, fds: list[int]) -> None:
        environment = self._environments.get(request["environment"])
        if request["op"] == "spawn":
            output, status, lifeline, gauge = fds
            self._group_parents |= {Path(group).parent for group in request["cgroups"]}
            if environment is None:
                environment = self._environments[request["environment"]] = GovernedEnvironment(request, gauge)
            environment.set_cpu(None)
            environment.init = self._spawn(request, output, status, lifeline)
        elif environment is None:
            return
        elif request["op"] == "cpu":
            environment.set_cpu(request["vcpus"])
        elif request["op"] == "kill":
            environment.kill()
        elif request["op"] == "close":
            del self._environments[request["environment"]]
            self._unmount(environment.tmp)

    def _spawn(self, request: Request, output: int, status: int, lifeline: int) -> int:
        """Fork the init of one function process."""
        if request["namespaces"]:
            root.mount_tmp(request["tmp"], request["tmp_options"])
            spaces = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
            pid = kernel.clone(spaces | signal.SIGCHLD)
        else:
            pid = os.fork()
        if pid == 0:
            self._become_init(request, output, status, lifeline)
        self._known.add(pid)
        return pid

    def _become_init(self, request: Request, output: int, status: int, lifeline: int) -> None:
        try:
            signal.set_wakeup_fd(-1)
            for fd in (self._connection.fileno(), self._wake_read, self._wake_write):
                os.close(fd)
            Init(request, output, status, lifeline).run()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the emulator must hear of it
            with contextlib.suppress(OSError):
                report(status, {"error": f"{type(error).__name__}: {error}"})
        finally:
            os._exit(0)

    def _unmount(self, target: str) -> None:
        """Unmount a /tmp, in a process of its own: giving back its memory can take long."""
        if os.path.ismount(target):
            pid = os.fork()
            if pid == 0:
                with contextlib.suppress(OSError):
                    kernel.unmount(target)
                os._exit(0)
            self._known.add(pid)

    def _reap(self) -> None:
        """Collect who ended; kill who was orphaned onto the launcher (an init was killed from outside)."""
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self._forget(pid)
        for pid in self._orphans():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _forget(self, pid: int) -> None:
        self._known.discard(pid)
        for environment in self._environments.values():
            if environment.init == pid:
                environment.init = 0

    def _orphans(self) -> set[int]:
        if not kernel.IS_LINUX:
            return set()
        children = Path(f"/proc/self/task/{os.getpid()}/children")
        with contextlib.suppress(OSError):
            return set(map(int, children.read_text().split())) - self._known
        return set()

    def _finish(self) -> None:
        """The emulator is gone: wait for every process's end, then remove the cgroups.

        The inits end by their lifelines; mounts go with the launcher's namespace.
        """
        signal.set_wakeup_fd(-1)
        with contextlib.suppress(ChildProcessError):
            while True:
                for pid in self._known:
                    os.kill(pid, signal.SIGTERM)
                for pid in self._orphans():
                    os.kill(pid, signal.SIGKILL)
                self._known.discard(os.wait()[0])
        groups = {Path(group) for environment in self._environments.values() for group in environment.cgroups}
        _remove([*groups, *self._group_parents])


def _receive(connection: socket.socket) -> tuple[Request, list[int]] | None:
    """The next request with its file descriptors; None at the end of the emulator."""
    header, fds, _, _ = socket.recv_fds(connection, 4, 8)
    for fd in fds:
        os.set_inheritable(fd, False)
    header += _read(connection, 4 - len(header)) if header else b""
    if len(header) < 4:
        return None
    (length,) = struct.unpack("!I", header)
    body = _read(connection, length)
    return (json.loads(body), fds) if len(body) == length else None


def _read(connection: socket.socket, length: int) -> bytes:
    """`length` bytes, less at the end of the stream."""
    data = b""
    while len(data) < length and (chunk := connection.recv(length - len(data))):
        data += chunk
    return data


def _remove(groups: list[Path]) -> None:
    """Remove control groups; one whose last process has just ended can be busy for a moment."""
    deadline = now_s() + REMOVAL_TIMEOUT_S
    while groups and now_s() < deadline:
        for group in groups:
            with contextlib.suppress(OSError):
                group.rmdir()
        groups = [group for group in groups if group.exists()]
        time.sleep(0.01 if groups else 0)


def enter_own_mounts(mode: str, uid: int, gid: int) -> None:
    """Leave the host's mount namespace; in mode `user` become `uid` and `gid` of a user namespace as well."""
    if mode == "none":
        return
    if mode == "user":
        own_uid, own_gid = os.getuid(), os.getgid()
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {own_uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {own_gid} 1")
    else:
        kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)


def main() -> None:
    """`<socket fd> <none|root|user> <uid> <gid> <psutil's folder>`; answers `ready`, or why not."""
    fd, mode, uid, gid, psutil_folder = sys.argv[1:]
    connection = socket.socket(fileno=int(fd))
    os.umask(0o022)  # What the file systems that it builds are made of, functions are to read.
    try:
        enter_own_mounts(mode, int(uid), int(gid))
    except OSError as error:
        connection.sendall(f"{error}\n".encode())
        return
    if not kernel.IS_LINUX:
        sys.path.append(psutil_folder)
        processes.descendants(os.getpid())  # imports it here, not in a forked process
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    try:
        connection.sendall(b"ready\n")
    except BrokenPipeError:  # The emulator ended meanwhile.
        return
    Launcher(connection).serve()
