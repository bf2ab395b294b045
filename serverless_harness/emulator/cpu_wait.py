"""How long a function's processes were ready to run while others had the CPUs.

On AWS each execution environment has a CPU of its own; here they share the machine's. Linux counts for every
thread how long it ran and how long it waited in a run queue (`/proc/<pid>/task/<tid>/schedstat`, in
nanoseconds; see "Scheduler Statistics" in the kernel's documentation). Where the file isn't there (macOS,
some containers), nothing is counted.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
QUOTA_PERIOD_NS = 20_000_000
"""The period of the CPU quotas that `sandbox.cgroups` sets."""

LEAST_WAIT_NS = 1_000_000
"""What isn't worth another look at the threads."""
MAX_FILE_BYTES = 16 * 1024


@dataclass(frozen=True)
class ThreadTimes:
    """What a thread has had of the CPUs since it began, in nanoseconds."""

    ran_ns: int = 0
    waited_ns: int = 0


class CpuWait:
    """The waiting of one process and all of its descendants, since this object was made.

    In an interval, the processes together waited as long as none of them ran and at least one could have: the
    time of the thread that waited longest, but no more than what is left of the interval when the time that
    their threads ran is taken off. So what threads of one function wait for each other isn't counted, nor
    what a background thread waits while the handler runs.

    Linux adds a wait to its count when the wait has ended. So an interval's time in which nothing ran stays
    open to the next one's waits if a thread is ready to run at its end.

    A CPU quota of the group's own is the function's own time, as on AWS. Linux counts that as waiting too, so
    `throttled_ns`, which gives how long the group has been held back by its quota, is taken off. Nor does
    waiting for others count that the quota (`vcpus`) would have had it wait anyway: who gets a CPU late is
    held back less. What is left of a period's quota it may use at once.
    """

    def __init__(
        self,
        pid: int,
        throttled_ns: Callable[[], int] = lambda: 0,
        vcpus: Callable[[], float | None] = lambda: None,
        proc: Path = PROC,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._pid, self._proc = pid, str(proc)
        self._throttled_ns, self._vcpus, self._clock_ns = throttled_ns, vcpus, clock_ns
        self._lock = threading.Lock()
        self._at_ns, self._throttled_before_ns = clock_ns(), throttled_ns()
        self._seen = dict(self._threads())
        self._waited_ns = self._open_ns = 0.0
        self._left_ns = float(QUOTA_PERIOD_NS)
        """What is left of a period's quota, at most."""

    def waited_s(self, until: float | None = None) -> float:
        """Return the seconds so far; call it now and then, for what an ended thread waited since is lost.

        `until` is the moment by `time.monotonic` at which what is measured ended: what was waited since isn't
        counted, as far as it doesn't fit in before. Only differences count: the kernel tells of a quota's
        holding back a little later than of the waiting.
        """
        with self._lock:
            now_ns, throttled_ns = self._clock_ns(), self._throttled_ns()
            if until is not None:
                now_ns = min(now_ns, max(self._at_ns, round(until * 1e9)))
            threads = dict(self._threads())
            ran_ns = longest_ns = 0
            for thread, times in threads.items():
                before = self._seen.get(thread, ThreadTimes())
                ran_ns += times.ran_ns - before.ran_ns
                longest_ns = max(longest_ns, times.waited_ns - before.waited_ns)
            held_back_ns = throttled_ns - self._throttled_before_ns
            vcpus = min(self._vcpus() or 1.0, 1.0)
            quota_ns = vcpus * QUOTA_PERIOD_NS
            left_ns = 0.0 if held_back_ns else min(self._left_ns, quota_ns)
            within_quota_ns = max(ran_ns, (ran_ns - left_ns) / vcpus)
            idle_ns = max(0.0, now_ns - self._at_ns - within_quota_ns) + self._open_ns
            waited_ns = min(longest_ns - held_back_ns, idle_ns)
            self._waited_ns += waited_ns
            own_ns = now_ns - self._at_ns - max(0.0, waited_ns)
            self._left_ns = min(quota_ns, max(0.0, left_ns - ran_ns + vcpus * own_ns))
            self._open_ns = idle_ns - max(0.0, waited_ns)
            if self._open_ns < LEAST_WAIT_NS or not any(map(self._is_ready, threads)):
                self._open_ns = 0.0
            self._at_ns, self._throttled_before_ns, self._seen = now_ns, throttled_ns, threads
            return self._waited_ns / 1e9

    def _is_ready(self, thread: int) -> bool:
        """Say whether a thread runs, or waits for a CPU."""
        return read_file(f"{self._proc}/{thread}/stat").rpartition(b")")[2].split()[:1] == [b"R"]

    def _threads(self) -> Iterator[tuple[int, ThreadTimes]]:
        """Read the times of every thread of the process and of those below it; of what has ended, none."""
        todo = [self._pid]
        while todo:
            folder = f"{self._proc}/{todo.pop()}/task"
            try:
                threads = os.listdir(folder)  # noqa: PTH208 - half the time of pathlib's, twice an invoke
            except OSError:
                continue
            for thread in threads:
                if (times := read_times(f"{folder}/{thread}/schedstat")) is not None:
                    yield int(thread), times
                todo += map(int, read_file(f"{folder}/{thread}/children").split())


def read_times(schedstat: str) -> ThreadTimes | None:
    """Return the times in a schedstat file; None where there is none, or its thread has ended."""
    fields = read_file(schedstat).split()
    return ThreadTimes(int(fields[0]), int(fields[1])) if len(fields) >= 2 else None


def is_counted() -> bool:
    """Say whether this kernel counts how long a thread waits for a CPU."""
    return read_times(f"{PROC}/self/schedstat") is not None


class ThreadWait:
    """How long the calling thread waits for a CPU; for the thread that made it alone."""

    def __init__(self) -> None:
        try:
            self._fd = os.open(f"{PROC}/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = -1

    def waited_s(self) -> float:
        """Return the seconds since the thread began; 0 where they aren't counted."""
        if self._fd < 0:
            return 0.0
        try:
            return int(os.pread(self._fd, 64, 0).split()[1]) / 1e9
        except (OSError, IndexError):
            return 0.0

    def close(self) -> None:
        """Let go of the descriptor. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read_file(path: str) -> bytes:
    """Return what one read of a file of the kernel's gives; b"" if it can't be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, MAX_FILE_BYTES)
    except OSError:  # it ended just now
        return b""
    finally:
        os.close(fd)
