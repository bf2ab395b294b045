"""Runs a command that never outlives its owner, and leaves nothing of it behind: a program of its own.

    python -I supervisor.py GRACE_S COMMAND...

The owner holds the writing end of this process's standard input. When that closes, however the owner ended,
the command is stopped; a line `detach` there lets it run on without an owner. SIGTERM, SIGINT and SIGHUP are
passed on to the command. When the command has ended, or GRACE_S seconds after it was asked to, all of its
descendants are killed. Exit code: the command's; 128 + n after a signal n.

On Linux, orphans of the command become children of this process (PR_SET_CHILD_SUBREAPER), and the command
gets SIGTERM should this process be killed (PR_SET_PDEATHSIG), prctl(2). Elsewhere, descendants are found
by their parents while the command lives.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
IS_LINUX = sys.platform == "linux"


class Supervisor:
    """One command, from its start until nothing of it is left."""

    def __init__(self, grace_s: int, command: list[str]) -> None:
        self.grace_s = grace_s
        if IS_LINUX:
            _prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.descendants: set[psutil.Process] = set()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent if IS_LINUX else None,  # noqa: PLW1509 (no thread is started yet)
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._pass_on)
        signal.signal(signal.SIGALRM, lambda *_: self._kill(self._living()))

    def run(self) -> int:
        """Wait for the command's end, kill what it left, and give its exit code."""
        threading.Thread(target=_watch_owner, daemon=True).start()
        status = self._reap_until_command_ends()
        while left := self._living():  # an orphan may have started another one meanwhile
            self._kill(left)
            psutil.wait_procs(left, timeout=1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)  # While Python ends, its handlers no longer hold them off.
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)

    def _reap_until_command_ends(self) -> int:
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == self.process.pid:
                return status

    def _pass_on(self, number: int, _frame: object) -> None:
        self.descendants.update(psutil.Process().children(recursive=True))
        os.kill(self.process.pid, number)
        signal.alarm(self.grace_s)

    def _kill(self, processes: list[psutil.Process]) -> None:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _living(self) -> list[psutil.Process]:
        self.descendants.update(psutil.Process().children(recursive=True))
        return [process for process in self.descendants if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _watch_owner() -> None:
    """Wait for the owner's word or end; its end counts as SIGTERM."""
    if sys.stdin.readline() != "detach\n":
        os.kill(os.getpid(), signal.SIGTERM)


def _die_with_parent() -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    sys.exit(Supervisor(int(sys.argv[1]), sys.argv[2:]).run())
