"""Finds a Python of a given version on this machine, or has uv download one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MISLEADING = (
    *("PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__"),
    *("PIP_CONSTRAINT", "PIP_PREFIX", "PIP_PYTHON", "PIP_REQUIREMENT", "PIP_ROOT", "PIP_TARGET"),
    *("UV_CONSTRAINT", "UV_EXCLUDE_NEWER", "UV_OVERRIDE", "UV_PYTHON", "UV_SYSTEM_PYTHON"),
)
"""What would have Python, pip or uv take other packages, or put them elsewhere, than the lock says."""


def environ(state: Path) -> dict[str, str]:
    """Give the environment for Python, pip and uv: the caller's, less what leads them elsewhere.

    The system's certificates are used, for networks with an authority of their own. Where the home folder
    can't be written to, uv's cache goes below `state`, as downloaded Pythons do; pip does without its own.
    """
    given = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    cache = Path(given.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~"), ".cache"), "uv")  # noqa: PTH111 (raises nothing)
    if "UV_CACHE_DIR" not in given and not _can_write(cache):
        given["UV_CACHE_DIR"] = str(state / "cache" / "uv")
    return {
        "UV_PYTHON_INSTALL_DIR": str(state / "pythons"),
        "UV_HTTP_TIMEOUT": "120",
        **given,
        "UV_SYSTEM_CERTS": "true",
        "PIP_USER": "0",
    }


def find_python(version: str, state: Path, uv: str | None, complete: bool = True) -> str | None:
    """Find a Python `version` (`3.12`): this one, on PATH, pyenv's, or one that uv knows of.

    A `complete` one can make virtual environments; Debian has that in a package of its own.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path(os.path.expanduser("~"), ".pyenv"), "versions")  # noqa: PTH111
    candidates = [sys.executable, f"python{version}", "python3", "python"]
    candidates += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]
    found_by_uv = ask_uv(uv, version, state)
    candidates += [found_by_uv] if found_by_uv else []
    paths = (real_path(candidate, version, state, complete) for candidate in candidates)
    return next((path for path in paths if path), None)


def ask_uv(uv: str | None, version: str, state: Path) -> str | None:
    """Ask uv for a Python that is already on the machine, but for virtual environments."""
    if not uv:
        return None
    return output([uv, "python", "find", "--no-python-downloads", "--system", version], environ(state))


def real_path(python: str, version: str, state: Path, complete: bool = False) -> str | None:
    """Resolve a command (a pyenv shim, say) to the interpreter behind it; None unless that is a `version`."""
    wanted = tuple(int(part) for part in version.split("."))
    code = f"import sys; print(sys.executable if sys.version_info[:2] == {wanted} else '')"
    if complete:
        code = f"import ensurepip; {code}"
    return output([python, "-I", "-c", code], environ(state)) or None


def find_uv() -> str | None:
    """Find uv beside this Python, where it was installed with this package, or on PATH."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def output(command: Sequence[str], environ: dict[str, str]) -> str | None:
    """Give what a command prints, None where it fails or doesn't exist."""
    try:
        return subprocess.check_output(command, stderr=subprocess.DEVNULL, env=environ).decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=str(folder)):
            return True
    except OSError:
        return False
