"""Signatures of what is kept on disk and run when it is read again, with a key that only the user has.

The key is in the user's own state folder (XDG Base Directory Specification), not in the project's: who can
write to the project can't sign.
"""

import contextlib
import hmac
import os
import secrets
from pathlib import Path

from serverless_harness.private_files import make_private, read_private, require_private, write_private

KEY_BYTES = 32


def key_file() -> Path:
    """Give the file of the user's key."""
    state = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return folder / "serverless-harness" / "snapshot-key"


def sign(content: bytes) -> str:
    """Give the signature of `content` as hexadecimal text; a first one makes the key.

    Raises NotPrivateError where others may write the key, OSError where it can't be read or made.
    """
    return hmac.new(_key(), content, "sha256").hexdigest()


def is_signed(content: bytes, signature: str) -> bool:
    """Tell whether `signature` is this user's of `content`; raises as `sign` does."""
    return hmac.compare_digest(sign(content).encode(), signature.strip().encode())


def _key() -> bytes:
    file = key_file()
    make_private(file.parent)
    require_private(file.parent)
    with contextlib.suppress(FileExistsError):
        write_private(file, secrets.token_bytes(KEY_BYTES))
    key = read_private(file)
    if len(key) != KEY_BYTES:
        raise OSError(f"{file} is damaged: remove it")
    return key
