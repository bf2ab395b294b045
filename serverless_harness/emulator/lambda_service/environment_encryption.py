"""Functions' environment variables, encrypted with a KMS key, as Lambda stores them.

With the AWS managed key `aws/lambda`, or with the customer's own (`KMSKeyArn`). For either, Lambda makes a
grant in the name of whoever configures the function: the function's role session may decrypt, with the
function's ARN as encryption context. So the role's own policies need no `kms:Decrypt`, but a Deny counts.
Sources: AWS pages "Securing Lambda environment variables", "Grants in AWS KMS", the knowledge center's
"How do I resolve KMSAccessDeniedException errors from AWS Lambda", and the errors of Lambda's Invoke API.
"""

import json
from functools import partial
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.lambda_ import (
    InvalidParameterValueException,
    KMSAccessDeniedException,
    KMSDisabledException,
    KMSInvalidStateException,
    KMSNotFoundException,
)
from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion

from serverless_harness.emulator.iam import errands
from serverless_harness.emulator.iam.actions import Permission
from serverless_harness.emulator.iam.callers import identify, service_session, service_session_principal

MANAGED_ALIAS = "alias/aws/lambda"
CONTEXT_NAME = "aws:lambda:FunctionArn"
OPERATIONS = ["Decrypt", "RetireGrant"]
NOT_DECRYPTED = "Lambda was unable to decrypt the environment variables because"


class EncryptedVariables(dict[str, str]):
    """Stands for the variables in a function's configuration: holds none of them, but their ciphertext.

    `kms_key_arn` is the customer's key, None for the AWS managed one; `key_arn` the one that was used.
    """

    def __init__(self, variables: dict[str, str], kms_key_arn: str | None, function_arn: str) -> None:
        """Encrypt variables for a function, by its unqualified ARN."""
        super().__init__()
        self.kms_key_arn = kms_key_arn
        self.function_arn = function_arn
        self.key_arn = kms_key_arn or managed_key_arn(function_arn)
        self.ciphertext: bytes = _key(self.key_arn).encrypt(
            json.dumps(variables).encode(), {CONTEXT_NAME: function_arn}
        )

    def decrypt(self) -> dict[str, str]:
        """Return the variables; raises as `require_usable_key`."""
        from localstack.services.kms.models import deserialize_ciphertext_blob

        require_usable_key(self.key_arn)
        blob = deserialize_ciphertext_blob(self.ciphertext)
        plaintext = _key(self.key_arn).decrypt(blob, {CONTEXT_NAME: self.function_arn})
        variables: dict[str, str] = json.loads(plaintext)
        return variables


def variables_of(environment: dict[str, str] | None) -> dict[str, str]:
    """Return the variables of a configuration, encrypted or not."""
    return environment.decrypt() if isinstance(environment, EncryptedVariables) else dict(environment or {})


def _key(key_arn: str) -> Any:  # noqa: ANN401 (LocalStack's KmsKey is untyped)
    """Find a key; KeyError where there is none."""
    from localstack.services.kms.models import kms_stores

    _, _, _, region, account_id, resource = key_arn.split(":", 5)
    return kms_stores[account_id][region].keys[resource.removeprefix("key/")]


def managed_key_arn(function_arn: str) -> str:
    """Return the key `aws/lambda` of a function's account and region; the first use makes it, as in AWS."""
    from localstack.services.kms import provider

    _, _, _, region, account_id = function_arn.split(":")[:5]
    key_id = provider.KmsProvider._get_key_id_from_any_id(account_id, region, MANAGED_ALIAS)
    provider.set_key_managed(key_id, account_id, region)
    return f"arn:{function_arn.split(':')[1]}:kms:{region}:{account_id}:key/{key_id}"


def require_usable_key(key_arn: str) -> None:
    """Raise the error of an invoke whose key is gone, disabled or pending deletion (Lambda's Invoke API)."""
    settings = "Please check the function's KMS key settings."
    try:
        state = _key(key_arn).metadata.get("KeyState")
    except KeyError:
        raise KMSNotFoundException(
            f"{NOT_DECRYPTED} the KMS key was not found. {settings} "
            f"KMS Exception: NotFoundException KMS Message: Key '{key_arn}' does not exist",
            Type="User",
        ) from None
    if state == "Disabled":
        raise KMSDisabledException(
            f"{NOT_DECRYPTED} the KMS key used is disabled. {settings} "
            f"KMS Exception: DisabledException KMS Message: {key_arn} is disabled.",
            Type="User",
        )
    if state != "Enabled":
        raise KMSInvalidStateException(
            f"{NOT_DECRYPTED} the KMS key used is in an invalid state for Decrypt. {settings} "
            f"KMS Exception: KMSInvalidStateException KMS Message: {key_arn} is pending deletion.",
            Type="User",
        )


def session_arn_of(function_version: FunctionVersion) -> str:
    """Return the ARN of the role session in which Lambda runs a function."""
    return service_session_principal(function_version.config.role, _session_name(function_version)).arn


def _session_name(function_version: FunctionVersion) -> str:
    name = function_version.id.function_name
    # Session names have two characters at least (LocalStack's execution_environment.get_credentials).
    return name if len(name) > 1 else f"{name}@lambda_function"


def require_decryptable(function_version: FunctionVersion) -> None:
    """Raise the error of an invoke whose variables Lambda can't decrypt; checked before each invoke."""
    environment = function_version.config.environment
    if not isinstance(environment, EncryptedVariables):
        return
    require_usable_key(environment.key_arn)
    decider = errands.current()
    if decider is None:
        return
    permission = Permission(
        "kms:Decrypt",
        environment.key_arn,
        {
            "kms:encryptioncontextkeys": (CONTEXT_NAME,),
            f"kms:encryptioncontext:{CONTEXT_NAME.lower()}": (environment.function_arn,),
            "kms:encryptionalgorithm": ("SYMMETRIC_DEFAULT",),
            "kms:viaservice": (f"lambda.{function_version.id.region}.amazonaws.com",),
        },
    )
    session = partial(service_session, function_version.config.role, _session_name(function_version))
    denial = decider.denial("lambda:Invoke", session, permission)
    if denial is not None:
        raise KMSAccessDeniedException(
            f"{NOT_DECRYPTED} KMS access was denied. Please check the function's KMS key settings. "
            f"KMS Exception: {denial.code} KMS Message: {denial.message}",
            Type="User",
        )


def check_customer_key(context: RequestContext, key_arn: str) -> None:
    """Raise InvalidParameterValueException unless Lambda may use a key in the name of who asks.

    It must be there, enabled, symmetric, and the caller needs `kms:CreateGrant` and `kms:Encrypt`.
    """
    try:
        metadata = _key(key_arn).metadata
    except (KeyError, ValueError):
        raise _invalid_key("NotFoundException", f"Key '{key_arn}' does not exist") from None
    if metadata.get("KeyState") != "Enabled":
        raise _invalid_key("DisabledException", f"{key_arn} is not enabled.")
    if metadata.get("KeySpec") != "SYMMETRIC_DEFAULT":
        raise _invalid_key("ValidationException", f"{key_arn} is not a symmetric encryption key.")
    if denial := _denial_of_caller(context, key_arn):
        raise _invalid_key(denial.code, str(denial.message))


def _denial_of_caller(context: RequestContext, key_arn: str) -> CommonServiceException | None:
    decider = errands.current()
    if decider is None:
        return None
    via = {"kms:viaservice": (f"lambda.{context.region}.amazonaws.com",)}
    denials = (
        decider.denial(
            f"lambda:{context.operation and context.operation.name}",
            partial(identify, context),
            Permission(action, key_arn, via),
            context,
        )
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
