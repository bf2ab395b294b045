"""What kinds of keys there are, what each can be used for, and what is refused."""

import hashlib
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from kms_calls import call, create_key, error
from localstack.services.kms.models import KmsCryptoKey

from serverless_harness.emulator.kms import asymmetric
from serverless_harness.emulator.kms.algorithms import KEY_SPECS

USAGES = ("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT")
LISTED_AS = {
    "ENCRYPT_DECRYPT": "EncryptionAlgorithms",
    "SIGN_VERIFY": "SigningAlgorithms",
    "GENERATE_VERIFY_MAC": "MacAlgorithms",
    "KEY_AGREEMENT": "KeyAgreementAlgorithms",
}
WRONG_USAGES = [(spec, usage) for spec in KEY_SPECS for usage in USAGES if usage not in KEY_SPECS[spec]]
QUICK_SPECS = [spec for spec in KEY_SPECS if spec not in {"RSA_3072", "RSA_4096"}]


@pytest.mark.parametrize(("key_spec", "key_usage"), WRONG_USAGES)
def test_a_usage_that_the_spec_has_not(key_spec, key_usage):
    assert error("CreateKey", KeySpec=key_spec, KeyUsage=key_usage) == (
        "ValidationException",
        f"KeyUsage {key_usage} is not compatible with KeySpec {key_spec}",
    )


@pytest.mark.parametrize("key_spec", QUICK_SPECS)
def test_a_key_lists_its_algorithms(key_spec):
    for key_usage, algorithms in KEY_SPECS[key_spec].items():
        metadata = call("CreateKey", KeySpec=key_spec, KeyUsage=key_usage)["KeyMetadata"]
        listed = call("DescribeKey", KeyId=metadata["KeyId"])["KeyMetadata"]
        assert sorted(listed[LISTED_AS[key_usage]]) == sorted(algorithms)
        assert not set(LISTED_AS.values()) - {LISTED_AS[key_usage]} & set(listed)


def test_specs_and_usages_that_are_none():
    assert error("CreateKey", KeySpec="RSA_2048")[1].startswith("You must specify a KeyUsage value for all")
    assert (
        "Value 'RSA_1024' at 'keySpec'" in error("CreateKey", KeySpec="RSA_1024", KeyUsage="SIGN_VERIFY")[1]
    )
    assert "Value 'READ' at 'keyUsage'" in error("CreateKey", KeySpec="RSA_2048", KeyUsage="READ")[1]
    for key_spec in ("ML_DSA_44", "ECC_NIST_EDWARDS25519", "SM2"):
        asked = {"KeySpec": key_spec, "KeyUsage": "SIGN_VERIFY"}
        assert error("CreateKey", **asked)[0] == "UnsupportedOperationException"


def test_public_keys(rsa_key, ecc_key, symmetric_key, mac_key):
    answer = call("GetPublicKey", KeyId=rsa_key)
    assert load_der_public_key(answer["PublicKey"]).key_size == 2048
    assert answer["KeySpec"] == answer["CustomerMasterKeySpec"] == "RSA_2048"
    assert call("GetPublicKey", KeyId=ecc_key)["SigningAlgorithms"] == ["ECDSA_SHA_256"]
    for key_id in (symmetric_key, mac_key):
        assert error("GetPublicKey", KeyId=key_id)[0] == "UnsupportedOperationException"


def test_signs_with_the_algorithms_of_the_key_alone(signing_key, ecc_key, rsa_key):
    digest = hashlib.sha256(b"sales").digest()
    for key_id, algorithm in ((signing_key, "RSASSA_PSS_SHA_256"), (ecc_key, "ECDSA_SHA_256")):
        asked = {"KeyId": key_id, "SigningAlgorithm": algorithm}
        signature = call("Sign", Message=b"sales", **asked)["Signature"]
        signed = {"Signature": signature, **asked}
        assert call("Verify", Message=b"sales", **signed)["SignatureValid"]
        assert call("Verify", Message=digest, MessageType="DIGEST", **signed)["SignatureValid"]
        assert error("Verify", Message=b"sold", **signed) == ("KMSInvalidSignatureException", "")
        assert error("Verify", Message=b"sales", **(signed | {"Signature": b"?"}))[0] == (
            "KMSInvalidSignatureException"
        )
        assert error("Sign", Message=b"short", MessageType="DIGEST", **asked) == (
            "ValidationException",
            f"Digest is invalid length for algorithm {algorithm}.",
        )
        assert error("Sign", Message=b"x", MessageType="BOTH", **asked)[0] == "ValidationException"
        assert error("Sign", Message=b"x" * 4097, **asked)[0] == "ValidationException"
    for operation, more in (("Sign", {}), ("Verify", {"Signature": b"?"})):
        asked = {"operation": operation, "Message": b"x", **more}
        for key_id, algorithm, key_spec in (
            (signing_key, "ECDSA_SHA_256", "RSA_2048"),
            (ecc_key, "RSASSA_PSS_SHA_256", "ECC_NIST_P256"),
            (ecc_key, "ECDSA_SHA_384", "ECC_NIST_P256"),
        ):
            assert error(KeyId=key_id, SigningAlgorithm=algorithm, **asked) == (
                "InvalidKeyUsageException",
                f"Algorithm {algorithm} is incompatible with key spec {key_spec}.",
            )
        assert error(KeyId=ecc_key, SigningAlgorithm="MD5", **asked)[0] == "ValidationException"
        wrong_usage = error(KeyId=rsa_key, SigningAlgorithm="RSASSA_PSS_SHA_256", **asked)
        assert wrong_usage[1].endswith(f"key usage is ENCRYPT_DECRYPT which is not valid for {operation}.")


def test_message_authentication_codes(mac_key, symmetric_key):
    asked = {"KeyId": mac_key, "Message": b"sales", "MacAlgorithm": "HMAC_SHA_256"}
    mac = call("GenerateMac", **asked)["Mac"]
    assert len(mac) == 32
    assert call("VerifyMac", Mac=mac, **asked)["MacValid"]
    assert error("VerifyMac", Mac=b"?" * 32, **asked) == ("KMSInvalidMacException", "")
    assert error("GenerateMac", **(asked | {"MacAlgorithm": "HMAC_SHA_512"})) == (
        "InvalidKeyUsageException",
        "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.",
    )
    assert error("GenerateMac", **(asked | {"MacAlgorithm": "MD5"}))[0] == "ValidationException"
    assert error("GenerateMac", **(asked | {"KeyId": symmetric_key}))[0] == "InvalidKeyUsageException"


@pytest.mark.parametrize(("asked", "length"), [({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 64}, 64)])
def test_data_keys(symmetric_key, asked, length):
    key = call("GenerateDataKey", KeyId=symmetric_key, **asked)
    assert len(key["Plaintext"]) == length
    assert call("Decrypt", CiphertextBlob=key["CiphertextBlob"])["Plaintext"] == key["Plaintext"]
    assert "Plaintext" not in call("GenerateDataKeyWithoutPlaintext", KeyId=symmetric_key, **asked)


def test_data_keys_that_are_refused(symmetric_key, rsa_key):
    either = ("ValidationException", "Please specify either number of bytes or key spec.")
    assert error("GenerateDataKey", KeyId=symmetric_key) == either
    assert error("GenerateDataKey", KeyId=symmetric_key, KeySpec="AES_256", NumberOfBytes=8) == either
    for asked in ({"KeySpec": "AES_64"}, {"NumberOfBytes": 0}, {"NumberOfBytes": 1025}):
        assert error("GenerateDataKey", KeyId=symmetric_key, **asked)[0] == "ValidationException"
    for operation, asked in (
        ("GenerateDataKey", {"KeySpec": "AES_256"}),
        ("GenerateDataKeyPair", {"KeyPairSpec": "ECC_NIST_P256"}),
    ):
        assert error(operation, KeyId=rsa_key, **asked)[0] == "InvalidKeyUsageException"
    assert error("GenerateDataKeyPair", KeyId=symmetric_key, KeyPairSpec="DSA")[0] == "ValidationException"


def test_data_key_pairs(symmetric_key):
    pair = call("GenerateDataKeyPair", KeyId=symmetric_key, KeyPairSpec="ECC_NIST_P384")
    private = load_der_private_key(pair["PrivateKeyPlaintext"], password=None)
    assert private.public_key() == load_der_public_key(pair["PublicKey"])
    decrypted = call("Decrypt", CiphertextBlob=pair["PrivateKeyCiphertextBlob"])
    assert decrypted["Plaintext"] == pair["PrivateKeyPlaintext"]


def test_rotation_is_for_symmetric_keys_of_kms_alone(rsa_key, mac_key, symmetric_key):
    for key_id in (rsa_key, mac_key):
        for operation in ("EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand"):
            assert error(operation, KeyId=key_id)[0] == "UnsupportedOperationException"
        assert call("GetKeyRotationStatus", KeyId=key_id)["KeyRotationEnabled"] is False
    for days in (89, 2561):
        assert error("EnableKeyRotation", KeyId=symmetric_key, RotationPeriodInDays=days)[0] == (
            "ValidationException"
        )
    call("EnableKeyRotation", KeyId=symmetric_key, RotationPeriodInDays=90)
    assert call("GetKeyRotationStatus", KeyId=symmetric_key)["RotationPeriodInDays"] == 90
    blob = call("Encrypt", KeyId=symmetric_key, Plaintext=b"x")["CiphertextBlob"]
    call("RotateKeyOnDemand", KeyId=symmetric_key)
    assert call("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"


def test_shared_secrets():
    key_id = create_key("ECC_NIST_P256", "KEY_AGREEMENT")
    own = ec.generate_private_key(ec.SECP256R1())

    def derive(private_key):
        public = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {"KeyId": key_id, "KeyAgreementAlgorithm": "ECDH", "PublicKey": public}

    theirs = load_der_public_key(call("GetPublicKey", KeyId=key_id)["PublicKey"])
    assert call("DeriveSharedSecret", **derive(own))["SharedSecret"] == own.exchange(ec.ECDH(), theirs)
    other_curve = derive(ec.generate_private_key(ec.SECP384R1()))
    assert error("DeriveSharedSecret", **other_curve)[0] == "ValidationException"


def test_imported_material_and_grants(symmetric_key):
    external = create_key(Origin="EXTERNAL")
    parameters = call(
        "GetParametersForImport",
        KeyId=external,
        WrappingAlgorithm="RSAES_OAEP_SHA_256",
        WrappingKeySpec="RSA_2048",
    )
    asked = {"KeyId": external, "ImportToken": parameters["ImportToken"], "EncryptedKeyMaterial": b"?" * 256}
    assert error("ImportKeyMaterial", **asked)[0] == "InvalidCiphertextException"
    assert error("DeleteImportedKeyMaterial", KeyId=symmetric_key)[0] == "UnsupportedOperationException"
    assert error("RetireGrant", GrantToken="?")[0] == "InvalidGrantTokenException"
    assert error("RetireGrant", KeyId=symmetric_key, GrantId="?" * 64)[0] == "InvalidGrantIdException"


@pytest.mark.parametrize("key_spec", ["RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1"])
def test_reads_the_same_key_as_localstack(key_spec):
    key = KmsCryptoKey(key_spec)
    checked = load_der_private_key(key.private_key, password=None)
    assert asymmetric.private_key(key).private_numbers() == checked.private_numbers()


def test_reading_a_key_takes_a_fraction_of_checking_it():
    key = KmsCryptoKey("RSA_4096")

    def fastest_s(read):
        durations_s = []
        for _ in range(3):
            begin = time.perf_counter()
            read()
            durations_s.append(time.perf_counter() - begin)
        return min(durations_s)

    reading_s = fastest_s(lambda: asymmetric.private_key(key))
    checking_s = fastest_s(lambda: load_der_private_key(key.private_key, password=None))
    assert reading_s * 10 < checking_s
