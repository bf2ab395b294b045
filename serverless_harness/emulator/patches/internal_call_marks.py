"""Tells LocalStack's own calls from forged ones.

LocalStack marks its internal calls with the header `x-localstack-data` and the access key
`__internal_call__`; anyone can send both. Here every such header carries a token that is drawn at start and
never leaves the process but in these headers, on loopback. A header without it is dropped before anything
reads it, and one with it is read and then dropped too, so that no integration passes it on.
"""

import hmac
import json
import logging
import secrets
import sys
from types import MappingProxyType
from typing import Any, cast

from localstack.aws import connect
from localstack.aws.api import RequestContext
from localstack.aws.handlers.internal_requests import InternalRequestParamsEnricher

from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [connect.dump_dto, InternalRequestParamsEnricher]

LOG = logging.getLogger(__name__)

_TOKEN = secrets.token_urlsafe(32)
_TOKEN_FIELD = "token"


def sign(parameters: connect.InternalRequestParameters) -> str:
    """Return the header's value for an internal call, with the token."""
    return json.dumps({**parameters, _TOKEN_FIELD: _TOKEN}, separators=(",", ":"))


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
        LOG.warning("A request claimed to be LocalStack's own and is not: its mark was dropped")
        return
    context.internal_request_params = cast(connect.InternalRequestParameters, MappingProxyType(parameters))


def apply() -> None:
    """Make LocalStack write the token into its internal calls, and read no header without it."""
    unsigned = connect.dump_dto
    for module in list(sys.modules.values()):
        if getattr(module, "dump_dto", None) is unsigned:
            replace(module, "dump_dto", sign)
    replace(InternalRequestParamsEnricher, "__call__", _enrich)


def _enrich(self: object, chain: object, context: RequestContext, response: object) -> None:
    read_header(context)
