"""Keeps SQS's query endpoint from lending LocalStack's own rights to its callers.

Requests to a queue's URL are served by `localstack.services.sqs.query_api`, which makes each of them anew
with an internal client: it would pass enforcement, whoever sent it. Here it is made anew as what it is, an
outside request with the sender's key and session token.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from localstack.aws.connect import connect_externally_to
from localstack.constants import INTERNAL_AWS_ACCESS_KEY_ID
from localstack.http import Request
from localstack.services.sqs import query_api

from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [query_api.try_call_sqs]

ANONYMOUS_KEY = "injectedaccesskey"
"""What LocalStack gives to requests without credentials (`MissingAuthHeaderInjector`)."""

_session_token: ContextVar[str | None] = ContextVar("session_token", default=None)


def apply() -> None:
    """Make the query endpoint's calls outside requests."""
    wrap(query_api.try_call_sqs, _call_with_token)
    replace(query_api, "connect_to", _connect)


def _call_with_token(
    fn: Callable[[Request, str], tuple[dict[str, Any], Any]], request: Request, region: str
) -> tuple[dict[str, Any], Any]:
    token = request.headers.get("X-Amz-Security-Token") or request.args.get("X-Amz-Security-Token")
    reset = _session_token.set(token)
    try:
        return fn(request, region)
    finally:
        _session_token.reset(reset)


def _connect(region_name: str, aws_access_key_id: str, aws_secret_access_key: str) -> Any:  # noqa: ANN401
    """Return a client factory; `query_api` gives the internal key where the sender has none."""
    return connect_externally_to(
        region_name=region_name,
        aws_access_key_id=ANONYMOUS_KEY
        if aws_access_key_id == INTERNAL_AWS_ACCESS_KEY_ID
        else aws_access_key_id,
        aws_secret_access_key=aws_secret_access_key,
        aws_session_token=_session_token.get(),
    )
