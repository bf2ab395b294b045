"""Sockets that listen on exactly the addresses that were asked for."""

import errno
import os
import socket
from contextlib import ExitStack
from typing import Any

BACKLOG_CONNECTIONS = 1024
UNUSABLE_ADDRESS_ERRNOS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})


class CannotListenError(Exception):
    """An address of `GATEWAY_LISTEN` can't be bound; the text is one line for the user."""


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets for `host`, an IPv4 or IPv6 address or a name, which may stand for several.

    Of a name's addresses, those that this machine doesn't have (`::1` where IPv6 is off) are left out, as
    long as one can be bound. Raises `CannotListenError`.
    """
    addresses = _resolve(host, port)
    with ExitStack() as opened:
        listeners = []
        for family, address in addresses:
            try:
                listeners.append(opened.enter_context(_listen(family, address)))
            except OSError as error:
                if error.errno in UNUSABLE_ADDRESS_ERRNOS and len(addresses) > 1:
                    continue
                raise CannotListenError(_explain(host, port, error)) from error
        if not listeners:
            raise CannotListenError(f"cannot listen on {host}: it is not an address of this machine")
        opened.pop_all()
        return listeners


def _resolve(host: str, port: int) -> list[tuple[int, Any]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CannotListenError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


def _listen(family: int, address: Any) -> socket.socket:  # noqa: ANN401
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG_CONNECTIONS)
    except OSError:
        listener.close()
        raise
    return listener


def _explain(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken by another process; stop it, or choose another port"
    return f"cannot listen on {host}, port {port}: {os.strerror(error.errno or 0)}"
