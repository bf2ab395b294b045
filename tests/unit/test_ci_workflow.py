"""What GitHub and Docker read is valid by their own published schemas, which check-jsonschema ships."""

import subprocess
import sys

import pytest
import yaml

from serverless_harness.project.locate import current

WORKFLOW = current().folder / ".github" / "workflows" / "ci.yml"


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.github-workflows", WORKFLOW),
        ("vendor.github-actions", current().folder / ".github" / "actions" / "environment" / "action.yml"),
        ("vendor.compose-spec", current().folder / "docker-compose.yml"),
    ],
)
def test_file_is_valid_by_its_schema(schema, file):
    command = [sys.executable, "-I", "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_actions_are_pinned_by_hash_and_the_token_may_only_read():
    workflow = yaml.safe_load(WORKFLOW.read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step and not step["uses"].startswith("./")]
    assert used
    assert all(len(name.partition("@")[2]) == 40 for name in used)
    assert workflow["permissions"] == {"contents": "read"}


def test_layer_cache_depends_on_all_that_the_cached_layers_are_made_of():
    text = WORKFLOW.read_text()
    key = next(line for line in text.splitlines() if "key: layers-" in line)
    assert all(f"'{name}'" in key for name in ("requirements/*.txt", "docker/*", "terraform/versions.tf"))
