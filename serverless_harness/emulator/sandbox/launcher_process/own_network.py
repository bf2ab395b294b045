"""A network of an environment's own: loopback alone, where nothing listens but what is offered there.

The listening sockets go to the emulator, which answers on them: a socket stays in the network that it was
made in, whoever accepts its connections. So each tells the emulator which environment calls.
"""

import fcntl
import socket
import struct
from collections.abc import Iterable

from serverless_harness.emulator.sandbox.launcher_process import kernel

_SET_FLAGS, _UP = 0x8914, 1
"""SIOCSIFFLAGS and IFF_UP (netdevice(7))."""
_BACKLOG = 1024


def enter(ports: Iterable[int]) -> list[socket.socket]:
    """Leave the host's network for a new one; returns a listener on 127.0.0.1 for each of `ports`."""
    kernel.unshare(kernel.CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))
    return [socket.create_server(("127.0.0.1", port), backlog=_BACKLOG) for port in ports]
