"""What a process may connect to, signal and read, enforced by Landlock (landlock(7)). Linux alone."""

import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from serverless_harness.emulator.sandbox.launcher_process import kernel

NETWORK_VERSION, SCOPES_VERSION = 4, 6
"""The versions of Landlock's interface that have TCP rules (Linux 6.7), and scopes (Linux 6.12)."""

# One number on all architectures (Linux 5.13).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION, _RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 1, 2
_ACCESS_NET_CONNECT_TCP = 2
_SCOPE_ABSTRACT_UNIX_SOCKET, _SCOPE_SIGNAL = 1, 2
_READ_FILE, _WRITE_FILE, _REFER, _TRUNCATE = 1 << 2, 1 << 1, 1 << 13, 1 << 14
_CHANGE_FOLDER = sum(1 << bit for bit in range(4, 13))
"""To make and remove what is in it."""
_REFER_VERSION, _TRUNCATE_VERSION = 2, 3


def version() -> int:
    """Return the version of Landlock's interface; 0 where there is none (landlock_create_ruleset(2))."""
    if not kernel.IS_LINUX:
        return 0
    try:
        return _create_ruleset(b"", _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict_reach(ports: Iterable[int] | None, hidden: Path | None = None) -> None:
    """Connect by TCP to `ports` alone (None: to any), leave `hidden` alone, signal no process outside.

    For good, for this process and those it starts; nor do they connect to others' abstract sockets.
    What the kernel's version of Landlock doesn't have, it doesn't restrict. Needs `PR_SET_NO_NEW_PRIVS`.
    """
    has = version()
    files = _file_access(has) if hidden else 0
    network = _ACCESS_NET_CONNECT_TCP if has >= NETWORK_VERSION and ports is not None else 0
    scopes = _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL if has >= SCOPES_VERSION else 0
    if not files | network | scopes:
        return
    size = 24 if scopes else 16 if network else 8
    ruleset = _create_ruleset(struct.pack("=QQQ", files, network, scopes)[:size], 0)
    for path in _beside(hidden) if hidden and files else ():
        _allow_beneath(ruleset, path, files)
    for port in (ports or ()) if network else ():
        rule = struct.pack("=QQ", network, port)
        kernel.system_call(_ADD_RULE, "landlock_add_rule", ruleset, _RULE_NET_PORT, rule, 0)
    kernel.system_call(_RESTRICT_SELF, "landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _file_access(has: int) -> int:
    """Return what can be forbidden of files and folders: not to list a folder, nor to run a file."""
    refer = _REFER if has >= _REFER_VERSION else 0
    truncate = _TRUNCATE if has >= _TRUNCATE_VERSION else 0
    return (_READ_FILE | _WRITE_FILE | _CHANGE_FOLDER | refer | truncate) if has else 0


def _beside(hidden: Path) -> Iterable[Path]:
    """Return all that is in the folders above one, but what leads to it, as a link may."""
    way = {hidden, *hidden.parents}
    beside = (path for parent in hidden.parents for path in parent.iterdir() if path not in way)
    return [path for path in beside if not path.is_symlink()]


def _allow_beneath(ruleset: int, path: Path, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH)
    except OSError:
        return  # It is gone.
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= _READ_FILE | _WRITE_FILE | _TRUNCATE
        rule = struct.pack("=Qi", access, descriptor)
        kernel.system_call(_ADD_RULE, "landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def _create_ruleset(attributes: bytes, flags: int) -> int:
    """Make a ruleset, and return its descriptor; without attributes, answer what `flags` asks for."""
    return kernel.system_call(
        _CREATE_RULESET, "landlock_create_ruleset", attributes or 0, len(attributes), flags
    )
