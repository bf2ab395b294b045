"""Encrypt, Decrypt, ReEncrypt and the data keys: the key's algorithm decides.

LocalStack encrypts under a symmetric key of its own whatever the key is, decrypts RSA with one algorithm
alone, and lets the cryptography package's errors through as status 500.
"""

import os
import struct
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.kms import (
    IncorrectKeyException,
    InvalidCiphertextException,
    NotFoundException,
    UnsupportedOperationException,
)
from localstack.services.kms.exceptions import AccessDeniedException, ValidationException
from localstack.services.kms.models import (
    MULTI_REGION_PATTERN,
    PATTERN_UUID,
    Ciphertext,
    KmsKey,
    deserialize_ciphertext_blob,
)
from localstack.utils.crypto import pkcs7_envelope_encrypt

from serverless_harness.emulator.kms import asymmetric
from serverless_harness.emulator.kms.algorithms import (
    SYMMETRIC_DEFAULT,
    check_algorithm,
    check_enum,
    check_length,
    check_symmetric,
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

DATA_KEY_BYTES = {"AES_128": 16, "AES_256": 32}


class EncryptionOperations(KmsOperations):
    """The operations on ciphertexts."""

    @handler("Encrypt", expand=False)
    def encrypt(self, context: RequestContext, request: Request) -> Response:
        algorithm = request.get("EncryptionAlgorithm") or SYMMETRIC_DEFAULT
        check_enum("encryptionAlgorithm", algorithm)
        check_length("plaintext", request.get("Plaintext"), MAX_MESSAGE_BYTES)
        key = self._usable_key(context, request.get("KeyId"))
        ciphertext = _encrypt(
            key, request["Plaintext"], algorithm, request.get("EncryptionContext"), "Encrypt", request
        )
        return {"CiphertextBlob": ciphertext, "KeyId": key.metadata["Arn"], "EncryptionAlgorithm": algorithm}

    @handler("Decrypt", expand=False)
    def decrypt(self, context: RequestContext, request: Request) -> Response:
        algorithm = request.get("EncryptionAlgorithm") or SYMMETRIC_DEFAULT
        check_enum("encryptionAlgorithm", algorithm)
        blob = request.get("CiphertextBlob")
        check_length("ciphertextBlob", blob, MAX_CIPHERTEXT_BYTES)
        key, plaintext = self._decrypted(
            context,
            request.get("KeyId"),
            blob or b"",
            algorithm,
            request.get("EncryptionContext"),
            "Decrypt",
        )
        end_dry_run(request)
        response = {"KeyId": key.metadata["Arn"], "EncryptionAlgorithm": algorithm}
        if recipient_key := self._recipient_key(request.get("Recipient")):
            response["CiphertextForRecipient"] = pkcs7_envelope_encrypt(plaintext, recipient_key)
        else:
            response["Plaintext"] = plaintext
        return response

    @handler("ReEncrypt", expand=False)
    def re_encrypt(self, context: RequestContext, request: Request) -> Response:
        source_algorithm = request.get("SourceEncryptionAlgorithm") or SYMMETRIC_DEFAULT
        algorithm = request.get("DestinationEncryptionAlgorithm") or SYMMETRIC_DEFAULT
        check_enum("sourceEncryptionAlgorithm", source_algorithm, "encryptionAlgorithm")
        check_enum("destinationEncryptionAlgorithm", algorithm, "encryptionAlgorithm")
        blob = request.get("CiphertextBlob")
        check_length("ciphertextBlob", blob, MAX_CIPHERTEXT_BYTES)
        source, plaintext = self._decrypted(
            context,
            request.get("SourceKeyId"),
            blob or b"",
            source_algorithm,
            request.get("SourceEncryptionContext"),
            "ReEncryptFrom",
        )
        key = self._usable_key(context, request.get("DestinationKeyId"))
        context_pairs = request.get("DestinationEncryptionContext")
        return {
            "CiphertextBlob": _encrypt(key, plaintext, algorithm, context_pairs, "ReEncryptTo", request),
            "SourceKeyId": source.metadata["Arn"],
            "KeyId": key.metadata["Arn"],
            "SourceEncryptionAlgorithm": source_algorithm,
            "DestinationEncryptionAlgorithm": algorithm,
        }

    def _decrypted(
        self,
        context: RequestContext,
        key_id: str | None,
        blob: bytes,
        algorithm: str,
        encryption_context: dict[str, str] | None,
        operation: str,
    ) -> tuple[KmsKey, bytes]:
        """Return the key that a ciphertext was made with, and the plaintext."""
        ciphertext = symmetric_ciphertext(blob) if algorithm == SYMMETRIC_DEFAULT else None
        if key_id:
            key = self._usable_key(context, key_id)
            if ciphertext and ciphertext.key_id != key.metadata["KeyId"]:
                raise IncorrectKeyException(
                    "The key ID in the request does not identify a CMK that can perform this operation."
                )
        elif algorithm != SYMMETRIC_DEFAULT:
            raise ValidationException("KeyId is required to decrypt with an asymmetric KMS key.")
        else:
            key = self._key_of(context, ciphertext)
        check_usage(key.metadata, "ENCRYPT_DECRYPT", operation)
        check_algorithm(key.metadata, algorithm)
        if algorithm != SYMMETRIC_DEFAULT:
            _refuse_encryption_context(encryption_context, algorithm)
            return key, asymmetric.decrypt(key.crypto_key, blob, algorithm)
        if ciphertext is None:
            raise InvalidCiphertextException()
        return key, key.decrypt(ciphertext, encryption_context or {})

    def _key_of(self, context: RequestContext, ciphertext: Ciphertext | None) -> KmsKey:
        if ciphertext is None:
            raise InvalidCiphertextException()
        try:
            return self._usable_key(context, ciphertext.key_id)
        except NotFoundException:
            raise AccessDeniedException(
                "The ciphertext refers to a customer master key that does not exist, does not exist in this "
                "region, or you are not allowed to access."
            ) from None

    def _recipient_key(self, recipient: dict[str, Any] | None) -> Any:  # noqa: ANN401 (LocalStack's is untyped)
        """Return the public key of an enclave's attestation document; None where there is no such thing."""
        if not recipient:
            return None
        try:
            return self._extract_attestation_pubkey(recipient["AttestationDocument"])
        except Exception as error:
            raise ValidationException("The attestation document can't be parsed.") from error

    def _data_key(
        self, context: RequestContext, request: Request, operation: str
    ) -> tuple[KmsKey, bytes, bytes]:
        spec, length = request.get("KeySpec"), request.get("NumberOfBytes")
        if spec is not None:
            check_enum("keySpec", spec, "dataKeySpec")
        if length is not None and not 1 <= length <= 1024:
            bound = "greater than or equal to 1" if length < 1 else "less than or equal to 1024"
            raise ValidationException(
                f"1 validation error detected: Value '{length}' at 'numberOfBytes' failed to satisfy "
                f"constraint: Member must have value {bound}"
            )
        if (spec is None) == (length is None):
            raise ValidationException("Please specify either number of bytes or key spec.")
        key = self._usable_key(context, request.get("KeyId"))
        check_symmetric(key.metadata, operation)
        end_dry_run(request)
        plaintext = os.urandom(length or DATA_KEY_BYTES[spec or ""])
        return key, plaintext, key.encrypt(plaintext, request.get("EncryptionContext") or {})

    @handler("GenerateDataKey", expand=False)
    def generate_data_key(self, context: RequestContext, request: Request) -> Response:
        key, plaintext, blob = self._data_key(context, request, "GenerateDataKey")
        response = {"KeyId": key.metadata["Arn"], "CiphertextBlob": blob}
        if recipient_key := self._recipient_key(request.get("Recipient")):
            return response | {"CiphertextForRecipient": pkcs7_envelope_encrypt(plaintext, recipient_key)}
        return response | {"Plaintext": plaintext}

    @handler("GenerateDataKeyWithoutPlaintext", expand=False)
    def generate_data_key_without_plaintext(self, context: RequestContext, request: Request) -> Response:
        key, _, blob = self._data_key(context, request, "GenerateDataKeyWithoutPlaintext")
        return {"KeyId": key.metadata["Arn"], "CiphertextBlob": blob}

    def _generate_data_key_pair(
        self,
        context: RequestContext,
        key_id: str,
        key_pair_spec: str,
        encryption_context: dict[str, str] | None = None,
        dry_run: bool | None = None,
    ) -> Response:
        check_enum("keyPairSpec", key_pair_spec)
        if key_pair_spec in {"SM2", "ECC_NIST_EDWARDS25519"}:
            raise UnsupportedOperationException(f"KeyPairSpec {key_pair_spec} is not supported")
        check_symmetric(self._usable_key(context, key_id).metadata, "GenerateDataKeyPair")
        pair: dict[str, Any] = super()._generate_data_key_pair(
            context, key_id, key_pair_spec, encryption_context, dry_run
        )
        return pair


def symmetric_ciphertext(blob: bytes) -> Ciphertext | None:
    """Read a ciphertext of a symmetric key; None for bytes of any other kind."""
    try:
        ciphertext: Ciphertext = deserialize_ciphertext_blob(blob)
    except (struct.error, UnicodeDecodeError):
        return None
    names_a_key = PATTERN_UUID.match(ciphertext.key_id) or MULTI_REGION_PATTERN.match(ciphertext.key_id)
    return ciphertext if names_a_key else None


def _encrypt(
    key: KmsKey,
    plaintext: bytes,
    algorithm: str,
    encryption_context: dict[str, str] | None,
    operation: str,
    request: Request,
) -> bytes:
    check_usage(key.metadata, "ENCRYPT_DECRYPT", operation)
    check_algorithm(key.metadata, algorithm)
    if algorithm == SYMMETRIC_DEFAULT:
        end_dry_run(request)
        blob: bytes = key.encrypt(plaintext, encryption_context or {})
        return blob
    _refuse_encryption_context(encryption_context, algorithm)
    end_dry_run(request)
    return asymmetric.encrypt(key.crypto_key, plaintext, algorithm)


def _refuse_encryption_context(encryption_context: dict[str, str] | None, algorithm: str) -> None:
    if encryption_context:
        raise ValidationException(f"Encryption context is not supported with algorithm {algorithm}.")
