"""A saved state on disk: a folder of files and a manifest with their hashes, which its user has signed.

It may hold private keys, so nobody else may read it; and it is code that the emulator runs, so one that
somebody else wrote, or could have, is refused. It appears at once and whole, by a rename, and is never half
used.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from serverless_harness.errors import UserError
from serverless_harness.private_files import (
    NotPrivateError,
    make_private,
    read_private,
    require_private,
    write_private,
)
from serverless_harness.stack.signing import is_signed, sign

MANIFEST = "manifest.json"
FORMER = "-former"
"""How the name of a state ends that is being replaced: `.<its name>-<8 digits>-former`."""


class SavedStateError(UserError):
    """A state can't be saved, read or loaded; unless it is HalfLoadedError, nothing has changed."""


class HalfLoadedError(SavedStateError):
    """Something went wrong while a state was loaded: the stack may hold half of it and has to be stopped."""


class StackBusyError(SavedStateError):
    """The stack was too busy for its state to be saved or replaced, and goes on unchanged."""


class NotSignedError(SavedStateError):
    """Somebody else wrote a state, or could have."""


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files, by their names in `folder`, and their manifest; what was there before is there until then.

    Raises SavedStateError where they can't be written; nothing is left of them then.
    """
    unfinished = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    former = folder.with_name(f"{unfinished.name}{FORMER}")
    try:
        make_private(folder.parent)
        make_private(unfinished)
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        manifest = {"files": hashes, "signature": sign(_to_sign(hashes))}
        for name, content in {**contents, MANIFEST: json.dumps(manifest, indent=2).encode()}.items():
            make_private((unfinished / name).parent)
            write_private(unfinished / name, content)
        for written in (unfinished, *(each for each in unfinished.rglob("*") if each.is_dir())):
            _sync(written)
        with _claimed(folder.parent) as parent:
            with suppress(FileNotFoundError):
                folder.rename(former)
            unfinished.rename(folder)
            os.fsync(parent)
    except (OSError, NotPrivateError) as error:
        raise SavedStateError(f"it can't be written: {error}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(former, ignore_errors=True)
        else:
            with suppress(OSError):
                former.rename(folder)


def read(folder: Path, trust: bool = False) -> dict[str, bytes]:
    """Read all files, by their names; with `trust` whoever signed them.

    Raises SavedStateError where one isn't as it was written, NotSignedError where that wasn't this user.
    """
    hashes = _hashes(folder, trust)
    return {name: _read(folder, name, hashes) for name in hashes}


def read_one(folder: Path, name: str) -> bytes:
    """Read one file alone; raises as `read` does."""
    return _read(folder, name, _hashes(folder, False))


def exists(folder: Path) -> bool:
    """Tell whether there is a state in `folder`."""
    recover(folder.parent)
    return (folder / MANIFEST).is_file()


def recover(parent: Path) -> None:
    """Give its name back to each state below `parent` whose writer was killed between its two renames."""
    for former in parent.glob(f".*{FORMER}"):
        folder = former.with_name(former.name.removesuffix(FORMER)[1:].rpartition("-")[0])
        with suppress(OSError), _claimed(parent):
            if not folder.exists():
                former.rename(folder)
            else:
                shutil.rmtree(former)


def size_bytes(folder: Path) -> int:
    """Give the size of all files of a state."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _hashes(folder: Path, trust: bool) -> dict[str, str]:
    try:
        require_private(folder.parent)
        require_private(folder)
        manifest = json.loads(read_private(folder / MANIFEST))
        hashes: dict[str, str] = manifest["files"]
        is_ours = is_signed(_to_sign(hashes), manifest["signature"])
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise SavedStateError(f"it can't be read: {error}") from None
    if not is_ours and not trust:
        raise NotSignedError("it is not signed with this user's key")
    return hashes


def _read(folder: Path, name: str, hashes: Mapping[str, str]) -> bytes:
    file = folder / name
    try:
        for parent in file.relative_to(folder).parents:
            require_private(folder / parent)
        content = read_private(file)
    except (OSError, ValueError) as error:
        raise SavedStateError(f"it can't be read: {error}") from None
    if hashlib.sha256(content).hexdigest() != hashes.get(name):
        raise SavedStateError(f"its file {name} is damaged")
    return content


def _to_sign(hashes: Mapping[str, str]) -> bytes:
    return json.dumps(hashes, sort_keys=True).encode()


def _sync(folder: Path) -> None:
    """Have the disk know of the names in `folder`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _claimed(folder: Path) -> Iterator[int]:
    """Be the one process that renames states in `folder`; gives its descriptor."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
