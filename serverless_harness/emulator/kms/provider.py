"""The KMS provider: keys and their rotation, with encryption and signing; all else is LocalStack's."""

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap
from localstack.aws.api import RequestContext, handler
from localstack.aws.api.kms import (
    InvalidCiphertextException,
    InvalidGrantIdException,
    InvalidGrantTokenException,
    UnsupportedOperationException,
)
from localstack.services.kms.exceptions import ValidationException
from localstack.services.kms.models import KeyImportState

from serverless_harness.emulator.kms.algorithms import check_creation, check_rotation
from serverless_harness.emulator.kms.base import Request, Response
from serverless_harness.emulator.kms.encryption import EncryptionOperations
from serverless_harness.emulator.kms.signing import SigningOperations

ROTATION_PERIOD_DAYS = range(90, 2561)
_KEY_AGREEMENT = "KEY_AGREEMENT"


class StandardAlgorithmsKmsProvider(EncryptionOperations, SigningOperations):
    """LocalStack's provider with AWS's algorithms for each key spec, and AWS's errors for the rest."""

    @handler("CreateKey", expand=False)
    def create_key(self, context: RequestContext, request: Request) -> Response:
        check_creation(
            request.get("KeySpec") or request.get("CustomerMasterKeySpec"), request.get("KeyUsage")
        )
        response: Response = super().create_key(context, request)
        if response["KeyMetadata"]["KeyUsage"] == _KEY_AGREEMENT:
            response["KeyMetadata"]["KeyAgreementAlgorithms"] = ["ECDH"]
        return response

    @handler("GetPublicKey", expand=False)
    def get_public_key(self, context: RequestContext, request: Request) -> Response:
        account_id, region, name = self._parse_key_id(request["KeyId"], context)
        key = self._get_kms_key(account_id, region, name, disabled_key_allowed=True)
        self._validate_key_state_not_pending_import(key)
        if not key.crypto_key.public_key:
            raise UnsupportedOperationException(
                f"{key.metadata['Arn']} key spec is {key.metadata['KeySpec']} which is not valid for "
                "GetPublicKey."
            )
        response: Response = super().get_public_key(context, request["KeyId"])
        response["CustomerMasterKeySpec"] = key.metadata["KeySpec"]
        if key.metadata["KeyUsage"] == _KEY_AGREEMENT:
            response["KeyAgreementAlgorithms"] = ["ECDH"]
        return response

    @handler("EnableKeyRotation", expand=False)
    def enable_key_rotation(self, context: RequestContext, request: Request) -> None:
        days = request.get("RotationPeriodInDays")
        if days is not None and days not in ROTATION_PERIOD_DAYS:
            bound = "greater than or equal to 90" if days < 90 else "less than or equal to 2560"
            raise ValidationException(
                f"1 validation error detected: Value '{days}' at 'rotationPeriodInDays' failed to satisfy "
                f"constraint: Member must have value {bound}"
            )
        check_rotation(self._get_kms_key(context.account_id, context.region, request["KeyId"]).metadata)
        super().enable_key_rotation(context, request)

    @handler("DisableKeyRotation", expand=False)
    def disable_key_rotation(self, context: RequestContext, request: Request) -> None:
        check_rotation(self._get_kms_key(context.account_id, context.region, request["KeyId"]).metadata)
        super().disable_key_rotation(context, request)

    @handler("RotateKeyOnDemand", expand=False)
    def rotate_key_on_demand(self, context: RequestContext, request: Request) -> Response:
        account_id, region, name = self._parse_key_id(request["KeyId"], context)
        check_rotation(self._get_kms_key(account_id, region, name).metadata, ("AWS_KMS", "EXTERNAL"))
        answer: Response = super().rotate_key_on_demand(context, request)
        return answer

    def _decrypt_wrapped_key_material(self, import_state: KeyImportState, wrapped: bytes) -> bytes:
        try:
            material: bytes = super()._decrypt_wrapped_key_material(import_state, wrapped)
        except (ValueError, InvalidUnwrap):
            raise InvalidCiphertextException() from None
        return material

    @handler("DeleteImportedKeyMaterial", expand=False)
    def delete_imported_key_material(self, context: RequestContext, request: Request) -> Response:
        key = self._get_kms_key(
            context.account_id, context.region, request["KeyId"], disabled_key_allowed=True
        )
        if key.metadata["Origin"] != "EXTERNAL":
            raise UnsupportedOperationException(
                f"{key.metadata['Arn']} origin is {key.metadata['Origin']} which is not valid for this "
                "operation."
            )
        answer: Response = super().delete_imported_key_material(context, request["KeyId"])
        return answer

    @handler("RetireGrant", expand=False)
    def retire_grant(self, context: RequestContext, request: Request) -> None:
        token, grant_id = request.get("GrantToken"), request.get("GrantId")
        try:
            super().retire_grant(context, token, request.get("KeyId"), grant_id)
        except ValueError:
            raise InvalidGrantTokenException() from None
        except KeyError:
            raise InvalidGrantIdException() from None
