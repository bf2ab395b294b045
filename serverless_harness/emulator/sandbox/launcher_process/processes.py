"""Who runs below a process, and what it uses: /proc on Linux, psutil (found by the emulator) elsewhere."""

import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

from serverless_harness.emulator.cpu_wait import read_file
from serverless_harness.emulator.sandbox.launcher_process.kernel import IS_LINUX

_PROPORTIONAL = ("Pss_Anon", "Pss_File", "Pss_Shmem")  # since Linux 5.3
_SIZE = re.compile(rb"^(\w+):\s+(\d+) kB$", re.MULTILINE)


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


def memory(pids: list[int], tmp_bytes: int = 0) -> Memory:
    """The memory of these processes together; `tmp_bytes` are in /tmp, and aren't memory to AWS if mapped.

    Of several processes each page counts once, however many share it since their fork: by proportional set
    sizes, for which the kernel walks all page tables (some milliseconds for 100 MB).
    """
    if not IS_LINUX:
        return _memory_by_psutil(pids)
    sizes = [(_proportional_sizes(pid) if len(pids) > 1 else None) or _resident_sizes(pid) for pid in pids]
    anonymous, file, shared = map(sum, zip((0, 0, 0), *sizes, strict=True))
    return Memory(anonymous + max(0, shared - tmp_bytes), anonymous + file + shared)


def status_bytes(pid: int, *names: str) -> list[int]:
    """Sizes in /proc/<pid>/status, 0 for what isn't there, or if there is no such process."""
    sizes = _sizes(pid, "status")
    return [sizes.get(name, 0) for name in names]


def _resident_sizes(pid: int) -> list[int]:
    """Anonymous, mapped from files, shared."""
    return status_bytes(pid, "RssAnon", "RssFile", "RssShmem")


def _proportional_sizes(pid: int) -> list[int] | None:
    """The same, each page divided among the processes that share it; None where the kernel doesn't say."""
    sizes = _sizes(pid, "smaps_rollup")
    return [sizes[name] for name in _PROPORTIONAL] if sizes.keys() >= set(_PROPORTIONAL) else None


def _sizes(pid: int, file: str) -> dict[str, int]:
    """The `name: <number> kB` lines of a process's file, in bytes."""
    sizes = _SIZE.findall(read_file(f"/proc/{pid}/{file}"))
    return {name.decode(): int(kilobytes) * 1024 for name, kilobytes in sizes}


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
