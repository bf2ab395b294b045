"""Writes the log's line for each request without copying what only LocalStack's level DEBUG shows.

LocalStack copies it for calls to itself, too, whose lines nobody sees at other levels.
"""

import logging

from localstack.aws.handlers.logging import ResponseLogger

from serverless_harness.emulator.gateway import request_log
from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [ResponseLogger]


def apply() -> None:
    """Write the line here, where it is no more than a line, of what LocalStack's formats show."""
    for detail in ("logAsyncioTasks", "logMultiprocessing", "logProcesses"):
        setattr(logging, detail, False)
    wrap(ResponseLogger._log, request_log.log)
