"""How Terraform's AWS provider reaches a local target: an override file beside the configuration.

tflocal writes it. Its block `endpoints` is taken out, as AWS_ENDPOINT_URL does the same: the block takes
the AWS provider 2 s of each start, and an apply starts it twice. What else leads to an account of AWS's
(a profile, a role to assume) is taken out of the provider in the same file.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from serverless_harness.deploy import working_copy
from serverless_harness.deploy.terraform_installation import program_version
from serverless_harness.deploy.terraform_output import last_line
from serverless_harness.errors import HarnessError
from serverless_harness.exhaustion import explained
from serverless_harness.processes import run_owned
from serverless_harness.targets import CERTIFICATES

OVERRIDE_FILE = "localstack_providers_override.tf"
AWS_PROVIDER = re.compile(r'^\s*provider\s+"aws"', re.MULTILINE)
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


def write(work: Path, environ: Mapping[str, str], folder: Path) -> None:
    """Write the override file into `work`; `environ` is Terraform's, `folder` where a full disk would show.

    Raises HarnessError where tflocal fails.
    """
    file = work / OVERRIDE_FILE
    file.unlink(missing_ok=True)
    tflocal = Path(sys.executable).parent / "tflocal"
    command = [sys.executable, "-I", str(tflocal), "plan"]
    returncode, output = run_owned(command, {**environ, "DRY_RUN": "1"}, work)
    if returncode or not file.exists():
        program_version(folder)  # Where Terraform can't even do that, it says why; tflocal doesn't.
        raise explained(HarnessError(f"tflocal failed: {last_line(output)}"), output, folder)
    file.write_text(ENDPOINTS_BLOCK.sub(ELSEWHERE, file.read_text()))


def modules_with_providers(copy: Path, root: Path) -> list[Path]:
    """Give the folders of a copy, but `root`, that configure the AWS provider; links are left alone."""
    folders = {
        file.parent
        for file in working_copy.project_files(copy)
        if file.suffix == ".tf"
        and file.name != OVERRIDE_FILE
        and AWS_PROVIDER.search(file.read_text(errors="replace"))
    }
    return sorted(folders - {root})


def without_aws(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave the caller's AWS configuration out, which is another account's."""
    return {
        name: value for name, value in environ.items() if not name.startswith("AWS_") or name in CERTIFICATES
    }
