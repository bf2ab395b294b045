"""Watches the environments' memory, and shares out CPU time where no cgroup does it."""

import contextlib
import mmap
import os
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serverless_harness.emulator.cpu_wait import read_file
from serverless_harness.emulator.sandbox.launcher_process import processes
from serverless_harness.emulator.sandbox.launcher_process.processes import Memory

GROWTH_BYTES_PER_S = 1e9
"""How fast a process fills memory at most, about: the next look comes before the limit can be far behind."""
MIN_INTERVAL_S, MAX_INTERVAL_S = 0.002, 0.05
REST = 9
"""After a look at an environment's memory there is none for so many times the CPU time that it took."""
CPU_PERIOD_S = 0.02
_CHANGE_BYTES = 256 * 1024


class Gauge:
    """Memory shared with the emulator: peaks of resident and mapped bytes, whether the limit was exceeded."""

    SIZE_BYTES = 24

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, self.SIZE_BYTES)

    def raise_peaks(self, memory: Memory) -> None:
        """Note a measurement."""
        for offset, value in ((0, memory.resident), (16, memory.resident - memory.used)):
            if value > struct.unpack_from("=Q", self._memory, offset)[0]:
                struct.pack_into("=Q", self._memory, offset, value)

    def set_out_of_memory(self) -> None:
        """Note that the processes are killed for their memory."""
        struct.pack_into("=Q", self._memory, 8, 1)


class GovernedEnvironment:
    """What the launcher knows of one execution environment."""

    def __init__(self, request: dict[str, Any], gauge: int) -> None:
        self.cgroups: list[str] = request["cgroups"]
        self.tmp: str = request["tmp"]
        self.init = 0
        self.vcpus: float | None = None
        self._limit_bytes: int = request["memory_bytes"]
        self._gauge = Gauge(gauge)
        self._read = _memory_reader(
            request["memory_source"], request["tmp"] if request["namespaces"] else None
        )
        self._memory_due, self._cpu_due = 0.0, float("inf")
        self._cpu = CpuShare()

    def tick(self, now: float) -> float:
        """Do what is due; when to come again (seconds of the monotonic clock)."""
        if not self.init:
            return float("inf")
        if now >= self._memory_due:
            self._check_memory(now)
        if self.vcpus is not None and now >= self._cpu_due:
            self._cpu_due = self._cpu.tick(now, self.vcpus, self.init)
        return min(self._memory_due, self._cpu_due)

    def set_cpu(self, vcpus: float | None) -> None:
        """Share out CPU time from now on (processors); None: no longer."""
        self._cpu.release()
        self._cpu = CpuShare()
        self.vcpus, self._cpu_due = vcpus, float("inf") if vcpus is None else 0.0

    def end(self) -> None:
        """Tell the init to end, with every process."""
        if self.init:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the init itself: the kernel, or the launcher, then ends the rest."""
        if self.init:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init, signal.SIGKILL)

    def _check_memory(self, now: float) -> None:
        begin_s = time.process_time()
        memory = self._read(self.init)
        self._gauge.raise_peaks(memory)
        # Twice: a process that ends between two others' turns leaves them its part of shared pages.
        if memory.used > self._limit_bytes and self._read(self.init).used > self._limit_bytes:
            self._gauge.set_out_of_memory()
            self.end()
        headroom_s = (self._limit_bytes - memory.used) / GROWTH_BYTES_PER_S
        interval_s = min(max(headroom_s, MIN_INTERVAL_S), MAX_INTERVAL_S)
        self._memory_due = now + max(interval_s, REST * (time.process_time() - begin_s))


class CpuShare:
    """A share of CPU time, by stopping (SIGSTOP) until what was used in advance has been waited out."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._credit_s = CPU_PERIOD_S
        self._used_s: dict[int, float] = {}
        self._stopped: list[int] = []

    def tick(self, now: float, vcpus: float, init: int) -> float:
        """Look what was used since the last time, stop or continue; when to look again."""
        pids = processes.descendants(init)
        used_s = self._used_since(pids)
        if self._since is not None:
            self._credit_s += (now - self._since) * vcpus - used_s
        self._credit_s = min(self._credit_s, CPU_PERIOD_S * vcpus)
        self._since = now
        if self._credit_s < 0:
            self._stop(pids)
            return now - self._credit_s / vcpus
        self.release()
        return now + max(self._credit_s, MIN_INTERVAL_S)

    def release(self) -> None:
        """Continue what is stopped."""
        for pid in self._stopped:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGCONT)
        self._stopped = []

    def _stop(self, pids: list[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGSTOP)
        self._stopped = pids

    def _used_since(self, pids: list[int]) -> float:
        before, self._used_s = self._used_s, {pid: processes.cpu_time_s(pid) for pid in pids}
        return sum(max(0.0, used - before.get(pid, used)) for pid, used in self._used_s.items())


def _memory_reader(source: dict[str, str], tmp: str | None) -> Callable[[int], Memory]:
    """How this environment's memory is measured: its cgroup, or its processes one by one."""
    if source["kind"] == "processes":
        return lambda init: processes.memory(processes.descendants(init), _tmp_bytes(tmp))
    return GroupMemory(source, tmp)


class GroupMemory:
    """A cgroup's memory without its page cache, and without what is in /tmp, which AWS has on a disk."""

    _NAMES = {  # noqa: RUF012 - per version: total, anonymous, shared, mapped
        "v1": ("memory.usage_in_bytes", "total_rss", "total_shmem", "total_mapped_file"),
        "v2": ("memory.current", "anon", "shmem", "file_mapped"),
    }

    def __init__(self, source: dict[str, str], tmp: str | None) -> None:
        total, self._anonymous, self._shared, self._mapped = self._NAMES[source["kind"]]
        self._total = f"{source['folder']}/{total}"
        self._stat = Path(source["folder"], "memory.stat")
        self._tmp = tmp
        self._seen_bytes = -_CHANGE_BYTES
        self._last = Memory(0, 0)

    def __call__(self, init: int) -> Memory:
        """The memory now; as before while the total, which is cheap to read, hardly changes."""
        try:
            total = int(read_file(self._total))
            if abs(total - self._seen_bytes) >= _CHANGE_BYTES:
                self._last = self._measure()
                self._seen_bytes = total
        except (OSError, ValueError):  # the group has been removed
            return Memory(0, 0)
        return self._last

    def _measure(self) -> Memory:
        stat = dict(line.split() for line in self._stat.read_text().splitlines())
        used = int(stat[self._anonymous]) + max(0, int(stat[self._shared]) - _tmp_bytes(self._tmp))
        return Memory(used, used + int(stat[self._mapped]))


def _tmp_bytes(tmp: str | None) -> int:
    """What is in a /tmp that is a tmpfs; nothing once the environment's folder has been removed."""
    if tmp is None:
        return 0
    try:
        usage = os.statvfs(tmp)
    except FileNotFoundError:
        return 0
    return (usage.f_blocks - usage.f_bfree) * usage.f_frsize


def now_s() -> float:
    """The clock of `GovernedEnvironment.tick`."""
    return time.monotonic()
