"""What the executor asks of a sandbox, whatever the platform offers to build it with."""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True)
class SandboxSpec:
    """One execution environment's limits and files; they hold for its whole life, over process restarts.

    Paths are the host's. Inside, where the platform allows it, they stand where AWS has them:
    `code_dir` at /var/task (read-only), `layers_dir` at /opt (read-only), the environment's own /tmp.
    """

    environment_id: str
    state_dir: Path
    """A folder of this environment's own, below the stack's state folder; removed by `close`."""
    runtime: str
    """The declared runtime, `python3.13`; names the interpreter and the functions' site-packages."""
    code_dir: Path
    layers_dir: Path | None
    memory_mb: int
    ephemeral_storage_mb: int
    cpu: Literal["aws", "unlimited"]
    ports: tuple[int, ...] | None = None
    """The TCP ports it may connect to, besides its Runtime API's, where the kernel can tell; None: any."""
    listen: tuple[int, ...] = ()
    """The ports of 127.0.0.1 to listen on in a network of its own; none: the host's network."""
    debugger_dir: Path | None = None
    """What is shown as `Sandbox.debugger_dir`, outside of the function's search path."""
    hidden: Path | None = None
    """A folder of the host's that it may not read or change, where it sees the host's files."""


@dataclass(frozen=True)
class Exit:
    """How a sandbox's process ended: `returncode` as of `subprocess` (negative: a signal's number)."""

    returncode: int
    out_of_memory: bool


class SandboxProcess(Protocol):
    """The runtime process of an environment, with all of its descendants."""

    @property
    def pid(self) -> int: ...

    listeners: list[socket.socket]
    """Of `SandboxSpec.listen`, in its order, for who takes them to close."""

    def waited_for_cpu_s(self, until: float | None = None) -> float:
        """Return for how long it was ready to run while others had the CPUs, in seconds since its start.

        `until` is the moment by `time.monotonic` at which what is measured ended; None: now.

        Its descendants' waiting is in it, its own CPU share's isn't; 0 where the platform doesn't say.
        """

    def kill(self) -> None:
        """Kill the process and every descendant (SIGKILL); returns when none is left. Idempotent."""

    def wait(self, timeout_s: float | None = None) -> Exit | None:
        """Wait for the end; None when `timeout_s` passed first."""


class Sandbox(Protocol):
    """One execution environment's limits and file system; spawns its runtime process, again after a reset."""

    @property
    def task_root(self) -> str:
        """Where the code is as the function sees it: /var/task, or the host's path if nothing is mounted."""

    @property
    def runtime_dir(self) -> str:
        """Where `bootstrap.py` is as the function sees it: /var/runtime, or the host's path."""

    @property
    def debugger_dir(self) -> str:
        """Where the debugger's packages are as the function sees them, if the spec names some."""

    def spawn(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        on_output: Callable[[bytes], None],
        on_exit: Callable[[Exit], None],
    ) -> SandboxProcess:
        """Start `<interpreter> <arguments>` with exactly `environ`.

        PATH, HOME etc. as AWS sets them are the executor's to give; what must differ here, such as
        PYTHONPATH, the sandbox adds. It starts through the script that AWS_LAMBDA_EXEC_WRAPPER names,
        if it does.

        `on_output` gets stdout and stderr, merged, in chunks, from a reader thread; `on_exit` is called once
        after the last output. Full CPU until `throttle_cpu`.
        """

    def throttle_cpu(self) -> None:
        """From now on the CPU share that `memory_mb` buys (no-op with cpu='unlimited'): an invoke begins."""

    def rest_cpu(self) -> None:
        """Watch the share no longer until the next `throttle_cpu`: the invoke has ended."""

    def unthrottle_cpu(self) -> None:
        """Full CPU again: an init is repeated."""

    def exceeded_memory(self) -> bool:
        """Say whether the running process has held more than `memory_mb`, if only for a moment.

        The caller then kills it: `Exit.out_of_memory` says why.
        """

    def max_memory_used_mb(self) -> int:
        """The peak resident memory of the environment so far, in MB, over all its processes."""

    def close(self) -> None:
        """Kill what runs, unmount, remove the cgroup and `state_dir`. Idempotent."""
