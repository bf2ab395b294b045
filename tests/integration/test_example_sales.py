"""The example of a workflow, whole: its own smoke test and load test, on a stack of its own, IAM enforced."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serverless_harness.project import locate
from serverless_harness.project.locate import current

pytestmark = pytest.mark.needs("local")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sales"
TIMEOUT_S = 900


def test_its_own_tests_pass(tmp_path):
    folder = tmp_path / "sales"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".serverless-harness", "__pycache__"))
    (folder / ".serverless-harness").mkdir()
    (folder / ".serverless-harness" / "runtimes").symlink_to(current().runtimes)
    own = (locate.VARIABLE, "SERVERLESS_HARNESS_", "PYTEST_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    command = [sys.executable, "-I", "-m", "serverless_harness", "test"]
    run = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "5 passed" in run.stdout
