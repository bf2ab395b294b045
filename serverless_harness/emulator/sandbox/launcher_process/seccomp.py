"""A filter of system calls (seccomp(2)) for what functions never need and attacks on the kernel do.

Landlock checks `connect` alone: TCP Fast Open connects in `sendto`, and MPTCP, SCTP and vsock aren't TCP to
it. Namespaces of a function's own would give it capabilities in them. The filter refuses as a kernel does
that doesn't have the call, or with EPERM. It holds for the process and for all that it starts.

The program is classic BPF (Linux: Documentation/userspace-api/seccomp_filter.rst): instructions of operation,
two jump distances and a value, on the call's number and its first arguments' low words.
"""

import ctypes
import errno
import platform
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from serverless_harness.emulator.sandbox.launcher_process import kernel


@dataclass(frozen=True)
class Architecture:
    """How one architecture names itself to filters (linux/audit.h), and numbers the calls."""

    audit: int
    seccomp: int
    clone: int
    socket: int
    sendto: int
    sendmsg: int
    sendmmsg: int
    refused: tuple[int, ...]


_ON_ALL = (425, 426, 427, 438)
"""io_uring_setup, io_uring_enter, io_uring_register, pidfd_getfd: one number on all architectures."""
_CLONE3 = 435

ARCHITECTURES = {
    "x86_64": Architecture(
        audit=0xC000003E, seccomp=317, clone=56, socket=41, sendto=44, sendmsg=46, sendmmsg=307,
        # ptrace, unshare, setns, bpf, perf_event_open, userfaultfd, add_key, request_key, keyctl,
        # process_vm_readv, process_vm_writev, open_by_handle_at
        refused=(101, 272, 308, 321, 298, 323, 248, 249, 250, 310, 311, 304, *_ON_ALL),
    ),
    "aarch64": Architecture(
        audit=0xC00000B7, seccomp=277, clone=220, socket=198, sendto=206, sendmsg=211, sendmmsg=269,
        refused=(117, 97, 268, 280, 241, 282, 217, 218, 219, 270, 271, 265, *_ON_ALL),
    ),
}  # fmt: skip

_X32 = 0x40000000
"""In the numbers of the calls that x86_64 has for 32-bit pointers."""
_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID and _NEWNET."""
_MSG_FASTOPEN = 0x20000000
_ROUTES = 0
"""NETLINK_ROUTE, with which addresses are looked up; others would show all sockets."""

_LOAD, _MASK, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_LARGER_OR_EQUAL, _IF_ANY_BIT = 0x15, 0x35, 0x45
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER_AT, _AUDIT_AT, _ARGUMENTS_AT = 0, 4, 16

_SET_MODE_FILTER, _ALLOW_SPECULATION = 1, 4

type Program = list[tuple[int, int, int, int]]


def program(architecture: Architecture) -> Program:
    """Return the filter: refusals one by one, then leave for all else."""
    return [
        (_LOAD, 0, 0, _AUDIT_AT),
        (_IF_EQUAL, 1, 0, architecture.audit),
        _refuse(errno.ENOSYS),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IF_LARGER_OR_EQUAL, 0, 1, _X32),
        _refuse(errno.ENOSYS),
        # Its flags are in memory, where no filter looks; libc has another way.
        *_refused(_CLONE3, errno.ENOSYS),
        *(line for number in architecture.refused for line in _refused(number, errno.EPERM)),
        *_call(architecture.clone, _unless_bits(0, _NAMESPACES)),
        *_call(architecture.sendto, _unless_bits(3, _MSG_FASTOPEN)),
        *_call(architecture.sendmsg, _unless_bits(2, _MSG_FASTOPEN)),
        *_call(architecture.sendmmsg, _unless_bits(3, _MSG_FASTOPEN)),
        *_call(architecture.socket, _socket()),
        (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip


def restrict_calls() -> None:
    """Filter this process's calls from now on; needs `PR_SET_NO_NEW_PRIVS`.

    Nothing happens on other systems and on architectures that aren't known here. Raises OSError where the
    kernel takes no filter.
    """
    architecture = ARCHITECTURES.get(platform.machine())
    if not kernel.IS_LINUX or architecture is None:
        return
    instructions = b"".join(struct.pack("=HBBI", *line) for line in program(architecture))
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    header = struct.pack("@HP", len(instructions) // 8, ctypes.addressof(buffer))
    # Without the flag, older kernels slow the whole process down as well (spec_store_bypass).
    kernel.system_call(architecture.seccomp, "seccomp", _SET_MODE_FILTER, _ALLOW_SPECULATION, header)


def _refuse(number: int) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, _ERRNO | number)


def _refused(call: int, number: int) -> Program:
    return [(_IF_EQUAL, 0, 1, call), _refuse(number)]


def _call(call: int, body: Program) -> Program:
    """Have `body`, which ends with a return, judge one call."""
    return [(_IF_EQUAL, 0, len(body), call), *body]


def _argument(index: int) -> tuple[int, int, int, int]:
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index)


def _unless_bits(argument: int, bits: int) -> Program:
    return [_argument(argument), (_IF_ANY_BIT, 0, 1, bits), _refuse(errno.EPERM), (_RETURN, 0, 0, _ALLOW)]


def _unless_in(values: Iterable[int], number: int) -> Program:
    """Go on with the next instruction where what was loaded is one of `values`."""
    values = list(values)
    tests = [(_IF_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)]
    return [*tests, _refuse(number)]


def _socket() -> Program:
    """Unix sockets; TCP and UDP by either version of IP; looking up addresses."""
    internet = [
        _argument(1),
        (_MASK, 0, 0, 0xF),
        *_unless_in([socket.SOCK_STREAM, socket.SOCK_DGRAM], errno.EPERM),
        _argument(2),
        *_unless_in([0, socket.IPPROTO_TCP, socket.IPPROTO_UDP], errno.EPROTONOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    ]
    netlink = [
        _argument(2),
        *_unless_in([_ROUTES], errno.EPROTONOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    ]
    families = [(_IF_EQUAL, 0, 1, 1), (_RETURN, 0, 0, _ALLOW)]  # AF_UNIX
    return [
        _argument(0),
        *families,
        *_call(2, internet),  # AF_INET
        *_call(10, internet),  # AF_INET6
        *_call(16, netlink),  # AF_NETLINK
        _refuse(errno.EAFNOSUPPORT),
    ]
