"""Code of functions whose packages the harness doesn't make: which files it is made of, and how it is now.

A function's package, as it is deployed, gets the files of its sources as they are now. What else is in it,
such as installed requirements, stays in it, and what its author left out of it stays out.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import httpx

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.packaging import source_files, write_zip
from serverless_harness.deploy.terraform_state import archived_sources
from serverless_harness.errors import UserError
from serverless_harness.project.project import Project

DOWNLOAD_TIMEOUT_S = 60


class WatchedCode:
    """The code of one function: its package with its sources as they are now."""

    def __init__(self, function: str, sources: Sequence[Path], package: bytes) -> None:
        """Take a function's name in AWS, and its package as it is deployed.

        Raises UserError where none of the sources' files is in the package.
        """
        self.function = function
        self.sources = tuple(sources)
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            packed = {
                entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()
            }
        files = self._files()
        folder = _folder_in(packed.keys(), files.keys())
        if folder is None:
            shown = ", ".join(str(source) for source in sources)
            raise UserError(
                f"the package of {function} contains none of the files in {shown}: name the function's own "
                "sources in the setting 'watch'"
            )
        self.folder = folder
        """Where the sources' files are in the package: "", or `app/`."""
        names = {folder + name for name in files}
        self._left_out = names - packed.keys()
        self._others = {name: content for name, content in packed.items() if name not in names}

    def files(self) -> Mapping[str, Path]:
        """Give the files that are watched, by their names within their source."""
        return {
            name: path for name, path in self._files().items() if self.folder + name not in self._left_out
        }

    def package(self) -> bytes:
        """Make the package as it is to be now: the same sources give the same bytes."""
        now = {self.folder + name: path for name, path in self.files().items()}
        content = io.BytesIO()
        write_zip(content, {**self._others, **now})
        return content.getvalue()

    def _files(self) -> dict[str, Path]:
        return {
            file.relative_to(source if source.is_dir() else source.parent).as_posix(): file
            for source in self.sources
            for file in ([source] if source.is_file() else source_files(source))
        }


def watched_code(deployment: Deployment, project: Project) -> list[WatchedCode]:
    """Give the code whose sources the setting `watch` or Terraform's `archive_file` tells.

    Raises UserError where the setting names no function, or sources that a package isn't made of.
    """
    sources = {name: [source] for name, source in archived_sources(deployment.target).items()}
    for part, folders in project.settings.watch.items():
        sources[deployment.function_name(part)] = [project.folder / folder for folder in folders]
    return [
        WatchedCode(name, found, _package_of(deployment, name)) for name, found in sorted(sources.items())
    ]


def _package_of(deployment: Deployment, function: str) -> bytes:
    """Download a function's package."""
    answer = deployment.client_for(function, "lambda").get_function(FunctionName=function)
    location = answer["Code"]["Location"]
    return httpx.get(location, timeout=DOWNLOAD_TIMEOUT_S, trust_env=False).raise_for_status().content


def _folder_in(packed: Collection[str], names: Collection[str]) -> str | None:
    """Tell in which folder of a package most files of a source are: "" or `app/`; None where none is."""
    folders = Counter(
        entry.removesuffix(name)
        for name in names
        for entry in packed
        if entry == name or entry.endswith(f"/{name}")
    )
    return min(folders, key=lambda folder: (-folders[folder], len(folder)), default=None)
