"""Makes virtual environments that hold just what a lock says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import IO, TYPE_CHECKING

from serverless_harness.runtimes.pythons import environ

if TYPE_CHECKING:
    from collections.abc import Sequence

FUNCTION_LOCK = Path(__file__).with_name("function.txt")
"""What functions find beside the standard library, as in AWS's images: the SDK and the runtime client."""
DEBUGGER_LOCK = Path(__file__).with_name("debugger.txt")
"""What a function runs under while it is debugged."""

READABLE = ("/bin/sh", "-c", 'umask 022; exec "$@"', "sh")
"""Starts a command whose files all users can read: functions run as another one."""


class CommandError(Exception):
    """A command failed; the message says which, and the last thing that it said."""


class Installer:
    """Runs Python, uv and pip, their output to a log.

    uv is tried first; where it is missing or fails, pip, which a machine may have set up for an index that uv
    doesn't know of. Either may be None.
    """

    def __init__(self, state: Path, log: IO[str], uv: str | None, pip_python: str | None) -> None:
        self.state = state
        self.log = log
        self.uv = uv
        self.pip_python = pip_python
        self.environ = environ(state)

    def make_venv(self, python: str, folder: Path, *options: str) -> None:
        """Make an empty virtual environment in `folder`, whatever was there."""
        self.run([python, "-I", "-m", "venv", "--clear", *options, str(folder)])

    def sync(self, python: str, lock: Path) -> None:
        """Make the packages of the environment of `python` those of the lock; raises CommandError."""
        if self.uv and self.succeeds([*self.uv_pip("sync", python), "--require-hashes", str(lock)]):
            return
        if not self.pip_python:
            raise CommandError("neither uv nor pip is available to install packages")
        command = [self.pip_python, "-I", "-m", "pip", "--python", python, "install"]
        self.run([*command, *locked(lock)])

    def uv_pip(self, command: str, python: str) -> list[str]:
        """Give the start of a `uv pip` command line for the environment of `python`."""
        return [self.uv or "uv", "pip", command, "--python", python]

    def succeeds(self, command: Sequence[str]) -> bool:
        """Run a command and tell whether it went well."""
        try:
            readable = [*READABLE, *command]
            return subprocess.call(readable, stdout=self.log, stderr=self.log, env=self.environ) == 0
        except OSError as error:
            print(error, file=self.log, flush=True)
            return False

    def run(self, command: Sequence[str]) -> None:
        """Run a command; raises CommandError with the last thing that a failed one said."""
        start = self.log.tell()
        if self.succeeds(command):
            return
        with Path(self.log.name).open() as written:
            written.seek(start)
            lines = [line.strip() for line in written if line.strip()]
        reason = lines[-1] if lines else "no output"
        raise CommandError(f"'{' '.join(command[:5])}' failed: {reason} (full output: {self.log.name})")


def locked(lock: Path) -> list[str]:
    """Give pip's arguments for a lock; it is complete, so nothing else is looked for."""
    return ["--no-deps", "--require-hashes", "--requirement", str(lock)]


def make_runtime(installer: Installer, python: str, runtime: Path, lock: Path = FUNCTION_LOCK) -> None:
    """Make a Python with what `lock` says in the folder `runtime`, in whose place it comes when it is whole.

    Raises CommandError.
    """
    runtime.parent.mkdir(parents=True, exist_ok=True)
    unfinished = runtime.with_name(f".{runtime.name}.{os.getpid()}")
    try:
        installer.make_venv(python, unfinished, "--without-pip")
        installer.sync(str(unfinished / "bin" / "python"), lock)
        # Functions see it read-only: what is not compiled now would be compiled at every cold start.
        moved = ["-s", str(unfinished), "-p", str(runtime)]
        compiler = [str(unfinished / "bin" / "python"), "-I", "-m", "compileall", "-q"]
        installer.run([*compiler, *moved, str(unfinished / "lib")])
        (unfinished / lock.name).write_text(lock.read_text())
        shutil.rmtree(str(runtime), ignore_errors=True)
        unfinished.rename(runtime)
    finally:
        shutil.rmtree(str(unfinished), ignore_errors=True)


def is_current(runtime: Path, lock: Path = FUNCTION_LOCK) -> bool:
    """Tell whether the Python in `runtime` is whole, and holds what the lock says."""
    try:
        return (runtime / lock.name).read_text() == lock.read_text() and os.access(
            str(runtime / "bin" / "python"), os.X_OK
        )
    except OSError:
        return False
