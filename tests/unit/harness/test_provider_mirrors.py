"""Where Terraform takes its provider from: the caller's configuration, the registry, a mirror."""

import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import psutil
import pytest

from serverless_harness.deploy import provider_mirror, terraform_installation
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.stack import deploying, up
from serverless_harness.stack.embedded import free_port
from serverless_harness.stack.existing_endpoint import ExistingEndpoint
from serverless_harness.waiting import Wait

FAKE_TERRAFORM = """#!/bin/sh
echo "$TF_CLI_CONFIG_FILE" >> "$FAKE_LOG"
touch .terraform.lock.hcl
[ -z "$FAKE_FAILURE" ] || { echo "Error: $FAKE_FAILURE" >&2; exit 1; }
"""


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with a `terraform` that writes down its configuration file's name; nothing else."""
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text(FAKE_TERRAFORM)
    program.chmod(0o755)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "main.tf").touch()
    project = Project(tmp_path / "project", Settings())
    monkeypatch.setattr(terraform_installation, "current", lambda: project)
    monkeypatch.setattr(provider_mirror, "registry_is_reachable", lambda _registry: False)
    monkeypatch.setattr(provider_mirror, "find_mirror", lambda *_, **__: None)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    monkeypatch.delenv("TF_CMD", raising=False)
    return tmp_path


def configurations(machine):
    """The configuration file's name of each `init` so far."""
    return (machine / "log").read_text().splitlines()


def test_the_callers_configuration_is_taken_if_its_file_exists(machine, monkeypatch):
    mine = machine / "mine.tfrc"
    mine.touch()
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(mine))
    assert terraform_installation.install_providers().environ["TF_CLI_CONFIG_FILE"] == str(mine)
    assert configurations(machine) == [str(mine)]


def test_a_configuration_that_does_not_exist_is_passed_over(machine, monkeypatch):
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(machine / "absent.tfrc"))
    monkeypatch.setattr(provider_mirror, "registry_is_reachable", lambda _registry: True)
    assert "TF_CLI_CONFIG_FILE" not in terraform_installation.install_providers().environ
    assert configurations(machine) == [""]


def test_with_a_registry_no_mirror_is_looked_for(machine, monkeypatch):
    monkeypatch.setattr(provider_mirror, "registry_is_reachable", lambda _registry: True)
    monkeypatch.setattr(provider_mirror, "find_mirror", lambda *_, **__: pytest.fail("looked for a mirror"))
    terraform_installation.install_providers()
    assert configurations(machine) == [""]


def test_without_a_registry_the_mirror_is_configured_for_init_and_for_later(machine, monkeypatch):
    monkeypatch.setattr(provider_mirror, "find_mirror", lambda *_, **__: machine / "mir ror")
    installed = terraform_installation.install_providers()
    config = installed.environ["TF_CLI_CONFIG_FILE"]
    assert configurations(machine) == [config]
    assert f'path    = "{machine}/mir ror"' in Path(config).read_text()


def test_init_runs_once(machine):
    terraform_installation.install_providers()
    terraform_installation.install_providers()
    assert len(configurations(machine)) == 1


def test_a_failed_init_runs_again_and_says_what_terraform_said(machine, monkeypatch):
    monkeypatch.setenv("FAKE_FAILURE", "no provider")
    for _ in range(2):
        with pytest.raises(HarnessError, match=r"no provider.*a provider mirror"):
            terraform_installation.install_providers()
    assert len(configurations(machine)) == 2


def test_without_terraform_one_line_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TF_CMD", raising=False)
    with pytest.raises(UserError, match=r"terraform or tofu is not on PATH.*hashicorp.*opentofu"):
        terraform_installation.find_program()


def test_opentofu_serves_where_there_is_no_terraform(monkeypatch, tmp_path):
    tofu = tmp_path / "tofu"
    tofu.write_text(FAKE_TERRAFORM)
    tofu.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TF_CMD", raising=False)
    assert terraform_installation.find_program() == str(tofu)


def test_an_implied_mirror_goes_before_an_add_on_packages(tmp_path):
    add_ons = tmp_path / "opt"
    (add_ons / "some-package" / provider_mirror.REGISTRY).mkdir(parents=True)
    environ = {"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "share")}
    assert provider_mirror.find_mirror(environ, add_ons) == add_ons / "some-package"
    implied = tmp_path / "home" / ".terraform.d" / "plugins"
    (implied / provider_mirror.REGISTRY).mkdir(parents=True)
    assert provider_mirror.find_mirror(environ, add_ons) == implied


PACKED = "hashicorp/aws/terraform-provider-aws_5.100.0_linux_amd64.zip"
UNPACKED = "hashicorp/aws/5.100.0/linux_arm64/terraform-provider-aws"


@pytest.fixture
def mirrors(machine, monkeypatch):
    """The implied mirror of a machine whose program is `tofu`; it has packages for Terraform."""
    (machine / "bin" / "terraform").rename(machine / "bin" / "tofu")
    monkeypatch.setenv("TF_CMD", "tofu")
    folder = machine / "plugins"

    def find_mirror(_environ, registry=provider_mirror.REGISTRY):
        return folder if (folder / registry).exists() else None

    monkeypatch.setattr(provider_mirror, "find_mirror", find_mirror)
    for package in (PACKED, UNPACKED):
        file = folder / provider_mirror.REGISTRY / package
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(package)
    return folder


def test_terraforms_mirror_serves_opentofu_by_links_to_packages_alone(mirrors):
    config = Path(terraform_installation.install_providers().environ["TF_CLI_CONFIG_FILE"])
    folder = config.parent / "mirror"
    assert f'path    = "{folder}"' in config.read_text()
    assert config.read_text().count('["registry.opentofu.org/*/*"]') == 2
    links = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink()}
    assert links == {f"registry.opentofu.org/{name}" for name in (PACKED, str(Path(UNPACKED).parent))}
    for package in (PACKED, UNPACKED):
        assert (folder / "registry.opentofu.org" / package).read_text() == package


def test_a_mirror_of_its_own_goes_before_terraforms(mirrors):
    (mirrors / provider_mirror.TOFU_REGISTRY).mkdir()
    config = Path(terraform_installation.install_providers().environ["TF_CLI_CONFIG_FILE"])
    assert f'path    = "{mirrors}"' in config.read_text()


def test_a_mirror_is_sought_one_folder_deep_alone(tmp_path):
    (tmp_path / "opt" / "a" / "b" / provider_mirror.REGISTRY).mkdir(parents=True)
    environ = {"HOME": str(tmp_path), "XDG_DATA_DIRS": str(tmp_path / "share")}
    assert provider_mirror.find_mirror(environ, tmp_path / "opt") is None


def test_terraform_sees_neither_settings_that_move_it_nor_an_endpoint(machine, monkeypatch):
    for name in (
        "TF_DATA_DIR",
        "TF_WORKSPACE",
        "TF_CLI_ARGS_apply",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
    ):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("TF_VAR_memory_mb", json.dumps({"accept": 256}))
    environ = terraform_installation.install_providers().environ
    assert "elsewhere" not in environ.values()
    assert "TF_VAR_memory_mb" in environ


def test_an_init_ends_with_the_process_that_it_is_for(machine):
    (machine / "bin" / "terraform").write_text('#!/bin/sh\necho $$ > "$FAKE_LOG"\nexec sleep 600\n')
    source = f"""
        from pathlib import Path
        from serverless_harness.deploy import terraform_installation, provider_mirror
        from serverless_harness.project import locate
        locate.use(Path({str(machine / "project")!r}))
        provider_mirror.registry_is_reachable = lambda _registry: True
        terraform_installation.install_providers()
    """
    owner = subprocess.Popen([sys.executable, "-c", textwrap.dedent(source)])
    try:
        log = machine / "log"
        pid = int(Wait("init to be under way", 30).until(lambda: log.exists() and log.read_text()))
    finally:
        owner.kill()
        owner.wait()
    Wait("init to end", 30).until(lambda: not psutil.pid_exists(pid))


def test_a_stack_that_fails_is_said_without_waiting_for_the_providers(monkeypatch):
    ready = threading.Event()
    monkeypatch.setattr(deploying, "install_providers", lambda _: ready.wait())
    try:
        with pytest.raises(UserError, match="no LocalStack answers"):
            up.bring_up(ExistingEndpoint(f"http://127.0.0.1:{free_port()}"))
    finally:
        ready.set()
