"""The customer's KMS keys for environment variables: whether one may be used, and Lambda's grants on it.

Sources: AWS pages "Securing Lambda environment variables" and "Grants in AWS KMS".
"""

from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.aws.connect import connect_to

from serverless_harness.emulator import authorization
from serverless_harness.emulator.authorization import Errand
from serverless_harness.emulator.lambda_service.role_sessions import session_arn
from serverless_harness.emulator.lambda_service.variable_encryption import (
    CONTEXT_NAME,
    EncryptedVariables,
    find_key,
)

OPERATIONS = ["Decrypt", "RetireGrant"]


def check_customer_key(context: RequestContext, key_arn: str) -> None:
    """Raise InvalidParameterValueException unless Lambda may use a key in the name of who asks.

    It must be there, enabled, symmetric, and the caller needs `kms:CreateGrant` and `kms:Encrypt`.
    """
    try:
        metadata = find_key(key_arn).metadata
    except (KeyError, ValueError):
        raise _invalid_key("NotFoundException", f"Key '{key_arn}' does not exist") from None
    if metadata.get("KeyState") != "Enabled":
        raise _invalid_key("DisabledException", f"{key_arn} is not enabled.")
    if metadata.get("KeySpec") != "SYMMETRIC_DEFAULT":
        raise _invalid_key("ValidationException", f"{key_arn} is not a symmetric encryption key.")
    if denial := _denial_of_caller(context, key_arn):
        raise _invalid_key(denial.code, str(denial.message))


def _denial_of_caller(context: RequestContext, key_arn: str) -> CommonServiceException | None:
    call_name = f"lambda:{context.operation and context.operation.name}"
    via = {"kms:viaservice": (f"lambda.{context.region}.amazonaws.com",)}
    denials = (
        authorization.denial_for_caller(Errand(call_name, action, key_arn, via), context)
        for action in ("kms:CreateGrant", "kms:Encrypt")
    )
    return next((denial for denial in denials if denial), None)


def _invalid_key(code: str, message: str) -> InvalidParameterValueException:
    return InvalidParameterValueException(
        "Lambda was unable to configure access to your environment variables because the KMS key is invalid "
        f"for CreateGrant. Please check your KMS key settings. KMS Exception: {code} KMS Message: {message}",
        Type="User",
    )


def grantee_of(variables: EncryptedVariables, role: str) -> str:
    """Return the role session that needs a grant on the variables' key, by its ARN."""
    return session_arn(role, variables.function_arn.rpartition(":")[2])


def make_grant(variables: EncryptedVariables, role: str) -> None:
    """Let the session of a function with this role decrypt its variables."""
    grantee = grantee_of(variables, role)
    _kms(variables.key_arn).create_grant(
        KeyId=variables.key_arn,
        GranteePrincipal=grantee,
        RetiringPrincipal=grantee,
        Operations=OPERATIONS,
        Constraints={"EncryptionContextEquals": {CONTEXT_NAME: variables.function_arn}},
    )


def retire_grants(key_arn: str, function_arn: str, except_grantees: frozenset[str] = frozenset()) -> None:
    """Take back what Lambda was granted on a key for a function."""
    for grant in _grants(key_arn, function_arn):
        if grant.metadata["GranteePrincipal"] not in except_grantees:
            _kms(key_arn).retire_grant(KeyId=key_arn, GrantId=grant.metadata["GrantId"])


def _grants(key_arn: str, function_arn: str) -> list[Any]:
    """Return LocalStack's grants on a key for a function's variables."""
    from localstack.services.kms.models import kms_stores

    _, _, _, region, account_id, _ = key_arn.split(":", 5)
    return [
        grant
        for grant in list(kms_stores[account_id][region].grants.values())
        if grant.metadata["KeyArn"] == key_arn
        and (grant.metadata.get("Constraints") or {}).get("EncryptionContextEquals")
        == {CONTEXT_NAME: function_arn}
    ]


def _kms(key_arn: str) -> Any:  # noqa: ANN401 (boto3 clients are untyped)
    _, _, _, region, account_id, _ = key_arn.split(":", 5)
    return connect_to(region_name=region, aws_access_key_id=account_id).kms
