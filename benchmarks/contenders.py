"""What is measured: the embedded stack, and other emulators as their documentation says to run them.

They are started from nothing, and are asked by the same client.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import httpx
import psutil

from benchmarks.iam_enforcement import emulator_process
from serverless_harness.errors import HarnessError
from serverless_harness.processes import OwnedProcess
from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.targets import LocalTarget
from serverless_harness.waiting import Wait

MINISTACK_VERSION = "1.5.33"
MINISTACK_ENVIRONMENT = current().state / "benchmarks" / f"ministack-{MINISTACK_VERSION}"
MOTO_VERSION = "5.2.5"
MOTO_ENVIRONMENT = current().state / "benchmarks" / f"moto-{MOTO_VERSION}"
START_TIMEOUT_S = 60


class Contender(Protocol):
    """An emulator on loopback."""

    name: str

    @property
    def target(self) -> LocalTarget: ...

    def start(self) -> float:
        """Start it, empty; gives the seconds until it answers."""

    def processes(self) -> list[psutil.Process]:
        """Give its processes, those of functions included."""

    def stop(self) -> None: ...


class Embedded:
    """This project's own."""

    name = "this project"

    def __init__(self) -> None:
        self._stack = EmbeddedStack(free_port())

    @property
    def target(self) -> LocalTarget:
        return self._stack.target

    def start(self) -> float:
        begin = time.perf_counter()
        self._stack.start()
        return time.perf_counter() - begin

    def processes(self) -> list[psutil.Process]:
        process_id = self._stack.process_id()
        return _tree(process_id.pid) if process_id else []

    def emulator(self) -> psutil.Process:
        """Give LocalStack's own process, without the functions'."""
        return emulator_process(self._stack)

    def stop(self) -> None:
        self._stack.stop()
        shutil.rmtree(self._stack.state_dir, ignore_errors=True)


class _Peer:
    """Another emulator, installed from PyPI in an environment of its own, its settings as they come."""

    name: str
    environment: Path
    health_path: str

    def __init__(self) -> None:
        self._port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="peer-"))
        self._process: OwnedProcess | None = None

    @property
    def target(self) -> LocalTarget:
        return LocalTarget(f"http://127.0.0.1:{self._port}", self._folder)

    def command(self) -> list[str]:
        """Give the program and its arguments."""
        raise NotImplementedError

    def start(self) -> float:
        environ = {
            "PATH": f"{self.environment / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
        }
        begin = time.perf_counter()
        with (self._folder / "peer.log").open("wb") as log:
            self._process = OwnedProcess(self.command(), environ, log, self._folder)
        with httpx.Client(trust_env=False) as client:
            Wait(f"{self.name} to answer", START_TIMEOUT_S, interval_s=0.02).until(
                lambda: self._answers(client)
            )
        return time.perf_counter() - begin

    def _answers(self, client: httpx.Client) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return client.get(f"{self.target.endpoint_url}{self.health_path}").is_success
        return False

    def processes(self) -> list[psutil.Process]:
        return _tree(self._process.pid) if self._process else []

    def stop(self) -> None:
        if self._process:
            self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class Ministack(_Peer):
    """`ministack[full]`."""

    name = f"ministack {MINISTACK_VERSION}"
    environment = MINISTACK_ENVIRONMENT
    health_path = "/_ministack/health"

    def command(self) -> list[str]:
        return [str(self.environment / "bin" / "ministack")]


class Moto(_Peer):
    """moto's server."""

    name = f"moto {MOTO_VERSION}"
    environment = MOTO_ENVIRONMENT
    health_path = "/moto-api/data.json"

    def command(self) -> list[str]:
        return [str(self.environment / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(self._port)]


def install_ministack() -> None:
    """Make ministack's environment unless it is there."""
    _install(MINISTACK_ENVIRONMENT, f"ministack[full]=={MINISTACK_VERSION}", "boto3")


def install_moto() -> None:
    """Make moto's environment unless it is there."""
    _install(MOTO_ENVIRONMENT, f"moto[server]=={MOTO_VERSION}")


def _install(environment: Path, *requirements: str) -> None:
    done = environment / "installed"
    if done.exists():
        return
    uv = str(current().folder / ".venv" / "bin" / "uv")
    python = environment / "bin" / "python"
    commands: Sequence[Sequence[str]] = (
        (uv, "venv", "--clear", "--python", "3.13", str(environment)),
        (uv, "pip", "install", "--system-certs", "--python", str(python), *requirements),
    )
    for command in commands:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise HarnessError(
                f"{requirements[0]} can't be installed: {result.stderr.strip().splitlines()[-1]}"
            )
    done.touch()


def memory_mb(processes: Sequence[psutil.Process]) -> float:
    """Give the processes' memory, pages that they share counted once (PSS; elsewhere than on Linux RSS)."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            info = process.memory_full_info()
            total += getattr(info, "pss", info.rss)
    return total / 1e6


def functions_of(processes: Iterable[psutil.Process]) -> set[str]:
    """Give the names of the functions that these processes run."""
    names = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            names.add(process.environ().get("AWS_LAMBDA_FUNCTION_NAME", ""))
    return names - {""}


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
