"""What is measured: the embedded stack, and ministack as its documentation says to run it.

Both are started from nothing, get the shop by the same Terraform and code, and are asked by the same client.
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


class Ministack:
    """`ministack[full]` of PyPI in an environment of its own, its settings as they come."""

    name = f"ministack {MINISTACK_VERSION}"

    def __init__(self) -> None:
        self._port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="ministack-"))
        self._process: OwnedProcess | None = None

    @property
    def target(self) -> LocalTarget:
        return LocalTarget(f"http://127.0.0.1:{self._port}", self._folder)

    def start(self) -> float:
        environ = {
            "PATH": f"{MINISTACK_ENVIRONMENT / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
        }
        begin = time.perf_counter()
        with (self._folder / "ministack.log").open("wb") as log:
            program = MINISTACK_ENVIRONMENT / "bin" / "ministack"
            self._process = OwnedProcess([str(program)], environ, log, self._folder)
        with httpx.Client(trust_env=False) as client:
            Wait("ministack to answer", START_TIMEOUT_S, interval_s=0.02).until(lambda: self._answers(client))
        return time.perf_counter() - begin

    def _answers(self, client: httpx.Client) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return client.get(f"{self.target.endpoint_url}/_ministack/health").is_success
        return False

    def processes(self) -> list[psutil.Process]:
        return _tree(self._process.pid) if self._process else []

    def stop(self) -> None:
        if self._process:
            self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def install_ministack() -> None:
    """Make ministack's environment unless it is there."""
    done = MINISTACK_ENVIRONMENT / "installed"
    if done.exists():
        return
    uv = str(current().folder / ".venv" / "bin" / "uv")
    python = MINISTACK_ENVIRONMENT / "bin" / "python"
    requirements = (f"ministack[full]=={MINISTACK_VERSION}", "boto3")
    commands: Sequence[Sequence[str]] = (
        (uv, "venv", "--clear", "--python", "3.13", str(MINISTACK_ENVIRONMENT)),
        (uv, "pip", "install", "--system-certs", "--python", str(python), *requirements),
    )
    for command in commands:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise HarnessError(f"ministack can't be installed: {result.stderr.strip().splitlines()[-1]}")
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
