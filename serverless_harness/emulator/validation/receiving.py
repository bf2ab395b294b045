"""A request read and held against its service's model, before anything of the service sees it."""

import logging
import re
from collections.abc import Callable
from typing import Any

from botocore.model import OperationNotFoundError
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.protocol.parser import OperationNotFoundParserError, RequestParserError
from localstack.aws.protocol.serializer import create_serializer
from localstack.http import Response

from serverless_harness.emulator.validation import causes, errors, model

LOG = logging.getLogger(__name__)

_UNPRINTABLE = re.compile(rb"%0[0-8BCEF]|%1[0-9A-F]|%EF%BF%B[EF]", re.I)
"""What answers in XML could not repeat, as it is written in a form."""


def check(context: RequestContext, parse: Callable[[], Any]) -> CommonServiceException | None:
    """Have a request parsed; return AWS's error for one that can't be, or lacks members."""
    if context.protocol in ("query", "ec2") and _UNPRINTABLE.search(context.request.get_data(cache=True)):
        return errors.unreadable(context, "The request holds characters that XML can't.")
    try:
        parse()
    except RequestParserError as error:
        return _error_of(context, error)
    if context.operation is None or context.operation.input_shape is None:
        return None
    parameters: Any = context.service_request
    shape = context.operation.input_shape
    if parameters is None:
        parameters = {}
    if context.is_internal_call or model.fits(parameters, shape):
        return None
    detail = model.wrong_type(parameters, shape)
    if detail is not None:
        return errors.unreadable(context, detail)
    paths = list(model.missing_members(parameters, shape))
    return errors.missing(context, paths) if paths else None


def _error_of(context: RequestContext, error: RequestParserError) -> CommonServiceException:
    cause = error.__cause__
    names_none = isinstance(cause, OperationNotFoundError | KeyError) and context.operation is None
    if isinstance(error, OperationNotFoundParserError) or names_none or "Missing Action" in str(error):
        return errors.unknown_operation(context)
    LOG.debug("a request to %s can't be read", context.service, exc_info=error)
    return errors.unreadable(context)


def refuse(context: RequestContext, error: CommonServiceException) -> Response:
    """Return the response of a refused request in its protocol's shape."""
    context.service_exception = error
    service: Any = context.service
    operation = context.operation or service.operation_model(service.operation_names[0])
    context.protocol = context.protocol or service.protocol
    serializer = create_serializer(service, context.protocol)
    response: Response = serializer.serialize_error_to_response(
        error, operation, context.request.headers, context.request_id
    )
    return response


def unexpected(context: RequestContext, exception: Exception) -> CommonServiceException:
    """Return what is answered where a service ended in an exception that is no error of its own.

    What the caller sent is the caller's error; all else is a fault of the emulator's, whose words are for its
    log.
    """
    error = causes.callers_error(context, exception)
    if error is not None:
        return error
    LOG.error("%s ended in %s", _name(context), type(exception).__name__, exc_info=exception)
    return errors.internal(context)


def _name(context: RequestContext) -> str:
    operation = context.operation.name if context.operation else "an unknown operation"
    return f"{operation} of {context.service.service_name if context.service else 'no service'}"
