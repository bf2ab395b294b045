"""What this machine offers to build sandboxes with: found out once, by trying."""

import atexit
import itertools
import logging
import os
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

from serverless_harness.emulator.sandbox import interpreters
from serverless_harness.emulator.sandbox.base import SandboxSpec
from serverless_harness.emulator.sandbox.cgroups import Hierarchy, NoHierarchy, find_hierarchy
from serverless_harness.emulator.sandbox.launcher import Launcher, LauncherError, LauncherMode
from serverless_harness.emulator.sandbox.launcher_process import landlock
from serverless_harness.emulator.sandbox.process import SpawnError
from serverless_harness.emulator.sandbox.sandbox import LaunchedSandbox

LOG = logging.getLogger(__name__)

_PROBE_PORT = 9001


class Machine:
    """A launcher and the control groups to use; makes sandboxes with them."""

    def __init__(self, launcher: Launcher, hierarchy: Hierarchy, why_not_stronger: str = "") -> None:
        self.launcher = launcher
        self.hierarchy = hierarchy
        self._why_not_stronger = why_not_stronger
        self.own_networks = launcher.mode != "none"
        """Whether environments can have networks of their own."""

    def create_sandbox(self, spec: SandboxSpec) -> LaunchedSandbox:
        """The sandbox of a new execution environment."""
        return LaunchedSandbox(spec, self.launcher, self.hierarchy, self.own_networks)

    def describe(self) -> dict[str, str]:
        """One line for each aspect: what holds, and by which means."""
        isolated = self.launcher.mode != "none"
        reason = f" ({self._why_not_stronger})" if self._why_not_stronger else ""
        return {
            "file system": "as in AWS, by mount namespace" if isolated else f"the host's{reason}",
            "/tmp": "own, limited in size" if isolated else "own by TMPDIR, not limited in size",
            "user": _describe_user(self.launcher.mode),
            "processes": "own PID namespace" if isolated else "killed with the environment, see the host's",
            "memory": self.hierarchy.describe("memory") or "measured and enforced by watching the processes",
            "cpu": self.hierarchy.describe("cpu") or "share by stopping and continuing the processes",
            "network": _describe_network(landlock.version(), self.own_networks),
        }

    def close(self) -> None:
        """End the launcher, with everything that it started."""
        self.launcher.stop()
        self.hierarchy.remove()


def this_machine() -> Machine:
    """The strongest that works here; InterpreterNotFoundError where no runtime is there to try it with."""
    # `cache` lets several threads compute the first value, and a burst is what starts the first environments.
    with _finding:
        return _find_machine()


_finding = threading.Lock()


@cache
def _find_machine() -> Machine:
    reasons: list[str] = []
    for mode, hierarchy in itertools.product(_modes(), _hierarchies()):
        machine = Machine(Launcher(mode), hierarchy, "; ".join(dict.fromkeys(reasons)))
        try:
            _try_out(machine)
        except (LauncherError, SpawnError, OSError) as error:
            LOG.info("No sandbox of mode %s with %s: %s", mode, type(hierarchy).__name__, error)
            reasons.append(f"{mode}: {error}")
            machine.launcher.stop()
            continue
        atexit.register(machine.close)
        aspects = (f"{aspect}: {what}" for aspect, what in machine.describe().items())
        LOG.info("Functions are isolated as follows: %s", "; ".join(aspects))
        return machine
    raise SpawnError("; ".join(reasons))


def _hierarchies() -> list[Hierarchy]:
    """Control groups, if there are any to use, and none."""
    found = find_hierarchy()
    return [NoHierarchy()] if isinstance(found, NoHierarchy) else [found, NoHierarchy()]


def _modes() -> list[LauncherMode]:
    if not sys.platform.startswith("linux"):
        return ["none"]
    return ["root", "user", "none"] if os.geteuid() == 0 else ["user", "none"]


def _try_out(machine: Machine) -> None:
    """Run an empty program in a sandbox, if need be in the host's network; raises what is in the way."""
    machine.launcher.start()
    try:
        _run_empty_program(machine)
    except SpawnError as error:
        if not machine.own_networks:
            raise
        machine.own_networks = False
        _run_empty_program(machine)
        LOG.info("Functions share the host's network: %s", error)


def _run_empty_program(machine: Machine) -> None:
    with tempfile.TemporaryDirectory(prefix="lambda-probe-") as name:
        folder = Path(name)
        (folder / "code").mkdir()
        (folder / "code").chmod(0o755)  # Whatever the umask: functions run as another user.
        sandbox = machine.create_sandbox(
            SandboxSpec(
                "probe",
                folder / "state",
                _any_runtime(),
                folder / "code",
                None,
                128,
                16,
                "unlimited",
                listen=(_PROBE_PORT,),
            )
        )
        output: list[bytes] = []
        try:
            process = sandbox.spawn(["-c", ""], {}, output.append, lambda _: None)
            for listener in process.listeners:
                listener.close()
            ended = process.wait(timeout_s=10)
        finally:
            sandbox.close()
    if ended is None or ended.returncode != 0:
        raise SpawnError(b"".join(output).decode(errors="replace").strip() or f"it ended with {ended}")


def _any_runtime() -> str:
    present = interpreters.available()
    return present[-1] if present else interpreters.find("python3").runtime  # raises, with what to do


def _describe_user(mode: LauncherMode) -> str:
    return {
        "root": "sbx_user1051 (993), without capabilities",
        "user": "sbx_user1051 (993) in a user namespace, without capabilities",
        "none": "the emulator's own",
    }[mode]


def _describe_network(landlock_version: int, own_networks: bool) -> str:
    if own_networks:
        return (
            "an environment's own, in which only the gateway can be reached; the host's where ports are named"
        )
    if landlock_version >= landlock.NETWORK_VERSION:
        return "the host's; Landlock limits TCP to the gateway and the ports that were named"
    return "the host's (Landlock has no TCP rules here: they came with Linux 6.7)"
