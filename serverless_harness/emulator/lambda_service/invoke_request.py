"""What an Invoke request may hold: payload and client context are JSON, and not too large."""

import base64
import binascii
import json

from localstack.aws.api.lambda_ import InvalidRequestContentException, InvocationType
from localstack.services.lambda_.invocation.lambda_models import RequestEntityTooLargeException

MAX_PAYLOAD_BYTES = {InvocationType.RequestResponse: 6_291_456, InvocationType.Event: 1_048_576}
"""The quotas for synchronous and asynchronous invokes (Lambda developer guide, "Lambda quotas")."""


def check(payload: bytes | None, client_context: str | None, invocation_type: str) -> None:
    """Raise the error that AWS answers; an empty payload is an empty event."""
    limit_bytes = MAX_PAYLOAD_BYTES.get(InvocationType(invocation_type))
    if payload and limit_bytes and len(payload) > limit_bytes:
        raise RequestEntityTooLargeException(
            f"{len(payload)} byte payload is too large for the {invocation_type} invocation type "
            f"(limit {limit_bytes} bytes)"
        )
    if payload:
        _check_json(payload)
    if client_context:
        _check_client_context(client_context)


def _check_json(payload: bytes) -> None:
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestContentException(
            f"Could not parse request body into json: Could not parse payload into json: {error}", Type="User"
        ) from error


def _check_client_context(client_context: str) -> None:
    try:
        decoded = json.loads(base64.b64decode(client_context, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        raise InvalidRequestContentException(
            "Client context must be a valid Base64-encoded JSON object.", Type="User"
        )
