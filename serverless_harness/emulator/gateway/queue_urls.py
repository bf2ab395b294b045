"""Requests to a queue's URL call SQS as what they are: outside requests, with the sender's credentials."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from localstack.aws.connect import connect_externally_to
from localstack.constants import INTERNAL_AWS_ACCESS_KEY_ID
from localstack.http import Request

from serverless_harness.emulator.gateway.query_signatures import sign_as_query

ANONYMOUS_KEY = "injectedaccesskey"
"""What LocalStack gives to requests without credentials (`MissingAuthHeaderInjector`)."""

_session_token: ContextVar[str | None] = ContextVar("session_token", default=None)


def call_as_sender(
    original: Callable[[Request, str], tuple[dict[str, Any], Any]], request: Request, region: str
) -> tuple[dict[str, Any], Any]:
    """Call SQS with the session token that the request brings."""
    sign_as_query(request)
    token = request.headers.get("X-Amz-Security-Token") or request.args.get("X-Amz-Security-Token")
    reset = _session_token.set(token)
    try:
        return original(request, region)
    finally:
        _session_token.reset(reset)


def connect(region_name: str, aws_access_key_id: str, aws_secret_access_key: str) -> Any:  # noqa: ANN401
    """Return a client factory; `query_api` gives the internal key where the sender has none."""
    return connect_externally_to(
        region_name=region_name,
        aws_access_key_id=ANONYMOUS_KEY
        if aws_access_key_id == INTERNAL_AWS_ACCESS_KEY_ID
        else aws_access_key_id,
        aws_secret_access_key=aws_secret_access_key,
        aws_session_token=_session_token.get(),
    )
