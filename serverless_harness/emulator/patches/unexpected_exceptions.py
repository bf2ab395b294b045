"""Keeps Python's words out of answers: what a service ends in is the caller's error, or an internal one.

LocalStack puts the text of any exception into an answer of status 500. Here parameters that violate the
service's model are told so, as AWS tells it, and anything else is the internal failure that AWS speaks of.
"""

from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext, ServiceException
from localstack.aws.handlers.fallback import InternalFailureHandler
from localstack.aws.handlers.service import ServiceExceptionSerializer
from werkzeug.exceptions import HTTPException

from serverless_harness.emulator.patches import wrap
from serverless_harness.emulator.validation import receiving

PATCHED: list[object] = [ServiceExceptionSerializer, InternalFailureHandler]


def apply() -> None:
    """Replace exceptions that are no service's own before they are written into an answer."""
    wrap(ServiceExceptionSerializer.create_exception_response, _create_exception_response)
    wrap(InternalFailureHandler.__call__, _answer_failure)


def _create_exception_response(
    fn: Callable[..., Any], self: ServiceExceptionSerializer, exception: Exception, context: RequestContext
) -> Any:  # noqa: ANN401 - a response, or None
    own = (ServiceException, NotImplementedError, self._moto_service_exception, self._moto_rest_error)
    if isinstance(exception, own):
        return fn(self, exception, context)
    return receiving.refuse(context, receiving.unexpected(context, exception))


def _answer_failure(
    fn: Callable[..., None],
    self: InternalFailureHandler,
    chain: object,
    exception: Exception,
    context: RequestContext,
    response: Any,  # noqa: ANN401
) -> None:
    """Answer for a request that isn't a service's."""
    if response.data or isinstance(exception, HTTPException):
        fn(self, chain, exception, context, response)
        return
    response.status_code = 500
    response.set_json({"message": str(receiving.unexpected(context, exception))})
