"""Layers of other accounts, made from what the setting `layers` says that they hold."""

import base64
import hashlib
import io
from pathlib import Path

from serverless_harness.deploy.packaging import files_of, write_zip
from serverless_harness.deploy.requirements import install_requirements
from serverless_harness.errors import UserError
from serverless_harness.project.project import Project
from serverless_harness.project.settings import is_path

PYTHON_FOLDER = "python/"
"""Where a layer has Python's modules: /opt/python is among the folders that functions import from."""


def layer_paths(project: Project) -> list[Path]:
    """Give the folders and zips that layers are made of."""
    named = [content for contents in project.settings.layers.values() for content in contents]
    return [project.folder / content for content in named if is_path(content)]


def build_layers(project: Project) -> dict[str, bytes]:
    """Give the zip of each layer, by its ARN.

    Raises UserError where requirements can't be installed, or a zip is to be one of several parts.
    """
    return {arn: _build(project, arn, contents) for arn, contents in project.settings.layers.items()}


def _build(project: Project, arn: str, contents: list[str]) -> bytes:
    paths = [project.folder / content for content in contents if is_path(content)]
    zips = [path for path in paths if path.is_file()]
    if zips and len(contents) > 1:
        raise UserError(
            f"the setting layers.{arn}: {zips[0]} can't be combined with other contents: unpack it and name "
            "the folder"
        )
    if zips:
        return zips[0].read_bytes()
    files = files_of(paths)
    if installed := install_requirements(project, [each for each in contents if not is_path(each)]):
        files |= files_of([installed], PYTHON_FOLDER)
    archive = io.BytesIO()
    write_zip(archive, files)
    return archive.getvalue()


def code_sha256(archive: bytes) -> str:
    """Give a zip's hash as Lambda does."""
    return base64.b64encode(hashlib.sha256(archive).digest()).decode()
