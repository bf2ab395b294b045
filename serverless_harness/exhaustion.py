"""What the machine has run out of: what the caller can do, and how other programs' words tell of it."""

import errno
import shutil
from contextlib import suppress
from pathlib import Path

from serverless_harness import paths
from serverless_harness.errors import HarnessError, UserError

REMEDIES = {
    errno.ENOSPC: "free some space on that disk, then run this again",
    errno.EDQUOT: "free some of your disk quota, then run this again",
    errno.EAGAIN: "end some processes, or raise the limit (ulimit -u), then run this again",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n), then run this again",
}
NO_THREAD = "can't start new thread"
"""What Python makes of EAGAIN where a thread can't be started."""
NO_PROCESS = (NO_THREAD, "newosproc", "failed to create new os thread", "resource temporarily unavailable")
"""Python's, Go's and the C library's words, in small letters."""
NO_SPACE = "no space left on device"
LEAST_FREE_BYTES = 64 * 1024


def explained(error: HarnessError, words: str, folder: Path) -> HarnessError:
    """Give the UserError that tells what had run out when a program failed, else `error` itself.

    `words` are what the program printed, `folder` is where it writes.
    """
    lowered = words.lower()
    if any(sign in lowered for sign in NO_PROCESS):
        return UserError(f"no more processes or threads can be started: {REMEDIES[errno.EAGAIN]}")
    if NO_SPACE in lowered or _is_full(folder):
        return UserError(f"the disk of {paths.shown(folder)} is full: {REMEDIES[errno.ENOSPC]}")
    return error


def _is_full(folder: Path) -> bool:
    with suppress(OSError):
        return shutil.disk_usage(folder).free < LEAST_FREE_BYTES
    return False
