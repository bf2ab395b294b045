"""An invoke on its way to a function: LocalStack's, in the form in which the Runtime API tells of it."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from localstack.aws.api.lambda_ import InvocationType
from localstack.services.lambda_.invocation.lambda_models import Invocation
from localstack.utils.xray.trace_header import TraceHeader

COGNITO_IDENTITY = "cognito_identity"
"""Its key in an invocation's trace context, the one mapping that goes all the way, retries included."""


@dataclass(frozen=True)
class Invoke:
    """One event and what comes with it; the deadline is the environment's to set."""

    request_id: str
    payload: bytes
    invoked_function_arn: str
    trace_id: str | None = None
    """The X-Ray header: `Root=…;Parent=…;Sampled=…`."""
    client_context: str | None = None
    """JSON; must be without line breaks, being a header."""
    cognito_identity: str | None = None
    """JSON, likewise."""


def of(invocation: Invocation) -> Invoke:
    """Return what the function gets of LocalStack's invocation."""
    trace_header: Any = invocation.trace_context.get("aws_trace_header") or _new_trace()
    trace_header.ensure_sampled_exists()
    trace_header.ensure_parent_exists()
    # Lambda passes the client context to synchronous invokes only (API reference of Invoke).
    is_event = invocation.invocation_type == InvocationType.Event
    return Invoke(
        request_id=invocation.request_id,
        payload=invocation.payload or b"",
        invoked_function_arn=invocation.invoked_arn,
        trace_id=trace_header.to_header_str(),
        client_context=None if is_event else _client_context(invocation.client_context),
        cognito_identity=invocation.trace_context.get(COGNITO_IDENTITY),
    )


def _new_trace() -> TraceHeader:
    header = TraceHeader()  # type: ignore[no-untyped-call]
    header.ensure_root_exists()  # type: ignore[no-untyped-call]
    return header


def _client_context(encoded: str | None) -> str | None:
    """Return the client context's JSON on one line, as a header must be; what isn't JSON goes as it is."""
    if not encoded:
        return None
    try:
        return json.dumps(json.loads(base64.b64decode(encoded, validate=True)), separators=(",", ":"))
    except (binascii.Error, ValueError):
        return encoded
