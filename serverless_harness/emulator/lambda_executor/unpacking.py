"""A package's zip file, unpacked so that nothing of it is written, or acts, outside of its folder.

Zip files come from anybody: a function that may update another's code, a layer from elsewhere. Symbolic links
are what an attack is made of, and what shared libraries in layers need (`libx.so -> libx.so.1`), so AWS keeps
them. Here they are made last, when nothing is written any more, and no entry may lie below one.

`check` costs no unpacking: the API refuses a package with it, as AWS does one that can't be unzipped.
"""

import calendar
import contextlib
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from localstack import config

from serverless_harness.emulator.sandbox.filesystem import GID

MAX_ENTRIES = 65_535
"""Files, folders and links of a package: as many as a zip file without the zip64 extension can have."""
MAX_PATH_BYTES = 1024
"""Of an entry, and of where a link leads to."""
FUNCTION_FOLDERS = ("/var/task", "/opt", "/tmp")
"""Where an absolute link may lead to: the function's own file system, in which AWS resolves it."""

_UNIX = (3, 19)
"""`create_system` of zip files whose entries have Unix modes: Unix, macOS."""
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError)
"""What `zipfile` raises for what isn't a whole zip file, for encryption, and for unknown compressions."""


class PackageError(ValueError):
    """A package that isn't unpacked; the message says what is wrong with it."""


class PackageTooLargeError(PackageError):
    """Unpacked it would be larger than AWS allows; the message is AWS's."""


@dataclass
class _Contents:
    """What is to be made, by path; folders with those above them."""

    folders: set[str] = field(default_factory=set)
    files: dict[str, zipfile.ZipInfo] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


def check(package: IO[bytes]) -> None:
    """Raise PackageError where `unpack` would, but for damage inside of a file."""
    with _opened(package) as archive:
        _contents(archive)


def unpack(package: IO[bytes] | str | Path, target: Path | str) -> None:
    """Unpack into `target`, an empty folder that nobody else can write to.

    Raises:
        PackageError: The package is damaged, too large, or has what AWS's file system can't have or must not
            leave.
    """
    target = Path(target)
    with _opened(package) as archive:
        contents = _contents(archive)
        try:
            _share(target)
            for folder in sorted(contents.folders):
                (target / folder).mkdir()
                _share(target / folder)
            for path, entry in contents.files.items():
                _write(archive, entry, target / path)
            for path, link in contents.links.items():
                (target / path).symlink_to(link)
        except (OSError, UnicodeError) as error:  # a name too long; two that this file system takes for one
            raise PackageError(f"it can't be unpacked: {error}") from error


def _opened(package: IO[bytes] | str | Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(package)
    except _UNREADABLE as error:
        raise PackageError(f"it is not a complete zip file: {error}") from error


def _contents(archive: zipfile.ZipFile) -> _Contents:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise PackageError(f"it has {len(entries)} entries, more than {MAX_ENTRIES}")
    size = sum(entry.file_size for entry in entries)
    if size >= config.LAMBDA_LIMITS_CODE_SIZE_UNZIPPED:
        limit = config.LAMBDA_LIMITS_CODE_SIZE_UNZIPPED
        raise PackageTooLargeError(f"Unzipped size must be smaller than {limit} bytes")
    contents = _Contents()
    for entry in entries:
        path = _path(entry.filename)
        kind = stat.S_IFMT(entry.external_attr >> 16) if entry.create_system in _UNIX else 0
        if entry.is_dir() or kind == stat.S_IFDIR:
            contents.folders.add(path)
        elif kind == stat.S_IFLNK:
            contents.files.pop(path, None)
            contents.links[path] = _link(archive, entry, path)
        elif kind in (0, stat.S_IFREG):
            contents.links.pop(path, None)
            contents.files[path] = entry
        else:
            raise PackageError(f"{entry.filename!r} is neither a file nor a folder nor a symbolic link")
    _add_folders_above(contents)
    return contents


def _path(name: str) -> str:
    """Return an entry's path below the folder, in its shortest form; "" is the folder itself."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        raise PackageError(f"the entry {name!r} leads out of it")
    if len(name.encode(errors="surrogatepass")) > MAX_PATH_BYTES:
        raise PackageError(f"the name of the entry {name[:40]!r}… is longer than {MAX_PATH_BYTES} bytes")
    return "/".join(part for part in parts if part not in ("", "."))


def _link(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str) -> str:
    """Return where a link leads to.

    Steps upward may come first alone: the folders above the link are real ones, while those that a step
    goes back from may be links themselves.
    """
    if entry.file_size > MAX_PATH_BYTES:
        raise PackageError(f"the target of the symbolic link {path!r} is too long")
    try:
        link = archive.read(entry).decode()
    except _UNREADABLE as error:
        raise PackageError(f"the symbolic link {path!r} can't be read: {error}") from error
    parts = [part for part in link.split("/") if part not in ("", ".")]
    upward = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    if link.startswith("/"):
        inside = upward == 0 and any(f"{link}/".startswith(f"{folder}/") for folder in FUNCTION_FOLDERS)
    else:
        inside = upward <= path.count("/")
    if not link or "\0" in link or ".." in parts[upward:] or not inside:
        raise PackageError(f"the symbolic link {path!r} leads out of it, to {link!r}")
    return link


def _add_folders_above(contents: _Contents) -> None:
    """Complete the folders, and see that each path is one thing."""
    for path in (*contents.files, *contents.links, *contents.folders):
        above = path.rpartition("/")[0]
        while above and above not in contents.folders:
            contents.folders.add(above)
            above = above.rpartition("/")[0]
        if len(contents.folders) > MAX_ENTRIES:
            raise PackageError(f"it has more than {MAX_ENTRIES} folders")
    contents.folders.discard("")
    both = contents.folders & (contents.files.keys() | contents.links.keys()) or {
        path for path in (*contents.files, *contents.links) if not path
    }
    if both:
        raise PackageError(f"{min(both)!r} is a folder, and a file or symbolic link as well")


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    """Write one file; no more of it than it says it has."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        try:
            with archive.open(entry) as content:
                shutil.copyfileobj(content, file)
        except _UNREADABLE as error:
            raise PackageError(f"{entry.filename!r} is damaged: {error}") from error
        file.flush()
        if _is_for_functions(entry):
            _share(descriptor)
        else:
            os.fchmod(descriptor, 0)
        # Compiled modules in a package are valid only for sources with the time that they had.
        with contextlib.suppress(ValueError):  # no such day
            modified_s = calendar.timegm((*entry.date_time, 0, 0, 0))
            os.utime(descriptor, (modified_s, modified_s))


def _is_for_functions(entry: zipfile.ZipInfo) -> bool:
    """Say whether a file may be read by others than its owner, as AWS's functions have to.

    Python's `writestr` makes entries of mode 0600 without a type, which functions can read here: see
    "Permissions Policies on Lambda Deployment Packages" in the Lambda guide for what AWS does.
    """
    mode = entry.external_attr >> 16
    is_typed = entry.create_system in _UNIX and stat.S_ISREG(mode)
    return not is_typed or bool(mode & stat.S_IROTH)


def merge(folders: Sequence[Path], target: Path) -> None:
    """Lay `folders` over each other into the new folder `target`; a later one's files win, as in AWS.

    Links are taken as they are and nothing is written through them: what a later folder has in the place of
    a link, a file or a folder replaces it, two folders become one.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    _share(target)
    for folder in folders:
        _lay(os.scandir(folder), target)


def _lay(entries: Iterable[os.DirEntry[str]], target: Path) -> None:
    for entry in entries:
        place = target / entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if not (is_folder and place.is_dir() and not place.is_symlink()):
            _remove(place)
        if is_folder:
            place.mkdir(exist_ok=True)
            _share(place)
            _lay(os.scandir(entry.path), place)
        elif entry.is_symlink():
            place.symlink_to(Path(entry.path).readlink())
        elif entry.is_file(follow_symlinks=False):
            _copy(Path(entry.path), place)


def _copy(file: Path, place: Path) -> None:
    """Copy a file; of one that functions can't read, only that it is there."""
    if file.stat().st_mode & stat.S_IRUSR:
        shutil.copy2(file, place, follow_symlinks=False)
        _share(place)
    else:
        place.touch(mode=0)


def _share(made: Path | int) -> None:
    """Let functions read and run what was made, a path that is no link or a descriptor, and nobody else.

    As root they run as a user of their own, with a group of that user's; else as this user.
    """
    shared = os.geteuid() == 0
    if shared:
        os.chown(made, -1, GID)
    os.chmod(made, 0o750 if shared else 0o700)  # noqa: PTH101 - of a descriptor, too


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
