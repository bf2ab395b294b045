"""pytest fixtures for tests of Lambda functions, cold and warm: what their logs say of each invocation.

In a project's topmost conftest.py:

    pytest_plugins = ["serverless_harness.pytest_plugin"]

and in a test:

    def test_the_second_call_is_warm(invocations_since, assert_cold, assert_warm, test_started_ms):
        call_my_function_twice()
        first, second = invocations_since("my-function", test_started_ms, count=2)
        assert_cold(first)
        assert_warm(second)
        assert second.stream == first.stream
        assert second.report.duration_ms < first.report.duration_ms + first.report.init_duration_ms

Where the functions are is `aws_client`'s to say: tests may override that fixture.
"""

from collections.abc import Callable
from typing import Any, Protocol

import pytest

from serverless_harness.functions import invocations, reports
from serverless_harness.functions.invocations import Invocation
from serverless_harness.functions.logs import now_ms
from serverless_harness.functions.reports import Report


class InvocationsSince(Protocol):
    """The type of the fixture `invocations_since`."""

    def __call__(
        self,
        function_name: str,
        since_ms: int,
        *,
        count: int = 1,
        timeout_s: float = 30,
        log_group: str | None = None,
    ) -> list[Invocation]: ...


@pytest.fixture(scope="session")
def aws_client() -> Callable[[str], Any]:
    """Call it with a service's name (`logs`, `lambda`) for a boto3 client of the place under test.

    By default that is where `test` deployed the project, else the stack of `up`; override
    it to test elsewhere.
    """
    from serverless_harness.testing.under_test import deployment_under_test

    return deployment_under_test().client


@pytest.fixture
def test_started_ms() -> int:
    """When the test began, in milliseconds since the epoch: what was logged before isn't the test's doing."""
    return now_ms()


@pytest.fixture
def invocations_since(aws_client: Callable[[str], Any]) -> InvocationsSince:
    """Call it with a function's name in AWS and a time for the invocations that started since then.

    `since_ms` is in milliseconds since the epoch. It waits until there are `count`, for `timeout_s` seconds
    at most (`WaitTimeoutError` after that), and gives all that it finds, oldest first, each with `stream`,
    `started_ms`, `ended_ms`, `lines` and its `report` (`duration_ms`, `billed_duration_ms`,
    `init_duration_ms`, `memory_size_mb`, `max_memory_used_mb`, …). `log_group` is the one of the function's
    LoggingConfig, if it isn't `/aws/lambda/<name>`.
    """

    def invocations_since(
        function_name: str,
        since_ms: int,
        *,
        count: int = 1,
        timeout_s: float = 30,
        log_group: str | None = None,
    ) -> list[Invocation]:
        logs = aws_client("logs")
        return invocations.collect_from_log_group(logs, function_name, since_ms, count, timeout_s, log_group)

    return invocations_since


@pytest.fixture(scope="session")
def parse_report() -> Callable[[str], Report | None]:
    """Call it with a log line for its numbers, if it is a REPORT line (text or JSON); else it gives None."""
    return reports.parse_report


@pytest.fixture(scope="session")
def assert_cold() -> Callable[[Invocation], None]:
    """Call it with an invocation to fail unless that waited for its execution environment's init."""
    return invocations.assert_cold


@pytest.fixture(scope="session")
def assert_warm() -> Callable[[Invocation], None]:
    """Call it with an invocation to fail unless that found its execution environment initialised."""
    return invocations.assert_warm
