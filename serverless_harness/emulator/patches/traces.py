"""Invokes and events are spans of traces, and API Gateway's trace ids are those of its requests (`tracing`).

LocalStack gives a function that API Gateway or SNS invokes a trace id of its own. AWS hands theirs on (X-Ray
developer guide, "Amazon API Gateway active tracing support", "Amazon SNS and AWS X-Ray").
"""

from collections.abc import Callable
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.handlers.parse import InvocationRequestParser
from localstack.services.lambda_.invocation.event_manager import LambdaEventManager, Poller
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from serverless_harness.emulator.patches import replace, wrap
from serverless_harness.emulator.tracing import invokes, spans

PATCHED: list[object] = [
    InvocationRequestParser.populate_trace_id,
    LambdaEventManager.enqueue_event,
    LambdaVersionManager.invoke,
    Poller.process_success_destination,
]

HEADER = "X-Amzn-Trace-Id"


def apply() -> None:
    """Wrap the places where an invoke, an event or a request of an API gets its id."""
    wrap(LambdaVersionManager.invoke, invokes.invoke)
    wrap(LambdaEventManager.enqueue_event, invokes.accept_event)
    wrap(Poller.process_success_destination, invokes.complete_event)
    populate = InvocationRequestParser.populate_trace_id
    replace(InvocationRequestParser, "populate_trace_id", staticmethod(_populating(populate)))


def _populating(populate: Callable[[Any], str]) -> Callable[[Any], str]:
    def populate_trace_id(headers: Any) -> str:  # noqa: ANN401
        made = populate(headers)
        span = spans.current()
        if span is None or "Root=" in headers.get(HEADER, ""):
            return made
        return f"Root={span.trace_id};{made.partition(';')[2]}"

    return populate_trace_id
