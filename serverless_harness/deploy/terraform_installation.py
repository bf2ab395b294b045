"""Terraform or OpenTofu as it is installed: the program, and the providers that a configuration asks for.

Providers are installed once for all targets, in `.serverless-harness/terraform/`: from the registry, or,
where that can't be reached, from a mirror on this machine.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from serverless_harness import paths
from serverless_harness.deploy import provider_mirror, working_copy
from serverless_harness.deploy.terraform_output import last_line, reason
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.exhaustion import explained
from serverless_harness.locks import locked
from serverless_harness.processes import run_owned
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project

BACKEND_FILE = "serverless_harness_override.tf"
"""Terraform reads it after tflocal's, which may name a backend too."""
LOCK_FILE = ".terraform.lock.hcl"
STATE_FILE = "terraform.tfstate"
DECIDES_INSTALLATION = ("required_providers", "required_version", "module", "backend")
"""Words of a file that `terraform init` has something to do with."""
PROVIDER = re.compile(r'^\s*(?:resource|data|provider|ephemeral)\s+"([^"_]+)', re.MULTILINE)
"""The provider that a block needs, said by the first part of its type."""
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
        failure = HarnessError(f"{program} does not report its version: {last_line(result.stderr)}")
        raise explained(failure, result.stderr, folder)
    return result.stdout.splitlines()[0]


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
            work = copy_configuration(project, folder)
            _initialize(installation, work, config)
            done.touch()
    if config.exists():
        environ["TF_CLI_CONFIG_FILE"] = str(config)
    return installation


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
            f"terraform init failed: {reason(output)} "
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


def _configuration_files(project: Project) -> Sequence[Path]:
    """Give the files of Terraform's folder and of the modules in the project, and the locked versions."""
    return sorted(
        file
        for folder in {project.terraform, project.folder}
        for file in working_copy.project_files(folder)
        if file.name.endswith((".tf", ".tf.json", LOCK_FILE))
    )


def makes_archives(project: Project) -> bool:
    """Tell whether the configuration makes packages by `archive_file`."""
    return any('"archive_file"' in file.read_text(errors="replace") for file in _configuration_files(project))


def copy_configuration(project: Project, folder: Path) -> Path:
    """Make the copy below `folder` equal to the project; gives the folder in it that Terraform works in."""
    work = working_copy.update(project, folder / "work")
    state = os.path.relpath(folder / STATE_FILE, work)
    (work / BACKEND_FILE).write_text(f'terraform {{\n  backend "local" {{\n    path = "{state}"\n  }}\n}}\n')
    return work
