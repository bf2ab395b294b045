"""Has requests read as AWS reads them: one that can't be read, or lacks a member, is refused.

LocalStack's parser raises Python's own errors for a body that doesn't fit the service model, which come out
as status 500, takes numbers for texts, and hands a service None for what isn't there. DynamoDB's requests are
read by its own room, where its provider is the chosen one.
"""

from collections.abc import Callable

from localstack import config
from localstack.aws.api import RequestContext, ServiceException
from localstack.aws.handlers.service import ServiceRequestParser
from localstack.http import Response
from rolo.gateway import HandlerChain

from serverless_harness.emulator.patches import wrap
from serverless_harness.emulator.settings import expiry_interval_s
from serverless_harness.emulator.validation import receiving

PATCHED: list[object] = [ServiceRequestParser]

type Parse = Callable[[ServiceRequestParser, HandlerChain[RequestContext], RequestContext, Response], None]


def apply() -> None:
    """Read requests here."""
    if config.SERVICE_PROVIDER_CONFIG.get_provider("dynamodb") == "moto":
        expiry_interval_s()  # refuses a setting that is wrong before the stack is up
        wrap(ServiceRequestParser.__call__, _parse)
    else:
        wrap(ServiceRequestParser.__call__, _parse_by_model)


def _parse(
    fn: Parse,
    self: ServiceRequestParser,
    chain: HandlerChain[RequestContext],
    context: RequestContext,
    response: Response,
) -> None:
    from serverless_harness.emulator.dynamodb import http

    if context.service is None or context.service.service_name not in http.SERVICES:
        _parse_by_model(fn, self, chain, context, response)
        return
    try:
        context.operation, request = http.receive(context.request, context.service)
        context.service_request = request  # type: ignore[assignment]
    except ServiceException as error:
        response.update_from(http.refuse(context, error))
        chain.stop()


def _parse_by_model(
    fn: Parse,
    self: ServiceRequestParser,
    chain: HandlerChain[RequestContext],
    context: RequestContext,
    response: Response,
) -> None:
    if context.service is None or context.service_request is not None:
        return  # No service's call, or one that came as it is read (`gateway.direct_calls`).
    error = receiving.check(context, lambda: fn(self, chain, context, response))
    if error is not None:
        response.update_from(receiving.refuse(context, error))
        chain.stop()
