"""A function's variables, encrypted before they are stored, and the grant on their key."""

from types import SimpleNamespace

import pytest

from serverless_harness.emulator.lambda_service import encrypted_functions, variable_keys
from serverless_harness.emulator.lambda_service.variable_encryption import EncryptedVariables

ACCOUNT, REGION = "111122223333", "eu-west-1"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:own"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/of-function"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/of-function/own"
CONTEXT = SimpleNamespace(
    account_id=ACCOUNT, region=REGION, operation=SimpleNamespace(name="CreateFunction20150331")
)


@pytest.fixture
def grantees(monkeypatch):
    """The sessions that were granted a key."""
    grantees = []

    class KMS:
        def create_grant(self, GranteePrincipal, **_):
            grantees.append(GranteePrincipal)

    monkeypatch.setattr(variable_keys, "_kms", lambda _key_arn: KMS())
    return grantees


def configured(**fields):
    """Make a configuration as LocalStack does while it creates or updates a function."""
    configuration = SimpleNamespace()
    encrypted_functions.init_configuration(
        lambda self, **fields: vars(self).update(fields), configuration, role=ROLE, **fields
    )
    return configuration


def test_the_role_is_granted_the_key_before_an_invoke_can_need_it(grantees):
    def create(_provider, _context, _request):
        configuration = configured(environment={"NAME": "value"})
        assert grantees == [SESSION]
        return configuration

    created = encrypted_functions.create_function(create, None, CONTEXT, {"FunctionName": "own"})

    assert isinstance(created.environment, EncryptedVariables)
    assert created.environment.function_arn == FUNCTION_ARN
    assert created.environment.decrypt() == {"NAME": "value"}
    assert grantees == [SESSION]


def test_a_function_without_variables_needs_no_grant(grantees):
    created = encrypted_functions.create_function(
        lambda *_: configured(environment=None), None, CONTEXT, {"FunctionName": "own"}
    )

    assert created.environment is None
    assert grantees == []
