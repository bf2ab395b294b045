"""Which folders of the host functions may run from: those that the setting names, and what is in them.

LocalStack's bucket `hot-reload` stands for the host, so that whoever may create a function could otherwise
read any folder. `LAMBDA_HOT_RELOAD_FOLDERS` has absolute paths with colons between them; where it is empty,
no function runs from a folder.
"""

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "LAMBDA_HOT_RELOAD_FOLDERS"


class FolderNotAllowedError(ValueError):
    """The folder is in none of those that are named; the message says which setting names them."""


def folder(key: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that `key` stands for, with its variables and links resolved.

    Raises:
        FolderNotAllowedError: It isn't absolute, or in none of the named folders.
    """
    path = Path(os.path.expandvars(key))
    if not path.is_absolute():
        raise FolderNotAllowedError(
            f"When using hot reloading, the archive key has to be an absolute path! Your archive key: {key}"
        )
    named = [Path(name).resolve() for name in environ.get(VARIABLE, "").split(os.pathsep) if name]
    found = path.resolve()
    if not any(found.is_relative_to(each) for each in named):
        allowed = ", ".join(map(str, named)) or "none"
        raise FolderNotAllowedError(
            f"hot reloading from {key} is not allowed: start the stack with {VARIABLE} set to the folders "
            f"that functions may run from (now {allowed})"
        )
    return found
