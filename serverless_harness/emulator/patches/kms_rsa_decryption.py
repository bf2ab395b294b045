"""KMS decrypts with RSA keys in milliseconds, and a ciphertext that can't be decrypted is the caller's error.

LocalStack reads the private key from its serialised form for every operation, which checks the key anew:
250 ms for RSA_4096, all of it with the interpreter's lock held, where the decryption takes 2 ms. The
stored form was written by LocalStack itself from a key that it had generated, or checked when it was
imported, so it is read without the check; and once, because a key's first decryption takes 0.8 ms more.

It also lets the `ValueError` of the `cryptography` package through, which its gateway answers with status
500, so that callers take it for an outage and retry. AWS answers `InvalidCiphertextException` (KMS API
Reference, Decrypt: "the specified ciphertext … has been corrupted or is otherwise invalid").

And it logs an error for each such decryption, because an RSA ciphertext hasn't the form of its own.
"""

import functools

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key
from localstack.aws.api.kms import InvalidCiphertextException
from localstack.services.kms import provider
from localstack.services.kms.models import Ciphertext, KmsCryptoKey, KmsKey, deserialize_ciphertext_blob

from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [
    KmsCryptoKey,
    KmsKey.decrypt_rsa,
    provider.KmsProvider.decrypt,
    deserialize_ciphertext_blob,
]

OAEP_SHA_256 = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def apply() -> None:
    """Replace how a stored key is read (for signing too), and how RSA decrypts."""
    KmsCryptoKey.key = property(private_key)  # type: ignore[assignment]
    KmsKey.decrypt_rsa = decrypt_rsa  # type: ignore[method-assign]
    replace(provider, "deserialize_ciphertext_blob", ciphertext_or_none)


def ciphertext_or_none(ciphertext_blob: bytes) -> Ciphertext | None:
    """Read a ciphertext of a symmetric key; None for any other, which KMS's provider copes with."""
    try:
        ciphertext: Ciphertext = deserialize_ciphertext_blob(ciphertext_blob)
    except Exception:  # noqa: BLE001 (bytes of any kind: whatever they make the parser raise)
        return None
    return ciphertext


def private_key(self: KmsCryptoKey) -> PrivateKeyTypes:
    """Return the RSA or elliptic curve key."""
    return _read(self.private_key or b"")


@functools.lru_cache(maxsize=64)
def _read(der: bytes) -> PrivateKeyTypes:
    return load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)


def decrypt_rsa(self: KmsKey, encrypted: bytes) -> bytes:
    """Decrypt with RSAES_OAEP_SHA_256; raises InvalidCiphertextException."""
    try:
        plaintext: bytes = private_key(self.crypto_key).decrypt(encrypted, OAEP_SHA_256)  # type: ignore[union-attr]
    except ValueError:
        raise InvalidCiphertextException() from None
    return plaintext
