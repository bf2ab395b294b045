"""The log has LocalStack's own line for each request."""

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.handlers.logging import ResponseLogger
from localstack.aws.spec import load_service
from localstack.http import Request, Response
from localstack.logging.format import AddFormattedAttributes, DefaultFormatter

from serverless_harness.emulator.gateway import request_log

NAMES = ("aws", "http", "internal.aws", "internal.http")
ORIGINAL: Any = getattr(ResponseLogger._log, "__wrapped__", ResponseLogger._log)


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """Those that LocalStack sets by default."""
    loggers = {name: logging.getLogger(f"localstack.request.{name}") for name in ("", "internal", *NAMES)}
    loggers[""] = logging.getLogger("localstack.request")
    before = {name: logger.level for name, logger in loggers.items()}
    loggers[""].setLevel(logging.INFO)
    loggers["internal"].setLevel(logging.WARNING)
    yield
    for name, level in before.items():
        loggers[name].setLevel(level)


def context_of(
    operation: str | None, error: Exception | None = None, internal: bool = False
) -> RequestContext:
    context = RequestContext(Request("POST", "/a/b", body=b"x", headers={"A": "1"}))
    if operation:
        context.service = load_service("sns")
        context.operation = context.service.operation_model(operation)
        context.service_request = {"Message": "m"}
    context.service_exception = error  # type: ignore[assignment]
    context.internal_request_params = {} if internal else None  # type: ignore[typeddict-item]
    return context


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    formatter, names = (
        DefaultFormatter(fmt="%(ls_level)s %(ls_name)s %(ls_thread)s %(message)s"),
        AddFormattedAttributes(),
    )
    for record in caplog.records:
        names.filter(record)
    written = [formatter.format(record) for record in caplog.records]
    caplog.clear()
    return written


@pytest.mark.parametrize("operation", [None, "Publish", "ListTopics"])
@pytest.mark.parametrize("error", [None, CommonServiceException("NotFound", "no")])
@pytest.mark.parametrize("internal", [False, True])
@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
def test_the_line_is_localstacks(
    caplog: pytest.LogCaptureFixture,
    operation: str | None,
    error: Exception | None,
    internal: bool,
    level: int,
) -> None:
    logging.getLogger("localstack.request").setLevel(level)
    logger, context, response = ResponseLogger(), context_of(operation, error, internal), Response(status=201)
    ORIGINAL(logger, context, response)
    expected = lines(caplog)
    request_log.log(lambda *_: pytest.fail("not this level"), logger, context, response)
    assert internal or not caplog.records  # the answer isn't sent yet
    response.close()
    assert lines(caplog) == expected
    assert len(expected) == (0 if internal or level > logging.INFO else 1)


def test_what_the_level_debug_shows_is_left_to_localstack() -> None:
    logging.getLogger("localstack.request").setLevel(logging.DEBUG)
    logger: Any = SimpleNamespace(aws_logger=logging.getLogger("localstack.request.aws"))
    asked: list[object] = []
    context, response = context_of("Publish"), Response()
    request_log.log(lambda *given: asked.append(given), logger, context, response)
    assert asked == [(logger, context, response)]
