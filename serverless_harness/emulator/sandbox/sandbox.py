"""The sandbox of one execution environment, over the launcher."""

import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from serverless_harness.emulator.sandbox import filesystem, interpreters
from serverless_harness.emulator.sandbox.base import Exit, SandboxSpec
from serverless_harness.emulator.sandbox.cgroups import MAX_PROCESSES, Hierarchy
from serverless_harness.emulator.sandbox.filesystem import FileSystem
from serverless_harness.emulator.sandbox.launcher import Launcher
from serverless_harness.emulator.sandbox.launcher_process.processes import status_bytes
from serverless_harness.emulator.sandbox.memory_gauge import GaugeReader
from serverless_harness.emulator.sandbox.process import Ended, LaunchedProcess

MB = 1024 * 1024
MB_PER_VCPU = 1769
"""AWS (Configure Lambda function memory): at 1,769 MB a function has the equivalent of one vCPU."""
HARD_LIMIT_SLACK_MB = 64
MAX_OPEN_FILES = 1024
MAX_LOCKED_BYTES = 64 * 1024
"""AWS: Lambda quotas."""


class LaunchedSandbox:
    """Limits and file system of one environment; see `base.Sandbox`."""

    def __init__(
        self, spec: SandboxSpec, launcher: Launcher, hierarchy: Hierarchy, own_network: bool = False
    ) -> None:
        """Prepare the folders and the group; `own_network`: `spec.listen` can be had here."""
        self.spec = spec
        self.own_network = own_network and bool(spec.listen)
        """Whether its processes have a network of their own."""
        self._launcher = launcher
        self._isolated = launcher.mode != "none"
        self._files = self._plan_files(interpreters.find(spec.runtime))
        self._root, self._tmp = spec.state_dir / "root", spec.state_dir / "tmp"
        for folder in (self._root, self._tmp):
            folder.mkdir(parents=True, exist_ok=True)
        self._gauge = GaugeReader(spec.state_dir)
        self._group = hierarchy.create(spec.environment_id, self._hard_limit_mb() * MB)
        self._caps_cpu = hierarchy.describe("cpu") is not None
        self._vcpus: float | None = None
        self._limits = {"RLIMIT_NOFILE": MAX_OPEN_FILES, "RLIMIT_MEMLOCK": MAX_LOCKED_BYTES}
        if self._isolated and hierarchy.describe("pids") is None:
            self._limits["RLIMIT_NPROC"] = MAX_PROCESSES  # of the user's processes, all environments together
        self._oom_kills = 0
        self._exceeded_memory = False
        self._peak_bytes = 0
        self._process: LaunchedProcess | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def task_root(self) -> str:
        """Where the code is as the function sees it."""
        return self._files.task_root

    @property
    def runtime_dir(self) -> str:
        """Where `bootstrap.py` is as the function sees it."""
        return self._files.runtime_dir

    @property
    def debugger_dir(self) -> str:
        """Where the debugger's packages are as the function sees them."""
        return self._files.debugger_dir

    def spawn(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        on_output: Callable[[bytes], None],
        on_exit: Callable[[Exit], None],
    ) -> LaunchedProcess:
        """Start `<interpreter> <arguments>`; raises SpawnError. One process at a time."""
        self.unthrottle_cpu()
        output, output_write = os.pipe()
        lifeline_read, lifeline = os.pipe()
        status, status_theirs = socket.socketpair()
        process = LaunchedProcess(
            output,
            status,
            lifeline,
            on_output,
            on_exit,
            self._judge,
            self._kill_init,
            self._group.throttled_ns,
            lambda: self._vcpus,
        )
        try:
            self._launcher.request(
                self._spawn_request(arguments, environ),
                [output_write, status_theirs.fileno(), lifeline_read, self._gauge.fd],
            )
        finally:
            os.close(output_write)
            os.close(lifeline_read)
            status_theirs.close()
        process.start()
        self._process = process
        return process

    def throttle_cpu(self) -> None:
        """From now on the CPU share that the memory size buys."""
        self._set_cpu(self.spec.memory_mb / MB_PER_VCPU)

    def rest_cpu(self) -> None:
        """Leave the processes alone until the next invoke; the kernel's share costs nothing, and stays."""
        if not self._caps_cpu:
            self._set_cpu(None)

    def unthrottle_cpu(self) -> None:
        """Full CPU again."""
        self._set_cpu(None)

    def exceeded_memory(self) -> bool:
        """Whether the main process has held more than the limit, between two looks of the launcher's or not.

        The kernel's record (VmHWM) has mapped files in it, which don't count: the most that was seen of them
        is left out. What the group was charged at most is a bound of its own.
        """
        if not self._process or self._process.gone:
            return False
        peak, file, shared = status_bytes(self._process.pid, "VmHWM", "RssFile", "RssShmem")
        self._peak_bytes = max(self._peak_bytes, peak)
        used_bytes = peak - max(file + shared, self._gauge.mapped_peak_bytes)
        limit_bytes = self.spec.memory_mb * MB
        self._exceeded_memory = used_bytes > limit_bytes and self._group.peak_bytes() > limit_bytes
        return self._exceeded_memory

    def max_memory_used_mb(self) -> int:
        """The peak of resident memory so far; as in AWS never more than the memory size.

        It is the largest of what the launcher measured of all processes, and what the kernel noted for the
        main one (VmHWM, ru_maxrss), which misses nothing between two measurements. Page cache isn't in it.
        """
        if self._process and not self._process.gone:
            self._peak_bytes = max(self._peak_bytes, *status_bytes(self._process.pid, "VmHWM"))
        peak_bytes = max(self._peak_bytes, self._gauge.peak_bytes)
        return min(self.spec.memory_mb, -(-peak_bytes // MB))

    def close(self) -> None:
        """Kill what runs, unmount, remove the cgroup and `state_dir`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._process:
            self._process.kill()
        self._launcher.request({"op": "close", "environment": self.spec.environment_id})
        self._group.remove()
        self._gauge.close()
        shutil.rmtree(self.spec.state_dir, ignore_errors=True)

    def _judge(self, ended: Ended) -> Exit:
        """What an end means: whether it was the memory."""
        self._peak_bytes = max(self._peak_bytes, ended.max_rss_bytes)
        oom_kills = self._group.oom_kills()
        exceeded = self._gauge.take_out_of_memory() or oom_kills > self._oom_kills or self._exceeded_memory
        out_of_memory = exceeded and ended.returncode == -signal.SIGKILL
        self._oom_kills, self._exceeded_memory = oom_kills, False
        if out_of_memory:
            self._peak_bytes = self.spec.memory_mb * MB
        return Exit(ended.returncode, out_of_memory)

    def _kill_init(self) -> None:
        self._launcher.request({"op": "kill", "environment": self.spec.environment_id})

    def _set_cpu(self, vcpus: float | None) -> None:
        if self.spec.cpu != "aws" or vcpus == self._vcpus:
            return
        self._vcpus = vcpus
        if self._caps_cpu:
            self._group.limit_cpu(vcpus)
        else:
            self._launcher.request({"op": "cpu", "environment": self.spec.environment_id, "vcpus": vcpus})

    def _hard_limit_mb(self) -> int:
        """Where the kernel ends it, should the launcher, which does at `memory_mb`, be too slow.

        The launcher kills all processes, the kernel would kill one of them; and to the kernel what is in
        /tmp, a tmpfs, is the group's memory too, which AWS has on a disk.
        """
        return (
            self.spec.memory_mb
            + HARD_LIMIT_SLACK_MB
            + (self.spec.ephemeral_storage_mb if self._isolated else 0)
        )

    def _plan_files(self, interpreter: interpreters.Interpreter) -> FileSystem:
        if self._isolated:
            return filesystem.isolated(
                interpreter, self.spec.code_dir, self.spec.layers_dir, self.spec.debugger_dir
            )
        return filesystem.shared(
            interpreter,
            self.spec.code_dir,
            self.spec.layers_dir,
            self.spec.state_dir,
            self.spec.debugger_dir,
        )

    def _spawn_request(self, arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
        wrapper = environ.get("AWS_LAMBDA_EXEC_WRAPPER")
        return {
            "op": "spawn",
            "environment": self.spec.environment_id,
            "namespaces": self._isolated,
            "plan": self._files.mounts,
            "root": str(self._root),
            "tmp": str(self._tmp),
            "tmp_options": f"size={self.spec.ephemeral_storage_mb}m,mode=700,"
            f"uid={filesystem.UID},gid={filesystem.GID}",
            "cgroups": [str(folder) for folder in self._group.folders],
            "memory_source": self._group.memory_source,
            "memory_bytes": self.spec.memory_mb * MB,
            "rlimits": self._limits,
            "user": [filesystem.UID, filesystem.GID] if self._isolated else None,
            "cwd": self.task_root,
            "ports": self._ports(environ),
            "hidden": str(self.spec.hidden) if self.spec.hidden and not self._isolated else None,
            "listen": self.spec.listen if self.own_network else None,
            "wrapper": self._files.inside(wrapper) if wrapper else None,
            "argv": [self._files.executable, *arguments],
            "environ": {**self._files.environ, **environ},
        }

    def _ports(self, environ: Mapping[str, str]) -> list[int] | None:
        if self.spec.ports is None:
            return None
        runtime_api = environ.get("AWS_LAMBDA_RUNTIME_API", "").rpartition(":")[2]
        return [*self.spec.ports, *([int(runtime_api)] if runtime_api else [])]
