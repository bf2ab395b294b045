"""A copy of a project for Terraform to work in: what it writes stays out of the project's folders.

The copy has the project's layout, so relative paths lead to the same files: `${path.module}/../src`, a module
in `../modules`. The project's folder and Terraform's are copied; what is beside them, up to the root of the
git repository, is there by symbolic links. Files that Terraform itself has made in the copy stay there.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from serverless_harness import paths
from serverless_harness.project.project import Project

LEFT_OUT = (
    *(paths.STATE_FOLDER, ".terraform", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"),
    *(".hypothesis", ".tox", ".nox"),
)
LEFT_OUT_SUFFIXES = (".tfstate", ".tfstate.backup", ".tfplan", ".pyc")
"""States and plans are of other places that the project is deployed to."""
LINKED = (".git", ".hg", ".venv", "venv", "node_modules")
LINKED_FROM_BYTES = 32 * 1024 * 1024
MANIFEST = "copied.json"


def root_of(project: Project) -> Path:
    """Give the outermost folder that a relative path of the configuration may lead to."""
    inner = Path(os.path.commonpath([project.folder, project.terraform]))
    return next((folder for folder in (inner, *inner.parents) if (folder / ".git").exists()), inner)


def update(project: Project, folder: Path) -> Path:
    """Make the copy in `folder` equal to the project; gives the folder in it where Terraform is run."""
    root = root_of(project)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder.with_name(f"{folder.name}.{MANIFEST}")
    before = set(json.loads(manifest.read_text())) if manifest.exists() else set()
    copied = {str(file.relative_to(root)) for file in _copy(root, folder, project)}
    for name in before - copied:
        (folder / name).unlink(missing_ok=True)
    manifest.write_text(json.dumps(sorted(copied)))
    work = folder / project.terraform.relative_to(root)
    work.mkdir(parents=True, exist_ok=True)
    return work


def made_files(folder: Path) -> Iterator[Path]:
    """Give the files in the copy in `folder` that are not the project's: what Terraform has made there."""
    manifest = folder.with_name(f"{folder.name}.{MANIFEST}")
    copied = set(json.loads(manifest.read_text())) if manifest.exists() else set()
    for parent, _, names in os.walk(folder):
        for name in names:
            file = Path(parent) / name
            if not file.is_symlink() and str(file.relative_to(folder)) not in copied:
                yield file


def project_files(folder: Path) -> Iterator[Path]:
    """Give all files in a project's folder that may decide what a deployment makes of it."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in LEFT_OUT or entry.name in LINKED or entry.name.endswith(LEFT_OUT_SUFFIXES):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from project_files(Path(entry.path))
            elif entry.is_file():
                yield Path(entry.path)


def _copy(source: Path, copy: Path, project: Project) -> Iterator[Path]:
    """Copy a folder's entries as far as they differ; gives the project's files and links that are there."""
    whole = (project.folder, project.terraform)
    is_whole = any(source.is_relative_to(folder) for folder in whole)
    with os.scandir(source) as entries:
        for entry in entries:
            path, target = Path(entry.path), copy / entry.name
            if entry.name in LEFT_OUT or entry.name.endswith(LEFT_OUT_SUFFIXES):
                continue
            leads_on = is_whole or any(folder.is_relative_to(path) for folder in whole)
            if entry.name in LINKED or not leads_on:
                yield _link(path, target)
            elif entry.is_dir(follow_symlinks=False):
                if target.is_symlink():
                    target.unlink()
                target.mkdir(exist_ok=True)
                yield from _copy(path, target, project)
            elif not entry.is_file() or entry.is_symlink() or entry.stat().st_size >= LINKED_FROM_BYTES:
                yield _link(path, target)
            else:
                _copy_file(entry, target)
                yield path


def _link(path: Path, target: Path) -> Path:
    if not target.is_symlink() or target.resolve() != path.resolve():
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
        target.symlink_to(path.resolve())
    return path


def _copy_file(entry: os.DirEntry[str], target: Path) -> None:
    status = entry.stat()
    try:
        there = target.lstat()
        is_same = (there.st_size, there.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        is_same = False
    if not is_same:
        target.unlink(missing_ok=True)
        shutil.copy2(entry.path, target)
        Path(target).chmod(entry.stat().st_mode & 0o700)  # It is this user's alone.
