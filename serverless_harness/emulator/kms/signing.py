"""Sign, Verify, GenerateMac, VerifyMac and DeriveSharedSecret, checked here, and made by LocalStack."""

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.kms import (
    KMSInvalidMacException,
)
from localstack.services.kms.exceptions import ValidationException
from localstack.services.kms.models import KmsKey

from serverless_harness.emulator.kms.algorithms import (
    check_algorithm,
    check_enum,
    check_length,
    check_usage,
)
from serverless_harness.emulator.kms.base import (
    MAX_CIPHERTEXT_BYTES,
    MAX_MESSAGE_BYTES,
    KmsOperations,
    Request,
    Response,
    end_dry_run,
)

_DIGEST_BYTES = {"256": 32, "384": 48, "512": 64}


class SigningOperations(KmsOperations):
    """The operations on messages and public keys."""

    def _signing_key(self, context: RequestContext, request: Request, operation: str) -> KmsKey:
        """Check what Sign and Verify have in common, and return the key."""
        algorithm, message_type = request.get("SigningAlgorithm"), request.get("MessageType") or "RAW"
        check_enum("signingAlgorithm", algorithm or "null")
        check_enum("messageType", message_type)
        check_length("message", request.get("Message"), MAX_MESSAGE_BYTES)
        key = self._usable_key(context, request.get("KeyId"))
        check_usage(key.metadata, "SIGN_VERIFY", operation)
        check_algorithm(key.metadata, algorithm or "")
        if message_type == "EXTERNAL_MU":
            raise ValidationException(f"MessageType EXTERNAL_MU is not valid for algorithm {algorithm}.")
        digest_bytes = _DIGEST_BYTES[(algorithm or "").rpartition("_")[2]]
        if message_type == "DIGEST" and len(request["Message"]) != digest_bytes:
            raise ValidationException(f"Digest is invalid length for algorithm {algorithm}.")
        return key

    @handler("Sign", expand=False)
    def sign(self, context: RequestContext, request: Request) -> Response:
        self._signing_key(context, request, "Sign")
        end_dry_run(request)
        answer: Response = super().sign(context, request)
        return answer

    @handler("Verify", expand=False)
    def verify(self, context: RequestContext, request: Request) -> Response:
        check_length("signature", request.get("Signature"), MAX_CIPHERTEXT_BYTES)
        self._signing_key(context, request, "Verify")
        end_dry_run(request)
        answer: Response = super().verify(context, request)
        return answer

    def _mac_key(self, context: RequestContext, request: Request, operation: str) -> KmsKey:
        check_length("message", request.get("Message"), MAX_MESSAGE_BYTES)
        check_enum("macAlgorithm", request.get("MacAlgorithm") or "null")
        key = self._usable_key(context, request.get("KeyId"))
        check_usage(key.metadata, "GENERATE_VERIFY_MAC", operation)
        check_algorithm(key.metadata, request["MacAlgorithm"])
        end_dry_run(request)
        return key

    @handler("GenerateMac", expand=False)
    def generate_mac(self, context: RequestContext, request: Request) -> Response:
        key = self._mac_key(context, request, "GenerateMac")
        mac = key.generate_mac(request["Message"], request["MacAlgorithm"])
        return {"Mac": mac, "MacAlgorithm": request["MacAlgorithm"], "KeyId": key.metadata["Arn"]}

    @handler("VerifyMac", expand=False)
    def verify_mac(self, context: RequestContext, request: Request) -> Response:
        check_length("mac", request.get("Mac"), MAX_CIPHERTEXT_BYTES)
        key = self._mac_key(context, request, "VerifyMac")
        if not key.verify_mac(request["Message"], request["Mac"], request["MacAlgorithm"]):
            raise KMSInvalidMacException()
        return {"KeyId": key.metadata["Arn"], "MacValid": True, "MacAlgorithm": request["MacAlgorithm"]}

    @handler("DeriveSharedSecret", expand=False)
    def derive_shared_secret(self, context: RequestContext, request: Request) -> Response:
        check_length("publicKey", request.get("PublicKey"), 8192)
        key = self._usable_key(context, request.get("KeyId"))
        check_usage(key.metadata, "KEY_AGREEMENT", "DeriveSharedSecret")
        end_dry_run(request)
        try:
            answer: Response = super().derive_shared_secret(
                context, request["KeyId"], request.get("KeyAgreementAlgorithm"), request["PublicKey"]
            )
        except (TypeError, ValueError):
            # No elliptic curve key, or one of another curve.
            raise ValidationException("The public key is not valid for the KMS key's key spec.") from None
        return answer
