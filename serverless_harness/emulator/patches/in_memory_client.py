"""Lets `IN_MEMORY_CLIENT=1` answer as HTTP does.

LocalStack calls itself about ten times an order. With `IN_MEMORY_CLIENT=1` its internal clients skip the
socket, which makes such a call a third cheaper, but `localstack.aws.client.GatewayShortCircuit` makes a
request of its own kind: with botocore's service model instead of LocalStack's (errors lose the members
that `spec-patches.json` adds), with a path that is still percent-encoded, and with a body in answers to
HEAD. Here the request goes through the same WSGI application as one from the network. Event streams,
which have no end, still go over HTTP.
"""

from typing import Any

from botocore.awsrequest import AWSResponse
from localstack.aws.client import GatewayShortCircuit

PATCHED = [GatewayShortCircuit]


def apply() -> None:
    """Replace the in-memory transport."""
    GatewayShortCircuit.__call__ = _answer  # type: ignore[method-assign]


def _answer(
    self: GatewayShortCircuit,
    event_name: str,
    request: Any,  # noqa: ANN401
    **_: Any,  # noqa: ANN401
) -> AWSResponse | None:
    """Handle botocore's `before-send` event: the answer, or None to let botocore send the request.

    `request` is an `AWSPreparedRequest`, to which LocalStack has added its `operation_model`.
    """
    from serverless_harness.emulator.gateway.in_memory import answer

    own_url = self._internal_url
    is_own_call = own_url is not None and request.url.startswith(f"{own_url}/")
    if not is_own_call or request.operation_model.has_event_stream_output:
        return None
    return answer(self.gateway, request)
