"""Reading asymmetric keys, and RSA encryption as RFC 8017 has it: what KMS encrypts, openssl decrypts.

Reading a stored key is the slow part: 250 ms for RSA_4096 when the key is checked, all of it with the
interpreter's lock held, where a decryption takes 2 ms and holds no lock. The stored form was written by
LocalStack itself from a key that it had generated, or checked when it was imported, so it is read without the
check; and once, because a key's first decryption takes 0.8 ms more.
"""

import functools
from typing import cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key
from localstack.aws.api.kms import InvalidCiphertextException
from localstack.services.kms.exceptions import ValidationException
from localstack.services.kms.models import KmsCryptoKey


def _oaep(algorithm: hashes.HashAlgorithm) -> padding.OAEP:
    return padding.OAEP(mgf=padding.MGF1(algorithm), algorithm=algorithm, label=None)


PADDINGS = {"RSAES_OAEP_SHA_1": _oaep(hashes.SHA1()), "RSAES_OAEP_SHA_256": _oaep(hashes.SHA256())}
_HASH_BYTES = {"RSAES_OAEP_SHA_1": 20, "RSAES_OAEP_SHA_256": 32}


def private_key(crypto_key: KmsCryptoKey) -> PrivateKeyTypes:
    """Return the RSA or elliptic curve key."""
    return _read(crypto_key.private_key or b"")


@functools.lru_cache(maxsize=64)
def _read(der: bytes) -> PrivateKeyTypes:
    return load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)


def encrypt(crypto_key: KmsCryptoKey, plaintext: bytes, algorithm: str) -> bytes:
    """Encrypt with the public half: as many bytes as the key's modulus has.

    Raises:
        ValidationException: There is more plaintext than OAEP leaves room for (RFC 8017, 7.1.1: modulus - 2
            hashes - 2 bytes).
    """
    key = cast(RSAPrivateKey, private_key(crypto_key))
    maximum = key.key_size // 8 - 2 * _HASH_BYTES[algorithm] - 2
    if len(plaintext) > maximum:
        raise ValidationException(
            f"Algorithm {algorithm} and key spec {crypto_key.key_spec} cannot encrypt data larger than "
            f"{maximum} bytes."
        )
    return key.public_key().encrypt(plaintext, PADDINGS[algorithm])


def decrypt(crypto_key: KmsCryptoKey, ciphertext: bytes, algorithm: str) -> bytes:
    """Decrypt; raises InvalidCiphertextException for whatever isn't the public half's work.

    An error that isn't the caller's would have callers retry for nothing (KMS API reference, Decrypt: "the
    specified ciphertext … has been corrupted or is otherwise invalid").
    """
    try:
        return cast(RSAPrivateKey, private_key(crypto_key)).decrypt(ciphertext, PADDINGS[algorithm])
    except ValueError:
        raise InvalidCiphertextException() from None
