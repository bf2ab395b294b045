"""Who runs below a process, and what it uses: /proc on Linux, psutil (found by the emulator) elsewhere."""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from emulator.lambda_executor.sandbox.launcher_process.kernel import IS_LINUX

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Memory:
    """Memory of an environment's processes, in bytes."""

    used: int
    """What counts against the limit: it can't be had back (no file's pages)."""
    resident: int
    """What is in memory for them, program and library pages included: AWS's `Max Memory Used`."""


def descendants(root: int) -> list[int]:
    """Every process below `root`, parents first."""
    if not IS_LINUX:
        return _descendants_by_psutil(root)
    found: list[int] = []
    todo = [root]
    while todo:
        below = _children(todo.pop())
        found += below
        todo += below
    return found


def _children(pid: int) -> list[int]:
    """The direct children of all threads of a process."""
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                children += map(int, (thread / "children").read_text().split())
    return children


def memory(pids: list[int]) -> Memory:
    """The memory of these processes together."""
    if not IS_LINUX:
        return _memory_by_psutil(pids)
    used = resident = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            _, pages, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
            used += (pages - shared) * _PAGE_BYTES
            resident += pages * _PAGE_BYTES
    return Memory(used, resident)


def cpu_time_s(pid: int) -> float:
    """User and system time of all threads of a process; 0 when it has gone."""
    if not IS_LINUX:
        return _cpu_time_by_psutil(pid)
    # The process's CPU clock (Linux's own numbering, clock_getcpuclockid(3)): to the nanosecond, in one call.
    with contextlib.suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)
    return 0.0


def _descendants_by_psutil(root: int) -> list[int]:
    import psutil

    try:
        return [process.pid for process in psutil.Process(root).children(recursive=True)]
    except psutil.Error:
        return []


def _memory_by_psutil(pids: list[int]) -> Memory:
    import psutil

    resident = 0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            resident += psutil.Process(pid).memory_info().rss
    return Memory(resident, resident)


def _cpu_time_by_psutil(pid: int) -> float:
    import psutil

    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0
