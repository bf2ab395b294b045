"""One key of each kind for all tests: an RSA key takes a while to make."""

import pytest
from kms_calls import create_key


@pytest.fixture(scope="module")
def rsa_key() -> str:
    return create_key("RSA_2048")


@pytest.fixture(scope="module")
def signing_key() -> str:
    return create_key("RSA_2048", "SIGN_VERIFY")


@pytest.fixture(scope="module")
def ecc_key() -> str:
    return create_key("ECC_NIST_P256", "SIGN_VERIFY")


@pytest.fixture(scope="module")
def mac_key() -> str:
    return create_key("HMAC_256", "GENERATE_VERIFY_MAC")


@pytest.fixture(scope="module")
def symmetric_key() -> str:
    return create_key()
