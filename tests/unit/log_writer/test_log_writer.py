import math
import threading
import time
from dataclasses import replace

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from serverless_harness.emulator.lambda_executor import log_writer
from serverless_harness.emulator.lambda_executor.log_lines import LogLine
from serverless_harness.emulator.lambda_executor.log_writer import LogWriter, RoleClients, RoleSession
from serverless_harness.testing.eventually import eventually

GROUP = "/aws/lambda/accept"
STREAM = "2026/03/01/[$LATEST]0123456789abcdef0123456789abcdef"
SESSION = RoleSession("arn:aws:iam::000000000000:role/accept", "eu-central-1", "accept")
TIMEOUT_S = 10


class FakeLogs:
    """CloudWatch Logs as the writer uses it: groups, streams, and errors that a test asks for."""

    exceptions = boto3.client(
        "logs", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    ).exceptions

    def __init__(self, groups=(GROUP,)):
        self.groups = {group: {} for group in groups}
        self.errors = []
        self.calls = []
        self.put_gate = threading.Event()
        self.put_gate.set()

    def _called(self, operation):
        self.calls.append(operation)
        for error in self.errors:
            if error[0] == operation:
                self.errors.remove(error)
                raise error[1]

    def create_log_group(self, logGroupName):
        self._called("CreateLogGroup")
        if logGroupName in self.groups:
            raise client_error("ResourceAlreadyExistsException")
        self.groups[logGroupName] = {}

    def create_log_stream(self, logGroupName, logStreamName):
        self._called("CreateLogStream")
        if logGroupName not in self.groups:
            raise client_error("ResourceNotFoundException")
        if logStreamName in self.groups[logGroupName]:
            raise client_error("ResourceAlreadyExistsException")
        self.groups[logGroupName][logStreamName] = []

    def put_log_events(self, logGroupName, logStreamName, logEvents):
        assert self.put_gate.wait(TIMEOUT_S)
        self._called("PutLogEvents")
        if logStreamName not in self.groups.get(logGroupName, {}):
            raise client_error("ResourceNotFoundException")
        self.groups[logGroupName][logStreamName] += [
            (event["timestamp"], event["message"]) for event in logEvents
        ]


def client_error(code, status=400):
    response = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return FakeLogs.exceptions.from_code(code)(response, "Operation")


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    monkeypatch.setattr(log_writer, "RETRY_DELAYS_S", (0.001, 0.001, 0.001))


@pytest.fixture
def logs():
    return FakeLogs()


@pytest.fixture
def writer(logs):
    return LogWriter(lambda _session, _renew: logs, flush_interval_s=0.02)


@pytest.fixture
def sink(writer):
    return writer.open_stream(SESSION, GROUP, STREAM)


def test_lines_arrive_with_their_own_timestamps_and_without_a_flush(sink, logs):
    sink.write([LogLine(1, "START"), LogLine(7, "END")])
    eventually(lambda: logs.groups[GROUP].get(STREAM), "the lines")
    assert logs.groups[GROUP][STREAM] == [(1, "START\n"), (7, "END\n")]
    assert "CreateLogGroup" not in logs.calls


def test_lines_of_several_writes_go_in_one_call(logs):
    writer = LogWriter(lambda _session, _renew: logs, flush_interval_s=60)
    sink = writer.open_stream(SESSION, GROUP, STREAM)
    for number in range(50):
        sink.write([LogLine(number, str(number))])
    assert logs.calls == []
    assert writer.flush(TIMEOUT_S)
    assert logs.calls == ["CreateLogStream", "PutLogEvents"]
    assert [timestamp for timestamp, _ in logs.groups[GROUP][STREAM]] == list(range(50))
    assert writer.delivered_events == 50


def test_slow_calls_are_fewer_and_larger(writer, sink, logs, monkeypatch):
    put, durations_s = logs.put_log_events, []

    def slow_put(**batch):
        begin = time.monotonic()
        time.sleep(0.01)
        put(**batch)
        durations_s.append(time.monotonic() - begin)

    monkeypatch.setattr(logs, "put_log_events", slow_put)
    begin = time.monotonic()
    while len(durations_s) < 4:
        assert time.monotonic() < begin + TIMEOUT_S
        sink.write([LogLine(1, "x")])
        time.sleep(0.001)

    assert sum(durations_s[:3]) < (time.monotonic() - begin) / 5


def test_a_closed_sink_delivers_without_waiting_for_the_interval(logs):
    writer = LogWriter(lambda _session, _renew: logs, flush_interval_s=60)
    sink = writer.open_stream(SESSION, GROUP, STREAM)
    sink.write([LogLine(1, "last words")])
    sink.close()
    eventually(lambda: writer.delivered_events, "the last line")


def test_the_group_is_created_only_where_it_is_missing(writer):
    logs = FakeLogs(groups=())
    writer = LogWriter(lambda _session, _renew: logs)
    writer.open_stream(SESSION, GROUP, STREAM).write([LogLine(1, "x")])
    assert writer.flush(TIMEOUT_S)
    assert logs.calls == ["CreateLogStream", "CreateLogGroup", "CreateLogStream", "PutLogEvents"]


def test_a_group_deleted_in_between_is_created_again(sink, writer, logs):
    sink.write([LogLine(1, "before")])
    assert writer.flush(TIMEOUT_S)
    del logs.groups[GROUP]
    sink.write([LogLine(2, "after")])
    assert writer.flush(TIMEOUT_S)
    assert logs.groups[GROUP][STREAM] == [(2, "after\n")]


@pytest.mark.parametrize("operation", ["CreateLogStream", "PutLogEvents"])
def test_a_denied_role_drops_the_lines_and_counts_them(sink, writer, logs, operation, caplog):
    logs.errors = [(operation, client_error("AccessDeniedException"))]
    sink.write([LogLine(1, "a"), LogLine(2, "b")])
    assert writer.flush(TIMEOUT_S)
    assert writer.dropped_events == 2
    assert logs.calls.count(operation) == 1
    assert "Dropped 2 log events" in caplog.text
    sink.write([LogLine(3, "allowed by now")])
    assert writer.flush(TIMEOUT_S)
    assert logs.groups[GROUP][STREAM] == [(3, "allowed by now\n")]


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),
        client_error("SomethingNew", status=503),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        ConnectionResetError(),
    ],
    ids=repr,
)
def test_a_transient_error_is_retried(sink, writer, logs, error):
    logs.errors = [("PutLogEvents", error), ("PutLogEvents", error)]
    sink.write([LogLine(1, "x")])
    assert writer.flush(TIMEOUT_S)
    assert logs.groups[GROUP][STREAM] == [(1, "x\n")]
    assert (writer.delivered_events, writer.dropped_events) == (1, 0)


def test_retries_end_and_later_lines_still_arrive(sink, writer, logs):
    logs.errors = [("PutLogEvents", client_error("ThrottlingException"))] * 4
    sink.write([LogLine(1, "x")])
    assert writer.flush(TIMEOUT_S)
    assert writer.dropped_events == 1
    sink.write([LogLine(2, "y")])
    assert writer.flush(TIMEOUT_S)
    assert logs.groups[GROUP][STREAM] == [(2, "y\n")]


def test_refused_credentials_are_renewed(logs):
    renewals = []

    def client_of(_session, renew):
        renewals.append(renew)
        return logs

    writer = LogWriter(client_of)
    logs.errors = [("CreateLogStream", client_error("ExpiredTokenException"))]
    writer.open_stream(SESSION, GROUP, STREAM).write([LogLine(1, "x")])
    assert writer.flush(TIMEOUT_S)
    assert renewals == [False, True]
    assert logs.groups[GROUP][STREAM] == [(1, "x\n")]


def test_a_role_that_cannot_be_assumed_leaves_other_functions_their_logs(logs):
    refused = RoleSession("arn:aws:iam::000000000000:role/gone", "eu-central-1", "gone")

    def client_of(session, _renew):
        if session is refused:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")
        return logs

    writer = LogWriter(client_of)
    writer.open_stream(refused, GROUP, "a").write([LogLine(1, "lost")])
    writer.open_stream(SESSION, GROUP, "b").write([LogLine(1, "kept")])
    assert writer.flush(TIMEOUT_S)
    assert logs.groups[GROUP] == {"b": [(1, "kept\n")]}
    assert writer.dropped_events == 1


def test_a_backlog_beyond_the_buffer_is_dropped_and_counted(writer, logs, sink, monkeypatch):
    monkeypatch.setattr(log_writer, "MAX_BUFFERED_BYTES", 100)
    logs.put_gate.clear()
    sink.write([LogLine(1, "x" * 60)])
    sink.write([LogLine(2, "y" * 60)])
    logs.put_gate.set()
    assert writer.flush(TIMEOUT_S)
    assert [timestamp for timestamp, _ in logs.groups[GROUP][STREAM]] == [1]
    assert writer.dropped_events == 1
    sink.write([LogLine(3, "z" * 60)])
    assert writer.flush(TIMEOUT_S)
    assert [timestamp for timestamp, _ in logs.groups[GROUP][STREAM]] == [1, 3]


def test_flush_gives_up_at_its_deadline(writer, logs, sink):
    logs.put_gate.clear()
    sink.write([LogLine(1, "x")])
    assert not writer.flush(timeout_s=0.05)
    logs.put_gate.set()
    assert writer.flush(TIMEOUT_S)


def test_writers_in_many_threads_lose_nothing_and_keep_each_streams_order(writer, logs):
    def write(name):
        sink = writer.open_stream(SESSION, GROUP, name)
        for number in range(200):
            sink.write([LogLine(number, f"{number}")])
        sink.close()

    threads = [threading.Thread(target=write, args=(f"stream-{index}",)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush(TIMEOUT_S)
    assert len(logs.groups[GROUP]) == 8
    for events in logs.groups[GROUP].values():
        assert [message for _, message in events] == [f"{number}\n" for number in range(200)]


def test_clients_go_with_their_credentials(monkeypatch):
    monkeypatch.setattr(RoleClients, "_create", staticmethod(lambda session: session.session_name))
    clients = RoleClients()
    other = replace(SESSION, session_name="other")
    assert [clients.client_of(session, renew=False) for session in (SESSION, other)] == ["accept", "other"]
    assert clients._clients.keys() == {SESSION, other}
    monkeypatch.setattr(log_writer.time, "monotonic", lambda: math.inf)
    clients.client_of(SESSION, renew=False)
    assert clients._clients.keys() == {SESSION}


def test_what_is_forgotten_never_arrives_and_streams_opened_later_are_written_to(logs):
    writer = LogWriter(lambda _session, _renew: logs, flush_interval_s=60)
    old = writer.open_stream(SESSION, GROUP, STREAM)
    old.write([LogLine(1, "of a state that is gone")])
    writer.forget()
    old.write([LogLine(2, "too late")])
    new = writer.open_stream(SESSION, GROUP, "new")
    new.write([LogLine(3, "of the new state")])
    assert writer.flush(TIMEOUT_S)
    assert logs.groups[GROUP] == {"new": [(3, "of the new state\n")]}


def test_a_call_that_fails_after_its_lines_were_forgotten_is_not_made_again(writer, sink, logs):
    logs.put_gate.clear()
    logs.errors = [("PutLogEvents", client_error("ServiceUnavailable", 503))]
    sink.write([LogLine(1, "x")])
    eventually(lambda: "CreateLogStream" in logs.calls, "the first call")
    writer.forget()
    logs.put_gate.set()
    eventually(lambda: "PutLogEvents" in logs.calls, "the call")
    writer.open_stream(SESSION, GROUP, "new").write([LogLine(2, "y")])
    assert writer.flush(TIMEOUT_S)
    assert logs.groups[GROUP] == {STREAM: [], "new": [(2, "y\n")]}
