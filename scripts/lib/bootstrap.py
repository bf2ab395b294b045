"""Makes the project's two Python environments from the locked, hashed requirements.

`.venv` holds the emulator, the harness and their tools; `.serverless-harness/runtimes/python3.13` holds what
functions see. Runs on any Python from 3.8 on, with the standard library alone. Reads from standard input the
stamp that says that all is done. Without a stamp, whatever is there was interrupted or foreign, and is made
anew.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROJECT = Path.cwd()
STATE = PROJECT / ".serverless-harness"
VENV = PROJECT / ".venv"
RUNTIME = STATE / "runtimes" / "python3.13"
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
    errno.EACCES: "make it yours to write",
    errno.EPERM: "make it yours to write",
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
    os.umask(0o022)  # functions run as another user, who reads their runtime
    wanted = sys.stdin.read()
    STATE.mkdir(exist_ok=True)
    with only_one_at_a_time(STATE / "bootstrap.lock"), LOG.open("a") as log:
        if is_up_to_date(wanted):
            return
        with step("Python 3.13", log):
            python = find_python() or download_python(log)
        if python is None:
            incomplete = find_python(complete=False)
            fail(HOW_TO_GET_VENV.format(python=incomplete) if incomplete else HOW_TO_GET_PYTHON, 2)
        fresh = not STAMP.exists() or not is_python_3_13(str(VENV / "bin" / "python"))
        if STAMP.exists():
            STAMP.unlink()
        make_environment(python, fresh, log)
        make_runtime(python, fresh, log)
        stamp(wanted)


def is_up_to_date(wanted: str) -> bool:
    """Tell whether another process has made just this environment while this one waited."""
    return STAMP.exists() and STAMP.read_text() == wanted and (RUNTIME / "bin" / "python").exists()


def make_environment(python: str, fresh: bool, log: IO[str]) -> None:
    """Install the working environment and this project, editable, into `.venv`."""
    with step("Environment (.venv)", log):
        if fresh:
            make_venv(python, VENV, log)
        venv_python = str(VENV / "bin" / "python")
        run([venv_python, "-m", "pip", "install", *locked("bootstrap")], log)
        install(venv_python, "dev", log)
        run([*uv("install", venv_python), "--no-deps", "--no-build-isolation", "--editable", "."], log)


def make_runtime(python: str, fresh: bool, log: IO[str]) -> None:
    """Install the functions' own packages, apart from the emulator's."""
    with step("Functions' runtime", log):
        if fresh or not (RUNTIME / "bin" / "python").exists():
            make_venv(python, RUNTIME, log, "--without-pip")
        install(str(RUNTIME / "bin" / "python"), "function", log)
        # Functions see it read-only: what is not compiled now would be compiled at every cold start.
        run([str(RUNTIME / "bin" / "python"), "-m", "compileall", "-q", str(RUNTIME / "lib")], log)


def make_venv(python: str, folder: Path, log: IO[str], *options: str) -> None:
    """Make an empty virtual environment in `folder`, whatever was there."""
    run([python, "-m", "venv", "--clear", *options, str(folder)], log)


def install(python: str, name: str, log: IO[str]) -> None:
    """Make the packages of `python` equal to `requirements/<name>.txt`.

    By uv; where that fails, by pip, which a machine may have set up for an index that uv doesn't know of.
    """
    lock = str(REQUIREMENTS / f"{name}.txt")
    if subprocess.call(
        [*uv("sync", python), "--require-hashes", lock], stdout=log, stderr=log, env=environ()
    ):
        run([str(VENV / "bin" / "python"), "-m", "pip", "--python", python, "install", *locked(name)], log)


def uv(command: str, python: str) -> list[str]:
    """Give the start of a `uv pip` command line for the environment of `python`."""
    return [str(VENV / "bin" / "uv"), "pip", command, "--python", python]


def locked(name: str) -> list[str]:
    """Give pip's arguments for a lock, which is complete: see requirements/excluded.txt."""
    return ["--no-deps", "--require-hashes", "--requirement", str(REQUIREMENTS / f"{name}.txt")]


def find_python(complete: bool = True) -> str | None:
    """Find a Python 3.13 on this machine: on PATH, pyenv's, or one that uv knows of.

    A `complete` one can make virtual environments; Debian has that in a package of its own.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [sys.executable, "python3.13", "python3", "python"]
    candidates += [str(path) for path in sorted(pyenv.glob("3.13*/bin/python"), reverse=True)]
    found_by_uv = ask_uv(shutil.which("uv"))
    candidates += [found_by_uv] if found_by_uv else []
    paths = (real_path_if_3_13(candidate, complete) for candidate in candidates)
    return next((path for path in paths if path), None)


def ask_uv(uv_path: str | None) -> str | None:
    """Ask uv for a Python 3.13 that is already on the machine."""
    return output([uv_path, "python", "find", "--no-python-downloads", "3.13"]) if uv_path else None


def download_python(log: IO[str]) -> str | None:
    """Have uv download a Python 3.13 into this project, with a uv of our own where there is none."""
    uv_path = shutil.which("uv") or install_uv(log)
    if uv_path is None:
        return None
    return ask_uv(uv_path) if succeeds([uv_path, "python", "install", "3.13"], log) else None


def install_uv(log: IO[str]) -> str | None:
    """Install uv beside the project with whatever Python runs this; None where that fails."""
    folder = STATE / "uv"
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", *locked("bootstrap")],
    )
    return str(folder / "bin" / "uv") if all(succeeds(command, log) for command in commands) else None


def environ() -> dict[str, str]:
    """Give uv's environment: the system's certificates, for networks with an authority of their own."""
    return {
        "UV_PYTHON_INSTALL_DIR": str(STATE / "pythons"),
        "UV_HTTP_TIMEOUT": "120",
        **os.environ,
        "UV_SYSTEM_CERTS": "true",
    }


def real_path_if_3_13(python: str, complete: bool = False) -> str | None:
    """Resolve a command (a pyenv shim, say) to the interpreter behind it; None unless that is a 3.13."""
    code = "import sys; print(sys.executable if sys.version_info[:2] == (3, 13) else '')"
    if complete:
        code = f"import ensurepip; {code}"
    return output([python, "-c", code]) or None


def is_python_3_13(python: str) -> bool:
    """Tell whether `python` runs and is a 3.13."""
    return real_path_if_3_13(python) is not None


def output(command: Sequence[str]) -> str | None:
    """Give what a command prints, None where it fails or doesn't exist."""
    try:
        return subprocess.check_output(command, stderr=subprocess.DEVNULL, env=environ()).decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def succeeds(command: Sequence[str], log: IO[str]) -> bool:
    """Run a command, its output to the log, and tell whether it went well."""
    return subprocess.call(command, stdout=log, stderr=log, env=environ()) == 0


def run(command: Sequence[str], log: IO[str]) -> None:
    """Run a command, its output to the log; a failure ends the program with the last thing that it said."""
    start = log.tell()
    if succeeds(command, log):
        return
    with LOG.open() as written:
        written.seek(start)
        lines = [line.strip() for line in written if line.strip()]
    reason = lines[-1] if lines else "no output"
    fail(f"'{' '.join(command[:4])}' failed: {reason} (all of it: {LOG})", 1)


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
            say("another script is making the environment: waiting for it")
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
    """Print to standard error, in ASCII where the terminal can't do better; output belongs to the command."""
    encoding = sys.stderr.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding), file=sys.stderr, flush=True)


def fail(message: str, code: int) -> NoReturn:
    """End with one line."""
    say("error: " + message)
    sys.exit(code)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0)
        fail(f"{error}{f': {remedy}, then run this again' if remedy else ''}", 2 if remedy else 1)
