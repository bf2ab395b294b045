"""KMS reads a stored RSA or elliptic curve key in a fraction of a millisecond.

LocalStack reads it from its serialised form for every signature, which checks an RSA key anew: 250 ms with
the interpreter's lock held. What is read instead is told in `emulator/kms/asymmetric.py`.
"""

from localstack.services.kms.models import KmsCryptoKey

from serverless_harness.emulator.kms.asymmetric import private_key

PATCHED: list[object] = [KmsCryptoKey]


def apply() -> None:
    """Replace how a stored key is read."""
    KmsCryptoKey.key = property(private_key)  # type: ignore[assignment]
