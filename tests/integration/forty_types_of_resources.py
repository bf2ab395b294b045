"""Terraform on `forty_types/main.tf`, which has one of each resource of each service."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

from serverless_harness.deploy.terraform_installation import install_providers

CONFIGURATION = Path(__file__).with_name("forty_types") / "main.tf"


def terraform_in(folder, endpoint_url, prefix):
    """Give what runs Terraform in a folder on a stack; the names of the resources begin with `prefix`."""
    shutil.copy(CONFIGURATION, folder)
    with zipfile.ZipFile(folder / "function.zip", "w") as package:
        package.writestr("main.py", "def handler(event, context):\n    return event\n")
    installation = install_providers()
    environment = {
        **os.environ,
        **installation.environ,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "TF_VAR_prefix": prefix,
    }

    def terraform(*arguments):
        command = [installation.program, *arguments, "-no-color"]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    initialized = terraform("init")
    assert initialized.returncode == 0, initialized.stderr
    return terraform
