"""Asynchronous invokes: what is polled, tried again, given up, and recorded."""

import dataclasses
import json
import threading
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from localstack.aws.api.lambda_ import InvocationType, ServiceException, TooManyRequestsException
from localstack.services.lambda_.invocation import event_manager
from localstack.services.lambda_.invocation.event_manager import Poller, SQSInvocation
from localstack.services.lambda_.invocation.lambda_models import Invocation, InvocationResult
from localstack.utils.xray.trace_header import TraceHeader

from serverless_harness.emulator.delivery import dead_letters
from serverless_harness.emulator.lambda_service import async_event_poller, event_retries, failed_events
from serverless_harness.emulator.lambda_service.environment_limits import EnvironmentLimits
from serverless_harness.emulator.lambda_service.event_queues import EventQueues
from serverless_harness.emulator.lambda_service.throttled_events import ThrottledEvents
from serverless_harness.testing.eventually import eventually

TIMEOUT_S = 10
WORKERS = 2
QUEUE = "events"


def event(payload=b"{}", age_s=0.0):
    return SQSInvocation(
        Invocation(
            payload=payload,
            invoked_arn="arn:aws:lambda:eu-central-1:000000000000:function:accept",
            client_context=None,
            invocation_type=InvocationType.Event,
            invoke_time=datetime.now() - timedelta(seconds=age_s),
            request_id="request",
            trace_context={"aws_trace_header": TraceHeader().ensure_root_exists()},
        )
    )


@pytest.fixture
def queue(monkeypatch):
    """An event queue, in the place of those of the process."""
    queues = EventQueues()
    queues.create(QUEUE)
    for module in (async_event_poller, event_retries):
        monkeypatch.setattr(module, "EVENT_QUEUES", queues)
    return queues.get(QUEUE)


def numbers(queue):
    """The payloads of the events that aren't handled yet."""
    return [json.loads(SQSInvocation.decode(body).invocation.payload) for body in queue.bodies()]


class Invokes:
    """A version manager that notes invokes, and holds them until they may finish."""

    def __init__(self, version):
        self.function_version = version
        self.function_arn = version.qualified_arn
        self.function = SimpleNamespace(event_invoke_configs={}, reserved_concurrent_executions=None)
        self.running = []
        self.may_finish = threading.Event()

    def invoke(self, invocation):
        self.running.append(json.loads(invocation.payload))
        assert self.may_finish.wait(TIMEOUT_S)
        return InvocationResult(invocation.request_id, b"null", is_error=False, logs="")


@pytest.fixture
def start_poller(applied, queue, version, monkeypatch):
    limits = EnvironmentLimits(
        max_per_function=WORKERS, max_total=WORKERS, max_wait_s=1, max_starting=WORKERS
    )
    monkeypatch.setattr(async_event_poller, "shared_service", lambda: SimpleNamespace(limits=limits))
    version.config.package_type = "Zip"
    applied("lambda_event_retries")
    applied("lambda_async_event_poller")
    started = []

    def start():
        invokes = Invokes(version)
        poller = event_manager.Poller(invokes, QUEUE)
        started.append((poller, invokes))
        poller.run()
        return poller, invokes

    yield start
    for poller, invokes in started:
        invokes.may_finish.set()
        poller.stop()
        poller.invoker_pool.shutdown(wait=True)


def send(queue, count):
    for number in range(count):
        queue.put(event(json.dumps(number).encode()).encode())


def test_the_poller_takes_only_what_its_threads_can_run(start_poller, queue):
    _, invokes = start_poller()
    send(queue, 7)
    eventually(lambda: len(invokes.running) == WORKERS, "the first events to run")
    assert numbers(queue) == list(range(7))
    invokes.may_finish.set()
    eventually(lambda: not numbers(queue), "the events to be handled")
    assert sorted(invokes.running) == list(range(7))


def test_threads_that_ended_are_idle_again(start_poller, queue):
    _, invokes = start_poller()
    invokes.may_finish.set()
    for count in range(1, 6):
        send(queue, WORKERS + 1)
        eventually(lambda: not numbers(queue), "the events to be handled")
        assert len(invokes.running) == count * (WORKERS + 1)
    invokes.may_finish.clear()
    before = len(invokes.running)
    send(queue, WORKERS + 1)
    eventually(lambda: len(invokes.running) == before + WORKERS, "all threads to be busy")


def test_events_that_came_before_the_poller_are_run(start_poller, queue):
    send(queue, 3)
    _, invokes = start_poller()
    invokes.may_finish.set()
    eventually(lambda: len(invokes.running) == 3, "the events to run")


def test_what_handling_an_event_raises_ends_no_thread(start_poller, queue, monkeypatch, caplog):
    poller, invokes = start_poller()
    invokes.may_finish.set()
    with monkeypatch.context() as patched:
        patched.setattr(poller, "handle_message", lambda message: 1 / 0)
        send(queue, 3 * WORKERS)
        eventually(lambda: not numbers(queue), "the events to be given up")
    assert "could not be handled" in caplog.text
    send(queue, 1)
    eventually(lambda: len(invokes.running) == 1, "another event to run")


def test_an_update_loses_no_event_and_runs_none_twice(start_poller, queue):
    old, old_invokes = start_poller()
    send(queue, 9)
    eventually(lambda: len(old_invokes.running) == WORKERS, "the old version to run events")
    # LocalStack starts the new version before it stops the old one.
    _, new_invokes = start_poller()
    eventually(lambda: len(new_invokes.running) == WORKERS, "the new version to run events")
    old.stop()
    old_invokes.may_finish.set()
    new_invokes.may_finish.set()
    eventually(lambda: not numbers(queue), "the queue to be empty")
    assert len(old_invokes.running) == WORKERS
    assert sorted(old_invokes.running + new_invokes.running) == list(range(9))


def test_events_wait_between_two_versions(start_poller, queue):
    old, old_invokes = start_poller()
    old.stop()
    send(queue, 2)
    assert numbers(queue) == [0, 1]
    _, new_invokes = start_poller()
    new_invokes.may_finish.set()
    eventually(lambda: not numbers(queue), "the events to be handled")
    assert (old_invokes.running, sorted(new_invokes.running)) == ([], [0, 1])


def test_events_of_a_function_that_was_deleted_are_gone(applied, queue):
    applied("lambda_event_retries")
    client = event_manager.get_sqs_client(None)
    client.send_message(QueueUrl=QUEUE, MessageBody="x")
    client.delete_queue(QueueUrl=QUEUE)
    with pytest.raises(LookupError):
        client.send_message(QueueUrl=QUEUE, MessageBody="x")
    assert client.create_queue(QueueName=QUEUE) == {"QueueUrl": QUEUE}
    assert event_retries.EVENT_QUEUES.get(QUEUE).bodies() == []


@pytest.fixture
def delays(applied, queue, monkeypatch):
    """The delays asked for, in seconds as scaled; the calls themselves are made at once."""
    asked = []

    def call_later(delay_s, function, is_kept=False):
        asked.append(delay_s)
        function()

    monkeypatch.setattr(event_retries, "shared_delayed_calls", lambda: SimpleNamespace(call_later=call_later))
    throttled = ThrottledEvents(call_later)
    monkeypatch.setattr(event_retries, "shared_throttled_events", lambda: throttled)
    monkeypatch.setattr(event_retries.random, "random", lambda: 1.0)
    applied("lambda_event_retries")
    return asked


def poller_of(version):
    poller = Poller.__new__(Poller)
    poller.version_manager = Invokes(version)
    poller.event_queue_url = QUEUE
    return poller


@pytest.mark.parametrize(
    ("error", "status"),
    [(TooManyRequestsException("no"), "throttle_error"), (ServiceException("no"), "system_error")],
)
def test_the_back_off_doubles_from_one_second_to_five_minutes(delays, queue, version, error, status):
    poller, tried = poller_of(version), event()
    for _ in range(11):
        assert poller.process_throttles_and_system_errors(tried, error) == status
        tried = SQSInvocation.decode(queue.bodies()[-1])
    assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert tried.invocation.request_id == "request"
    assert tried.retries == 0


def test_delays_are_scaled(delays, queue, monkeypatch):
    monkeypatch.setenv("LAMBDA_ASYNC_DELAY_SCALE", "0.01")
    event_manager.get_sqs_client(None).send_message(QueueUrl=QUEUE, MessageBody="x", DelaySeconds=120)
    assert delays == [pytest.approx(1.2)]
    assert queue.bodies() == ["x"]


def test_an_event_without_delay_is_queued_at_once(delays, queue):
    event_manager.get_sqs_client(None).send_message(QueueUrl=QUEUE, MessageBody="x")
    assert delays == []
    assert queue.bodies() == ["x"]


def test_a_retry_for_a_function_that_was_deleted_is_dropped_quietly(delays, caplog):
    event_manager.get_sqs_client(None).send_message(QueueUrl="gone", MessageBody="{}", DelaySeconds=1)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


@pytest.mark.parametrize(
    ("age_s", "max_age_s", "scale", "enough"),
    [
        (0, 60, "1", True),
        (1, 60, "1", False),
        (59, 60, "0.01", True),
        (61, 60, "0.01", False),
        (6 * 60 * 60 - 61, None, "1", True),
        (6 * 60 * 60 - 59, None, "1", False),
    ],
)
def test_an_event_is_tried_again_only_within_its_maximum_age(
    delays, monkeypatch, age_s, max_age_s, scale, enough
):
    monkeypatch.setenv("LAMBDA_ASYNC_DELAY_SCALE", scale)
    now = datetime.now()
    monkeypatch.setattr(event_retries, "clock", SimpleNamespace(now=now.timestamp))
    settings = None if max_age_s is None else SimpleNamespace(maximum_event_age_in_seconds=max_age_s)
    old = event()
    old.invocation = dataclasses.replace(old.invocation, invoke_time=now - timedelta(seconds=age_s))
    assert event_manager.has_enough_time_for_retry(old, settings) is enough


FAILED = InvocationResult(
    "request", b'{"errorMessage": "no stock", "errorType": "E"}', is_error=True, logs=""
)
NEVER_RUN = InvocationResult("request", None, is_error=True, logs=None)


def test_the_record_of_a_failed_event_has_awss_shape(version):
    failed = event(b'{"shop_id": "AMIS1"}')
    failed.retries = 2
    record = failed_events.invocation_record(failed, FAILED, version.qualified_arn, "RetriesExhausted")
    timestamp = record.pop("timestamp")
    assert datetime.fromisoformat(timestamp).utcoffset() == timedelta(0)
    assert timestamp.endswith("Z")
    assert len(timestamp) == len("2026-03-01T12:00:00.000Z")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": "request",
            "functionArn": version.qualified_arn,
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"shop_id": "AMIS1"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "no stock", "errorType": "E"},
    }


def test_the_record_of_an_event_that_was_never_run_has_no_response(version):
    record = failed_events.invocation_record(event(b""), NEVER_RUN, version.qualified_arn, "EventAgeExceeded")
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["requestPayload"] == {}
    assert record.keys().isdisjoint({"responseContext", "responsePayload"})


def test_a_dead_letter_names_the_request_and_the_error():
    assert failed_events.dead_letter_attributes(FAILED) == {
        "RequestID": {"DataType": "String", "StringValue": "request"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "no stock"},
    }


@pytest.mark.parametrize(
    ("payload", "code", "message"),
    [
        (None, "429", "Rate Exceeded."),
        (b"not json", "200", "not json"),
        (b"{}", "200", "Unhandled"),
        (json.dumps({"errorMessage": "\u00e4" * 600}).encode(), "200", "\u00e4" * 512),
        (json.dumps({"errorMessage": "a" + "\u00e4" * 600}).encode(), "200", "a" + "\u00e4" * 511),
    ],
)
def test_a_dead_letters_message_is_the_errors_first_kilobyte(payload, code, message):
    attributes = failed_events.dead_letter_attributes(dataclasses.replace(FAILED, payload=payload))
    assert attributes["ErrorCode"]["StringValue"] == code
    assert attributes["ErrorMessage"]["StringValue"] == message


class Clients:
    """Stands in for the clients of an assumed role: notes who called what."""

    def __init__(self):
        self.calls = []

    def with_assumed_role(self, **role):
        self.calls.append(role)
        return self

    def __getattr__(self, name):
        if name in ("sqs", "sns"):
            return self
        return lambda **arguments: self.calls.append((name, arguments)) or self


@pytest.fixture
def clients(applied, monkeypatch):
    clients = Clients()
    monkeypatch.setattr(failed_events, "connect_to", clients)
    monkeypatch.setattr(failed_events.arns, "sqs_queue_url_for_arn", lambda arn: f"url of {arn}")
    applied("lambda_dead_letters")
    return clients


def test_a_dead_letter_is_the_event_as_it_came_sent_with_the_functions_role(clients, version):
    version.config.dead_letter_arn = "arn:aws:sqs:eu-west-1:000000000000:letters"
    poller_of(version).process_dead_letter_queue(event(b'{"x":   1.0}'), FAILED)
    role, source, (operation, message) = clients.calls
    assert role["role_arn"] == version.config.role
    assert role["region_name"] == "eu-west-1"
    assert source[1]["source_arn"] == "arn:aws:lambda:eu-central-1:000000000000:function:accept"
    assert operation == "send_message"
    assert message["QueueUrl"] == "url of arn:aws:sqs:eu-west-1:000000000000:letters"
    assert message["MessageBody"] == '{"x":   1.0}'
    assert message["MessageAttributes"]["RequestID"]["StringValue"] == "request"


def test_a_dead_letter_may_go_to_a_topic(clients, version):
    version.config.dead_letter_arn = "arn:aws:sns:eu-west-1:000000000000:letters"
    poller_of(version).process_dead_letter_queue(event(), NEVER_RUN)
    operation, message = clients.calls[-1]
    assert (operation, message["Message"]) == ("publish", "{}")


def test_a_function_without_a_dead_letter_queue_sends_none(clients, version):
    poller_of(version).process_dead_letter_queue(event(), FAILED)
    assert clients.calls == []


def test_a_failed_event_goes_to_its_destination_even_if_it_was_never_run(applied, version, monkeypatch):
    sent = []
    monkeypatch.setattr(failed_events, "send_event_to_target", lambda **target: sent.append(target))
    applied("lambda_dead_letters")
    destination = "arn:aws:sqs:eu-central-1:000000000000:failed"
    settings = SimpleNamespace(destination_config={"OnFailure": {"Destination": destination}})
    poller = poller_of(version)
    poller.process_failure_destination(event(), NEVER_RUN, settings, "EventAgeExceeded")
    (target,) = sent
    assert target["target_arn"] == destination
    assert target["role"] == version.config.role
    assert target["event"]["requestContext"]["condition"] == "EventAgeExceeded"
    for none in (None, SimpleNamespace(destination_config=None), SimpleNamespace(destination_config={})):
        poller.process_failure_destination(event(), NEVER_RUN, none, "EventAgeExceeded")
    assert len(sent) == 1


def client_error(status, code):
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "SendMessage")


class Refusals:
    """Stands in for what sends a record or letter: raises `errors` one after the other, then takes it."""

    def __init__(self, *errors):
        self.errors, self.sent, self.attempts = list(errors), [], 0

    def __call__(self, *arguments, **named):
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(arguments or named)


@pytest.fixture
def letter_delays(applied, monkeypatch):
    """The delays before letters are sent again; they pass at once."""
    asked = []

    def call_later(delay_s, function, is_kept=False):
        asked.append(delay_s)
        function()

    monkeypatch.setattr(dead_letters, "shared_delayed_calls", lambda: SimpleNamespace(call_later=call_later))
    monkeypatch.setattr(dead_letters, "_submit", lambda again: again())
    applied("lambda_dead_letters")
    return asked


def fail_to_destination(version):
    settings = SimpleNamespace(destination_config={"OnFailure": {"Destination": "arn:aws:sqs:a:0:b"}})
    poller_of(version).process_failure_destination(event(), FAILED, settings, "RetriesExhausted")


def test_a_record_is_sent_again_until_the_service_takes_it(letter_delays, version, monkeypatch):
    monkeypatch.setenv("LAMBDA_ASYNC_DELAY_SCALE", "0.5")
    target = Refusals(
        client_error(500, "InternalFailure"),
        client_error(403, "RequestThrottled"),
        client_error(400, "KMS.ThrottlingException"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    )
    monkeypatch.setattr(failed_events, "send_event_to_target", target)
    fail_to_destination(version)
    assert letter_delays == [0.5, 1, 2, 4]
    assert len(target.sent) == 1


def test_a_dead_letter_is_sent_again_until_the_service_takes_it(letter_delays, version, monkeypatch):
    target = Refusals(client_error(500, "InternalFailure"))
    monkeypatch.setattr(failed_events, "_send", target)
    version.config.dead_letter_arn = "arn:aws:sqs:a:0:b"
    poller_of(version).process_dead_letter_queue(event(b'"x"'), FAILED)
    assert letter_delays == [1]
    assert [arguments[:2] for arguments in target.sent] == [("arn:aws:sqs:a:0:b", '"x"')]


def test_a_record_is_given_up_after_the_six_hours_of_an_event(letter_delays, version, monkeypatch, caplog):
    target = Refusals(*[client_error(500, "InternalFailure")] * 1000)
    monkeypatch.setattr(failed_events, "send_event_to_target", target)
    fail_to_destination(version)
    assert target.attempts == 81
    assert letter_delays[-1] == 300
    assert 6 * 3600 <= sum(letter_delays) < 6 * 3600 + 300
    assert [record.levelname for record in caplog.records if "is lost" in record.message] == ["ERROR"]


@pytest.mark.parametrize("error", [client_error(403, "AccessDenied"), RuntimeError("AccessDenied")])
def test_a_destination_that_refuses_is_an_error_that_says_what_is_lost(
    letter_delays, version, monkeypatch, caplog, error
):
    target = Refusals(error)
    monkeypatch.setattr(failed_events, "send_event_to_target", target)
    fail_to_destination(version)
    assert (target.attempts, letter_delays) == (1, [])
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert f"record of {version.qualified_arn}'s event request to arn:aws:sqs:a:0:b" in record.message
    assert "AccessDenied" in record.message
