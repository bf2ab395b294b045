"""The customer's KMS keys for environment variables: whether one may be used, and Lambda's grants on it.

Sources: AWS pages "Securing Lambda environment variables" and "Grants in AWS KMS".
"""

from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion

from serverless_harness.emulator import authorization
from serverless_harness.emulator.authorization import Errand
from serverless_harness.emulator.lambda_service.role_sessions import session_arn_of
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


def make_grant(function_version: FunctionVersion) -> None:
    """Let a function's role session decrypt its variables; a no-op where it may already."""
    environment = function_version.config.environment
    if not isinstance(environment, EncryptedVariables):
        return
    kms = _kms(environment.key_arn)
    grantee = session_arn_of(function_version)
    kms.create_grant(
        KeyId=environment.key_arn,
        GranteePrincipal=grantee,
        RetiringPrincipal=grantee,
        Operations=OPERATIONS,
        Constraints={"EncryptionContextEquals": {CONTEXT_NAME: environment.function_arn}},
    )


def retire_grants(key_arn: str, function_arn: str, except_grantees: frozenset[str] = frozenset()) -> None:
    """Take back what Lambda was granted on a key for a function."""
    from localstack.services.kms.models import kms_stores

    _, _, _, region, account_id, _ = key_arn.split(":", 5)
    store = kms_stores[account_id][region]
    for grant_id, grant in list(store.grants.items()):
        constraints = grant.metadata.get("Constraints") or {}
        of_function = constraints.get("EncryptionContextEquals") == {CONTEXT_NAME: function_arn}
        on_key = grant.metadata["KeyArn"] == key_arn
        if of_function and on_key and grant.metadata["GranteePrincipal"] not in except_grantees:
            _kms(key_arn).retire_grant(KeyId=key_arn, GrantId=grant_id)


def _kms(key_arn: str) -> Any:  # noqa: ANN401 (boto3 clients are untyped)
    _, _, _, region, account_id, _ = key_arn.split(":", 5)
    return connect_to(region_name=region, aws_access_key_id=account_id).kms
