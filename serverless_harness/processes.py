"""Starting programs that end with their owner, and telling whether a recorded process still runs."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import psutil

from serverless_harness import supervisor
from serverless_harness.private_files import PRIVATE_UMASK

STOP_GRACE_S = 10
"""How long a program has to end by itself after it was asked to."""


CREATION_TOLERANCE_S = 2
"""How far two readings of one process's creation time may be apart, after the clock was set."""


class OwnedProcess:
    """A program in a session of its own that ends, with all of its descendants, when its owner does.

    Files that it makes are this user's alone. The owner is this process, until `detach`.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        output: IO[bytes] | int,
        cwd: Path | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", supervisor.__file__, str(STOP_GRACE_S), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            cwd=cwd,
            start_new_session=True,
            umask=PRIVATE_UMASK,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdout(self) -> IO[bytes] | None:
        """What the program prints, where `output` was `subprocess.PIPE`."""
        return self._process.stdout

    @property
    def returncode(self) -> int | None:
        """The program's exit code, None while it runs."""
        return self._process.poll()

    def detach(self) -> None:
        """Let the program run on when this process ends."""
        self._say("detach\n")

    def interrupt(self) -> None:
        """Ask the program to end in its own way, as ctrl-C would."""
        self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        """End the program and all of its descendants; returns when none is left."""
        self._process.terminate()
        self._process.wait(STOP_GRACE_S + 10)
        self._say("")

    def wait(self) -> int:
        """Wait for the program's end and give its exit code."""
        return self._process.wait()

    def _say(self, word: str) -> None:
        if self._process.stdin and not self._process.stdin.closed:
            with self._process.stdin as stdin:
                stdin.write(word.encode())


def run_owned(command: Sequence[str], environ: Mapping[str, str], cwd: Path) -> tuple[int, str]:
    """Run a program to its end, or to this process's; gives its exit code and all that it printed."""
    process = OwnedProcess(command, environ, subprocess.PIPE, cwd)
    assert process.stdout
    try:
        output = process.stdout.read().decode(errors="replace")
        return process.wait(), output
    except BaseException:
        process.stop()
        raise


@dataclass(frozen=True)
class ProcessId:
    """A process for good: a pid alone may be another's by tomorrow.

    `created_s` is seconds since the epoch.
    """

    pid: int
    created_s: float

    @classmethod
    def of(cls, pid: int) -> Self:
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """Give the process, None when it has ended."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created_s) < CREATION_TOLERANCE_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def stop(self) -> None:
        """End the process and its descendants: by SIGTERM, then by SIGKILL for whatever is left of them."""
        process = self.find()
        if process is None:
            return
        everything = [process, *process.children(recursive=True)]
        process.terminate()
        psutil.wait_procs([process], timeout=STOP_GRACE_S + 5)
        for left in everything:
            if left.is_running():
                left.kill()
        psutil.wait_procs(everything, timeout=5)
