"""A request read and held against its service's model, before anything of the service sees it."""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationModel, OperationNotFoundError
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.protocol.parser import OperationNotFoundParserError, RequestParserError
from localstack.aws.protocol.serializer import create_serializer
from localstack.http import Response

from serverless_harness.emulator.validation import causes, constraints, errors, model

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
    return None if context.is_internal_call else _error_of_parameters(context)


def _error_of_parameters(context: RequestContext) -> CommonServiceException | None:
    operation, parameters = context.operation, context.service_request
    if operation is None or operation.input_shape is None:
        return None
    if context.protocol in ("query", "ec2") and parameters is not None:
        _add_empty_lists(parameters, operation.input_shape, context.request.values)
    if model.fits(parameters, operation.input_shape):
        return _violation(context, operation, parameters)
    detail = "" if parameters is None else model.wrong_type(parameters, operation.input_shape)
    if detail is not None:
        return errors.unreadable(context, detail)
    paths = list(model.missing_members(parameters, operation.input_shape))
    return errors.missing(context, paths) if paths else None


def _violation(
    context: RequestContext,
    operation: OperationModel,
    parameters: Any,  # noqa: ANN401
) -> CommonServiceException | None:
    if name := constraints.missing_alternative(parameters, operation):
        return errors.missing(context, [name])
    if constraints.has_tag_without_key(parameters):
        return errors.missing(context, ["Tags.Key"])
    found = constraints.violations(parameters, operation)
    return errors.invalid(context, found) if found else None


def _add_empty_lists(parameters: Any, shape: Any, form: Mapping[str, str]) -> None:  # noqa: ANN401
    """Add the lists that a form gives as empty: `Name=`, which LocalStack takes for nothing."""
    for name in shape.required_members:
        if parameters.get(name) is None and shape.members[name].type_name == "list" and form.get(name) == "":
            parameters[name] = []


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
        LOG.debug("%s ended in what is taken for the caller's error", _name(context), exc_info=exception)
        return error
    LOG.error("%s ended in %s", _name(context), type(exception).__name__, exc_info=exception)
    return errors.internal(context)


def _name(context: RequestContext) -> str:
    operation = context.operation.name if context.operation else "an unknown operation"
    return f"{operation} of {context.service.service_name if context.service else 'no service'}"
