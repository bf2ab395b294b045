"""Deploys a project to a target: packages, Terraform, and a record of what is where."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from serverless_harness.deploy import inputs
from serverless_harness.deploy.packaging import build_packages, run_build
from serverless_harness.deploy.terraform import ApplyResult, Terraform
from serverless_harness.deploy.terraform_installation import Installation, install_providers
from serverless_harness.errors import UserError
from serverless_harness.targets import DEPLOYMENT_FILE, LocalTarget, Target

if TYPE_CHECKING:
    from botocore.config import Config


@dataclass(frozen=True)
class Deployment:
    """What is deployed to a target.

    `outputs` are Terraform's, `made_functions` the names of the functions that it made. `regions` are all
    that it made anything in, `function_regions` those of its functions, by name.
    """

    target: Target
    outputs: Mapping[str, Any]
    made_functions: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    function_regions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def find(cls, target: Target) -> Self | None:
        """Give what was last deployed to `target` from this project, None where no record says so."""
        try:
            record = json.loads((target.state_dir / DEPLOYMENT_FILE).read_text())
            functions = dict(record["functions"])
            return cls(target, dict(record["outputs"]), tuple(functions), tuple(record["regions"]), functions)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def require(cls, target: Target) -> Self:
        """Give what was last deployed to `target`; raises UserError where nothing was."""
        if found := cls.find(target):
            return found
        how = target.project.command_line("deploy")
        raise UserError(f"nothing is deployed to {target.name}: run {how} first")

    def function_name(self, part: str) -> str:
        """Give the name in AWS of the function that is called so, or of the only one that has `part` in it.

        Functions that Terraform made go before others on the stack. Raises UserError where none or several
        are meant.
        """
        if part in self.made_functions:
            return part
        found = [name for name in self.made_functions if part in name]
        if not found:
            others = self._functions_on_target()
            found = [part] if part in others else [name for name in others if part in name]
            if not found:
                known = ", ".join(sorted({*others, *self.made_functions})) or "none"
                raise UserError(f"there is no function '{part}'; deployed functions: {known}")
        if len(found) > 1:
            raise UserError(f"'{part}' matches several functions: {', '.join(sorted(found))}")
        return found[0]

    def _functions_on_target(self) -> list[str]:
        pages = self.client("lambda").get_paginator("list_functions").paginate()
        return [function["FunctionName"] for page in pages for function in page["Functions"]]

    def client(self, service: str, config: "Config | None" = None, region: str | None = None) -> Any:
        """Give a boto3 client for `service` where the project is deployed, or in another region."""
        return self.target.client(service, config, region)

    def client_for(self, function_name: str, service: str, config: "Config | None" = None) -> Any:
        """Give a boto3 client for `service` in the region of a function, by its name in AWS."""
        return self.client(service, config, self.function_regions.get(function_name))


def deploy(
    target: Target,
    progress: Callable[[str], None],
    installation: Installation | None = None,
    variables: Mapping[str, Any] | None = None,
) -> tuple[Deployment, ApplyResult]:
    """Build the packages and apply Terraform; a second time, only what changed is changed.

    `variables` are Terraform's, over the project's; those of an earlier call are not remembered.
    """
    everything = terraform_variables(target, variables)
    inputs.forget_applied(target)
    deployed = inputs.deployment_inputs(target.project, everything)
    packages = target.state_dir / "packages"
    build_packages(target.project, packages)
    run_build(target.project, packages)
    terraform = Terraform(target, installation or install_providers(target.project), everything)
    result = terraform.apply(progress)
    record = {"outputs": result.outputs, "sensitive": result.sensitive, **terraform.made()}
    (target.state_dir / DEPLOYMENT_FILE).write_text(json.dumps(record, indent=2))
    deployment = Deployment.require(target)
    result.reconciled = inputs.watched_functions(target)
    for function in result.reconciled:
        _put_code(deployment, terraform, deployment.function_name(function))
    inputs.forget_watched(target)
    inputs.record_applied(target, deployed)
    return deployment, result


def _put_code(deployment: Deployment, terraform: Terraform, name: str) -> None:
    """Give a function the code that the configuration names, unless it has it.

    Terraform compares the package with its own state alone: it doesn't see what `up --watch` put there.
    """
    client = deployment.client_for(name, "lambda")
    code = terraform.code_of(name)
    if "ZipFile" in code:
        wanted = base64.b64encode(hashlib.sha256(code["ZipFile"]).digest()).decode()
        if client.get_function_configuration(FunctionName=name)["CodeSha256"] == wanted:
            return
    if code:
        client.update_function_code(FunctionName=name, **code)
        client.get_waiter("function_updated_v2").wait(FunctionName=name)


def find_unchanged(target: LocalTarget) -> Deployment | None:
    """Give what is deployed to `target` if `deploy` would find nothing new in the project, else None.

    What was changed on the emulator itself since is for `deploy` to find.
    """
    if not inputs.is_applied(target, inputs.deployment_inputs(target.project, terraform_variables(target))):
        return None
    return Deployment.find(target)


def terraform_variables(target: Target, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give Terraform's variables for `target`: the settings', the project's over them, then `variables`."""
    packages = str(target.state_dir / "packages")
    settings = {
        name: value.replace("{packages}", packages) if isinstance(value, str) else value
        for name, value in target.project.settings.variables.items()
    }
    return {**settings, **target.project.variables(target), **(variables or {})}
