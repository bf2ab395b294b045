"""Terraform or OpenTofu on a project's configuration, applied from a copy in the target's own folder.

The copy keeps targets apart and the checkout clean: state, lock file and tflocal's override file are written
beside it. Providers are installed once for all targets, in `.serverless-harness/terraform/`.

For a local target, tflocal says how the provider reaches it; of that, the endpoints go by AWS_ENDPOINT_URL:
a block `endpoints` takes the AWS provider 2 s of each start, and an apply starts it twice.
"""

import hashlib
import json
import os
import re
import select
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from serverless_harness import paths
from serverless_harness.deploy import provider_mirror
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.exhaustion import explained
from serverless_harness.locks import locked
from serverless_harness.processes import OwnedProcess, run_owned
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.targets import CERTIFICATES, RECORD, LocalTarget, Target

OVERRIDE_FILE = "localstack_providers_override.tf"
LOCK_FILE = ".terraform.lock.hcl"
STATE = "terraform.tfstate"
UNFINISHED = "unfinished"
"""There while Terraform changes something, and afterwards where it was killed over it."""
BLOCKED_AFTER_S = 45
"""How long a resource may take on a local target before it is asked what is in its way.

Of the provider's own waits, a queue's is 25 s; for a function that exists already, it tries for five minutes.
"""
SILENCE: Mapping[str, Any] = {"type": "silence"}
"""Stands for BLOCKED_AFTER_S without a message."""
ENDED_BY_ITSELF = (0, 1)
"""Exit codes after which the state holds all that was made."""
LOCAL_PARALLELISM = "-parallelism=30"
"""More than Terraform's own ten: the queues, which the provider watches for 25 s, start at once."""
ENDPOINTS_BLOCK = re.compile(r"^ *endpoints \{[^}]*\}\n", re.MULTILINE)
DECIDES_INSTALLATION = ("required_providers", "required_version", "module", "backend")
"""Words of a file that `terraform init` has something to do with."""


def find_program() -> str:
    """Find `terraform`, else `tofu`, on PATH; TF_CMD names another."""
    wanted = [os.environ["TF_CMD"]] if os.environ.get("TF_CMD") else ["terraform", "tofu"]
    for name in wanted:
        if found := shutil.which(name):
            return found
    raise UserError(
        f"{' or '.join(wanted)} is not on PATH: install Terraform "
        "(https://developer.hashicorp.com/terraform/install) or OpenTofu (https://opentofu.org/docs/intro/install/)"
    )


def program_version(folder: Path) -> str:
    """Give which program there is, in its words: `Terraform v1.11.4`.

    Raises HarnessError where it fails, with what `folder`, in which it works, tells of the reason.
    """
    program = find_program()
    result = subprocess.run([program, "version"], env=_environ(), capture_output=True, text=True, check=False)
    if result.returncode or not result.stdout:
        failure = HarnessError(f"{program} does not tell its version: {_last_line(result.stderr)}")
        raise explained(failure, result.stderr, folder)
    return result.stdout.splitlines()[0]


@dataclass
class ApplyResult:
    """What an apply did: numbers of resources, and Terraform's outputs by name."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    outputs: dict[str, Any] = field(default_factory=dict)
    reconciled: list[str] = field(default_factory=list)
    """The functions whose code `up --watch` had put there without Terraform."""

    def __str__(self) -> str:
        if not (self.added or self.changed or self.removed):
            done = "nothing to change"
        else:
            done = f"{self.added} added, {self.changed} changed, {self.removed} removed"
        if self.reconciled:
            done += f"; reconciled what --watch changed: {', '.join(self.reconciled)}"
        return done


@dataclass(frozen=True)
class Installation:
    """The providers of one version of the configuration, installed once, shared by all targets."""

    program: str
    folder: Path
    environ: dict[str, str]

    @property
    def data_dir(self) -> Path:
        return self.folder / ".terraform"

    @property
    def lock_file(self) -> Path:
        return self.folder / LOCK_FILE


def install_providers(project: Project | None = None) -> Installation:
    """Run `terraform init` unless it was run for this program and these requirements before."""
    project = project or current()
    program = find_program()
    digest = hashlib.sha256(f"{program}\0{sys.platform}".encode())
    for file in _configuration_files(project):
        if any(word in file.read_text() for word in DECIDES_INSTALLATION):
            digest.update(file.read_bytes())
    folder = project.make_state() / "terraform" / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    environ = _environ()
    installation = Installation(program, folder, environ)
    with locked(folder / "lock"):
        config = folder / "cli.tfrc"
        done = folder / "initialized"
        if not done.exists():
            _copy_configuration(project, folder)
            _initialize(installation, config)
            done.touch()
    if config.exists():
        environ["TF_CLI_CONFIG_FILE"] = str(config)
    return installation


class Terraform:
    """Terraform for one target."""

    def __init__(self, target: Target, installation: Installation, variables: Mapping[str, Any]) -> None:
        self.target = target
        self.installation = installation
        self.folder = target.state_dir / "terraform"
        self.environ = {
            **(_without_aws(installation.environ) if target.is_local else installation.environ),
            **target.terraform_environ(),
            "TF_DATA_DIR": str(installation.data_dir),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        _copy_configuration(target.project, self.folder)
        shutil.copy(installation.lock_file, self.folder / LOCK_FILE)
        (self.folder / "harness.auto.tfvars.json").write_text(json.dumps(dict(variables), indent=2))

    def apply(self, progress: Callable[[str], None]) -> ApplyResult:
        """Apply the configuration; `progress` is told of every resource that is done.

        Raises HarnessError with Terraform's first error, or with how it ended without one. A local deployment
        that comes to nothing is ended early: one that was cut off before and can't be taken up, or one to an
        emulator that can't start threads.
        """
        result, finished = ApplyResult(), 0
        options = [LOCAL_PARALLELISM] if self.target.is_local else []
        takes_up = self.target.is_local and may_have_lost_state(self.target)
        messages = self._messages("apply", "-auto-approve", "-input=false", "-json", *options)
        for message in messages:
            if hopeless := self._hopeless(message, takes_up):
                messages.close()
                raise hopeless
            match message.get("type"):
                case "apply_complete":
                    finished += 1
                    progress(f"{finished} done, last {message['hook']['resource']['addr']}")
                case "apply_start":
                    progress(f"{finished} done, now {message['hook']['resource']['addr']}")
                case "change_summary" if message["changes"]["operation"] == "apply":
                    changes = message["changes"]
                    result.added, result.changed, result.removed = (
                        changes["add"],
                        changes["change"],
                        changes["remove"],
                    )
                case "outputs":
                    result.outputs = {name: entry.get("value") for name, entry in message["outputs"].items()}
        return result

    def _hopeless(self, message: Mapping[str, Any], takes_up: bool) -> HarnessError | None:
        """Give why an apply is to be ended: Terraform would go on trying for minutes."""
        if not (isinstance(self.target, LocalTarget) and _is_blocked(message)):
            return None
        resource = message.get("hook", {}).get("resource", {}).get("addr", "what comes first")
        left_behind = HarnessError(
            f"terraform apply failed: {resource} can't be made, most likely as a deployment that was cut off "
            f"has left one (see {paths.shown(self.log_file)})"
        )
        exhausted = explained(left_behind, self.target.emulators_words(), self.folder)
        return exhausted if takes_up or exhausted is not left_behind else None

    def made(self) -> dict[str, Any]:
        """Give the region and the names of the functions that the state tells of."""
        functions = [
            instance["attributes"]
            for resource in self._managed_resources("aws_lambda_function")
            for instance in resource["instances"]
        ]
        regions = Counter(function["arn"].split(":")[3] for function in functions)
        names = sorted(function["function_name"] for function in functions)
        return {
            "region": max(regions, key=regions.__getitem__, default=self.target.region),
            "functions": names,
        }

    def _managed_resources(self, kind: str) -> list[dict[str, Any]]:
        state = json.loads((self.folder / STATE).read_text())
        return [each for each in state["resources"] if (each["mode"], each["type"]) == ("managed", kind)]

    def plan_is_empty(self) -> bool:
        """Tell whether a plan finds nothing to change."""
        self._configure_provider()
        command = [self.installation.program, "plan", "-detailed-exitcode", "-input=false", "-no-color"]
        returncode, output = run_owned(command, self.environ, self.folder)
        if returncode not in (0, 2):
            raise HarnessError(f"terraform plan failed: {_reason(output)}")
        return returncode == 0

    def destroy(self) -> None:
        """Remove all that was deployed; raises HarnessError as `apply` does."""
        for _ in self._messages("destroy", "-auto-approve", "-input=false", "-json"):
            pass

    @property
    def log_file(self) -> Path:
        return self.target.state_dir / "terraform.log"

    def _configure_provider(self) -> None:
        """Have tflocal write how the provider reaches a local target; raises HarnessError."""
        if not self.target.is_local:
            return
        file = self.folder / OVERRIDE_FILE
        file.unlink(missing_ok=True)
        tflocal = Path(sys.executable).parent / "tflocal"
        command = [sys.executable, "-I", str(tflocal), "plan"]
        returncode, output = run_owned(command, {**self.environ, "DRY_RUN": "1"}, self.folder)
        if returncode or not file.exists():
            program_version(self.folder)  # Where Terraform can't even do that, it says why; tflocal doesn't.
            raise explained(HarnessError(f"tflocal failed: {_last_line(output)}"), output, self.folder)
        file.write_text(ENDPOINTS_BLOCK.sub("", file.read_text()))

    def _messages(self, *arguments: str) -> Generator[Mapping[str, Any]]:
        """Run Terraform and give the messages of its `-json` view as they come; all of it goes to the log.

        Interrupted, a local Terraform is stopped at once; AWS's may finish what it does and save its state.
        Raises HarnessError after the last message where Terraform told of an error or didn't end well.
        """
        self._configure_provider()
        command = [self.installation.program, *arguments]
        mark = self.folder / UNFINISHED
        mark.touch()
        process = OwnedProcess(command, self.environ, subprocess.PIPE, self.folder)
        assert process.stdout
        errors, last_words = list[str](), ""
        try:
            with self.log_file.open("w") as log:
                for line in _lines(process.stdout):
                    if line is None:
                        yield SILENCE
                        continue
                    text = line.decode(errors="replace")
                    log.write(text)
                    if message := _message(text):
                        errors += _errors(message)
                        yield message
                    elif not text.startswith("{"):
                        last_words = text.strip() or last_words
        except BaseException:
            if self.target.is_local:
                process.stop()
            else:
                process.interrupt()
            raise
        finally:
            returncode = process.wait()
        if returncode in ENDED_BY_ITSELF:
            mark.unlink()
        if returncode or errors:
            reason = errors[0] if errors else last_words or f"it ended with exit code {returncode}"
            failure = HarnessError(
                f"terraform {arguments[0]} failed: {reason} (see {paths.shown(self.log_file)})"
            )
            raise explained(failure, self.log_file.read_text(), self.folder)


def _initialize(installation: Installation, config: Path) -> None:
    """Install the providers: from the registry, else from a mirror on this machine."""
    config.unlink(missing_ok=True)
    registry = provider_mirror.registry_of(installation.program)
    mirror = None
    configured = "TF_CLI_CONFIG_FILE" in installation.environ
    if not configured and not provider_mirror.registry_is_reachable(registry):
        mirror = _find_mirror(installation, registry)
    environ = dict(installation.environ)
    if mirror:
        config.write_text(provider_mirror.cli_config(mirror, registry))
        environ["TF_CLI_CONFIG_FILE"] = str(config)
    command = [installation.program, "init", "-input=false", "-no-color"]
    returncode, output = run_owned(command, environ, installation.folder)
    (installation.folder / "init.log").write_text(output)
    if returncode:
        hint = "" if mirror else "; offline, a provider mirror is needed: see README.md, 'Without a network'"
        failure = HarnessError(
            f"terraform init failed: {_reason(output)} "
            f"(see {paths.shown(installation.folder / 'init.log')}){hint}"
        )
        raise explained(failure, output, installation.folder)


def _find_mirror(installation: Installation, registry: str) -> Path | None:
    """Find a mirror of `registry`; for OpenTofu, one of Terraform's serves too."""
    mirror = provider_mirror.find_mirror(os.environ, registry=registry)
    if mirror or registry == provider_mirror.REGISTRY:
        return mirror
    of_terraform = provider_mirror.find_mirror(os.environ)
    return of_terraform and provider_mirror.link_for_tofu(of_terraform, installation.folder / "mirror")


def _environ() -> dict[str, str]:
    """Give Terraform's environment: the caller's, less what changes where it works or what it prints."""
    dropped = ("TF_DATA_DIR", "TF_WORKSPACE", "TF_CLI_ARGS", "AWS_ENDPOINT_URL")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    if not Path(environ.get("TF_CLI_CONFIG_FILE", "")).is_file():
        environ.pop("TF_CLI_CONFIG_FILE", None)
    return {**environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_CMD": find_program()}


def _without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave the caller's AWS configuration out, which is another account's."""
    return {
        name: value for name, value in environ.items() if not name.startswith("AWS_") or name in CERTIFICATES
    }


def _configuration_files(project: Project) -> Sequence[Path]:
    return sorted(project.terraform.rglob("*.tf"))


def _copy_configuration(project: Project, folder: Path) -> None:
    """Make the `.tf` files in `folder` equal to the project's."""
    for old in folder.rglob("*.tf"):
        old.unlink()
    for file in _configuration_files(project):
        copy = folder / file.relative_to(project.terraform)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)


def may_have_lost_state(target: Target) -> bool:
    """Tell whether there may be resources on `target` that Terraform's state doesn't know of."""
    folder = target.state_dir / "terraform"
    if (folder / UNFINISHED).exists():
        return True
    try:
        json.loads((folder / STATE).read_text())
    except FileNotFoundError:
        return (target.state_dir / RECORD).exists()
    except (OSError, ValueError):
        return True
    return False


def _lines(output: IO[bytes]) -> Iterator[bytes | None]:
    """Give lines as they come, None after every BLOCKED_AFTER_S without one."""
    rest = b""
    while True:
        if not select.select([output], [], [], BLOCKED_AFTER_S)[0]:
            yield None
        elif chunk := os.read(output.fileno(), 65536):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line + b"\n" for line in lines)
        else:
            break
    if rest:
        yield rest


def _message(text: str) -> dict[str, Any] | None:
    """Read a line of the `-json` view, None where it is none: cut short, or text for people."""
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _is_blocked(message: Mapping[str, Any]) -> bool:
    """Tell whether a message tells of a resource that failed, or of nothing that was done for long."""
    elapsed_s = message.get("hook", {}).get("elapsed_seconds", 0)
    return message is SILENCE or message.get("type") == "apply_errored" or elapsed_s >= BLOCKED_AFTER_S


def _errors(message: Mapping[str, Any]) -> list[str]:
    """Give the error that a message tells of, if it does."""
    diagnostic = message.get("diagnostic", {}) if message.get("type") == "diagnostic" else {}
    return [_one_line(diagnostic)] if diagnostic.get("severity") == "error" else []


def _one_line(diagnostic: Mapping[str, Any]) -> str:
    where = f"{diagnostic['address']}: " if diagnostic.get("address") else ""
    detail = " ".join(str(diagnostic.get("detail", "")).split())
    return f"{where}{diagnostic['summary']}{': ' + detail if detail else ''}"


def _reason(output: str) -> str:
    """Find what went wrong in what Terraform printed for people."""
    errors = (line for line in output.splitlines() if "Error" in line)
    return next(errors, _last_line(output)).strip(" │╷")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
