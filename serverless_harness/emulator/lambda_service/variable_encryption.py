"""Functions' environment variables, encrypted with a KMS key, as Lambda stores them.

With the AWS managed key `aws/lambda`, or with the customer's own (`KMSKeyArn`). For either, Lambda makes a
grant in the name of whoever configures the function: the function's role session may decrypt, with the
function's ARN as encryption context. So the role's own policies need no `kms:Decrypt`, but a Deny counts.
Sources: AWS pages "Securing Lambda environment variables", "Grants in AWS KMS", the knowledge center's
"How do I resolve KMSAccessDeniedException errors from AWS Lambda", and the errors of Lambda's Invoke API.
"""

import json
from typing import Any

from localstack.aws.api.lambda_ import (
    KMSAccessDeniedException,
    KMSDisabledException,
    KMSInvalidStateException,
    KMSNotFoundException,
)
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion

from serverless_harness.emulator import authorization
from serverless_harness.emulator.authorization import Errand
from serverless_harness.emulator.lambda_service.role_sessions import session_name_of

MANAGED_ALIAS = "alias/aws/lambda"
CONTEXT_NAME = "aws:lambda:FunctionArn"
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
        self.ciphertext: bytes = find_key(self.key_arn).encrypt(
            json.dumps(variables).encode(), {CONTEXT_NAME: function_arn}
        )

    def decrypt(self) -> dict[str, str]:
        """Return the variables; raises as `require_usable_key`."""
        from localstack.services.kms.models import deserialize_ciphertext_blob

        require_usable_key(self.key_arn)
        blob = deserialize_ciphertext_blob(self.ciphertext)
        plaintext = find_key(self.key_arn).decrypt(blob, {CONTEXT_NAME: self.function_arn})
        variables: dict[str, str] = json.loads(plaintext)
        return variables


def variables_of(environment: dict[str, str] | None) -> dict[str, str]:
    """Return the variables of a configuration, encrypted or not."""
    return environment.decrypt() if isinstance(environment, EncryptedVariables) else dict(environment or {})


def find_key(key_arn: str) -> Any:  # noqa: ANN401 (LocalStack's KmsKey is untyped)
    """Return LocalStack's key; raises KeyError where there is none."""
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
        state = find_key(key_arn).metadata.get("KeyState")
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


def require_decryptable(function_version: FunctionVersion) -> None:
    """Raise the error of an invoke whose variables Lambda can't decrypt; checked before each invoke."""
    environment = function_version.config.environment
    if not isinstance(environment, EncryptedVariables):
        return
    require_usable_key(environment.key_arn)
    errand = Errand(
        "lambda:Invoke",
        "kms:Decrypt",
        environment.key_arn,
        {
            "kms:encryptioncontextkeys": (CONTEXT_NAME,),
            f"kms:encryptioncontext:{CONTEXT_NAME.lower()}": (environment.function_arn,),
            "kms:encryptionalgorithm": ("SYMMETRIC_DEFAULT",),
            "kms:viaservice": (f"lambda.{function_version.id.region}.amazonaws.com",),
        },
    )
    denial = authorization.denial_for_role(
        errand, function_version.config.role, session_name_of(function_version)
    )
    if denial is not None:
        raise KMSAccessDeniedException(
            f"{NOT_DECRYPTED} KMS access was denied. Please check the function's KMS key settings. "
            f"KMS Exception: {denial.code} KMS Message: {denial.message}",
            Type="User",
        )
