"""Keeps what runs on the stack, functions above all, from controlling it.

Whoever sends a request to one of the endpoints that AWS doesn't have (`/_emulator/…`, and LocalStack's own
`/_localstack/…` and `/_aws/…`) can forget IAM's records, inject faults, read any queue or stop the stack.
They answer only to `Authorization: Bearer <token>`, with the token that EMULATOR_CONTROL_TOKEN holds when the
stack starts; where it holds none, one is drawn that nobody knows. Open to all are the health check, the
version, API Gateway's invoke URLs, and the certificate that SNS signs with.
"""

import hmac
import json
import re
import secrets
from collections.abc import MutableMapping
from typing import Any

from localstack.aws.api import RequestContext
from rolo.gateway import HandlerChain

VARIABLE = "EMULATOR_CONTROL_TOKEN"

_CONTROL_PREFIXES = ("/_emulator", "/_localstack", "/_aws")
_OPEN_PREFIXES = ("/_aws/execute-api/", "/_aws/lambda-url/")
_OPEN_TO_READ = ("/_localstack/health", "/_localstack/info")
_SIGNING_CERTIFICATE = re.compile(r"/_aws/sns/SimpleNotificationService-[0-9a-f]+\.pem")
"""What SNS's messages are signed with, which every message names as its SigningCertURL."""
_READING = ("GET", "HEAD")


class ControlGuard:
    """A request handler that refuses requests to control endpoints without the token."""

    def __init__(self, token: str) -> None:
        """Take the token that requests must bring."""
        self._expected = f"Bearer {token}".encode()

    def __call__(self, chain: HandlerChain[Any], context: RequestContext, response: object) -> None:
        """Let a request pass, or answer it with status 403."""
        request = context.request
        if not is_controlling(request.method, request.path):
            return
        given = request.headers.get("Authorization", "").encode()
        if hmac.compare_digest(given, self._expected):
            return
        message = (
            f"{request.path} needs the header 'Authorization: Bearer <token>', the stack's control token"
        )
        chain.respond(403, json.dumps({"message": message}), {"Content-Type": "application/json"})


def is_controlling(method: str, path: str) -> bool:
    """Return whether a request is for an endpoint that only the stack's owner may use."""
    if not path.startswith("/_") and not path.startswith("//"):
        return False
    path = re.sub("/{2,}", "/", path)
    if not path.startswith(_CONTROL_PREFIXES) or path.startswith(_OPEN_PREFIXES):
        return False
    is_open = path in _OPEN_TO_READ or _SIGNING_CERTIFICATE.fullmatch(path)
    return not (is_open and method in _READING)


def take_token(environment: MutableMapping[str, str]) -> str:
    """Return the stack's token, and take it out of the environment, which child processes inherit.

    Where none was given, the token is one that nobody knows.
    """
    return environment.pop(VARIABLE, "") or secrets.token_urlsafe(32)
