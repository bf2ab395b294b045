"""Finds the project that commands and tests are about: one in the life of a process."""

import importlib
import os
import sys
from pathlib import Path

from serverless_harness.errors import UserError
from serverless_harness.project.project import Project, has_terraform
from serverless_harness.project.settings import OWN_FILE, SHARED_FILE, TABLE, Settings, read_settings

VARIABLE = "SERVERLESS_HARNESS_PROJECT"
"""Names the project's folder; without it, that is looked for from the current folder upwards."""
USUAL_FOLDERS = ("terraform", "infra")

_current: list[Project] = []


class ProjectNotFoundError(UserError):
    """There is neither a setting nor a Terraform configuration here or above."""


def current() -> Project:
    """Give the project of this process.

    Raises UserError where its settings are wrong, ProjectNotFoundError where there is none.
    """
    if not _current:
        named = os.environ.get(VARIABLE)
        _current.append(load(Path(named)) if named else load(find(Path.cwd())))
    return _current[0]


def use(folder: Path) -> None:
    """Have `current` give the project in `folder`; for processes that this one starts, too."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    os.environ[VARIABLE] = str(folder.resolve())
    _current.clear()


def find(start: Path) -> Path:
    """Find the nearest folder, `start` or one above it, that is a project.

    A folder with settings goes before one with Terraform's files alone.
    """
    folders = (start, *start.parents)
    for folder in folders:
        if read_settings(folder) is not None:
            return folder
    for folder in folders:
        if has_terraform(folder):
            return folder.parent if folder.name in USUAL_FOLDERS else folder
        if any(has_terraform(folder / name) for name in USUAL_FOLDERS):
            return folder
        if (folder / ".git").exists():
            break
    raise ProjectNotFoundError(
        f"there is no project in {start} or the folders above it: a project has *.tf files (there, in "
        f"terraform/ or in infra/), a {OWN_FILE}, or a [tool.{TABLE}] in its {SHARED_FILE}"
    )


def load(folder: Path) -> Project:
    """Give the project in `folder`; raises UserError where its settings can't be so."""
    folder = folder.resolve()
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    settings = read_settings(folder) or Settings()
    return _class_of(folder, settings)(folder, settings)


def _class_of(folder: Path, settings: Settings) -> type[Project]:
    if not settings.project:
        return Project
    module_name, _, class_name = settings.project.partition(":")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except Exception as error:
        raise UserError(f"the setting project = '{settings.project}' can't be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Project)):
        raise UserError(f"the setting project = '{settings.project}' is not a subclass of Project")
    return found
