"""Tells LocalStack's own calls from forged ones, by a token that is drawn at start.

The token never leaves the process but in the headers of internal calls, on loopback. A header without it is
dropped before anything reads it, and one with it is read and then dropped too, so that no integration passes
it on.
"""

import hmac
import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, cast

from localstack.aws import connect
from localstack.aws.api import RequestContext

from serverless_harness.emulator.tracing import spans

LOG = logging.getLogger(__name__)

_TOKEN = secrets.token_urlsafe(32)
_TOKEN_FIELD = "token"
_acting: ContextVar[dict[str, str]] = ContextVar("acting")


@contextmanager
def acting(**parameters: str) -> Iterator[None]:
    """Have the internal calls of this block say so, where they don't themselves.

    `service_principal` is who calls (`cloudwatch`), `source_arn` the resource that it calls for. A call that
    is answered in memory begins with neither.
    """
    reset = _acting.set(parameters)
    try:
        yield
    finally:
        _acting.reset(reset)


def told(parameters: connect.InternalRequestParameters) -> dict[str, Any]:
    """Return an internal call's parameters, with what the block that makes it says, and its cause."""
    return {**_acting.get({}), **parameters, **spans.link_parameters()}


def sign(parameters: connect.InternalRequestParameters) -> str:
    """Return the header's value for an internal call, with its cause and the token."""
    return json.dumps({**told(parameters), _TOKEN_FIELD: _TOKEN}, separators=(",", ":"))


class SourcedRole(str):
    """The ARN of a role that a service was given for a resource, `source_arn`."""

    source_arn: str

    @classmethod
    def of(cls, role_arn: str, source_arn: str) -> "SourcedRole":
        """Return the role's ARN, with its source."""
        role = cls(role_arn)
        role.source_arn = source_arn
        return role


def verified(header: str) -> dict[str, Any] | None:
    """Return an internal call's parameters, without the token; None for a header that isn't genuine."""
    try:
        parameters = json.loads(header)
        token = str(parameters.pop(_TOKEN_FIELD)).encode()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return parameters if hmac.compare_digest(token, _TOKEN.encode()) else None


def read_header(context: RequestContext) -> None:
    """Take the header off a request; set the context's internal parameters if it is genuine."""
    header = context.request.headers.get(connect.INTERNAL_REQUEST_PARAMS_HEADER)
    if header is None:
        return
    del context.request.headers[connect.INTERNAL_REQUEST_PARAMS_HEADER]
    parameters = verified(header)
    if parameters is None:
        LOG.warning("A request was falsely marked as LocalStack's own: the mark was removed")
        return
    context.internal_request_params = cast(connect.InternalRequestParameters, MappingProxyType(parameters))
