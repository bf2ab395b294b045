"""Terraform or OpenTofu on a project's configuration, applied from a copy in the target's own folder.

The copy (`working_copy`) keeps targets apart and the project clean: state, lock file and override files are
written there. Providers are installed once for all targets, in `.serverless-harness/terraform/`.

State is kept in the target's folder, whatever backend the configuration names: an override file says so.

For a local target, tflocal says how the provider reaches it; of that, the endpoints go by AWS_ENDPOINT_URL:
a block `endpoints` takes the AWS provider 2 s of each start, and an apply starts it twice. What else leads to
an account of AWS's (a profile, a role to assume) is taken out of the provider in the same file.
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
from serverless_harness.deploy import provider_mirror, working_copy
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.exhaustion import explained
from serverless_harness.locks import locked
from serverless_harness.processes import OwnedProcess, run_owned
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.targets import CERTIFICATES, RECORD, LocalTarget, Target

OVERRIDE_FILE = "localstack_providers_override.tf"
BACKEND_FILE = "serverless_harness_override.tf"
"""Terraform reads it after tflocal's, which may name a backend too."""
VARIABLES = "harness.auto.tfvars.json"
"""The variables of the last run, beside the state."""
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
ELSEWHERE = """\
  profile                     = null
  token                       = null
  shared_config_files         = null
  shared_credentials_files    = null
  allowed_account_ids         = null
  forbidden_account_ids       = null
  use_fips_endpoint           = null
  use_dualstack_endpoint      = null
  dynamic "assume_role" {
    for_each = []
    content {}
  }
  dynamic "assume_role_with_web_identity" {
    for_each = []
    content {}
  }
  dynamic "endpoints" {
    for_each = []
    content {}
  }
"""
"""Takes the place of `endpoints` in tflocal's override of a provider: nothing that leads to AWS is left.

In an override file, a block takes the place of all blocks of its kind, and a dynamic one may make none.
"""
DECIDES_INSTALLATION = ("required_providers", "required_version", "module", "backend")
"""Words of a file that `terraform init` has something to do with."""
PROVIDER = re.compile(r'^\s*(?:resource|data|provider|ephemeral)\s+"([^"_]+)', re.MULTILINE)
"""The provider that a block needs, said by the first part of its type."""
FUNCTION_ARN = re.compile(r"arn:[^:]+:lambda:[^:]+:\d+:function:[^:]+$")
REGISTRY_FAILURES = ("failed to query", "failed to install", "no provider", "dial tcp", "could not connect")
"""Words of `terraform init` where what it failed at is not the configuration's fault."""


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
        failure = HarnessError(f"{program} does not report its version: {_last_line(result.stderr)}")
        raise explained(failure, result.stderr, folder)
    return result.stdout.splitlines()[0]


@dataclass
class ApplyResult:
    """What an apply did: numbers of resources, and Terraform's outputs by name."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    outputs: dict[str, Any] = field(default_factory=dict)
    sensitive: list[str] = field(default_factory=list)
    """The outputs that Terraform doesn't show."""
    reconciled: list[str] = field(default_factory=list)
    """The functions whose code `up --watch` had put there without Terraform."""

    def __str__(self) -> str:
        if not (self.added or self.changed or self.removed):
            done = "nothing to change"
        else:
            done = f"{self.added} added, {self.changed} changed, {self.removed} removed"
        if self.reconciled:
            done += f"; reconciled after --watch: {', '.join(self.reconciled)}"
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
        content = file.read_text(errors="replace")
        whole = file.suffix != ".tf" or any(word in content for word in DECIDES_INSTALLATION)
        said = content if whole else " ".join(sorted(set(PROVIDER.findall(content))))
        digest.update(f"{os.path.relpath(file, project.terraform)}\0{said}\0".encode())
    folder = project.make_state() / "terraform" / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    environ = _environ()
    installation = Installation(program, folder, environ)
    with locked(folder / "lock"):
        config = folder / "cli.tfrc"
        done = folder / "initialized"
        if not done.exists():
            work = _copy_configuration(project, folder)
            _initialize(installation, work, config)
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
        self.work = _copy_configuration(target.project, self.folder)
        shutil.copyfile(installation.lock_file, self.work / LOCK_FILE)
        variables_file = self.folder / VARIABLES
        variables_file.write_text(json.dumps(dict(variables), indent=2))
        files = [target.project.folder / file for file in target.project.settings.var_files]
        self._variable_files = [f"-var-file={file}" for file in (*files, variables_file)]

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
                    entries = message["outputs"].items()
                    result.outputs = {name: entry.get("value") for name, entry in entries}
                    result.sensitive = [name for name, entry in entries if entry.get("sensitive")]
        return result

    def _hopeless(self, message: Mapping[str, Any], takes_up: bool) -> HarnessError | None:
        """Give why an apply is to be ended: Terraform would go on trying for minutes."""
        if not (isinstance(self.target, LocalTarget) and _is_blocked(message)):
            return None
        resource = message.get("hook", {}).get("resource", {}).get("addr", "the first resource")
        left_behind = HarnessError(
            f"terraform apply failed: {resource} can't be made, most likely because an interrupted "
            f"deployment left one behind (see {paths.shown(self.log_file)})"
        )
        exhausted = explained(left_behind, self.target.emulators_words(), self.folder)
        return exhausted if takes_up or exhausted is not left_behind else None

    def made(self) -> dict[str, Any]:
        """Give what the state tells of: the main region, all regions, and the functions' regions by name."""
        arns = list(self._managed_arns())
        regions = Counter(region for _, region in arns if region)
        of_functions = Counter(region for arn, region in arns if FUNCTION_ARN.match(arn))
        main = next((region for region, _ in (of_functions or regions).most_common(1)), self.target.region)
        return {
            "region": main,
            "regions": sorted(regions) or [self.target.region],
            "functions": {
                arn.split(":")[6]: region for arn, region in sorted(arns) if FUNCTION_ARN.match(arn)
            },
        }

    def _managed_arns(self) -> Iterator[tuple[str, str]]:
        """Give the ARN and the region of each resource that has one."""
        try:
            state = json.loads((self.folder / STATE).read_text())
        except FileNotFoundError:
            return
        for resource in state["resources"]:
            for instance in resource["instances"] if resource["mode"] == "managed" else ():
                arn = instance["attributes"].get("arn")
                if isinstance(arn, str) and arn.count(":") >= 5:
                    yield arn, arn.split(":")[3]

    def plan_is_empty(self) -> bool:
        """Tell whether a plan finds nothing to change."""
        self._configure_provider()
        options = ["-detailed-exitcode", "-input=false", "-no-color", *self._variable_files]
        command = [self.installation.program, "plan", *options]
        returncode, output = run_owned(command, self.environ, self.work)
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

    def _errors(self, message: Mapping[str, Any]) -> list[str]:
        """Give the error that a message tells of, if it does."""
        diagnostic = message.get("diagnostic", {}) if message.get("type") == "diagnostic" else {}
        is_error = diagnostic.get("severity") == "error"
        return [_one_line(diagnostic, self.target.project.terraform)] if is_error else []

    def _configure_provider(self) -> None:
        """Have tflocal write how the provider reaches a local target; raises HarnessError."""
        if not self.target.is_local:
            return
        file = self.work / OVERRIDE_FILE
        file.unlink(missing_ok=True)
        tflocal = Path(sys.executable).parent / "tflocal"
        command = [sys.executable, "-I", str(tflocal), "plan"]
        returncode, output = run_owned(command, {**self.environ, "DRY_RUN": "1"}, self.work)
        if returncode or not file.exists():
            program_version(self.folder)  # Where Terraform can't even do that, it says why; tflocal doesn't.
            raise explained(HarnessError(f"tflocal failed: {_last_line(output)}"), output, self.folder)
        file.write_text(ENDPOINTS_BLOCK.sub(ELSEWHERE, file.read_text()))

    def _messages(self, *arguments: str) -> Generator[Mapping[str, Any]]:
        """Run Terraform and give the messages of its `-json` view as they come; all of it goes to the log.

        Interrupted, a local Terraform is stopped at once; AWS's may finish what it does and save its state.
        Raises HarnessError after the last message where Terraform told of an error or didn't end well.
        """
        self._configure_provider()
        command = [self.installation.program, *arguments, *self._variable_files]
        mark = self.folder / UNFINISHED
        mark.touch()
        process = OwnedProcess(command, self.environ, subprocess.PIPE, self.work)
        assert process.stdout
        errors, last_words, is_at_work = list[str](), "", False
        try:
            with self.log_file.open("w") as log:
                for line in _lines(process.stdout):
                    if line is None:
                        yield SILENCE
                        continue
                    text = line.decode(errors="replace")
                    log.write(text)
                    if message := _message(text):
                        errors += self._errors(message)
                        is_at_work = is_at_work or _is_at_work(message)
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
            # Before it does anything, what is wrong is the configuration.
            failure = (UserError if errors and not is_at_work else HarnessError)(
                f"terraform {arguments[0]} failed: {reason} (see {paths.shown(self.log_file)})"
            )
            raise explained(failure, self.log_file.read_text(), self.folder)


def _initialize(installation: Installation, work: Path, config: Path) -> None:
    """Install the providers: from the registry, else from a mirror on this machine."""
    config.unlink(missing_ok=True)
    registry = provider_mirror.registry_of(installation.program)
    mirror = None
    configured = "TF_CLI_CONFIG_FILE" in installation.environ
    if not configured and not provider_mirror.registry_is_reachable(registry):
        mirror = _find_mirror(installation, registry)
    environ = {**installation.environ, "TF_DATA_DIR": str(installation.data_dir)}
    if mirror:
        # Its packages may have other hashes than those that the project has locked from the registry.
        (work / LOCK_FILE).unlink(missing_ok=True)
        config.write_text(provider_mirror.cli_config(mirror, registry))
        environ["TF_CLI_CONFIG_FILE"] = str(config)
    command = [installation.program, "init", "-input=false", "-no-color"]
    returncode, output = run_owned(command, environ, work)
    (installation.folder / "init.log").write_text(output)
    if returncode:
        hint = (
            ""
            if mirror
            else "; without a network, a provider mirror is needed: see README.md, 'Without a network'"
        )
        is_registrys = any(word in output.lower() for word in REGISTRY_FAILURES)
        failure = (HarnessError if is_registrys else UserError)(
            f"terraform init failed: {_reason(output)} "
            f"(see {paths.shown(installation.folder / 'init.log')}){hint if is_registrys else ''}"
        )
        raise explained(failure, output, installation.folder)
    shutil.copy(work / LOCK_FILE, installation.lock_file)


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
    """Give the files of Terraform's folder and of the modules in the project, and the locked versions."""
    return sorted(
        file
        for folder in {project.terraform, project.folder}
        for file in working_copy.project_files(folder)
        if file.name.endswith((".tf", ".tf.json", LOCK_FILE))
    )


def _copy_configuration(project: Project, folder: Path) -> Path:
    """Make the copy below `folder` equal to the project; gives the folder in it that Terraform works in."""
    work = working_copy.update(project, folder / "work")
    state = os.path.relpath(folder / STATE, work)
    (work / BACKEND_FILE).write_text(f'terraform {{\n  backend "local" {{\n    path = "{state}"\n  }}\n}}\n')
    return work


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


def _is_at_work(message: Mapping[str, Any]) -> bool:
    """Tell whether a message shows that Terraform changes resources, or reads those of the target."""
    address = str(message.get("diagnostic", {}).get("address", ""))
    return message.get("type") in ("apply_start", "apply_errored") or "data." in address


def _one_line(diagnostic: Mapping[str, Any], terraform: Path) -> str:
    where = f"{diagnostic['address']}: " if diagnostic.get("address") else ""
    if place := diagnostic.get("range"):
        file = Path(os.path.normpath(terraform / place["filename"]))
        where = f"{paths.shown(file)}, line {place['start']['line']}: {where}"
    detail = " ".join(str(diagnostic.get("detail", "")).split())
    return f"{where}{diagnostic['summary']}{': ' + detail if detail else ''}"


def _reason(output: str) -> str:
    """Find what went wrong in what Terraform printed for people."""
    errors = (line for line in output.splitlines() if "Error" in line)
    return next(errors, _last_line(output)).strip(" │╷")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
