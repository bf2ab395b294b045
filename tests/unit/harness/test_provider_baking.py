"""How the deploy image comes by the AWS provider: `docker/bake-provider` with a made-up Terraform."""

import os
import subprocess

import pytest

from serverless_harness.project.locate import current

PROVIDER = "registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64/terraform-provider-aws"
INSTALLS = f"mkdir -p $(dirname .terraform/providers/{PROVIDER}) && touch .terraform/providers/{PROVIDER}"


@pytest.fixture
def bake(tmp_path):
    """Call it with what `terraform` does and where the provider is to be; gives the result and the mirror."""
    terraform = tmp_path / "bin" / "terraform"
    terraform.parent.mkdir()
    mirror = tmp_path / "mirror"

    def bake(script, where):
        terraform.write_text(f"#!/bin/sh\n{script}\n")
        terraform.chmod(0o755)
        result = subprocess.run(
            [current().folder / "docker" / "bake-provider", where, mirror],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{terraform.parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        return result, mirror

    return bake


# Compose passes an empty argument where SHOP_PROVIDER_MIRROR is not set.
@pytest.mark.parametrize("where", ["", "baked"])
def test_provider_is_in_the_layout_of_an_unpacked_mirror(bake, where):
    result, mirror = bake(INSTALLS, where)

    assert result.returncode == 0, result.stderr
    assert (mirror / PROVIDER).is_file()


def test_nothing_is_downloaded_where_a_mirror_will_be_mounted(bake):
    result, mirror = bake("echo called >&2; exit 1", "mounted")

    assert result.returncode == 0
    assert result.stderr == ""
    assert list(mirror.iterdir()) == []


def test_unreachable_registry_fails_the_build_and_says_what_to_set(bake):
    result, _ = bake("exit 1", "")

    assert result.returncode == 1
    assert (
        "set SHOP_PROVIDER_MIRROR to a folder that holds registry.terraform.io/hashicorp/aws" in result.stderr
    )
