"""Calls of the KMS provider as its service would make them, without a gateway."""

from types import SimpleNamespace
from typing import Any

from localstack.aws.api import ServiceException
from localstack.aws.skeleton import create_dispatch_table

from serverless_harness.emulator.kms.provider import StandardAlgorithmsKmsProvider

ACCOUNT_ID, REGION = "000000000000", "eu-central-1"

_dispatch = create_dispatch_table(StandardAlgorithmsKmsProvider())


def call(operation: str, region: str = REGION, **request: Any) -> dict[str, Any]:
    context = SimpleNamespace(
        account_id=ACCOUNT_ID, region=region, operation=SimpleNamespace(name=operation), request=None
    )
    return _dispatch[operation](context, request) or {}


def error(operation: str, **request: Any) -> tuple[str, str]:
    """Give the code and the message of the error that a call ends with; its status is a client's fault."""
    try:
        answer = call(operation, **request)
    except ServiceException as raised:
        assert raised.status_code == 400
        return raised.code, raised.message or ""
    raise AssertionError(f"{operation} succeeded: {answer}")


def create_key(key_spec: str = "SYMMETRIC_DEFAULT", key_usage: str = "ENCRYPT_DECRYPT", **more: Any) -> str:
    created = call("CreateKey", KeySpec=key_spec, KeyUsage=key_usage, **more)
    return created["KeyMetadata"]["KeyId"]
