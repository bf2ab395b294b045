"""Makes the project's two Python environments from the locked, hashed requirements.

    bootstrap.py NAME < STAMP

NAME is the lock of `.venv`, which holds the emulator and the harness: `run` or, with the tests' tools, `dev`.
`.serverless-harness/runtimes/python3.13` holds what functions see. Runs on any Python from 3.8 on, with the
standard library alone. Standard input is the stamp that says that all is done. Without a stamp, whatever is
there was interrupted or foreign, and is made anew.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # The built-in half of signal: nothing is loaded.

_signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # Until main() begins, an interrupt has nothing to undo.

import errno
import fcntl
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

PROJECT = Path.cwd()
sys.path.append(str(PROJECT))

from serverless_harness.runtimes.environments import (
    CommandError,
    Installer,
    is_current,
    locked,
    make_runtime,
)
from serverless_harness.runtimes.pythons import ask_uv, find_python, find_uv, real_path

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "3.13"
STATE = PROJECT / ".serverless-harness"
VENV = PROJECT / ".venv"
RUNTIME = STATE / "runtimes" / f"python{VERSION}"
STAMP = VENV / "environment.stamp"
LOG = STATE / "bootstrap.log"
REQUIREMENTS = PROJECT / "requirements"

HOW_TO_GET_PYTHON = (
    "Python 3.13 is missing and could not be downloaded: install it (your package manager, "
    "https://www.python.org/downloads/, 'pyenv install 3.13' or 'uv python install 3.13') and run this again"
)
HOW_TO_GET_VENV = (
    "{python} can't make virtual environments: install its package for that (Debian, Ubuntu: "
    "'apt install python3.13-venv') and run this again"
)
REMEDIES = {
    errno.EACCES: "give yourself the right to write to it",
    errno.EPERM: "give yourself the right to write to it",
    errno.EROFS: "run this from a copy on a disk that can be written to",
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some of your disk quota",
    errno.EEXIST: "move that file out of the way",
    errno.ENOTDIR: "move the file that is there in a folder's place out of the way",
    errno.EISDIR: "move that folder out of the way",
    errno.EAGAIN: "end some processes, or raise the limit (ulimit -u)",
}
"""What the caller can do about an error of the system's."""


def main() -> None:
    """Bring both environments up to date, one process at a time, and stamp them."""
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    os.umask(0o022)  # functions run as another user, who reads their runtime
    name = sys.argv[1]
    wanted = sys.stdin.read()
    STATE.mkdir(exist_ok=True)
    with only_one_at_a_time(STATE / "bootstrap.lock"), LOG.open("a") as log:
        if is_up_to_date(wanted):
            return
        installer = Installer(STATE, log, find_uv(), None)
        with step(f"Python {VERSION}", log):
            python = find_python(VERSION, STATE, installer.uv) or download_python(installer)
        if python is None:
            incomplete = find_python(VERSION, STATE, installer.uv, complete=False)
            fail(HOW_TO_GET_VENV.format(python=incomplete) if incomplete else HOW_TO_GET_PYTHON, 2)
        fresh = not STAMP.exists() or real_path(str(VENV / "bin" / "python"), VERSION, STATE) is None
        if STAMP.exists():
            STAMP.unlink()
        with step("Environment (.venv)", log):
            installer = make_environment(python, name, fresh, installer)
        if fresh or not is_current(RUNTIME):
            with step("Functions' runtime", log):
                make_runtime(installer, python, RUNTIME)
        stamp(wanted)


def is_up_to_date(wanted: str) -> bool:
    """Tell whether another process has made just this environment while this one waited."""
    return STAMP.exists() and STAMP.read_text() == wanted and (RUNTIME / "bin" / "python").exists()


def make_environment(python: str, name: str, fresh: bool, installer: Installer) -> Installer:
    """Install the lock `name` and this project, editable, into `.venv`; gives what installs from there."""
    if fresh:
        installer.make_venv(python, VENV)
    venv_python = str(VENV / "bin" / "python")
    installer.run([venv_python, "-I", "-m", "pip", "install", *locked(REQUIREMENTS / "bootstrap.txt")])
    own = Installer(STATE, installer.log, str(VENV / "bin" / "uv"), venv_python)
    own.sync(venv_python, REQUIREMENTS / f"{name}.txt")
    own.run([*own.uv_pip("install", venv_python), "--no-deps", "--no-build-isolation", "--editable", "."])
    return own


def download_python(installer: Installer) -> str | None:
    """Have uv download a Python into this project, with a uv of our own where there is none."""
    uv = installer.uv or install_uv(installer)
    if uv is None or not installer.succeeds([uv, "python", "install", VERSION]):
        return None
    return ask_uv(uv, VERSION, STATE)


def install_uv(installer: Installer) -> str | None:
    """Install uv beside the project with whatever Python runs this; None where that fails."""
    folder = STATE / "uv"
    commands = (
        [sys.executable, "-I", "-m", "venv", "--clear", str(folder)],
        [
            str(folder / "bin" / "python"),
            "-I",
            "-m",
            "pip",
            "install",
            *locked(REQUIREMENTS / "bootstrap.txt"),
        ],
    )
    return str(folder / "bin" / "uv") if all(map(installer.succeeds, commands)) else None


def stamp(wanted: str) -> None:
    """Write the stamp in one go, so that an interrupted run never leaves half of one."""
    unfinished = STAMP.with_suffix(".unfinished")
    unfinished.write_text(wanted)
    unfinished.replace(STAMP)


@contextmanager
def only_one_at_a_time(lock: Path) -> Iterator[None]:
    """Hold `lock`; the system lets go of it when this process ends, however it ends."""
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another script that is making the environment")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextmanager
def step(name: str, log: IO[str]) -> Iterator[None]:
    """Print the name of a step when it starts, its time when it ends."""
    started = time.monotonic()
    say("… " + name)
    log.write(f"== {name}\n")
    log.flush()
    yield
    say(f"✓ {name} ({time.monotonic() - started:.1f} s)")


def say(text: str) -> None:
    """Print to standard error, in ASCII where the terminal can't do better; output belongs to the command.

    Where it can't be written, on a full disk, the work goes on.
    """
    encoding = sys.stderr.encoding or "ascii"
    try:
        print(text.encode(encoding, "replace").decode(encoding), file=sys.stderr, flush=True)
    except OSError:  # Python would try again at its end, and make an exit code of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def fail(message: str, code: int) -> NoReturn:
    """End with one line."""
    say("error: " + message)
    sys.exit(code)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except CommandError as failed:
        fail(str(failed), 1)
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0)
        fail(f"{error}{f': {remedy}, then run this again' if remedy else ''}", 2 if remedy else 1)
