"""Which key spec goes with which key usage and which algorithm, and the errors for all that doesn't.

Sources: AWS KMS developer guide, "Key spec reference"; AWS KMS API reference, "CreateKey", "Encrypt", "Sign",
"GenerateMac"; error texts as AWS answers them.
"""

from collections.abc import Collection, Mapping
from typing import Any

from localstack.aws.api.kms import InvalidKeyUsageException, UnsupportedOperationException
from localstack.services.kms.exceptions import ValidationException

SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"

_RSA_ENCRYPTION = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
_RSA_SIGNING = (
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
)
_RSA = {"ENCRYPT_DECRYPT": _RSA_ENCRYPTION, "SIGN_VERIFY": _RSA_SIGNING}

KEY_SPECS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    SYMMETRIC_DEFAULT: {"ENCRYPT_DECRYPT": (SYMMETRIC_DEFAULT,)},
    "RSA_2048": _RSA,
    "RSA_3072": _RSA,
    "RSA_4096": _RSA,
    "ECC_NIST_P256": {"SIGN_VERIFY": ("ECDSA_SHA_256",), "KEY_AGREEMENT": ("ECDH",)},
    "ECC_NIST_P384": {"SIGN_VERIFY": ("ECDSA_SHA_384",), "KEY_AGREEMENT": ("ECDH",)},
    "ECC_NIST_P521": {"SIGN_VERIFY": ("ECDSA_SHA_512",), "KEY_AGREEMENT": ("ECDH",)},
    "ECC_SECG_P256K1": {"SIGN_VERIFY": ("ECDSA_SHA_256",)},
    "HMAC_224": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_224",)},
    "HMAC_256": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_256",)},
    "HMAC_384": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_384",)},
    "HMAC_512": {"GENERATE_VERIFY_MAC": ("HMAC_SHA_512",)},
}
"""For each key spec, the key usages that it can have, and the algorithms of each."""

NOT_EMULATED_SPECS = {"SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ECC_NIST_EDWARDS25519"}

# The members in the order in which AWS's own messages name them, as far as that is known.
ENUMS: Mapping[str, tuple[str, ...]] = {
    "encryptionAlgorithm": (*_RSA_ENCRYPTION, SYMMETRIC_DEFAULT, "SM2PKE"),
    "signingAlgorithm": (
        *_RSA_SIGNING[3:], *_RSA_SIGNING[:3], "ECDSA_SHA_256", "ECDSA_SHA_384", "ECDSA_SHA_512", "SM2DSA",
        "ML_DSA_SHAKE_256", "ED25519_SHA_512", "ED25519_PH_SHA_512",
    ),
    "messageType": ("RAW", "DIGEST", "EXTERNAL_MU"),
    "macAlgorithm": ("HMAC_SHA_384", "HMAC_SHA_256", "HMAC_SHA_224", "HMAC_SHA_512"),
    "keySpec": (
        "RSA_2048", "ECC_NIST_P384", "ECC_NIST_P256", "ECC_NIST_P521", "HMAC_384", "RSA_3072",
        "ECC_SECG_P256K1", "RSA_4096", SYMMETRIC_DEFAULT, "HMAC_256", "HMAC_224", "HMAC_512",
    ),
    "keyUsage": ("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC"),
    "keyPairSpec": (
        "RSA_3072", "RSA_2048", "RSA_4096", "ECC_SECG_P256K1", "ECC_NIST_P256", "ECC_NIST_P384",
        "ECC_NIST_P521", "SM2", "ECC_NIST_EDWARDS25519",
    ),
    "dataKeySpec": ("AES_256", "AES_128"),
}  # fmt: skip
_UNNAMED_MEMBERS = {"keyUsage": {"KEY_AGREEMENT"}, "keySpec": NOT_EMULATED_SPECS}
"""Values that are valid, though the recorded messages don't name them."""


def check_enum(member: str, value: str, values_of: str | None = None) -> None:
    """Raise AWS's ValidationException where `value` isn't one of the member's values."""
    name = values_of or member
    if value not in ENUMS[name] and value not in _UNNAMED_MEMBERS.get(name, ()):
        raise ValidationException(
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(ENUMS[name])}]"
        )


def check_length(member: str, value: bytes | None, maximum: int, minimum: int = 1) -> None:
    """Raise AWS's ValidationException for bytes that are missing, too few or too many."""
    prefix = f"1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must "
    if value is None:
        raise ValidationException(
            f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
            "Member must not be null"
        )
    if len(value) > maximum:
        raise ValidationException(f"{prefix}have length less than or equal to {maximum}")
    if len(value) < minimum:
        raise ValidationException(f"{prefix}have length greater than or equal to {minimum}")


def check_creation(key_spec: str | None, key_usage: str | None) -> None:
    """Raise the error for a key that AWS wouldn't create, or that isn't emulated."""
    key_spec = key_spec or SYMMETRIC_DEFAULT
    check_enum("keySpec", key_spec)
    if key_usage is not None:
        check_enum("keyUsage", key_usage)
    if key_spec in NOT_EMULATED_SPECS:
        raise UnsupportedOperationException(f"KeySpec {key_spec} is not supported")
    if key_usage is None and key_spec != SYMMETRIC_DEFAULT:
        raise ValidationException(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
        )
    if key_usage is not None and key_usage not in KEY_SPECS[key_spec]:
        raise ValidationException(f"KeyUsage {key_usage} is not compatible with KeySpec {key_spec}")


def check_usage(metadata: Mapping[str, Any], usage: str, operation: str) -> None:
    """Raise InvalidKeyUsageException for a key of another usage."""
    if metadata["KeyUsage"] != usage:
        raise InvalidKeyUsageException(
            f"{metadata['Arn']} key usage is {metadata['KeyUsage']} which is not valid for {operation}."
        )


def check_algorithm(metadata: Mapping[str, Any], algorithm: str) -> None:
    """Raise InvalidKeyUsageException for an algorithm that the key hasn't."""
    key_spec = metadata["KeySpec"]
    if algorithm not in KEY_SPECS[key_spec].get(metadata["KeyUsage"], ()):
        raise InvalidKeyUsageException(f"Algorithm {algorithm} is incompatible with key spec {key_spec}.")


def check_symmetric(metadata: Mapping[str, Any], operation: str) -> None:
    """Raise InvalidKeyUsageException for a key that can't encrypt data keys."""
    check_usage(metadata, "ENCRYPT_DECRYPT", operation)
    if metadata["KeySpec"] != SYMMETRIC_DEFAULT:
        raise InvalidKeyUsageException(
            f"{metadata['Arn']} key spec is {metadata['KeySpec']} which is not valid for {operation}."
        )


def check_rotation(metadata: Mapping[str, Any], origins: Collection[str] = ("AWS_KMS",)) -> None:
    """Raise UnsupportedOperationException for a key whose material KMS can't rotate."""
    if metadata["KeySpec"] != SYMMETRIC_DEFAULT or metadata["Origin"] not in origins:
        raise UnsupportedOperationException()
