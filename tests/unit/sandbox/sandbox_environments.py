"""Sandboxes of every kind that this machine can build, with real processes in them."""

import json
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from serverless_harness.emulator.sandbox import interpreters, machine
from serverless_harness.emulator.sandbox.base import Exit, SandboxSpec
from serverless_harness.emulator.sandbox.cgroups import NoHierarchy, find_hierarchy
from serverless_harness.emulator.sandbox.launcher import Launcher, LauncherError
from serverless_harness.emulator.sandbox.machine import Machine
from serverless_harness.emulator.sandbox.process import LaunchedProcess, SpawnError
from serverless_harness.emulator.sandbox.sandbox import LaunchedSandbox
from serverless_harness.testing.eventually import eventually

DEADLINE_S = 30
RUNTIME = interpreters.available()[-1] if interpreters.available() else "python3.13"
PATH = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"

ISOLATED = ["root-groups", "root-watched", "user-watched"]
KINDS = [*ISOLATED, "none-groups", "none-watched"]


@cache
def build_machine(kind: str) -> Machine | str:
    """The machine of a kind, or why it can't be had here."""
    if not interpreters.available():
        return f"no function runtime in {interpreters.runtimes_folder()}"
    mode, limits = kind.split("-")
    hierarchy = find_hierarchy() if limits == "groups" else NoHierarchy()
    if limits == "groups" and isinstance(hierarchy, NoHierarchy):
        return "no control group is writable here"
    built = Machine(Launcher(mode), hierarchy)
    try:
        machine._try_out(built)
    except (LauncherError, SpawnError, OSError) as error:
        return f"no sandbox of mode {mode} here: {error}"
    return built


@pytest.fixture(scope="session", autouse=True)
def machines_closed() -> Iterator[None]:
    yield
    for kind in KINDS:
        built = build_machine(kind)
        if isinstance(built, Machine):
            built.close()


@dataclass
class Running:
    """A process in a sandbox, and what it has written."""

    process: LaunchedProcess
    output: list[bytes]
    exits: list[Exit]

    @property
    def text(self) -> str:
        return b"".join(self.output).decode()

    def wait(self) -> Exit:
        ended = self.process.wait(timeout_s=DEADLINE_S)
        assert ended is not None, f"still running after {DEADLINE_S} s; output: {self.text}"
        return ended

    def wait_for(self, text: str) -> None:
        eventually(lambda: text in self.text, f"{text!r} in the output")


@dataclass
class Environment:
    """A sandbox that runs Python snippets."""

    sandbox: LaunchedSandbox
    spec: SandboxSpec
    started: list[Running] = field(default_factory=list)

    def start(self, code: str, **environ: str) -> Running:
        output: list[bytes] = []
        exits: list[Exit] = []
        arguments = ["-c", textwrap.dedent(code)]
        process = self.sandbox.spawn(arguments, {"PATH": PATH, **environ}, output.append, exits.append)
        self.started.append(Running(process, output, exits))
        return self.started[-1]

    def run(self, code: str, **environ: str) -> str:
        """The output of a snippet that has to succeed."""
        running = self.start(code, **environ)
        assert running.wait() == Exit(0, out_of_memory=False), running.text
        return running.text

    def evaluate(self, expression: str, imports: str = "os, sys") -> Any:
        """The value of an expression, by way of JSON."""
        return json.loads(self.run(f"import json, {imports}\nprint(json.dumps({expression}))"))


class Factory:
    """Makes environments of one machine; closes them at the end of the test."""

    def __init__(self, built: Machine, folder: Path, prefix: str) -> None:
        self.machine = built
        self._folder = folder
        self._prefix = prefix
        self._made: list[Environment] = []

    def __call__(
        self,
        memory_mb: int = 256,
        storage_mb: int = 64,
        cpu: str = "unlimited",
        ports: tuple[int, ...] | None = None,
        listen: tuple[int, ...] = (),
        debugger_dir: Path | None = None,
        hidden: Path | None = None,
        **files: str,
    ) -> Environment:
        name = f"{self._prefix}-{len(self._made)}"
        code, layers = self._folder / name / "code", self._folder / name / "layers"
        for folder in (code, layers):
            folder.mkdir(parents=True)
        for path, text in files.items():
            (code / f"{path}.py").write_text(text)
        state = self._folder / name / "state"
        limits = (memory_mb, storage_mb, cpu, ports, listen)
        spec = SandboxSpec(name, state, RUNTIME, code, layers, *limits, debugger_dir, hidden)
        self._made.append(Environment(self.machine.create_sandbox(spec), spec))
        return self._made[-1]

    def close(self) -> None:
        for environment in self._made:
            environment.sandbox.close()


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def factory(kind: str, tmp_path: Path) -> Iterator[Factory]:
    """Makes environments of the test's kind of sandbox (`kind`, a parameter)."""
    built = build_machine(kind)
    if isinstance(built, str):
        pytest.skip(built)
    made = Factory(built, tmp_path, f"{kind}-{time.monotonic_ns()}")
    yield made
    made.close()


@pytest.fixture
def environment(factory: Factory) -> Environment:
    return factory()


def every_kind(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in every kind of sandbox."""
    return pytest.mark.parametrize("kind", KINDS, indirect=True)(test)


def isolated_kinds(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in those sandboxes that have a file system and PID namespace of their own."""
    return pytest.mark.parametrize("kind", ISOLATED, indirect=True)(test)
