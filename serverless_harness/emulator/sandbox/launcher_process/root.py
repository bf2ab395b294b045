"""The file system that the function sees: made of mounts, then entered.

With os and not with pathlib, which would add half a millisecond to every cold start.
"""

# ruff: noqa: PTH103, PTH112, PTH116, PTH120, PTH211

import os
import socket
import stat
from typing import Any

from serverless_harness.emulator.sandbox.launcher_process import kernel


def mount_tmp(target: str, options: str) -> None:
    """Mount an environment's /tmp on the launcher's side, once: it outlives the process's restarts."""
    if not os.path.ismount(target):
        kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)


def enter(plan: dict[str, Any], root: str, tmp: str) -> None:
    """Build `plan` (`sandbox.filesystem`) on an empty tmpfs at `root`, and make it this process's root."""
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID, "size=1m,mode=755")
    os.chdir(root)
    for folder in plan["folders"]:
        os.makedirs("." + folder, exist_ok=True)
    for path, text in plan["files"].items():
        _write("." + path, text)
    for path, target in plan["symlinks"].items():
        os.symlink(target, "." + path)
    for source, path in plan["binds"]:
        _bind(source, "." + path)
    kernel.set_read_only(".")
    kernel.mount("proc", "./proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC, "hidepid=2")
    kernel.mount(tmp, "./tmp", None, kernel.MS_BIND)
    kernel.pivot_root()
    os.chdir("/")
    socket.sethostname("localhost")


def _bind(source: str, target: str) -> None:
    """Show `source`, a file or folder, at `target`, which is made for it."""
    if not stat.S_ISDIR(os.stat(source).st_mode):
        _write(target, "")
    elif not os.path.isdir(target):
        os.makedirs(target)
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)


def _write(path: str, text: str) -> None:
    """Make a file, and its folder where there is none."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path))
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    os.write(file, text.encode())
    os.close(file)
