"""Terraform applies more than forty types of resources, has nothing to change then, and destroys them."""

import re
import secrets

import pytest
from forty_types_of_resources import CONFIGURATION, terraform_in

pytestmark = pytest.mark.needs("local")

MIN_TYPES = 40
UNCHANGED = 0
"""The exit code of `plan -detailed-exitcode` where nothing is to do."""


def test_forty_types_are_applied_unchanged_and_destroyed(deployment, tmp_path):
    types = set(re.findall(r'^resource "(\w+)"', CONFIGURATION.read_text(), re.M))
    assert len(types) >= MIN_TYPES
    terraform = terraform_in(tmp_path, deployment.target.endpoint_url, f"forty-{secrets.token_hex(4)}")
    try:
        applied = terraform("apply", "-auto-approve", "-parallelism=30")
        assert applied.returncode == 0, applied.stderr
        planned = terraform("plan", "-detailed-exitcode")
        assert planned.returncode == UNCHANGED, planned.stdout + planned.stderr
    finally:
        destroyed = terraform("destroy", "-auto-approve", "-parallelism=30")
    assert destroyed.returncode == 0, destroyed.stderr
    assert terraform("state", "list").stdout == ""
