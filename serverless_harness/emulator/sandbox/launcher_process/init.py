"""The init of one function process: process 1 of its PID namespace, or its subreaper where there are none."""

import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from serverless_harness.emulator.sandbox.launcher_process import (
    kernel,
    landlock,
    own_network,
    processes,
    root,
    seccomp,
)


class Init:
    """Starts the function's process, reaps its descendants, ends them all when it or its lifeline ends."""

    def __init__(self, request: dict[str, Any], output: int, status: int, lifeline: int) -> None:
        self._request = request
        self._output, self._status, self._lifeline = output, status, lifeline
        self._told_to_end = False

    def run(self) -> None:
        """Live the whole life of the function's process."""
        wake = self._prepare_signals()
        cgroups = [_open_group(Path(folder)) for folder in self._request["cgroups"]]
        failure_read, failure_write = os.pipe()
        mounted_read, mounted_write = os.pipe()
        main = os.fork()
        if main == 0:
            os.close(mounted_write)
            self._exec(cgroups, failure_write, mounted_read)
        # The process enters its control groups, for which the kernel may make it wait, meanwhile.
        if self._request["namespaces"]:
            root.enter(self._request["plan"], self._request["root"], self._request["tmp"])
        os.write(mounted_write, b"1")
        os.close(failure_write)
        os.close(self._output)
        failure = os.read(failure_read, 4096)
        report(self._status, {"error": failure.decode()} if failure else {"started": True})
        returncode, max_rss = self._wait(main, wake)
        self._kill_all()
        report(self._status, {"exit": returncode, "max_rss": max_rss})

    def _prepare_signals(self) -> int:
        """Wake up for children and for SIGTERM, and end with the launcher; the descriptor to wait on."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_sigterm)
        if self._request["namespaces"]:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # the kernel then ends the whole namespace
        else:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        return wake_read

    def _on_sigterm(self, *_: object) -> None:
        self._told_to_end = True

    def _wait(self, main: int, wake: int) -> tuple[int, int]:
        """The main process's returncode and ru_maxrss; once told to end, SIGKILL's and what was seen."""
        while not self._told_to_end:
            ready, _, _ = select.select([self._lifeline, wake], [], [])
            if self._lifeline in ready:
                break
            os.read(wake, 4096)
            for pid, wait_status, usage in _ended():
                if pid == main:
                    return os.waitstatus_to_exitcode(wait_status), usage.ru_maxrss
        return -signal.SIGKILL, self._kill_all()

    def _kill_all(self) -> int:
        """Kill every descendant, and wait until none is left; the largest ru_maxrss among them."""
        max_rss = 0
        while True:
            self._kill_once()
            try:
                _, _, usage = os.wait4(-1, 0)
            except ChildProcessError:
                return max_rss
            max_rss = max(max_rss, usage.ru_maxrss)

    def _kill_once(self) -> None:
        if self._request["namespaces"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            return
        for pid in processes.descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def _exec(self, cgroups: list[int], failure: int, mounted: int) -> NoReturn:
        """Become the function's process, once `mounted` says that its file system is there."""
        try:
            request = self._request
            signal.set_wakeup_fd(-1)
            os.setsid()
            # On Linux the emulator takes the id that the kernel attaches: this one is the namespace's.
            report(self._status, {"pid": os.getpid()})
            if request["listen"]:
                self._enter_own_network(request["listen"])
            for group in cgroups:
                os.write(group, b"0")
            for name, limit in request["rlimits"].items():
                _set_limit(getattr(resource, name), limit)
            os.umask(0o022)
            if not os.read(mounted, 1):
                os._exit(127)  # the init has failed, and told
            self._redirect_output()
            _drop_privileges(request["user"])
            hidden = request["hidden"]
            landlock.restrict_reach(request["ports"], Path(hidden) if hidden else None)
            seccomp.restrict_calls()
            os.chdir(request["cwd"])
            _restore_signals()
            argv = [*_wrapper(request["wrapper"]), *request["argv"]]
            os.execve(argv[0], argv, request["environ"])
        except BaseException as error:  # noqa: BLE001 - whatever it is, the init reports it
            os.write(failure, str(error).encode())
        os._exit(127)

    def _enter_own_network(self, ports: list[int]) -> None:
        listeners = own_network.enter(ports)
        with socket.socket(fileno=os.dup(self._status)) as status:
            socket.send_fds(status, [_line({"listening": ports})], [each.fileno() for each in listeners])
        for listener in listeners:
            listener.close()

    def _redirect_output(self) -> None:
        null = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((null, 0), (self._output, 1), (self._output, 2)):
            os.dup2(source, target)


def _open_group(folder: Path) -> int:
    """Where a process writes 0 to enter a control group.

    Version 1's `tasks` moves a single thread, without the lock on all of the machine's forks that
    `cgroup.procs` takes: a millisecond or more for each group.
    """
    try:
        return os.open(folder / "tasks", os.O_WRONLY)
    except FileNotFoundError:
        return os.open(folder / "cgroup.procs", os.O_WRONLY)


def report(status: int, message: dict[str, Any]) -> None:
    """One line to the emulator."""
    os.write(status, _line(message))


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _ended() -> Iterator[tuple[int, int, resource.struct_rusage]]:
    """The children that have ended by now."""
    with contextlib.suppress(ChildProcessError):
        while (child := os.wait4(-1, os.WNOHANG))[0]:
            yield child


def _set_limit(which: int, limit: int) -> None:
    """Lower a limit, soft and hard; the hard one is never raised, which only root may."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(which, (limit, limit))


def _drop_privileges(user: list[int] | None) -> None:
    """Become `user` (uid, gid) for good; None: stay who we are."""
    capability = 0
    while kernel.prctl(kernel.PR_CAPBSET_DROP, capability):
        capability += 1
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if user and os.getuid() != user[0]:
        uid, gid = user
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)


def _restore_signals() -> None:
    """Undo what Python and the init set: an exec keeps ignored signals ignored."""
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def _wrapper(path: str | None) -> list[str]:
    """The wrapper script to start through; as /var/runtime/bootstrap of AWS's images checks it."""
    if path is None:
        return []
    if not Path(path).is_file():
        _give_up(f"{path}: does not exist", 127)
    if not os.access(path, os.X_OK):
        _give_up(f"{path}: is not an executable", 126)
    return [path]


def _give_up(message: str, returncode: int) -> NoReturn:
    os.write(sys.stdout.fileno(), message.encode() + b"\n")
    os._exit(returncode)
