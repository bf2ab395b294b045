"""KMS keys that are read without checking them again still do what keys do."""

import time

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key
from localstack.aws.api.kms import InvalidCiphertextException
from localstack.services.kms.models import KmsCryptoKey, KmsKey

from serverless_harness.emulator.patches import kms_rsa_decryption


@pytest.fixture(scope="module")
def rsa_key() -> KmsKey:
    request = {"KeySpec": "RSA_4096", "KeyUsage": "ENCRYPT_DECRYPT"}
    return KmsKey(request, account_id="000000000000", region="us-east-1")


def encrypt(key: KmsKey, plaintext: bytes, scheme: padding.AsymmetricPadding) -> bytes:
    return load_der_public_key(key.crypto_key.public_key).encrypt(plaintext, scheme)


def test_decrypts_what_the_public_half_encrypted(rsa_key: KmsKey) -> None:
    ciphertext = encrypt(rsa_key, b"sales", kms_rsa_decryption.OAEP_SHA_256)
    assert kms_rsa_decryption.decrypt_rsa(rsa_key, ciphertext) == b"sales"


@pytest.mark.parametrize("ciphertext", [b"", b"short", b"\x00" * 512, b"\xff" * 512, b"x" * 513])
def test_undecryptable_ciphertext_is_the_callers_error(rsa_key: KmsKey, ciphertext: bytes) -> None:
    with pytest.raises(InvalidCiphertextException):
        kms_rsa_decryption.decrypt_rsa(rsa_key, ciphertext)


def test_other_padding_is_the_callers_error(rsa_key: KmsKey) -> None:
    with pytest.raises(InvalidCiphertextException):
        kms_rsa_decryption.decrypt_rsa(rsa_key, encrypt(rsa_key, b"sales", padding.PKCS1v15()))


@pytest.mark.parametrize("key_spec", ["RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1"])
def test_reads_the_same_key_as_localstack(key_spec: str) -> None:
    key = KmsCryptoKey(key_spec)
    checked = load_der_private_key(key.private_key, password=None)
    assert kms_rsa_decryption.private_key(key).private_numbers() == checked.private_numbers()


def test_reading_a_key_takes_a_fraction_of_checking_it(rsa_key: KmsKey) -> None:
    def fastest_s(read: object) -> float:
        durations_s = []
        for _ in range(3):
            begin = time.perf_counter()
            read()  # type: ignore[operator]
            durations_s.append(time.perf_counter() - begin)
        return min(durations_s)

    reading_s = fastest_s(lambda: kms_rsa_decryption.private_key(rsa_key.crypto_key))
    checking_s = fastest_s(lambda: load_der_private_key(rsa_key.crypto_key.private_key, password=None))
    assert reading_s * 10 < checking_s
