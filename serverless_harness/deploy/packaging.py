"""Deployment packages of the functions: the same sources give the same zip, byte for byte.

A package holds the files of each of its source folders at its root.
"""

import os
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from serverless_harness.deploy.requirements import install_requirements
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.project.project import Project

EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip file can express: no package's hash depends on when it was checked out."""
READABLE_FILE = 0o100644 << 16
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
        required = install_requirements(project, project.settings.packages[function])
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
    contents: dict[str, Path] = {}
    for root in sources:
        for file in source_files(root):
            name = file.relative_to(root).as_posix()
            if name in contents:
                raise UserError(
                    f"{contents[name]} and {file} would both be {name} in the package: rename one"
                )
            contents[name] = file
    with zipfile.ZipFile(package, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, EARLIEST_TIME)
            entry.external_attr = READABLE_FILE
            entry.create_system = 3  # Unix, whatever this machine is
            # Stored, not deflated: the bytes that zlib gives differ from one version of it to the next.
            archive.writestr(entry, contents[name].read_bytes(), zipfile.ZIP_STORED)
    return package


def source_files(root: Path) -> Iterator[Path]:
    """Give the files below `root` that belong into a package, in the order of their paths."""
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        if path.is_file() and not any(part in LEFT_OUT for part in path.relative_to(root).parts):
            yield path
