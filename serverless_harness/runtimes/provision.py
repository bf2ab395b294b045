"""The functions' Pythons of a project: which there are, and how another one comes."""

import importlib.util
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from serverless_harness import paths
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.locks import locked
from serverless_harness.runtimes import pythons
from serverless_harness.runtimes.environments import (
    DEBUGGER_LOCK,
    FUNCTION_LOCK,
    CommandError,
    Installer,
    is_current,
    make_runtime,
)

OLDEST_MINOR, NEWEST_MINOR = 9, 14
"""AWS's runtimes for whose Python the runtime client can be installed."""

OWN = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""The runtime that this very Python can be."""

SHOWN_PACKAGES = ("boto3", "awslambdaric")


@dataclass(frozen=True)
class Runtime:
    """A functions' Python that is there."""

    name: str
    """As AWS names it: `python3.12`."""
    python_version: str
    packages: dict[str, str]
    """The versions of what functions find beside the standard library."""
    is_current: bool
    """Whether its packages are those that this version of the harness asks for."""
    folder: Path


def parse_name(text: str) -> str:
    """Give the runtime's name for `3.12` or `python3.12`; raises UserError where there is no such runtime."""
    match = re.fullmatch(r"(?:python)?3\.([0-9]{1,2})", text)
    if not match or not OLDEST_MINOR <= int(match[1]) <= NEWEST_MINOR:
        raise UserError(
            f"'{text}' is not a runtime that can be added: name a Python from 3.{OLDEST_MINOR} to "
            f"3.{NEWEST_MINOR}, such as 3.12"
        )
    return f"python3.{int(match[1])}"


def there_are(folder: Path) -> list[Runtime]:
    """Give the runtimes in the folder of runtimes, oldest Python first."""
    names = [path.parent.parent.name for path in folder.glob("python3.*/bin/python")]
    return [_describe(folder / name) for name in sorted(names, key=_minor)]


def could_be_added(folder: Path, state: Path) -> list[str]:
    """Give the runtimes that are missing but whose Python is on this machine."""
    missing = [
        name
        for name in (f"python3.{minor}" for minor in range(OLDEST_MINOR, NEWEST_MINOR + 1))
        if not (folder / name / "bin" / "python").exists()
    ]
    uv = pythons.find_uv()
    return [name for name in missing if pythons.find_python(name.removeprefix("python"), state, uv)]


def add(name: str, folder: Path, state: Path, lock: Path = FUNCTION_LOCK) -> bool:
    """Make the runtime `name` in the folder of runtimes, unless it is there; gives whether it was made.

    It holds what `lock` says.

    Its Python is found on this machine, or downloaded by uv. Raises UserError where there is none,
    HarnessError where its packages can't be installed; what was there before stays then.
    """
    runtime = folder / name
    if is_current(runtime, lock):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock"):
        if is_current(runtime, lock):  # Another process has made it meanwhile.
            return False
        with (state / "runtimes.log").open("a") as log:
            pip_python = sys.executable if importlib.util.find_spec("pip") else None
            installer = Installer(state, log, pythons.find_uv(), pip_python)
            try:
                make_runtime(installer, _require_python(name, state, installer), runtime, lock)
            except CommandError as error:
                raise HarnessError(f"runtime {name} can't be made: {error}") from error
    return True


def add_debugger(name: str, state: Path) -> Path:
    """Give the folder that debugpy for the runtime `name` is installed in; it is installed where it isn't.

    It is apart from the runtime: functions see nothing of it unless they are debugged. Raises UserError where
    it can't be installed.
    """
    folder = state / "debugger"
    try:
        add(name, folder, state, DEBUGGER_LOCK)
    except HarnessError as error:
        raise UserError(f"debugpy can't be installed: {error}") from error
    return folder / name / "lib" / name / "site-packages"


def missing(names: Iterable[str], folder: Path) -> list[str]:
    """Give those of the runtimes that have to be made, each once."""
    return [name for name in dict.fromkeys(names) if not is_current(folder / name)]


def _require_python(name: str, state: Path, installer: Installer) -> str:
    version = name.removeprefix("python")
    uv = installer.uv
    found = pythons.find_python(version, state, uv)
    if not found and uv and installer.succeeds([uv, "python", "install", version]):
        found = pythons.ask_uv(uv, version, state)
    if not found:
        raise UserError(
            f"Python {version} is not on this machine and could not be downloaded: install it (your package "
            f"manager, 'pyenv install {version}' or 'uv python install {version}') and run this again "
            f"(details: {paths.shown(Path(installer.log.name))})"
        )
    return found


def _describe(runtime: Path) -> Runtime:
    config = (runtime / "pyvenv.cfg").read_text() if (runtime / "pyvenv.cfg").exists() else ""
    version = re.search(r"^version(?:_info)?\s*=\s*(\S+)", config, re.MULTILINE)
    site_packages = runtime / "lib" / runtime.name / "site-packages"
    found = {
        distribution.metadata["Name"]: distribution.version
        for distribution in metadata.distributions(path=[str(site_packages)])
    }
    packages = {name: found[name] for name in SHOWN_PACKAGES if name in found}
    return Runtime(runtime.name, version[1] if version else "unknown", packages, is_current(runtime), runtime)


def _minor(name: str) -> int:
    return int(name.rpartition(".")[2])
