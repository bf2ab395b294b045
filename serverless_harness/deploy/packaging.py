"""Deployment packages of the functions: the same sources give the same zip, byte for byte.

A package holds the files of each of its source folders at its root.
"""

import os
import stat
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from serverless_harness.deploy.requirements import install_requirements
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.project.project import Project

EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip file can express: no package's hash depends on when it was checked out."""
READABLE_FILE = 0o100644
EXECUTABLE_FILE = 0o100755
PACKAGES_VARIABLE = "SERVERLESS_HARNESS_PACKAGES"
"""Tells a build command the folder of the packages, `{packages}` in Terraform's variables."""
LEFT_OUT = ("__pycache__", ".DS_Store", ".mypy_cache", ".ruff_cache", ".pytest_cache")


def package_sources(project: Project) -> dict[str, list[Path]]:
    """Give the folders that each package is made of, by the functions' names in the settings."""
    return {
        function: [project.folder / source for source in package.sources]
        for function, package in sorted(project.settings.packages.items())
    }


def build_packages(project: Project, folder: Path) -> dict[str, Path]:
    """Write `<function>.zip` of every function in the settings to `folder`; gives the files by function.

    Raises UserError where requirements can't be installed, or two files would have one name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    packages = {}
    for function, sources in package_sources(project).items():
        settings = project.settings.packages[function]
        required = install_requirements(project, settings.requirements, settings.runtime)
        roots = [*sources, required] if required else sources
        packages[function] = build_package(roots, folder / f"{function}.zip")
    return packages


def run_build(project: Project, folder: Path) -> None:
    """Have the project make what packages it makes itself.

    Raises HarnessError with the last thing that a failed command said.
    """
    if command := project.settings.build:
        environ = {**os.environ, PACKAGES_VARIABLE: str(folder)}
        result = subprocess.run(
            command, shell=True, cwd=project.folder, env=environ, capture_output=True, text=True, check=False
        )
        if result.returncode:
            lines = [line.strip() for line in (result.stdout + result.stderr).splitlines() if line.strip()]
            reason = lines[-1] if lines else f"it ended with exit code {result.returncode}"
            raise HarnessError(f"the setting build = '{command}' failed: {reason}")
    project.build(folder)


def build_package(sources: Sequence[Path], package: Path) -> Path:
    """Write one package; raises UserError where two files would have one name in it."""
    write_zip(package, files_of(sources))
    return package


def files_of(sources: Sequence[Path], below: str = "") -> dict[str, Path]:
    """Give the files of folders, each by its name in a package, where all of them are in the folder `below`.

    Raises UserError where two would have one name.
    """
    contents: dict[str, Path] = {}
    for root in sources:
        for file in source_files(root):
            name = below + file.relative_to(root).as_posix()
            if name in contents:
                raise UserError(
                    f"{contents[name]} and {file} would both be {name} in the package: rename one"
                )
            contents[name] = file
    return contents


def write_zip(package: Path | IO[bytes], contents: Mapping[str, Path | bytes]) -> None:
    """Write a zip of files, or of what they hold, by name: the same bytes for the same contents."""
    with zipfile.ZipFile(package, "w") as archive:
        for name in sorted(contents):
            content = contents[name]
            entry = zipfile.ZipInfo(name, EARLIEST_TIME)
            executable = isinstance(content, Path) and content.stat().st_mode & stat.S_IXUSR
            entry.external_attr = (EXECUTABLE_FILE if executable else READABLE_FILE) << 16
            entry.create_system = 3  # Unix, whatever this machine is
            # Stored, not deflated: the bytes that zlib gives differ from one version of it to the next.
            data = content.read_bytes() if isinstance(content, Path) else content
            archive.writestr(entry, data, zipfile.ZIP_STORED)


def source_files(root: Path) -> Iterator[Path]:
    """Give the files below `root` that belong into a package, in the order of their paths."""
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        if path.is_file() and not any(part in LEFT_OUT for part in path.relative_to(root).parts):
            yield path
