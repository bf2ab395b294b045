"""Encrypt, Decrypt and ReEncrypt: the algorithm decides, and RSA ciphertexts are every other tool's."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key
from kms_calls import call, create_key, error

ALGORITHMS = {"RSAES_OAEP_SHA_1": hashes.SHA1, "RSAES_OAEP_SHA_256": hashes.SHA256}
INVALID_CIPHERTEXT = ("InvalidCiphertextException", "")


def encrypted_elsewhere(key_id, plaintext, algorithm):
    public_key = load_der_public_key(call("GetPublicKey", KeyId=key_id)["PublicKey"])
    hash_of = ALGORITHMS[algorithm]
    return public_key.encrypt(
        plaintext, padding.OAEP(mgf=padding.MGF1(hash_of()), algorithm=hash_of(), label=None)
    )


def decrypt(key_id, blob, algorithm):
    return call("Decrypt", KeyId=key_id, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_rsa_round_trip_has_the_size_of_the_modulus(rsa_key, algorithm):
    encrypted = call("Encrypt", KeyId=rsa_key, Plaintext=b"sales", EncryptionAlgorithm=algorithm)
    assert len(encrypted["CiphertextBlob"]) == 256
    assert encrypted["EncryptionAlgorithm"] == algorithm
    assert encrypted["KeyId"].endswith(f":key/{rsa_key}")
    decrypted = decrypt(rsa_key, encrypted["CiphertextBlob"], algorithm)
    assert (decrypted["Plaintext"], decrypted["EncryptionAlgorithm"]) == (b"sales", algorithm)


@pytest.mark.parametrize("made_with", ALGORITHMS)
@pytest.mark.parametrize("asked_for", ALGORITHMS)
def test_decrypts_with_the_algorithm_asked_for_and_no_other(rsa_key, made_with, asked_for):
    blob = encrypted_elsewhere(rsa_key, b"sales", made_with)
    if made_with == asked_for:
        assert decrypt(rsa_key, blob, asked_for)["Plaintext"] == b"sales"
    else:
        asked = {"KeyId": rsa_key, "CiphertextBlob": blob, "EncryptionAlgorithm": asked_for}
        assert error("Decrypt", **asked) == INVALID_CIPHERTEXT


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_openssl_encrypts_what_kms_decrypts(rsa_key, tmp_path: Path):
    public = tmp_path / "public.der"
    public.write_bytes(call("GetPublicKey", KeyId=rsa_key)["PublicKey"])
    command = ["openssl", "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", str(public)]
    command += ["-pkeyopt", "rsa_padding_mode:oaep"]
    done = subprocess.run(command, input=b"sales", capture_output=True, check=True)
    # OAEP with SHA-1 is openssl's default.
    assert decrypt(rsa_key, done.stdout, "RSAES_OAEP_SHA_1")["Plaintext"] == b"sales"


@pytest.mark.parametrize(
    "blob", [b"x" * 512, b"x" * 256, b"short", b"\x00" * 256, b"\xff" * 256, bytes(range(69))]
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_bytes_that_no_key_made_are_the_callers_error(rsa_key, blob, algorithm):
    asked = {"KeyId": rsa_key, "CiphertextBlob": blob, "EncryptionAlgorithm": algorithm}
    assert error("Decrypt", **asked) == INVALID_CIPHERTEXT


def test_a_symmetric_ciphertext_is_but_bytes_to_an_rsa_key(rsa_key, symmetric_key):
    blob = call("Encrypt", KeyId=symmetric_key, Plaintext=b"sales")["CiphertextBlob"]
    asked = {"KeyId": rsa_key, "CiphertextBlob": blob, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    assert error("Decrypt", **asked) == INVALID_CIPHERTEXT
    # Without the algorithm it is taken for what it is, of another key.
    assert error("Decrypt", KeyId=rsa_key, CiphertextBlob=blob)[0] == "IncorrectKeyException"


@pytest.mark.parametrize("blob", [b"x" * 512, b"short", b"\xff" * 100])
def test_bytes_that_no_symmetric_key_made(symmetric_key, blob):
    assert error("Decrypt", KeyId=symmetric_key, CiphertextBlob=blob) == INVALID_CIPHERTEXT
    assert error("Decrypt", CiphertextBlob=blob) == INVALID_CIPHERTEXT


def test_symmetric_ciphertexts_name_their_key(symmetric_key):
    pairs = {"shop": "AMIS1"}
    encrypted = call("Encrypt", KeyId=symmetric_key, Plaintext=b"sales", EncryptionContext=pairs)
    assert encrypted["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    blob = encrypted["CiphertextBlob"]
    assert call("Decrypt", CiphertextBlob=blob, EncryptionContext=pairs)["Plaintext"] == b"sales"
    assert error("Decrypt", CiphertextBlob=blob) == INVALID_CIPHERTEXT
    assert error("Decrypt", CiphertextBlob=blob[:-1] + b"?", EncryptionContext=pairs) == INVALID_CIPHERTEXT
    code, message = error("Decrypt", KeyId=create_key(), CiphertextBlob=blob, EncryptionContext=pairs)
    assert code == "IncorrectKeyException"
    assert message == "The key ID in the request does not identify a CMK that can perform this operation."
    assert error("Decrypt", region="us-east-1", CiphertextBlob=blob)[0] == "AccessDeniedException"


def test_an_algorithm_that_the_key_has_not(rsa_key, symmetric_key):
    def message(algorithm, key_spec):
        return "InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with key spec {key_spec}."

    assert error("Encrypt", KeyId=rsa_key, Plaintext=b"x") == message("SYMMETRIC_DEFAULT", "RSA_2048")
    asked = {"KeyId": symmetric_key, "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}
    expected = message("RSAES_OAEP_SHA_1", "SYMMETRIC_DEFAULT")
    assert error("Encrypt", Plaintext=b"x", **asked) == expected
    assert error("Decrypt", CiphertextBlob=b"x" * 256, **asked) == expected
    assert error("Decrypt", KeyId=rsa_key, CiphertextBlob=b"x" * 256) == message(
        "SYMMETRIC_DEFAULT", "RSA_2048"
    )
    asked["EncryptionAlgorithm"] = "RSAES_PKCS1_V1_5"
    for operation, more in (("Encrypt", {"Plaintext": b"x"}), ("Decrypt", {"CiphertextBlob": b"x"})):
        code, text = error(operation, **asked, **more)
        assert code == "ValidationException"
        assert "Value 'RSAES_PKCS1_V1_5' at 'encryptionAlgorithm' failed to satisfy constraint" in text


@pytest.mark.parametrize(("algorithm", "maximum"), [("RSAES_OAEP_SHA_1", 214), ("RSAES_OAEP_SHA_256", 190)])
def test_room_for_plaintext(rsa_key, algorithm, maximum):
    asked = {"KeyId": rsa_key, "EncryptionAlgorithm": algorithm}
    blob = call("Encrypt", Plaintext=b"x" * maximum, **asked)["CiphertextBlob"]
    assert call("Decrypt", CiphertextBlob=blob, **asked)["Plaintext"] == b"x" * maximum
    assert error("Encrypt", Plaintext=b"x" * (maximum + 1), **asked) == (
        "ValidationException",
        f"Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than {maximum} bytes.",
    )


def test_lengths(symmetric_key):
    too_long = "failed to satisfy constraint: Member must have length less than or equal to"
    assert f"'plaintext' {too_long} 4096" in error("Encrypt", KeyId=symmetric_key, Plaintext=b"x" * 4097)[1]
    assert f"'ciphertextBlob' {too_long} 6144" in error("Decrypt", CiphertextBlob=b"x" * 6145)[1]
    assert error("Encrypt", KeyId=symmetric_key, Plaintext=b"")[0] == "ValidationException"
    assert error("Decrypt", CiphertextBlob=b"")[0] == "ValidationException"


def test_keys_of_other_usages_encrypt_nothing(signing_key, mac_key, symmetric_key):
    for key_id, usage in ((signing_key, "SIGN_VERIFY"), (mac_key, "GENERATE_VERIFY_MAC")):
        code, message = error("Encrypt", KeyId=key_id, Plaintext=b"x")
        assert code == "InvalidKeyUsageException"
        assert message.endswith(f" key usage is {usage} which is not valid for Encrypt.")
    blob = call("Encrypt", KeyId=symmetric_key, Plaintext=b"x")["CiphertextBlob"]
    assert error("Decrypt", KeyId=mac_key, CiphertextBlob=blob)[0] == "IncorrectKeyException"


def test_an_encryption_context_is_for_symmetric_keys_alone(rsa_key):
    asked = {"KeyId": rsa_key, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256", "EncryptionContext": {"a": "b"}}
    assert error("Encrypt", Plaintext=b"x", **asked)[0] == "ValidationException"


def test_reencrypts_between_algorithms(rsa_key, symmetric_key):
    blob = encrypted_elsewhere(rsa_key, b"sales", "RSAES_OAEP_SHA_1")
    answer = call(
        "ReEncrypt",
        CiphertextBlob=blob,
        SourceKeyId=rsa_key,
        SourceEncryptionAlgorithm="RSAES_OAEP_SHA_1",
        DestinationKeyId=symmetric_key,
    )
    assert answer["SourceEncryptionAlgorithm"] == "RSAES_OAEP_SHA_1"
    assert answer["DestinationEncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    # A symmetric ciphertext needs no source key.
    back = call(
        "ReEncrypt",
        CiphertextBlob=answer["CiphertextBlob"],
        DestinationKeyId=rsa_key,
        DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256",
    )
    assert decrypt(rsa_key, back["CiphertextBlob"], "RSAES_OAEP_SHA_256")["Plaintext"] == b"sales"


def test_a_dry_run_does_nothing(rsa_key, symmetric_key):
    for asked in (
        {"operation": "Encrypt", "KeyId": symmetric_key, "Plaintext": b"x"},
        {"operation": "GenerateDataKey", "KeyId": symmetric_key, "KeySpec": "AES_256"},
    ):
        assert error(**asked, DryRun=True)[0] == "DryRunOperationException"
    assert error("Encrypt", KeyId=rsa_key, Plaintext=b"x", DryRun=True)[0] == "InvalidKeyUsageException"


def test_keys_that_are_not_usable(symmetric_key):
    key_id = create_key()
    blob = call("Encrypt", KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    call("DisableKey", KeyId=key_id)
    assert error("Decrypt", CiphertextBlob=blob)[0] == "DisabledException"
    external = create_key(Origin="EXTERNAL")
    code, message = error("Encrypt", KeyId=external, Plaintext=b"x")
    assert (code, message.endswith(" is pending import.")) == ("KMSInvalidStateException", True)
    for name in ("arn:aws:sns:eu-central-1:000000000000:topic", "nothing", "alias/nothing", "arn:aws:kms"):
        assert error("Encrypt", KeyId=name, Plaintext=b"x")[0] == "NotFoundException"
