"""What functions logged during a test that failed, as a section of its report."""

import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from serverless_harness.escaping import escaped
from serverless_harness.functions.logs import LogEvent, read_logs
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
    events: list[LogEvent] = []
    unread = []
    for function in sorted(stack.deployment.made_functions):
        try:
            events += read_logs(stack.deployment, [function], round(since_s * 1000))
        except (BotoCoreError, ClientError) as error:
            unread.append(f"The logs of {function} can't be read: {error}")
    events.sort(key=lambda event: event.timestamp_ms)
    lines = [escaped(line) for event in events for line in str(event).splitlines()]
    if len(lines) > MAX_LINES:
        lines[:-MAX_LINES] = [
            f"… {len(lines) - MAX_LINES} lines before: 'serverless-harness logs' prints all"
        ]
    if text := "\n".join([*unread, *lines]):
        report.sections.append((TITLE, text))
