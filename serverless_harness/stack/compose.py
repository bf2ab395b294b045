"""The stack of docker-compose.yml, driven by `docker compose`: what `--compose` and `--target compose` use.

Its deployment belongs to its own containers: the emulator's state and Terraform's are in volumes, and only
what tells where the shop is comes to `.serverless-harness/compose/<name>/`.
"""

import functools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from serverless_harness import paths
from serverless_harness.deploy import provider_mirror
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.private_files import make_private
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.stack import DEFAULT_PORT, port_option
from serverless_harness.stack.caller_settings import caller_settings
from serverless_harness.stack.compose_debugger import InContainers
from serverless_harness.stack.deploying import Providers, try_out
from serverless_harness.stack.embedded import refuse_taken_port
from serverless_harness.targets import DEPLOYMENT_FILE, LocalTarget
from serverless_harness.terminal_output import say, step
from serverless_harness.waiting import Wait

COMPOSE_FILE = "docker-compose.yml"
TEST_PROJECT = "harness-test"
"""How the names of test runs' projects begin."""
NAME = re.compile(r"^name: *(\S+)", re.MULTILINE)
APP_ROLE = re.compile(r"^  (\w+):\n(?:    .*\n)*?    command:\n      - app$", re.MULTILINE)
"""The service of `container_roles`' role `app`."""
SERVICE_LABEL = "com.docker.compose.service"
ONE_OFF_LABEL = "com.docker.compose.oneoff"
PROJECT_LABEL = "com.docker.compose.project"
FOLDER_LABEL = "com.docker.compose.project.working_dir"
TOKEN_FOLDER = "/run/control"
STOP_GRACE_S = 5
"""Of a stack whose state is deleted; docker-compose.yml has that of one that saves it."""
KILL_TIMEOUT_S = 60
FIRST_WORDS = "LocalStack version:"
"""With which each run of the emulator begins its log."""
CONTINUES = re.compile(r"The emulator continues with .*")
"""What it says when it has loaded its state."""
ERRORS = re.compile(r"(?:error: |Reason: ).+")
"""What the roles of the containers, and an emulator that can't start, say last."""
REGISTRY_UNREACHABLE = re.compile(r"failed to (resolve source metadata|do request|fetch anonymous token)")
"""BuildKit's words."""
HOW_TO_GET_DOCKER = (
    "install Docker with its compose plugin, 2.24 or newer (https://docs.docker.com/engine/install/)"
)


@dataclass(frozen=True)
class ComposeTarget(LocalTarget):
    """A local target whose Terraform runs in a container of the stack."""

    stack: "ComposeStack" = field(kw_only=True, compare=False)

    def control_token(self, renew: bool = False) -> str | None:
        if renew:
            self.__dict__.pop("_token", None)
        return self._token

    @functools.cached_property
    def _token(self) -> str | None:
        return self.stack.control_token()


@dataclass
class ComposeStack:
    """The compose project `name` on `port` of 127.0.0.1, running or not.

    `folder` holds docker-compose.yml; `settings` are LocalStack's, over the shared ones.
    """

    port: int
    name: str
    folder: Path = field(default_factory=lambda: current().folder)
    settings: Mapping[str, str] = field(default_factory=dict)
    project: Project = field(default_factory=current, repr=False, compare=False)
    fresh: bool = field(default=False, compare=False)
    """Whether the state that `down` kept, or a crash left, is removed, not taken up."""
    _ran_before: bool = field(default=True, init=False, repr=False, compare=False)
    """Whether the emulator ran before this object started anything: then it isn't for it to stop."""

    @classmethod
    def on_port(cls, port: int, fresh: bool = False) -> "ComposeStack":
        """Give the stack of this project on `port`: the one that runs, else one with a name of its own."""
        name = project_name()
        stack = find_stack(port) or cls(port, name if port == DEFAULT_PORT else f"{name}-{port}")
        stack.fresh = fresh
        return stack

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def state_dir(self) -> Path:
        return self.folder / ".serverless-harness" / "compose" / self.name

    @property
    def log_file(self) -> Path:
        """What `docker compose` said, and after a failure what the containers did."""
        return self.state_dir / "compose.log"

    @property
    def settings_file(self) -> Path:
        """What LocalStack is given besides what docker-compose.yml names: this stack's, while it is there."""
        return self.state_dir / "localstack.env"

    @functools.cached_property
    def target(self) -> ComposeTarget:
        """Where the project is deployed, when the stack runs."""
        return ComposeTarget(self.endpoint_url, self.state_dir, stack=self, project=self.project)

    @property
    def options(self) -> str:
        """What leads commands to this stack."""
        return port_option(self.port)

    @property
    def down_options(self) -> str:
        """What leads `down` to this stack."""
        return f" --compose{self.options}"

    @property
    def after_down(self) -> str:
        """What becomes of its state after `down`, in words."""
        return (
            "'down --compose' saves the stack's state for the next 'up --compose', "
            "'down --compose --delete' deletes it"
        )

    @property
    def debugger(self) -> InContainers:
        """Where debugpy and its port are."""
        return InContainers(self.name, self._compose)

    def prepare(self) -> None:
        """Build the images; raises UserError where no Docker engine answers."""
        require_engine()
        self._ran_before = self.is_emulator_running()
        with step("Images") as current_step:
            current_step.result = self.build()

    def bring_project(self, was_started: bool, providers: Providers) -> Deployment:
        """Try out what its own container has deployed, with providers of its own."""
        if was_started and (continued := self.continued_with()):
            say(continued)
        deployment = self.deployment()
        try_out(deployment)
        return deployment

    def describe(self) -> str:
        """Tell which containers these are."""
        return f"the containers of {self.name}"

    def settings_in_force(self) -> None:
        """Give None: the container's settings aren't asked for."""
        return

    def abandon(self) -> None:
        """Stop the stack unless its emulator ran before, whatever has become of its other containers."""
        if not self._ran_before:
            self.stop(delete=False)

    def is_running(self) -> bool:
        """Tell whether all of its services run, as commands need them."""
        return {"localstack", "gateway", app_service()} <= set(self._output("ps", "--services").split())

    def is_emulator_running(self) -> bool:
        """Tell whether the emulator runs."""
        return "localstack" in self._output("ps", "--services").split()

    def build(self) -> str:
        """Build the images, from the caches where nothing changed; gives what came of it.

        Without a network BuildKit can't look for a newer base: then the images that exist are good enough.
        """
        try:
            self._compose("build")
        except HarnessError:
            if not self._lacks_only_registry() or not self._has_images():
                raise
            return "the existing images, without later changes: the registry of their base can't be reached"
        return "built"

    def _lacks_only_registry(self) -> bool:
        return bool(REGISTRY_UNREACHABLE.search(self.log_file.read_text(errors="replace")))

    def _has_images(self) -> bool:
        names = sorted(set(self._output("config", "--images").split()))
        return not _fails("docker", "image", "inspect", *names)

    def ensure_running(self) -> bool:
        """Start what doesn't run, deploy, and wait for a working shop; gives whether it was started.

        Raises UserError where it runs and is to be fresh.
        """
        was_running = self.is_emulator_running()
        if self.fresh:
            if was_running:
                down = self.project.command_line("down")
                raise UserError(f"the stack runs already: stop it with {down}{self.down_options} first")
            self.stop(delete=True)
        if not self._output("ps", "--services", "--all").strip():
            refuse_taken_port(self.port)
            self._write_settings()
        elif not self._was_given_settings():
            self.settings_file.unlink(missing_ok=True)
        self._compose("up", "--detach", "--wait")
        return not was_running

    def detach(self) -> None:
        """Do nothing: containers outlive this process."""

    def stop(self, delete: bool) -> None:
        """Stop it, and remove its containers and networks; with `delete` its volumes, too. The images stay.

        Without `delete`, its emulator saves its state first.
        """
        options = ("--volumes", "--timeout", str(STOP_GRACE_S)) if delete else ()
        self._compose("down", "--remove-orphans", *options)
        for entry in self.state_dir.iterdir():
            if entry != self.log_file:
                entry.unlink()

    def kill(self) -> None:
        """End its emulator as a crash does."""
        self._compose("kill", "localstack")
        Wait("the emulator to end", KILL_TIMEOUT_S).until(lambda: not self.is_emulator_running())

    def saved_at(self) -> float:
        """Tell when the state was saved that its volume holds, in seconds since 1970."""
        said = ("--entrypoint", "sed", "localstack", "-n", "2{p;q}", "/state/state")
        return float(json.loads(self._output("run", "--rm", "--no-deps", *said))["saved_at"])

    def continued_with(self) -> str:
        """Give the line in which the emulator says with which state it continues, nothing where with none."""
        log = self._output("logs", "--no-color", "--no-log-prefix", "localstack", check=False)
        return next(iter(CONTINUES.findall(log.rpartition(FIRST_WORDS)[2])), "")

    def deploy(self) -> Deployment:
        """Have the project deployed, in its container, as it is now."""
        endpoint = f"http://localstack:{self.port}"
        with step("Deploy"):
            self._compose("run", "--rm", "--no-deps", "deploy", "deploy", "--always", "--endpoint", endpoint)
        return self.deployment()

    def deployment(self) -> Deployment:
        """Ask the stack what is deployed on it, and keep that for commands to find."""
        answer = json.loads(self._role("outputs"))
        make_private(self.state_dir)
        (self.state_dir / DEPLOYMENT_FILE).write_text(json.dumps(answer["deployed"], indent=2))
        return Deployment.require(self.target)

    def plan_is_empty(self) -> bool:
        """Tell whether Terraform, in its container, finds nothing to change."""
        return self._role("plan", check=False).strip() == "nothing to change"

    def control_token(self) -> str | None:
        """Ask the container for its control token (docker/start.py), None where it doesn't run."""
        listing = self._output(
            *("exec", "-T", "--user", "0", "localstack", "ls", "-1ctr", TOKEN_FOLDER), check=False
        )
        # Whatever else a function may have put there is newer.
        return next(iter(listing.split()), None)

    def _write_settings(self) -> None:
        """Write what only this project's emulator is given: the caller's settings and those of this stack."""
        in_env_file = dotenv_values(self.folder / ".env")  # It goes before what the project says.
        chosen = caller_settings(self.project).items()
        settings = {name: value for name, value in chosen if name in os.environ or name not in in_env_file}
        settings |= self.settings
        make_private(self.state_dir)
        self.settings_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    def _was_given_settings(self) -> bool:
        """Tell whether the emulator's container was made with the settings that are written down.

        It wasn't where `docker compose` alone has removed one container and made the next.
        """
        if not self.settings_file.exists():
            return True
        container = self._output("ps", "--all", "--quiet", "localstack").strip()
        command = ("docker", "inspect", "--format", "{{json .Config.Env}}", container)
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        given = set(json.loads(result.stdout)) if result.returncode == 0 else set()
        return given >= set(self.settings_file.read_text().splitlines())

    def _role(self, role: str, check: bool = True) -> str:
        """Run a role of `container_roles` beside the project, and give what it prints."""
        program = ("/opt/harness/bin/python", "-m", "serverless_harness", "container")
        endpoint = f"http://localstack:{self.port}"
        return self._output("exec", "-T", app_service(), *program, role, "--endpoint", endpoint, check=check)

    def _compose(self, *arguments: str) -> None:
        """Run `docker compose`, its output to the log; raises HarnessError with what went wrong."""
        make_private(self.state_dir)
        with self.log_file.open("w") as log:
            returncode = subprocess.run(
                [*self._command(), *arguments], env=self._environ(), stdout=log, stderr=log, check=False
            ).returncode
            if returncode == 0:
                return
            failure = _failure(self.log_file.read_text(errors="replace"))
            containers = self._output("logs", "--no-color", "--no-log-prefix", check=False)
            log.write(containers)
        errors = ERRORS.findall(containers)
        raise HarnessError(
            f"docker compose {arguments[0]} failed: {(errors or [failure])[-1]} "
            f"(see {paths.shown(self.log_file)})"
        )

    def _output(self, *arguments: str, check: bool = True) -> str:
        result = subprocess.run(
            [*self._command(), *arguments], env=self._environ(), capture_output=True, text=True, check=False
        )
        if check and result.returncode:
            raise HarnessError(f"docker compose {arguments[0]} failed: {_failure(result.stderr)}")
        return result.stdout

    def _command(self) -> list[str]:
        return [
            *("docker", "compose", "--progress", "plain", "--project-name", self.name),
            *("--project-directory", str(self.folder)),
        ]

    def _environ(self) -> Mapping[str, str]:
        return {
            **os.environ,
            variable("PORT"): str(self.port),
            "HARNESS_SETTINGS_FILE": str(self.settings_file),
            **provider_variable(self.folder),
        }


@functools.cache
def provider_variable(folder: Path) -> dict[str, str]:
    """Give the variable of the provider's mirror, where there is one and the registry is out of reach.

    What the caller or `.env` in `folder` says goes first.
    """
    env_file, name = folder / ".env", variable("PROVIDER_MIRROR")
    if name in os.environ or (env_file.exists() and f"\n{name}=" in "\n" + env_file.read_text()):
        return {}
    mirror = None if provider_mirror.registry_is_reachable() else provider_mirror.find_mirror(os.environ)
    return {name: str(mirror)} if mirror else {}


def project_name() -> str:
    """Give the name that the project's docker-compose.yml gives itself; UserError where there is none."""
    return _in_compose_file(NAME, "a line 'name: …'")


def app_service() -> str:
    """Give the service that keeps what is deployed up to date."""
    return _in_compose_file(APP_ROLE, "a service with the command 'app'")


def variable(name: str) -> str:
    """Give the name of a variable that docker-compose.yml takes: SHOP_PORT where its name is shop."""
    return f"{project_name()}_{name}".upper().replace("-", "_")


def _in_compose_file(pattern: re.Pattern[str], what: str) -> str:
    file = current().folder / COMPOSE_FILE
    if not file.is_file():
        raise UserError(f"there is no {paths.shown(file)}, which defines the stack in containers")
    found = pattern.search(file.read_text())
    if found is None:
        raise UserError(f"{paths.shown(file)} lacks {what}")
    return found[1]


def require_engine() -> None:
    """Raise UserError unless a Docker engine answers, to a client that has the compose plugin."""
    if reason := why_no_engine():
        raise UserError(reason)


def why_no_engine() -> str | None:
    """Say what is missing for compose, None where nothing is."""
    if not shutil.which("docker"):
        return f"docker is not on PATH: {HOW_TO_GET_DOCKER}"
    if _fails("docker", "compose", "version"):
        return f"docker has no compose plugin: {HOW_TO_GET_DOCKER}"
    if _fails("docker", "version"):
        return "no Docker engine answers: start it, or set DOCKER_HOST to where one listens"
    return None


def find_stack(port: int) -> ComposeStack | None:
    """Find this project's compose stack that is published on `port`, None where there is none."""
    return next((stack for stack in running_stacks() if stack.port == port), None)


def running_stacks() -> list[ComposeStack]:
    """Give this project's compose stacks, however they were started; none where there is no engine."""
    if not shutil.which("docker"):
        return []
    filters = (
        f"label={FOLDER_LABEL}={current().folder}",
        f"label={SERVICE_LABEL}=gateway",
        f"label={ONE_OFF_LABEL}=False",
    )
    result = subprocess.run(
        [
            *("docker", "ps", "--no-trunc", "--format", "json"),
            *(option for value in filters for option in ("--filter", value)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return [_stack_of(json.loads(line)) for line in result.stdout.splitlines()]


def kept_stacks() -> list[ComposeStack]:
    """Give this project's compose stacks that were started from here and have volumes, running or not."""
    folder, name = current().state / "compose", project_name()
    names = [name, *(each.name for each in folder.glob(f"{name}-[0-9]*"))]
    result = subprocess.run(
        ["docker", "volume", "ls", "--format", "json"], capture_output=True, text=True, check=False
    )
    volumes = [json.loads(line)["Labels"] for line in result.stdout.splitlines()]
    return [
        ComposeStack(int(each.removeprefix(f"{name}-")) if each != name else DEFAULT_PORT, each)
        for each in names
        if any(f"{PROJECT_LABEL}={each}" in labels.split(",") for labels in volumes)
    ]


def _stack_of(container: dict[str, Any]) -> ComposeStack:
    labels = dict(label.partition("=")[::2] for label in container["Labels"].split(","))
    port = int(container["Ports"].partition("->")[0].rpartition(":")[2])
    return ComposeStack(port, labels[PROJECT_LABEL])


def _fails(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


def _failure(output: str) -> str:
    """Find the line of `docker compose`'s output that says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line or "can't" in line]
    return (telling or lines or ["it printed nothing"])[-1]
