"""Deploys the shop to a target: packages, Terraform, and a record of what is where."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.config import Config

from serverless_harness.deploy import inputs
from serverless_harness.deploy.packaging import build_packages
from serverless_harness.deploy.terraform import ApplyResult, Installation, Terraform, install_providers
from serverless_harness.errors import UserError
from serverless_harness.targets import CLIENT_CONFIG, OUTPUTS, LocalTarget, Target

RECORD = OUTPUTS


@dataclass(frozen=True)
class Deployment:
    """The shop on a target, by Terraform's outputs."""

    target: Target
    outputs: Mapping[str, Any]

    @classmethod
    def find(cls, target: Target) -> "Deployment | None":
        """Give what was last deployed to `target` from this checkout, None where no record says so."""
        try:
            outputs = json.loads((target.state_dir / RECORD).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return cls(target, outputs) if isinstance(outputs, dict) else None

    @classmethod
    def require(cls, target: Target) -> "Deployment":
        """Give what was last deployed to `target`; raises UserError where nothing was."""
        if found := cls.find(target):
            return found
        raise UserError(f"nothing is deployed to {target.name}: run ./scripts/deploy first")

    @property
    def invoke_url(self) -> str:
        """The address that cash registers POST to."""
        return self.target.invoke_url(self.outputs)

    @property
    def table_name(self) -> str:
        return str(self.outputs["table_name"])

    @property
    def key_alias_prefix(self) -> str:
        """What precedes a shop's id in its key's alias, `alias/` included."""
        return str(self.outputs["key_alias_prefix"])

    @property
    def function_names(self) -> Mapping[str, str]:
        """The functions' names in AWS, by their names in `handlers/`."""
        names: Mapping[str, str] = self.outputs["function_names"]
        return names

    def function_name(self, function: str) -> str:
        """Give a function's name in AWS; raises UserError where there is no such function."""
        if function not in self.function_names:
            known = ", ".join(sorted(self.function_names))
            raise UserError(f"there is no function '{function}': it is one of {known}")
        return self.function_names[function]

    def client(self, service: str, config: Config = CLIENT_CONFIG) -> Any:
        """Give a boto3 client for `service` where the shop is."""
        return self.target.client(service, config)


def deploy(
    target: Target,
    progress: Callable[[str], None],
    installation: Installation | None = None,
    variables: Mapping[str, Any] | None = None,
) -> tuple[Deployment, ApplyResult]:
    """Build the packages and apply Terraform; a second time, only what changed is changed.

    `variables` are Terraform's, over its defaults; those of an earlier call are not remembered.
    """
    everything = terraform_variables(target, variables)
    inputs.forget_applied(target)
    deployed = inputs.deployment_inputs(everything)
    build_packages(target.state_dir / "packages")
    terraform = Terraform(target, installation or install_providers(), everything)
    result = terraform.apply(progress)
    (target.state_dir / RECORD).write_text(json.dumps(result.outputs, indent=2))
    deployment = Deployment(target, result.outputs)
    result.reconciled = inputs.watched_functions(target)
    for function in result.reconciled:
        _put_code(deployment, function)
    inputs.forget_watched(target)
    inputs.record_applied(target, deployed)
    return deployment, result


def _put_code(deployment: Deployment, function: str) -> None:
    """Give a function the code of its package unless it has it.

    Terraform compares the package with its own state alone: it doesn't see what `up --watch` put there.
    """
    client, name = deployment.client("lambda"), deployment.function_name(function)
    code = (deployment.target.state_dir / "packages" / f"{function}.zip").read_bytes()
    wanted = base64.b64encode(hashlib.sha256(code).digest()).decode()
    if client.get_function_configuration(FunctionName=name)["CodeSha256"] != wanted:
        client.update_function_code(FunctionName=name, ZipFile=code)
        client.get_waiter("function_updated_v2").wait(FunctionName=name)


def find_unchanged(target: LocalTarget) -> Deployment | None:
    """Give what is deployed to `target` if `deploy` would find nothing new in the project, else None.

    What was changed on the emulator itself since is for `deploy` to find.
    """
    if not inputs.is_applied(target, inputs.deployment_inputs(terraform_variables(target))):
        return None
    return Deployment.find(target)


def terraform_variables(target: Target, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give Terraform's variables for `target`: where the packages are, and `variables`."""
    return {"packages_directory": str(target.state_dir / "packages"), **(variables or {})}
