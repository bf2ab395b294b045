"""What a process may connect to and signal, enforced by Landlock (landlock(7)). Linux alone."""

import os
import struct
from collections.abc import Iterable

from serverless_harness.emulator.sandbox.launcher_process import kernel

NETWORK_VERSION, SCOPES_VERSION = 4, 6
"""The versions of Landlock's interface that have TCP rules (Linux 6.7), and scopes (Linux 6.12)."""

# One number on all architectures (Linux 5.13).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION, _RULE_NET_PORT = 1, 2
_ACCESS_NET_CONNECT_TCP = 2
_SCOPE_ABSTRACT_UNIX_SOCKET, _SCOPE_SIGNAL = 1, 2


def version() -> int:
    """Return the version of Landlock's interface; 0 where there is none (landlock_create_ruleset(2))."""
    if not kernel.IS_LINUX:
        return 0
    try:
        return _create_ruleset(b"", _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict_reach(ports: Iterable[int] | None) -> None:
    """Connect by TCP to `ports` alone (None: to any), and don't signal processes outside.

    For good, for this process and those it starts; nor do they connect to others' abstract sockets.
    What the kernel's version of Landlock doesn't have, it doesn't restrict. Needs `PR_SET_NO_NEW_PRIVS`.
    """
    has = version()
    network = _ACCESS_NET_CONNECT_TCP if has >= NETWORK_VERSION and ports is not None else 0
    scopes = _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL if has >= SCOPES_VERSION else 0
    if not network | scopes:
        return
    ruleset = _create_ruleset(struct.pack("=QQQ", 0, network, scopes)[: 24 if scopes else 16], 0)
    for port in (ports or ()) if network else ():
        rule = struct.pack("=QQ", network, port)
        kernel.system_call(_ADD_RULE, "landlock_add_rule", ruleset, _RULE_NET_PORT, rule, 0)
    kernel.system_call(_RESTRICT_SELF, "landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _create_ruleset(attributes: bytes, flags: int) -> int:
    """Make a ruleset, and return its descriptor; without attributes, answer what `flags` asks for."""
    return kernel.system_call(
        _CREATE_RULESET, "landlock_create_ruleset", attributes or 0, len(attributes), flags
    )
