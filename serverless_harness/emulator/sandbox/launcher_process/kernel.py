"""System calls that Python's standard library doesn't offer. Linux alone; elsewhere nobody calls them."""

import ctypes
import os
import platform
import struct
import sys

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38

IS_LINUX = sys.platform.startswith("linux")

_AT_RECURSIVE, _AT_FDCWD, _MNT_DETACH = 0x8000, -100, 2
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine(), -1)
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(platform.machine(), -1)
# One number on all architectures (Linux 5.12).
_SYS_MOUNT_SETATTR = 442

# PyDLL, not CDLL: the interpreter's lock must not be let go around a `clone`.
_libc = ctypes.PyDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    """Raise OSError for a call that answered -1."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def system_call(number: int, name: str, *arguments: int | bytes) -> int:
    """Any call by its number; whole numbers are passed as unsigned longs. Raises OSError."""
    passed = [each if isinstance(each, bytes) else ctypes.c_ulong(each) for each in arguments]
    return _checked(_libc.syscall(number, *passed), name)


def clone(flags: int) -> int:
    """Fork with namespaces, as the system call clone does: 0 in the child, the child's id in the parent."""
    return _checked(_libc.syscall(_SYS_CLONE, ctypes.c_ulong(flags), 0, 0, 0, 0), "clone")


def unshare(flags: int) -> None:
    """Leave namespaces, as the system call of this name does."""
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, fstype: str | None, flags: int, data: str | None = None) -> None:
    """Mount, as the system call of this name does."""
    result = _libc.mount(
        source.encode(),
        target.encode(),
        fstype.encode() if fstype else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
    _checked(result, f"mount {source} at {target}")


def unmount(target: str) -> None:
    """umount2(2), lazily: what is still open there lives on until it is closed."""
    _checked(_libc.umount2(target.encode(), _MNT_DETACH), f"umount {target}")


def set_read_only(target: str) -> None:
    """Make `target` and every mount below it read-only and deaf to set-user-id bits (mount_setattr(2))."""
    attributes = struct.pack("=QQQQ", MS_RDONLY | MS_NOSUID, 0, 0, 0)
    result = _libc.syscall(
        _SYS_MOUNT_SETATTR,
        _AT_FDCWD,
        target.encode(),
        _AT_RECURSIVE,
        attributes,
        ctypes.c_size_t(len(attributes)),
    )
    _checked(result, f"mount_setattr {target}")


def pivot_root() -> None:
    """Make the current folder, a mount, the root, and let go of the old one (pivot_root(2))."""
    _checked(_libc.syscall(_SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    unmount(".")


def prctl(option: int, value: int) -> bool:
    """Make the system call of this name where there is one, and return whether that was accepted."""
    return IS_LINUX and _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) == 0
