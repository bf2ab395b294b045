"""The processes of functions that share the host's network: whose a connection on loopback is.

An environment with a network of its own is known by its socket. Where there is none (ports are named, in
containers, on macOS), the system is asked which process has the other end of a connection.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import psutil

from serverless_harness.emulator.gateway.wsgi_environ import Address

_LOCK = threading.Lock()
_PROCESSES: dict[object, int] = {}
"""The process ids of runtimes, each by an object of its own."""


def enter(pid: int) -> Callable[[], None]:
    """Note the process of a runtime; returns what forgets it (idempotent)."""
    entry = object()
    with _LOCK:
        _PROCESSES[entry] = pid

    def leave() -> None:
        with _LOCK:
            _PROCESSES.pop(entry, None)

    return leave


def own(address: Address) -> bool:
    """Return whether a noted process or a descendant has a TCP socket at `address`, an end on loopback."""
    with _LOCK:
        pids = list(_PROCESSES.values())
    return bool(pids) and _is_loopback(address[0]) and any(has(pid, address) for pid in pids)


def has(pid: int, address: Address) -> bool | None:
    """Return whether a process or a descendant has a socket at `address`; None: the system doesn't say."""
    try:
        main = psutil.Process(pid)
        if address in _ends(main):
            return True
        with contextlib.suppress(psutil.Error):
            return any(address in _ends_or_none(child) for child in main.children(recursive=True))
    except psutil.Error:
        return None
    return False


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return False


def _ends(process: psutil.Process) -> Iterator[Address]:
    for connection in process.net_connections("tcp"):
        if connection.laddr:
            # A socket for IPv6 may be connected to an address of IPv4.
            yield connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port


def _ends_or_none(process: psutil.Process) -> list[Address]:
    with contextlib.suppress(psutil.Error):
        return list(_ends(process))
    return []
