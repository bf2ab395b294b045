"""Control groups of an environment: memory, CPU and process count, by version 1 or 2, where writable.

Groups are made below the emulator's own (with version 2, where a group that has processes can't have groups,
beside it), as `lambda-<emulator's pid>/<environment id>`, and go with the environment.
"""

import contextlib
import math
import os
import time
from pathlib import Path
from typing import Protocol

import psutil

from serverless_harness.emulator.cpu_wait import QUOTA_PERIOD_NS

PERIOD_US = QUOTA_PERIOD_NS // 1000
"""CPU quota period. Short, so that the share holds within short invocations too."""
MAX_PROCESSES = 1024
"""Processes and threads of an environment (AWS: Lambda quotas)."""

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "lambda-"
_REMOVAL_TIMEOUT_S = 2.0


class ControlGroup(Protocol):
    """The limits of one environment; what its hierarchy doesn't have (`Hierarchy.describe`) is ignored."""

    folders: list[Path]
    """Where a process has to enter."""
    memory_source: dict[str, str]
    """How the launcher measures memory: `kind` v1 or v2 with `folder`, or `processes`."""

    def limit_cpu(self, vcpus: float | None) -> None:
        """Cap the CPU time, in processors; None: no cap."""

    def throttled_ns(self) -> int:
        """For how long the cap has held the group's processes back, on all CPUs, in nanoseconds."""

    def oom_kills(self) -> int:
        """Processes that the kernel killed at the limit so far."""

    def peak_bytes(self) -> float:
        """The most that was charged to the group, page cache included; infinite where that isn't known."""

    def remove(self) -> None:
        """Remove the group; its processes have ended."""


class Hierarchy(Protocol):
    """Where the emulator may make groups."""

    def create(self, environment_id: str, memory_bytes: int) -> ControlGroup:
        """A new group with a hard memory limit."""

    def describe(self, aspect: str) -> str | None:
        """How `memory` or `cpu` is limited; None: not by groups."""

    def remove(self) -> None:
        """Remove the emulator's own folder of groups."""


class NoHierarchy:
    """No groups may be made: the launcher watches the processes instead."""

    def create(self, environment_id: str, memory_bytes: int) -> ControlGroup:
        del environment_id, memory_bytes
        return NoGroup()

    def describe(self, aspect: str) -> str | None:
        del aspect
        return None

    def remove(self) -> None:
        pass


class NoGroup:
    """The group of an environment that has none."""

    def __init__(self) -> None:
        self.folders: list[Path] = []
        self.memory_source = {"kind": "processes"}

    def limit_cpu(self, vcpus: float | None) -> None:
        pass

    def throttled_ns(self) -> int:
        return 0

    def oom_kills(self) -> int:
        return 0

    def peak_bytes(self) -> float:
        return math.inf

    def remove(self) -> None:
        pass


class HierarchyV1:
    """Version 1: a folder for each controller."""

    def __init__(self, parents: dict[str, Path]) -> None:
        self._parents = parents

    def create(self, environment_id: str, memory_bytes: int) -> ControlGroup:
        folders = {controller: parent / environment_id for controller, parent in self._parents.items()}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        return GroupV1(folders, memory_bytes)

    def describe(self, aspect: str) -> str | None:
        return "control group, version 1" if aspect in self._parents else None

    def remove(self) -> None:
        for parent in self._parents.values():
            _remove(parent)


class GroupV1:
    """One environment's folders, by controller."""

    def __init__(self, by_controller: dict[str, Path], memory_bytes: int) -> None:
        self._memory = by_controller.get("memory")
        self._cpu = by_controller.get("cpu")
        self._was_capped = False
        self.folders = list(by_controller.values())
        self.memory_source = {"kind": "processes"}
        if self._memory:
            self.memory_source = {"kind": "v1", "folder": str(self._memory)}
            (self._memory / "memory.limit_in_bytes").write_text(str(memory_bytes))
            with contextlib.suppress(OSError):  # where swap is accounted
                (self._memory / "memory.memsw.limit_in_bytes").write_text(str(memory_bytes))
        if self._cpu:
            (self._cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        if "pids" in by_controller:
            (by_controller["pids"] / "pids.max").write_text(str(MAX_PROCESSES))

    def limit_cpu(self, vcpus: float | None) -> None:
        if self._cpu:
            quota_us = -1 if vcpus is None else round(vcpus * PERIOD_US)
            (self._cpu / "cpu.cfs_quota_us").write_text(str(quota_us))
            self._was_capped |= vcpus is not None

    def throttled_ns(self) -> int:
        if not self._cpu or not self._was_capped:
            return 0
        return _read_table(self._cpu / "cpu.stat").get("throttled_time", 0)

    def oom_kills(self) -> int:
        return _read_table(self._memory / "memory.oom_control").get("oom_kill", 0) if self._memory else 0

    def peak_bytes(self) -> float:
        return int((self._memory / "memory.max_usage_in_bytes").read_text()) if self._memory else math.inf

    def remove(self) -> None:
        for folder in self.folders:
            _remove(folder)


class HierarchyV2:
    """Version 2: one folder for all controllers."""

    def __init__(self, parent: Path, controllers: set[str]) -> None:
        self._parent = parent
        self._controllers = controllers

    def create(self, environment_id: str, memory_bytes: int) -> ControlGroup:
        folder = self._parent / environment_id
        folder.mkdir(parents=True, exist_ok=True)
        return GroupV2(folder, self._controllers, memory_bytes)

    def describe(self, aspect: str) -> str | None:
        return "control group, version 2" if aspect in self._controllers else None

    def remove(self) -> None:
        _remove(self._parent)


class GroupV2:
    """One environment's folder."""

    def __init__(self, folder: Path, controllers: set[str], memory_bytes: int) -> None:
        self._folder = folder
        self._controllers = controllers
        self._was_capped = False
        self.folders = [folder]
        self.memory_source = {"kind": "processes"}
        if "memory" in controllers:
            self.memory_source = {"kind": "v2", "folder": str(folder)}
            self._write("memory.max", str(memory_bytes))
            with contextlib.suppress(OSError):  # where swap is accounted
                self._write("memory.swap.max", "0")
        if "pids" in controllers:
            self._write("pids.max", str(MAX_PROCESSES))

    def limit_cpu(self, vcpus: float | None) -> None:
        if "cpu" in self._controllers:
            quota_us = "max" if vcpus is None else str(round(vcpus * PERIOD_US))
            self._write("cpu.max", f"{quota_us} {PERIOD_US}")
            self._was_capped |= vcpus is not None

    def throttled_ns(self) -> int:
        if not self._was_capped:
            return 0
        return _read_table(self._folder / "cpu.stat").get("throttled_usec", 0) * 1000

    def oom_kills(self) -> int:
        if "memory" not in self._controllers:
            return 0
        return _read_table(self._folder / "memory.events").get("oom_kill", 0)

    def peak_bytes(self) -> float:
        peak = self._folder / "memory.peak"  # since Linux 5.19
        return int(peak.read_text()) if peak.exists() else math.inf

    def remove(self) -> None:
        _remove(self._folder)

    def _write(self, name: str, value: str) -> None:
        (self._folder / name).write_text(value)


def find_hierarchy(root: Path = _ROOT, own_groups: str | None = None) -> Hierarchy:
    """Where this process may make groups: version 1 where it has the memory controller, else version 2.

    `own_groups` is the text of /proc/self/cgroup.
    """
    if own_groups is None:
        try:
            own_groups = Path("/proc/self/cgroup").read_text()
        except OSError:
            return NoHierarchy()
    v1 = _v1_parents(root, own_groups)
    if v1:
        return HierarchyV1(v1)
    return _find_v2(root, own_groups) or NoHierarchy()


def _v1_parents(root: Path, own_groups: str) -> dict[str, Path]:
    """A folder for the emulator's groups in each controller that lets us make one."""
    parents = {}
    for line in own_groups.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in {"memory", "cpu", "pids"} & set(controllers.split(",")):
            own = _own_folder(root / controller, path)
            if own and (parent := _make_parent(own)):
                parents[controller] = parent
    return parents


def _own_folder(mountpoint: Path, path: str) -> Path | None:
    """This process's group; in a container the path is the host's, and the mountpoint its own group."""
    candidates = (mountpoint / path.lstrip("/"), mountpoint)
    return next((folder for folder in candidates if (folder / "cgroup.procs").exists()), None)


def _find_v2(root: Path, own_groups: str) -> HierarchyV2 | None:
    path = next((line[3:] for line in own_groups.splitlines() if line.startswith("0::")), None)
    own = _own_folder(root, path) if path else None
    above = own and (own if own == root else own.parent)
    if above is None or own is None:
        return None
    try:
        if own != root and (own / "memory.max").read_text().strip() != "max":
            return None  # a group beside the emulator's would get around the emulator's own limit
        if own == root and (own / "cgroup.type").exists():
            _move_processes(own, own / "emulator")
        parent = _make_parent(above)
        if parent is None:
            return None
        controllers = _enable(above) & _enable(parent)
    except OSError:
        return None
    return HierarchyV2(parent, controllers) if controllers else None


def _move_processes(source: Path, target: Path) -> None:
    """Empty a container's topmost group: only then may it have controlled groups below it."""
    target.mkdir(exist_ok=True)
    for pid in (source / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            (target / "cgroup.procs").write_text(pid)


def _enable(folder: Path) -> set[str]:
    """Hand the controllers down to the groups below `folder`, one by one; those that are handed down."""
    control = folder / "cgroup.subtree_control"
    for controller in ("memory", "cpu", "pids"):
        with contextlib.suppress(OSError):
            control.write_text(f"+{controller}")
    return set(control.read_text().split()) & {"memory", "cpu", "pids"}


def _make_parent(own: Path) -> Path | None:
    """The emulator's folder of groups below `own`; those of emulators that have gone are swept away."""
    for stale in own.glob(f"{_PREFIX}*"):
        pid = stale.name.removeprefix(_PREFIX)
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            _sweep(stale)
    parent = own / f"{_PREFIX}{os.getpid()}"
    try:
        parent.mkdir(exist_ok=True)
    except OSError:
        return None
    return parent


def _sweep(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for group in folder.iterdir():
            if group.is_dir():
                group.rmdir()
        folder.rmdir()


def _remove(folder: Path) -> None:
    """Remove a group; one whose last process has just ended can be busy for a moment."""
    deadline = time.monotonic() + _REMOVAL_TIMEOUT_S
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                return
            time.sleep(0.005)
        else:
            return


def _read_table(path: Path) -> dict[str, int]:
    """`name value` lines."""
    return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}
