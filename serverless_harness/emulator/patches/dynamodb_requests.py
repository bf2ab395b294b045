"""Has DynamoDB requests read by the DynamoDB room where its provider is the chosen one.

LocalStack's parser raises Python's own errors for a body that doesn't fit the service model, which come out
as status 500, and tells less than AWS of what is wrong. Here a request to DynamoDB is read as AWS reads it,
and refused as AWS refuses it; for the `default` provider all stays as it is.
"""

from collections.abc import Callable

from localstack import config
from localstack.aws.api import RequestContext, ServiceException
from localstack.aws.handlers.service import ServiceRequestParser
from localstack.http import Response
from rolo.gateway import HandlerChain

from serverless_harness.emulator.patches import wrap
from serverless_harness.emulator.settings import expiry_interval_s

PATCHED: list[object] = [ServiceRequestParser]


def apply() -> None:
    """Read DynamoDB's requests here."""
    if config.SERVICE_PROVIDER_CONFIG.get_provider("dynamodb") == "moto":
        expiry_interval_s()  # refuses a setting that is wrong before the stack is up
        wrap(ServiceRequestParser.__call__, _parse)


def _parse(
    fn: Callable[[ServiceRequestParser, HandlerChain[RequestContext], RequestContext, Response], None],
    self: ServiceRequestParser,
    chain: HandlerChain[RequestContext],
    context: RequestContext,
    response: Response,
) -> None:
    from serverless_harness.emulator.dynamodb import http

    if context.service is None or context.service.service_name != "dynamodb":
        fn(self, chain, context, response)
        return
    try:
        context.operation, request = http.receive(context.request, context.service)
        context.service_request = request  # type: ignore[assignment]
    except ServiceException as error:
        response.update_from(http.refuse(context, error))
        chain.stop()
