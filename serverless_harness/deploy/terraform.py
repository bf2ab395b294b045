"""Terraform or OpenTofu on a project's configuration, applied from a copy in the target's own folder.

The copy (`working_copy`) keeps targets apart and the project clean: state, lock file and override files are
written there (`installation` says where providers are, `provider_override` how they reach a local target).

State is kept in the target's folder, whatever backend the configuration names: an override file says so.
"""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serverless_harness import paths
from serverless_harness.deploy import provider_override, terraform_state
from serverless_harness.deploy.terraform_installation import (
    LOCK_FILE,
    STATE_FILE,
    Installation,
    copy_configuration,
)
from serverless_harness.deploy.terraform_output import (
    SILENCE,
    errors,
    is_blocked,
    lines,
    message_of,
    reason,
    shows_work,
)
from serverless_harness.deploy.terraform_progress import ApplyProgress
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.exhaustion import explained
from serverless_harness.processes import OwnedProcess, run_owned
from serverless_harness.targets import DEPLOYMENT_FILE, LocalTarget, Target

VARIABLES = "harness.auto.tfvars.json"
"""The variables of the last run, beside the state."""
UNFINISHED = "unfinished"
"""There while Terraform changes something, and afterwards where it was killed over it."""
ENDED_BY_ITSELF = (0, 1)
"""Exit codes after which the state holds all that was made."""
LOCAL_PARALLELISM = "-parallelism=30"
"""More than Terraform's own ten: the queues, which the provider watches for 25 s, start at once."""
FUNCTION_ARN = re.compile(r"arn:[^:]+:lambda:[^:]+:\d+:function:[^:]+$")


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


class Terraform:
    """Terraform for one target."""

    def __init__(self, target: Target, installation: Installation, variables: Mapping[str, Any]) -> None:
        self.target = target
        self.installation = installation
        self.folder = target.state_dir / "terraform"
        self.environ = {
            **(
                provider_override.without_aws(installation.environ)
                if target.is_local
                else installation.environ
            ),
            **target.terraform_environ(),
            "TF_DATA_DIR": str(installation.data_dir),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        self.work = copy_configuration(target.project, self.folder)
        shutil.copyfile(installation.lock_file, self.work / LOCK_FILE)
        variables_file = self.folder / VARIABLES
        variables_file.write_text(json.dumps(dict(variables), indent=2))
        files = [target.project.folder / file for file in target.project.settings.var_files]
        self._variable_files = [f"-var-file={file}" for file in (*files, variables_file)]

    def apply(self, progress: Callable[[str], None]) -> ApplyResult:
        """Apply the configuration; `progress` is told how far it has come, whenever that changes.

        Raises HarnessError with Terraform's first error, or with how it ended without one. A local deployment
        that comes to nothing is ended early: one that was cut off before and can't be taken up, or one to an
        emulator that can't start threads.
        """
        result, so_far = ApplyResult(), ApplyProgress()
        options = [LOCAL_PARALLELISM] if self.target.is_local else []
        progress("Terraform starts and reads the configuration")
        takes_up = self.target.is_local and may_have_lost_state(self.target)
        messages = self._messages("apply", "-auto-approve", "-input=false", "-json", *options)
        for message in messages:
            if hopeless := self._hopeless(message, takes_up):
                messages.close()
                raise hopeless
            if text := so_far.take(message):
                progress(text)
            match message.get("type"):
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
        if not (isinstance(self.target, LocalTarget) and is_blocked(message)):
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
        arns = list(terraform_state.managed_arns(self.folder))
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

    def code_of(self, function: str) -> dict[str, Any]:
        """Give a function's code as the configuration names it, by the arguments of UpdateFunctionCode."""
        return terraform_state.code_of(self.folder, self.work, function)

    def plan_is_empty(self) -> bool:
        """Tell whether a plan finds nothing to change."""
        self._configure_provider()
        options = ["-detailed-exitcode", "-input=false", "-no-color", *self._variable_files]
        command = [self.installation.program, "plan", *options]
        returncode, output = run_owned(command, self.environ, self.work)
        if returncode not in (0, 2):
            raise HarnessError(f"terraform plan failed: {reason(output)}")
        return returncode == 0

    def destroy(self) -> None:
        """Remove all that was deployed; raises HarnessError as `apply` does."""
        for _ in self._messages("destroy", "-auto-approve", "-input=false", "-json"):
            pass

    @property
    def log_file(self) -> Path:
        return self.target.state_dir / "terraform.log"

    def _configure_provider(self) -> None:
        if self.target.is_local:
            for work in (
                self.work,
                *provider_override.modules_with_providers(self.folder / "work", self.work),
            ):
                provider_override.write(work, self.environ, self.folder)

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
        found, last_words, is_at_work = list[str](), "", False
        try:
            with self.log_file.open("w") as log:
                for line in lines(process.stdout):
                    if line is None:
                        yield SILENCE
                        continue
                    text = line.decode(errors="replace")
                    log.write(text)
                    if message := message_of(text):
                        found += errors(message, self.target.project.terraform)
                        is_at_work = is_at_work or shows_work(message)
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
        if returncode or found:
            why = found[0] if found else last_words or f"it ended with exit code {returncode}"
            # Before it does anything, what is wrong is the configuration.
            failure = (UserError if found and not is_at_work else HarnessError)(
                f"terraform {arguments[0]} failed: {why} (see {paths.shown(self.log_file)})"
            )
            raise explained(failure, self.log_file.read_text(), self.folder)


def may_have_lost_state(target: Target) -> bool:
    """Tell whether there may be resources on `target` that Terraform's state doesn't know of."""
    folder = target.state_dir / "terraform"
    if (folder / UNFINISHED).exists() or is_state_damaged(target):
        return True
    return not (folder / STATE_FILE).exists() and (target.state_dir / DEPLOYMENT_FILE).exists()


def is_state_damaged(target: Target) -> bool:
    """Tell whether Terraform's state for `target` is there and can't be read."""
    try:
        json.loads((target.state_dir / "terraform" / STATE_FILE).read_text())
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return False
