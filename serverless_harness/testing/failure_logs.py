"""What functions logged during a test that failed, as a section of its report."""

import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from serverless_harness.escaping import escaped
from serverless_harness.functions.logs import read_logs
from serverless_harness.testing.stack import StackUnderTest

TITLE = "functions' logs since the test began"
MAX_LINES = 60
ARRIVAL_S = 1.0
"""Lines reach the emulator's CloudWatch within a second."""


def add(report: pytest.TestReport, stack: object, since_s: float) -> None:
    """Add the latest lines of all functions of a local stack, those of other tests' invokes among them."""
    if not (isinstance(stack, StackUnderTest) and stack.is_local):
        return
    time.sleep(ARRIVAL_S)
    deployment = stack.deployment
    try:
        events = read_logs(deployment, sorted(deployment.made_functions), round(since_s * 1000))
    except (BotoCoreError, ClientError) as error:
        report.sections.append((TITLE, f"They can't be read: {error}"))
        return
    lines = [escaped(str(event)) for event in events]
    if len(lines) > MAX_LINES:
        lines[:-MAX_LINES] = [
            f"… {len(lines) - MAX_LINES} lines before: 'serverless-harness logs' prints all"
        ]
    if lines:
        report.sections.append((TITLE, "\n".join(lines)))
