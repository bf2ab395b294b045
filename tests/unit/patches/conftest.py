import importlib
from types import SimpleNamespace

import pytest
from localstack.services.lambda_.invocation.lambda_models import VersionIdentifier
from localstack.utils.patch import Patch


@pytest.fixture
def applied(monkeypatch):
    """Apply one patch module; what it changed in LocalStack is put back after the test."""
    before = list(Patch.applied_patches)

    def apply(name):
        module = importlib.import_module(f"serverless_harness.emulator.patches.{name}")
        module.apply()
        return module

    yield apply
    for patch in reversed([patch for patch in Patch.applied_patches if patch not in before]):
        patch.undo()


@pytest.fixture
def version():
    """A function version, as far as a patch looks at one."""
    return SimpleNamespace(
        id=VersionIdentifier(
            function_name="accept", qualifier="$LATEST", region="eu-central-1", account="000000000000"
        ),
        qualified_arn="arn:aws:lambda:eu-central-1:000000000000:function:accept:$LATEST",
        config=SimpleNamespace(
            role="arn:aws:iam::000000000000:role/accept",
            timeout=3,
            logging_config={},
            capacity_provider_config=None,
            dead_letter_arn=None,
        ),
    )
