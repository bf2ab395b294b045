"""The Python interpreters that functions run on, provisioned one folder per runtime (`python3.13/`)."""

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[3]


class InterpreterNotFoundError(LookupError):
    """The declared runtime isn't on this machine; the message says which are."""


@dataclass(frozen=True)
class Interpreter:
    """A provisioned runtime: a virtual environment with `awslambdaric` and `boto3`, and its interpreter."""

    runtime: str
    """What it runs, `python3.13`: with the nearest-runtime option not always what was declared."""
    executable: Path
    """The virtual environment's own `bin/python`."""
    site_packages: Path
    base_prefix: Path
    """Where the base interpreter is installed: it goes to /var/lang."""


def runtimes_folder() -> Path:
    """`LAMBDA_PROCESS_RUNTIMES`, by default `.serverless-harness/runtimes` below the project's root."""
    configured = os.environ.get("LAMBDA_PROCESS_RUNTIMES")
    return Path(configured) if configured else PROJECT_ROOT / ".serverless-harness" / "runtimes"


def available() -> list[str]:
    """The runtimes on this machine, oldest first."""
    names = [path.parent.parent.name for path in runtimes_folder().glob("python3.*/bin/python")]
    return sorted(filter(_version, names), key=_version)


def find(runtime: str) -> Interpreter:
    """The interpreter for a declared runtime; raises `InterpreterNotFoundError` naming those there are.

    `LAMBDA_PROCESS_NEAREST_RUNTIME=1` takes the nearest version instead (the newer of two).
    """
    folder = runtimes_folder()
    present = available()
    if runtime in present:
        return _describe(folder, runtime)
    if present and _version(runtime) and os.environ.get("LAMBDA_PROCESS_NEAREST_RUNTIME") == "1":
        return _describe(folder, min(present, key=lambda name: _distance(name, runtime)))
    what_helps = "only functions in Python 3 can run here"
    if runtime.startswith("python3."):
        what_helps = (
            f"'serverless-harness runtime add {runtime.removeprefix('python')}' makes it in {folder}; or set "
            "LAMBDA_PROCESS_NEAREST_RUNTIME=1 to take the nearest one"
        )
    raise InterpreterNotFoundError(
        f"runtime {runtime} is not on this machine (available: {', '.join(present) or 'none'}): {what_helps}"
    )


def _version(runtime: str) -> tuple[int, int]:
    """(3, 13) of `python3.13`; an empty tuple's truth value, (0, 0) never occurs for a real one."""
    match = re.fullmatch(r"python(\d+)\.(\d+)", runtime)
    return (int(match[1]), int(match[2])) if match else ()  # type: ignore[return-value]


def _distance(candidate: str, runtime: str) -> tuple[int, int]:
    minor, wanted = _version(candidate)[1], _version(runtime)[1]
    return abs(minor - wanted), -minor


@cache
def _describe(folder: Path, runtime: str) -> Interpreter:
    environment = folder / runtime
    executable = environment / "bin" / "python"
    return Interpreter(
        runtime=runtime,
        executable=executable,
        site_packages=environment / "lib" / runtime / "site-packages",
        base_prefix=executable.resolve().parent.parent,
    )
