"""Deployment packages of the functions: the same sources give the same zip, byte for byte.

A package holds the files of `handlers/<function>/` and of `handlers/common/` at its root.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from serverless_harness import paths
from serverless_harness.errors import UserError

COMMON = "common"
EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip file can express: no package's hash depends on when it was checked out."""
READABLE_FILE = 0o100644 << 16
LEFT_OUT = ("__pycache__", ".DS_Store", ".mypy_cache", ".ruff_cache", ".pytest_cache")


def function_names(handlers: Path = paths.HANDLERS) -> list[str]:
    """Give the functions that there are sources of, in alphabetical order."""
    folders = (path for path in handlers.iterdir() if path.is_dir())
    return sorted(path.name for path in folders if path.name != COMMON and any(path.glob("*.py")))


def build_packages(folder: Path, handlers: Path = paths.HANDLERS) -> dict[str, Path]:
    """Write `<function>.zip` of every function to `folder`; gives the files by function."""
    folder.mkdir(parents=True, exist_ok=True)
    return {name: build_package(name, folder / f"{name}.zip", handlers) for name in function_names(handlers)}


def build_package(function: str, package: Path, handlers: Path = paths.HANDLERS) -> Path:
    """Write one function's package; raises UserError where two files would have one name in it."""
    contents: dict[str, Path] = {}
    for root in (handlers / function, handlers / COMMON):
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
        if path.is_file() and not any(part in LEFT_OUT for part in path.parts):
            yield path
