"""A function version's files on this machine: its code, its layers merged as for /opt, and their changes."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from localstack.services.lambda_.invocation.lambda_models import (
    ArchiveCode,
    FunctionVersion,
    HotReloadingCode,
)

from serverless_harness.emulator import settings
from serverless_harness.emulator.lambda_executor import hot_reload, unpacking


def prepare(function_version: FunctionVersion) -> None:
    """Unzip the code and the layers, and merge the layers."""
    for code in (_code(function_version), *_layers(function_version)):
        code.prepare_for_execution()  # type: ignore[no-untyped-call]
    folders = _layer_folders(function_version)
    merged = _merged_layers(function_version)
    if len(folders) > 1 and not merged.exists():
        partial = merged.with_name(f"{merged.name}.partial")
        unpacking.merge(folders, partial)
        partial.rename(merged)


def clean_up(function_version: FunctionVersion) -> None:
    """Remove what `prepare` made and LocalStack doesn't know of."""
    shutil.rmtree(_merged_layers(function_version), ignore_errors=True)


def code_dir(function_version: FunctionVersion) -> Path:
    """Return the folder of the unzipped code, or the host's folder of a hot-reloading function."""
    return _location(_code(function_version))


def layers_dir(function_version: FunctionVersion) -> Path | None:
    """Return what is to stand at /opt; None where there are no layers."""
    folders = _layer_folders(function_version)
    if len(folders) > 1:
        return _merged_layers(function_version)
    return folders[0] if folders else None


def hot_reloading_dirs(function_version: FunctionVersion) -> list[Path]:
    """Return the folders of the host whose changes take effect with the next invoke.

    Several layers are merged once, in `prepare`: a hot-reloading one is followed only if it is alone.
    """
    layers = _layers(function_version)
    codes = [_code(function_version), *(layers if len(layers) == 1 else ())]
    return [_location(code) for code in codes if code.is_hot_reloading()]


def contents(folders: Sequence[Path]) -> frozenset[tuple[str, int, int]]:
    """Return the files below `folders` with size and time of change: differs when one was changed."""
    return frozenset(entry for folder in folders for entry in _files(folder))


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    for root, dirs, files in os.walk(folder):
        dirs[:] = [name for name in dirs if name not in ("__pycache__", ".git")]
        for name in files:
            path = Path(root, name)
            try:
                status = path.stat()
            except OSError:  # an editor replaces it at this moment
                continue
            if stat.S_ISREG(status.st_mode):
                yield str(path), status.st_size, status.st_mtime_ns


def _layer_folders(function_version: FunctionVersion) -> list[Path]:
    return [_location(layer) for layer in _layers(function_version)]


def _code(function_version: FunctionVersion) -> ArchiveCode:
    code = function_version.config.code
    if code is None:
        raise ValueError(f"{function_version.qualified_arn} has no code, as its package is not a .zip file")
    return code


def _layers(function_version: FunctionVersion) -> list[ArchiveCode]:
    return [layer.code for layer in function_version.config.layers if layer.code]


def _location(code: ArchiveCode) -> Path:
    if isinstance(code, HotReloadingCode):  # again: what a link leads to may have changed since it was made
        return hot_reload.folder(code.host_path)
    return Path(str(code.get_unzipped_code_location()))  # type: ignore[no-untyped-call]


def _merged_layers(function_version: FunctionVersion) -> Path:
    return settings.state_dir() / "layers" / function_version.config.internal_revision
