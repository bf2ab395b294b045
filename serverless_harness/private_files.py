"""Files that are their owner's alone, whatever the umask, and that nobody else can have put there."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE_UMASK = 0o077
_OTHERS_WRITE = 0o022
_callers: list[int] = []


class NotPrivateError(ValueError):
    """Somebody else owns a file or a folder, or may write to it; the message names it and says what to do."""


@contextmanager
def private_umask() -> Iterator[None]:
    """Have this process make files for its owner alone while the block runs."""
    before = os.umask(PRIVATE_UMASK)
    _callers.append(before)
    try:
        yield
    finally:
        _callers.pop()
        os.umask(before)


def callers_umask() -> int:
    """Give the umask outside of such blocks, for the caller's own programs; -1, for `subprocess`, in none."""
    return _callers[0] if _callers else -1


def make_private(folder: Path) -> Path:
    """Make a folder, or make the one that is there, its owner's alone: mode 0700."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) != 0o700 and folder.stat().st_uid == os.geteuid():
        folder.chmod(0o700)
    return folder


def require_private(folder: Path) -> None:
    """Raise NotPrivateError, or OSError, where another user owns `folder` or could put something there."""
    status = folder.lstat()
    _require_own(folder, status)
    if not stat.S_ISDIR(status.st_mode):
        raise NotPrivateError(f"{folder} is not a folder")


def read_private(file: Path) -> bytes:
    """Read a regular file that is ours; raises NotPrivateError, or OSError, where it isn't."""
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
        status = os.fstat(opened.fileno())
        _require_own(file, status)
        if not stat.S_ISREG(status.st_mode):
            raise NotPrivateError(f"{file} is not a regular file")
        return opened.read()


def write_private(file: Path, content: bytes) -> None:
    """Write a new file, mode 0600, to the disk; raises OSError where there is one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        os.fchmod(descriptor, 0o600)
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)


def _require_own(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise NotPrivateError(f"{path} belongs to another user (id {status.st_uid}): remove it")
    if status.st_mode & _OTHERS_WRITE and not stat.S_ISLNK(status.st_mode):
        raise NotPrivateError(f"other users may write to {path}: remove it, or run chmod go-w on it")
