"""LocalStack's line in the log for each request, at the level at which nothing but the line is shown.

LocalStack copies the request and the answer for each line, for the formatters of its level DEBUG alone, also
where no line is written; and logging looks up the line of code, which no format shows. The line of a request
from outside is written once its answer is sent, so that nobody waits for it.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.handlers.logging import ResponseLogger
from localstack.http import Response


def log(
    original: Callable[[ResponseLogger, RequestContext, Response], None],
    logger: ResponseLogger,
    context: RequestContext,
    response: Response,
) -> None:
    """Log an answer as `ResponseLogger._log` does."""
    is_call = context.operation is not None
    if context.is_internal_call:
        target = logger.internal_aws_logger if is_call else logger.internal_http_logger
    else:
        target = logger.aws_logger if is_call else logger.http_logger
    if target.isEnabledFor(logging.DEBUG):
        original(logger, context, response)
    elif target.isEnabledFor(logging.INFO):
        message, values = _line(context, response)
        record = target.makeRecord(target.name, logging.INFO, __file__, 0, message, values, None)
        if context.is_internal_call or response.direct_passthrough:  # which nothing may close
            target.handle(record)
        else:
            response.call_on_close(partial(target.handle, record))


def _line(context: RequestContext, response: Response) -> tuple[str, tuple[Any, ...]]:
    if context.operation is None or context.service is None:
        return "%s %s => %d", (context.request.method, context.request.path, response.status_code)
    called = (context.service.service_name, context.operation.name, response.status_code)
    if error := context.service_exception:
        return "AWS %s.%s => %d (%s)", (*called, error.code)
    return "AWS %s.%s => %s", called
