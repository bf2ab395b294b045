"""pytest fixtures for integration tests of a serverless project.

They are there as soon as the package is installed, and do nothing to tests that don't use them:

    def test_a_note_is_indexed(invoke, outputs, eventually, stack, aws_event):
        event = aws_event.api_gateway("POST", "/notes", body={"title": "Milk", "text": "2 l"})
        assert invoke("notes", event).json["statusCode"] == 201

        table = stack.client("dynamodb")
        eventually(lambda: "words" in table.get_item(TableName=outputs["table_name"], Key=...)["Item"])

They are about what `serverless-harness test` deployed, else about the stack of `serverless-harness up`;
override `aws_client`, or `stack`, to test elsewhere. Each is safe beside others and under pytest-xdist: what
a test sets is gone after it.
"""

# Imported by every pytest of an environment: whatever is heavy is imported by the fixture that needs it.
from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from serverless_harness.functions.invocations import Invocation
    from serverless_harness.functions.reports import Report
    from serverless_harness.resilience.dead_letters import DeadLetterQueues
    from serverless_harness.resilience.faults import Faults, SetFault
    from serverless_harness.stack.clock import StackClock
    from serverless_harness.testing.aws_events import AwsEvents
    from serverless_harness.testing.denials import DenialsSince
    from serverless_harness.testing.messages import Listener
    from serverless_harness.testing.stack import Answer, StackUnderTest
    from serverless_harness.testing.traces import TraceUnderTest


_STARTED_S: pytest.StashKey[float] = pytest.StashKey()
"""When a test began, in seconds since 1970."""


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


class WaitForTrace(Protocol):
    """The type of the fixture `trace`."""

    def __call__(
        self,
        any_id: str,
        *,
        timeout_s: float = 60,
        until: Callable[[TraceUnderTest], object] = ...,
    ) -> TraceUnderTest: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option `reset_stack`."""
    parser.addini(
        "reset_stack", "Reset the stack before each function, module or session of tests.", default=""
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the mark `reset_stack`."""
    line = "reset_stack(scope='function'): reset the stack before each test, or before the module's first"
    config.addinivalue_line("markers", line)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run tests that reset the stack one after another; pytest-xdist's own hook reads the marks."""
    if _may_reset(config, items):
        from serverless_harness.testing import resets

        resets.keep_apart(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note when a test begins; reset the stack before its fixtures, where that is wanted."""
    item.stash[_STARTED_S] = time.time()
    if _may_reset(item.config, [item]):
        from serverless_harness.testing import resets

        resets.reset_for(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what functions logged during a test that failed, where it used the fixture `stack`."""
    report = yield
    if report.failed and call.when != "teardown" and "stack" in _fixtures_of(item):
        from serverless_harness.testing import failure_logs

        stack = getattr(item, "funcargs", {}).get("stack")
        failure_logs.add(report, stack, item.stash.get(_STARTED_S, call.start))
    return report


def _may_reset(config: pytest.Config, items: list[pytest.Item]) -> bool:
    return bool(config.getini("reset_stack")) or any(
        item.get_closest_marker("reset_stack") or {"reset", "stack"}.issubset(_fixtures_of(item))
        for item in items
    )


def _fixtures_of(item: pytest.Item) -> list[str]:
    return getattr(item, "fixturenames", [])


@pytest.fixture(scope="session")
def stack() -> StackUnderTest:
    """Where the project is deployed, a local stack or AWS.

    It has `client(service)`, `outputs`, `region`, `account_id`, `is_local`, `endpoint_url`,
    `function_name(part)` and `invoke(function, event)`. Without a stack, tests that use it fail in one line.
    """
    from serverless_harness.errors import UserError
    from serverless_harness.testing.stack import StackUnderTest
    from serverless_harness.testing.under_test import deployment_under_test

    try:
        return StackUnderTest(deployment_under_test())
    except UserError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def outputs(stack: StackUnderTest) -> Mapping[str, Any]:
    """Terraform's outputs of what is deployed, by name."""
    return stack.outputs


@pytest.fixture(scope="session")
def aws_client(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """Call it with a service's name (`logs`, `lambda`) for a boto3 client of the place under test.

    By default that is the place of `stack`; override it to test elsewhere.
    """
    client: Callable[[str], Any] = request.getfixturevalue("stack").client
    return client


@pytest.fixture(scope="session")
def invoke(stack: StackUnderTest) -> Callable[[str, object], Answer]:
    """Call it with a function, by any part of its name that no other has, and an event.

    It waits for the result, which has `json`, `error_type`, `log_tail`, `report` and `is_cold`.
    """
    return stack.invoke


@pytest.fixture
def make_cold(stack: StackUnderTest, aws_client: Callable[[str], Any]) -> Iterator[Callable[[str], None]]:
    """Call it with a function to have its next invoke be a cold start.

    Its execution environments are retired by a change of its timeout by a second, until the end of the test.
    """
    from serverless_harness.timing import coldness

    client, timeouts_s = aws_client("lambda"), dict[str, int]()

    def make_cold(function: str) -> None:
        name = stack.function_name(function)
        timeouts_s.setdefault(name, client.get_function_configuration(FunctionName=name)["Timeout"])
        coldness.make_cold(client, name)

    yield make_cold
    for name, timeout_s in timeouts_s.items():
        if client.get_function_configuration(FunctionName=name)["Timeout"] != timeout_s:
            coldness.configure(client, name, coldness.LOCAL_DELAY_S, Timeout=timeout_s)


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """Call it with a function to call that until it gives something true, and for what it gave.

    An AssertionError in it counts as nothing found. `timeout_s` is 30 seconds, `what` names it in the error,
    which says what was seen last (`WaitTimeoutError`).
    """
    from serverless_harness.testing.eventually import eventually

    return eventually


@pytest.fixture(scope="session")
def faults(stack: StackUnderTest) -> Faults:
    """The faults of the stack under test: set, list and clear them; skips the test on AWS, which has none."""
    from serverless_harness.errors import UserError
    from serverless_harness.resilience.faults import Faults

    try:
        return Faults.of(stack.deployment.target)
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture
def fault(faults: Faults) -> Iterator[Callable[..., SetFault]]:
    """Call it with an effect and its fields to set a fault; it ends with the test, at the latest.

    `fault("throttle", service="dynamodb", operation="PutItem", first_calls=3)`; `docs/resilience.md` has
    them all. `now().injected` of what it gives counts the calls that were struck.
    """
    with ExitStack() as cleanup:

        def fault(effect: str, **fields: object) -> SetFault:
            return cleanup.enter_context(faults.during(effect, **fields))

        yield fault


@pytest.fixture(scope="session")
def clock(stack: StackUnderTest) -> StackClock:
    """The emulator's clock: `now()`, and `advance("5m")`, which can't be set back.

    Retries, expiry, delays, schedules and alarms follow it (docs/state.md); functions have their own clocks.
    Skips the test on AWS.
    """
    from serverless_harness.errors import UserError
    from serverless_harness.stack.clock import StackClock

    try:
        return StackClock.of(stack.deployment.target)
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def reset(stack: StackUnderTest, pytestconfig: pytest.Config) -> Callable[[], None]:
    """Call it to bring the stack back to its fresh deployment, without faults; it takes about a second.

    The mark `reset_stack`, and the ini option of that name, do so before each test, module or session. Tests
    of the same stack don't run in parallel then.
    """
    from serverless_harness.testing.resets import reset_stack

    return lambda: reset_stack(pytestconfig)


@pytest.fixture
def iam_denials(stack: StackUnderTest) -> DenialsSince:
    """Call it, with part of a role's ARN or without, for the calls that were denied since the test began.

    Each has `principal`, `action`, `resource`, `call`, `reason` and `count`; skips the test on AWS.
    """
    from serverless_harness.targets import LocalTarget
    from serverless_harness.testing.denials import DenialsSince

    target = stack.deployment.target
    if not isinstance(target, LocalTarget):
        pytest.skip("AWS does not list the calls that it denied")
    return DenialsSince(target)


@pytest.fixture(scope="session")
def trace(stack: StackUnderTest) -> WaitForTrace:
    """Call it with an id to wait until a request and all that follows from it are finished; gives its trace.

    The id is that of a trace (the value of the header `X-Amzn-Trace-Id`) or of a request, or a text from a
    payload, such as an order's id. Skips the test on AWS. The trace has `spans`, `functions`,
    `errors`, `duration_ms`, `invokes(function)`, `of(kind, service, name)`, and `assert_services`,
    `assert_functions`, `assert_no_errors`, `assert_error` and `assert_within_ms`.
    """
    from serverless_harness.targets import LocalTarget
    from serverless_harness.testing.traces import await_trace

    target = stack.deployment.target
    if not isinstance(target, LocalTarget):
        pytest.skip("only a local stack records traces")

    def trace(
        any_id: str,
        *,
        timeout_s: float = 60,
        until: Callable[[TraceUnderTest], object] = lambda _: True,
    ) -> TraceUnderTest:
        return await_trace(target, any_id, timeout_s, until)

    return trace


@pytest.fixture
def dead_letters(stack: StackUnderTest) -> DeadLetterQueues:
    """The dead letters of what is deployed, other tests' among them: `letters()`, `redrive()`, `purge()`."""
    from serverless_harness.resilience.dead_letters import dead_letters_of

    return dead_letters_of(stack.deployment)


@pytest.fixture
def messages(stack: StackUnderTest, aws_client: Callable[[str], Any]) -> Iterator[Callable[[str], Listener]]:
    """Call it with a topic's ARN, or a queue's URL or ARN, to listen there.

    At a topic it hears what is published from now on, at a queue also what waits there already.

    What it gives has `wait_for(lambda message: …)` and `all()`; a message has `body`, `json` and
    `attributes`. No message is taken from anybody.
    """
    from serverless_harness.testing.messages import listen_to_queue, listen_to_topic

    with ExitStack() as cleanup:

        def messages(place: str) -> Listener:
            if place.startswith("arn:") and ":sns:" in place:
                return cleanup.enter_context(listen_to_topic(aws_client, place))
            if place.startswith("arn:"):
                place = aws_client("sqs").get_queue_url(QueueName=place.rpartition(":")[2])["QueueUrl"]
            return listen_to_queue(aws_client, place, stack.deployment.target)

        yield messages


@pytest.fixture(scope="session")
def aws_event(request: pytest.FixtureRequest) -> AwsEvents:
    """Makes events as AWS shapes them, to invoke a function with.

    `api_gateway`, `function_url`, `sns`, `sqs`, `s3`, `dynamodb` and `eventbridge`, of the region under test
    where there is one. They need no stack.
    """
    from serverless_harness.errors import UserError
    from serverless_harness.testing.aws_events import AwsEvents
    from serverless_harness.testing.under_test import deployment_under_test

    try:
        return AwsEvents(deployment_under_test().target.region)
    except UserError:
        return AwsEvents()


@pytest.fixture
def matches_snapshot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Call it with an answer to compare it with the recorded one, but for ids, times and places in ARNs.

    `names={"notes-a1b2": "<table>"}` replaces texts of the test's own, `transformers` are functions from text
    to text. `pytest --snapshot-update` records anew. Needs syrupy.
    """
    from serverless_harness.testing.recorded_answers import as_json, stable

    try:
        snapshot = request.getfixturevalue("snapshot")
        from syrupy.extensions.json import JSONSnapshotExtension
    except (pytest.FixtureLookupError, ImportError):
        pytest.fail("matches_snapshot needs syrupy: pip install 'serverless-harness[testing]'", pytrace=False)

    def matches_snapshot(
        value: object, names: Mapping[str, str] | None = None, transformers: tuple[Any, ...] = ()
    ) -> None:
        __tracebackhide__ = True
        assert as_json(stable(value, names, *transformers)) == snapshot.use_extension(JSONSnapshotExtension)

    return matches_snapshot


@pytest.fixture
def test_started_ms() -> int:
    """When the test began, in milliseconds since the epoch: what was logged before isn't the test's doing."""
    from serverless_harness.functions.logs import now_ms

    return now_ms()


@pytest.fixture
def invocations_since(aws_client: Callable[[str], Any]) -> InvocationsSince:
    """Call it with a function's name in AWS and a time for the invocations that started since then.

    `since_ms` is in milliseconds since the epoch. It waits until there are `count`, for `timeout_s` seconds
    at most (`WaitTimeoutError` after that), and gives all that it finds, oldest first, each with `stream`,
    `started_ms`, `ended_ms`, `lines` and its `report` (`duration_ms`, `billed_duration_ms`,
    `init_duration_ms`, `wall_ms`, `waited_for_cpu_ms`, `memory_size_mb`, …). `log_group` is the one of the
    function's LoggingConfig, if it isn't `/aws/lambda/<name>`.
    """
    from serverless_harness.errors import UserError
    from serverless_harness.functions import invocations
    from serverless_harness.testing.under_test import deployment_under_test

    def invocations_since(
        function_name: str,
        since_ms: int,
        *,
        count: int = 1,
        timeout_s: float = 30,
        log_group: str | None = None,
    ) -> list[Invocation]:
        logs = aws_client("logs")
        found = invocations.collect_from_log_group(logs, function_name, since_ms, count, timeout_s, log_group)
        with suppress(UserError):  # another place under test than the project's own
            return invocations.add_cpu_waits(deployment_under_test().target, found, since_ms)
        return found

    return invocations_since


@pytest.fixture(scope="session")
def parse_report() -> Callable[[str], Report | None]:
    """Call it with a log line for its numbers, if it is a REPORT line (text or JSON); else it gives None."""
    from serverless_harness.functions import reports

    return reports.parse_report


@pytest.fixture(scope="session")
def assert_cold() -> Callable[[Invocation], None]:
    """Call it with an invocation to fail unless that waited for its execution environment's init."""
    from serverless_harness.functions import invocations

    return invocations.assert_cold


@pytest.fixture(scope="session")
def assert_warm() -> Callable[[Invocation], None]:
    """Call it with an invocation to fail unless that found its execution environment initialised."""
    from serverless_harness.functions import invocations

    return invocations.assert_warm
