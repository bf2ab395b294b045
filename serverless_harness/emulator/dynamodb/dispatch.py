"""How an operation is served: its request checked by the service model, its answer in DynamoDB's own form."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from localstack.aws.api import RequestContext, ServiceException, ServiceRequest, ServiceResponse
from localstack.http import Response

from serverless_harness.emulator.dynamodb import constraints, http

Handler = Callable[[RequestContext, ServiceRequest], ServiceResponse]
ServedHandler = Callable[[RequestContext, ServiceRequest], Response]


class _Nothing(dict[str, Any]):
    """An answer without members, true nonetheless: LocalStack would read it from its own JSON again."""

    def __bool__(self) -> bool:
        return True


def served(handler: Handler) -> ServedHandler:
    """Have a request checked against the service model, and answered in DynamoDB's own form."""

    def serve(context: RequestContext, request: ServiceRequest) -> Response:
        assert context.operation is not None  # LocalStack's router has just used it
        try:
            constraints.check(context.operation, cast("Mapping[str, Any]", request))
            result = cast("Mapping[str, Any]", handler(context, request) or {})
        except ServiceException as error:
            return http.refuse(context, error)
        context.service_response = cast(ServiceResponse, result or _Nothing())
        return http.answer(context, result)

    return serve
