"""The embedded stack: LocalStack with our plugins, as a process on loopback, in a folder of its own.

Everything that a stack knows lives in `.serverless-harness/stacks/<port>/`.
"""

import importlib
import json
import os
import random
import shutil
import socket
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
from dotenv import dotenv_values

from serverless_harness import paths
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.exhaustion import explained
from serverless_harness.locks import locked
from serverless_harness.private_files import make_private
from serverless_harness.processes import OwnedProcess, ProcessId
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.runtimes import provision
from serverless_harness.stack import checkpoints, control, port_option
from serverless_harness.stack.bring_project import bring_to_new, bring_to_running, deploy_to, take_up
from serverless_harness.stack.caller_settings import caller_settings
from serverless_harness.stack.deploying import Providers, await_providers
from serverless_harness.stack.states import SavedState
from serverless_harness.targets import LocalTarget
from serverless_harness.terminal_output import say, step
from serverless_harness.tls import verification
from serverless_harness.waiting import Wait

START_TIMEOUT_S = 240
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ")
"""What LocalStack gets of the caller's environment: no credentials, proxies or certificates of the host's."""
CRASHED = "crashed, and all changes since its state was last saved are lost"


def free_port() -> int:
    """Find a TCP port on loopback that nothing listens on.

    It lies below those that systems give to outgoing connections (Linux: from 32768 on), one of which could
    take it before the stack does.

    Raises UserError where every one of a hundred ports is taken.
    """
    # Not by the module's own state, which test runners set alike in processes that run beside each other.
    for port in random.SystemRandom().sample(range(10_240, 32_768), 100):
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise UserError("no free port was found: choose one with --port")


def refuse_taken_port(port: int, otherwise: str = "choose another with --port") -> None:
    """Raise UserError where nothing can listen on `port` of loopback; `otherwise` says what to do then."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise UserError(f"port {port} needs privileges: choose one above 1023") from None
        except OSError:
            raise UserError(f"port {port} is taken by another program: stop it, or {otherwise}") from None


@dataclass(frozen=True)
class OnThisMachine:
    """The place of the debugger where the emulator runs on this machine."""

    project: Project
    host: str = "127.0.0.1"

    def packages(self, runtime: str) -> str:
        """Install debugpy for a runtime unless it is; gives its folder."""
        return str(provision.add_debugger(runtime, self.project.make_state()))

    def publish(self, ports: Collection[int]) -> None:
        """Do nothing: the emulator listens here."""


@dataclass
class EmbeddedStack:
    """The stack on `port` of 127.0.0.1, running or not; `settings` are LocalStack's, over the shared ones."""

    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    project: Project = field(default_factory=current, repr=False)
    fresh: bool = False
    """Whether the state that `down` kept, or a crash left, is removed, not taken up."""
    _process: OwnedProcess | None = field(default=None, init=False, repr=False)
    _awaits_state: bool = field(default=False, init=False, repr=False, compare=False)
    """Whether requests but those about states wait until one is loaded."""
    _claim: ExitStack = field(default_factory=ExitStack, init=False, repr=False, compare=False)

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def state_dir(self) -> Path:
        return self.project.stacks / str(self.port)

    @property
    def log_file(self) -> Path:
        return self.target.log_file

    @property
    def previous_log_file(self) -> Path:
        """Of the last stack that crashed here."""
        return self.state_dir / "localstack.log.previous"

    @property
    def _record_file(self) -> Path:
        return self.state_dir / "process.json"

    @property
    def target(self) -> LocalTarget:
        """Where the project is deployed, when it is deployed to this stack."""
        return LocalTarget(self.endpoint_url, self.state_dir, project=self.project)

    @property
    def options(self) -> str:
        """What leads commands to this stack."""
        return port_option(self.port)

    @property
    def down_options(self) -> str:
        """What leads `down` to this stack."""
        return self.options

    @property
    def after_down(self) -> str:
        """What becomes of its state after `down`, in words."""
        return "'down' saves the stack's state for the next 'up', 'down --delete' deletes it"

    @property
    def debugger(self) -> OnThisMachine:
        """Where debugpy and its port are."""
        return OnThisMachine(self.project)

    def prepare(self) -> None:
        """Make the functions' Pythons that are missing."""
        if names := self._missing_runtimes():
            with step("Runtimes") as current_step:
                self._make_runtimes(names)
                current_step.result = f"{', '.join(names)} made"

    def _missing_runtimes(self) -> list[str]:
        folder = self.project.runtimes
        if self.environ()["LAMBDA_PROCESS_RUNTIMES"] != str(folder):
            return []  # Somebody else's to make.
        declared = self.project.settings.runtimes or [provision.OWN]
        return provision.missing(declared, folder)

    def _make_runtimes(self, names: list[str]) -> None:
        for name in names:
            provision.add(name, self.project.runtimes, self.project.make_state())

    def bring_project(self, was_started: bool, providers: Providers) -> Deployment:
        """Bring the project to a stack that was just started, as kept or anew; else deploy what changed.

        Raises UserError where the stack runs and is to be fresh, or what was kept can't be taken up.
        """
        kept = SavedState.kept(self)
        if not was_started:
            if self.fresh:
                down = self.project.command_line("down")
                raise UserError(f"the stack runs already: stop it with {down}{self.options} first")
            return bring_to_running(self, await_providers(providers))
        if self.fresh:
            kept.delete()
        bring = take_up if kept.exists() else bring_to_new
        return bring(self, await_providers(providers))

    def describe(self) -> str:
        """Tell of its process, nothing where there is none."""
        process_id = self.process_id()
        if process_id is None:
            return ""
        processes = 1 + len(psutil.Process(process_id.pid).children(recursive=True))
        runs_for = timedelta(seconds=int(time.time() - process_id.created_s))
        return f"pid {process_id.pid}, {processes} processes, for {runs_for}"

    def settings_in_force(self) -> Mapping[str, str] | None:
        """Give the environment of the emulator that runs."""
        process_id = self.process_id()
        return psutil.Process(process_id.pid).environ() if process_id else None

    def deploy(self) -> Deployment:
        """Deploy what changed."""
        return deploy_to(self)

    def is_running(self) -> bool:
        """Tell whether the process that this folder's record names is alive."""
        return self.process_id() is not None

    @property
    def is_detached(self) -> bool:
        """Whether it was left to run on its own; otherwise it belongs to a process, such as a test run."""
        return self._detached_mark.exists()

    @property
    def _detached_mark(self) -> Path:
        return self.state_dir / "detached"

    def process_id(self) -> ProcessId | None:
        """Give the running stack's process, None where there is none."""
        recorded = self._recorded()
        return recorded if recorded and recorded.find() else None

    def has_crashed(self) -> bool:
        """Tell whether a stack ran here last that ended otherwise than by `stop`."""
        recorded = self._recorded()
        return recorded is not None and recorded.find() is None

    def _recorded(self) -> ProcessId | None:
        try:
            recorded = ProcessId(**json.loads(self._record_file.read_text()))
            recorded.find()
        except (OSError, ValueError, TypeError, OverflowError):
            return None  # No record, or something that is none.
        return recorded

    def ensure_running(self) -> bool:
        """Start the stack unless it runs; gives whether it was started.

        If a state is kept, its requests wait until that is loaded (`bring_project`). Raises as `start` does.
        """
        with self._claimed_port():
            if self.is_running():
                self._await_answer()
                return False
            self._start(loads_kept=True)
            return True

    def start(self) -> None:
        """Start the stack, empty, and wait until it answers; it ends with this process unless `detach`ed.

        Raises UserError where the port is taken or another process is bringing a stack up there, HarnessError
        where LocalStack ends or doesn't answer; nothing of it is left then.
        """
        with self._claimed_port():
            self._start()

    @contextmanager
    def _claimed_port(self) -> Iterator[None]:
        """Be the one process that brings this port's stack up, until `detach`, `stop` or the block's failure.

        Raises UserError where another process does.
        """
        self.project.make_state()
        make_private(self.project.stacks)
        self._claim.close()  # Of a stack that this object started before, and that has ended by itself.
        try:
            self._claim.enter_context(locked(self.project.stacks / f".{self.port}.lock", wait=False))
        except BlockingIOError:
            raise UserError(
                f"another process is starting the stack on port {self.port}: wait until it has finished"
            ) from None
        try:
            yield
        except BaseException:
            self._claim.close()
            raise

    def _start(self, loads_kept: bool = False) -> None:
        refuse_taken_port(self.port)
        if self.has_crashed():
            if not self.fresh:
                checkpoints.keep_last(self)
            self._keep_log()
        self._remove_state()
        for folder in (self.state_dir, *(self.state_dir / name for name in ("filesystem", "tmp", "home"))):
            make_private(folder)
        self._make_runtimes(self._missing_runtimes())
        environ = self.environ() | {control.VARIABLE: control.create_token(self.state_dir)}
        self._awaits_state = loads_kept and not self.fresh and SavedState.kept(self).exists()
        if self._awaits_state:
            environ["STATE_AWAITED"] = "1"
        try:
            with self.log_file.open("wb") as log:
                self._process = OwnedProcess(
                    [sys.executable, "-I", "-m", "localstack.runtime.main"], environ, log, self.state_dir
                )
            record = ProcessId.of(self._process.pid)
            self._record_file.write_text(json.dumps({"pid": record.pid, "created_s": record.created_s}))
            importlib.import_module("boto3")  # While LocalStack starts, rather than before or afterwards.
            self._await_answer()
        except BaseException:
            self.stop()
            raise

    def _keep_log(self) -> None:
        log = "there is no log"
        with suppress(OSError):
            self.log_file.replace(self.previous_log_file)
            log = f"its log: {paths.shown(self.previous_log_file)}"
        say(f"The stack that ran on port {self.port} {CRASHED}; {log}")

    def _remove_state(self, *kept_suffixes: str) -> None:
        """Remove what an earlier stack left, whatever has become of it, but for the log of a crash."""
        if self.state_dir.is_symlink() or self.state_dir.is_file():
            self.state_dir.unlink()
        for entry in self.state_dir.iterdir() if self.state_dir.exists() else ():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.suffix not in (self.previous_log_file.suffix, *kept_suffixes):
                entry.unlink()

    def _await_answer(self) -> None:
        wait = Wait(
            f"the stack on port {self.port} to answer",
            START_TIMEOUT_S,
            interval_s=0.02,
            describe=self.last_log_line,
            hint=f"see {paths.shown(self.log_file)}",
        )
        # One client for all looks, which share the processor with the start.
        with httpx.Client(trust_env=False, verify=verification(self.endpoint_url)) as client:
            wait.until(lambda: self._answers(client))

    def detach(self) -> None:
        """Let a stack that this process started outlive it, until `down`, and make checkpoints."""
        if self._process:
            self._detached_mark.touch()
            checkpoints.begin(self)
            self._process.detach()
        self._claim.close()

    def abandon(self) -> None:
        """Stop the stack if this object started it."""
        if self._process:
            self.stop()

    def stop(self) -> None:
        """Stop the stack and everything that it started, and forget its state; the logs stay."""
        if self._process:
            self._process.stop()
        elif recorded := self.process_id():
            recorded.stop()
        self._remove_state(".log")
        self._claim.close()

    def last_log_line(self) -> str:
        """Give the last line of the log that says something."""
        try:
            lines = self.log_file.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return "no log"
        return next((line.strip() for line in reversed(lines) if line.strip()), "an empty log")

    def _answers(self, client: httpx.Client) -> bool:
        if self._process and self._process.returncode is not None:
            # LocalStack passes on the exit code of our hook, 2 where a setting is wrong.
            error = UserError if self._process.returncode == UserError.exit_code else HarnessError
            failure = error(
                f"the stack exited during startup: {self.last_log_line()} (see {paths.shown(self.log_file)})"
            )
            raise explained(failure, self.log_file.read_text(errors="replace"), self.state_dir)
        try:
            if not self._awaits_state:
                return client.get(f"{self.endpoint_url}/_localstack/health").is_success
            headers = {"Authorization": f"Bearer {control.find_token(self.target)}"}
            return client.get(f"{self.endpoint_url}{checkpoints.PATH}", headers=headers).is_success
        except httpx.HTTPError:
            return False

    def environ(self) -> dict[str, str]:
        """Give LocalStack's environment, less the control token that each start draws anew."""
        shared = {
            key: value for key, value in dotenv_values(paths.LOCALSTACK_ENV).items() if value is not None
        }
        return {
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            **shared,
            "LAMBDA_PROCESS_RUNTIMES": str(self.project.runtimes),
            "LAMBDA_HOT_RELOAD_FOLDERS": str(self.project.folder),
            **caller_settings(self.project),
            **self.settings,
            "GATEWAY_LISTEN": f"127.0.0.1:{self.port}",
            "FILESYSTEM_ROOT": str(self.state_dir / "filesystem"),
            "TMPDIR": str(self.state_dir / "tmp"),
            "HOME": str(self.state_dir / "home"),
        }


def running_stacks() -> list[EmbeddedStack]:
    """Give the stacks of this project that are running."""
    folders = sorted(current().stacks.glob("[0-9]*"))
    return [stack for stack in (EmbeddedStack(int(folder.name)) for folder in folders) if stack.is_running()]
