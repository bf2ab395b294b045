"""What a package's requirements install: resolved for the function's runtime, once for each set of them."""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from serverless_harness import paths
from serverless_harness.errors import UserError
from serverless_harness.locks import locked
from serverless_harness.project.project import Project

DEFAULT_RUNTIME = "python3.13"
FILE_OPTION = "-r "
NOT_SHIPPED = ("bin", "__pycache__")
"""Scripts name the interpreter that installed them."""


def install_requirements(
    project: Project, requirements: list[str], runtime: str | None = None
) -> Path | None:
    """Give the folder that holds what is required for a runtime, None where nothing is.

    Without a runtime they are resolved for the first one of the settings.

    Raises UserError with pip's reason where the requirements can't be installed.
    """
    if not requirements:
        return None
    runtime = runtime or next(iter(project.settings.runtimes), DEFAULT_RUNTIME)
    files = [project.folder / line.removeprefix(FILE_OPTION) for line in requirements if _is_file(line)]
    if missing := [file for file in files if not file.is_file()]:
        raise UserError(f"the requirements file {paths.shown(missing[0])} does not exist")
    described = [
        runtime,
        platform.machine(),
        sys.platform,
        requirements,
        [f.read_text() for f in files],
    ]
    key = hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]
    folder = project.make_state() / "requirements" / key
    folder.parent.mkdir(exist_ok=True)
    with locked(folder.with_name(f".{key}.lock")):
        if not folder.exists():
            unfinished = folder.with_name(f".{key}")
            shutil.rmtree(unfinished, ignore_errors=True)
            _install(project, requirements, runtime, unfinished)
            unfinished.rename(folder)
    return folder


def _is_file(line: str) -> bool:
    return line.startswith(FILE_OPTION)


def _install(project: Project, requirements: list[str], runtime: str, folder: Path) -> None:
    """Install the packages for another Python: pip only from wheels, uv also builds what has none."""
    version = runtime.removeprefix("python")
    arguments = [
        part for line in requirements for part in (line.split(maxsplit=1) if _is_file(line) else [line])
    ]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        command = [uv, "pip", "install", "--quiet", "--system-certs", "--python", sys.executable]
    else:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--only-binary=:all:"]
    command += ["--python-version", version, "--target", str(folder), *arguments]
    result = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = [line.strip() for line in (result.stderr or result.stdout).splitlines() if line.strip()]
        reason = " ".join(lines[-3:]) if lines else "no reason is given"
        raise UserError(f"{', '.join(requirements)} can't be installed for {runtime}: {reason}")
    for name in NOT_SHIPPED:
        shutil.rmtree(folder / name, ignore_errors=True)
    for record in folder.glob("*.dist-info/RECORD"):
        record.unlink()  # It tells of scripts and of caches, which differ from machine to machine.
