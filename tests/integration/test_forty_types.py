"""Terraform applies more than forty types of resources, has nothing to change then, and destroys them."""

import os
import re
import secrets
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from serverless_harness.deploy.installation import install_providers

pytestmark = pytest.mark.needs("local")

CONFIGURATION = Path(__file__).with_name("forty_types") / "main.tf"
MIN_TYPES = 40
UNCHANGED = 0
"""The exit code of `plan -detailed-exitcode` where nothing is to do."""


def test_forty_types_are_applied_unchanged_and_destroyed(deployment, tmp_path):
    types = set(re.findall(r'^resource "(\w+)"', CONFIGURATION.read_text(), re.M))
    assert len(types) >= MIN_TYPES
    shutil.copy(CONFIGURATION, tmp_path)
    with zipfile.ZipFile(tmp_path / "function.zip", "w") as package:
        package.writestr("main.py", "def handler(event, context):\n    return event\n")
    installation = install_providers()
    environment = {
        **os.environ,
        **installation.environ,
        "AWS_ENDPOINT_URL": deployment.target.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "TF_VAR_prefix": f"forty-{secrets.token_hex(4)}",
    }

    def terraform(*arguments):
        command = [installation.program, *arguments, "-no-color"]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    initialized = terraform("init")
    assert initialized.returncode == 0, initialized.stderr
    try:
        applied = terraform("apply", "-auto-approve", "-parallelism=30")
        assert applied.returncode == 0, applied.stderr
        planned = terraform("plan", "-detailed-exitcode")
        assert planned.returncode == UNCHANGED, planned.stdout + planned.stderr
    finally:
        destroyed = terraform("destroy", "-auto-approve", "-parallelism=30")
    assert destroyed.returncode == 0, destroyed.stderr
    assert terraform("state", "list").stdout == ""
