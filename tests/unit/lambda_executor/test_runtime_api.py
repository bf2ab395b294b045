"""The Runtime API over raw HTTP: also what awslambdaric never sends."""

import http.client
import json
import socket
import threading
import time

import pytest
from executor_support import DEADLINE_S
from runtime_api_client import INIT_ERROR, NEXT, ask, raw

from serverless_harness.emulator.lambda_executor.errors import MAX_RESPONSE_BYTES
from serverless_harness.emulator.lambda_executor.invoke import Invoke
from serverless_harness.emulator.lambda_executor.own_time import Moment
from serverless_harness.emulator.lambda_executor.runtime_api import (
    InvalidStateError,
    RuntimeApi,
    RuntimeState,
)
from serverless_harness.testing.eventually import eventually

INVOKE = Invoke(
    request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    payload=b'{"key": "value"}',
    invoked_function_arn="arn:aws:lambda:us-east-2:123456789012:function:custom-runtime",
    trace_id="Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
    client_context='{"custom":{"a":"b"}}',
    cognito_identity='{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
)
DEADLINE_MS = 1542409706888
RESPONSE = f"/2018-06-01/runtime/invocation/{INVOKE.request_id}/response"
ERROR = f"/2018-06-01/runtime/invocation/{INVOKE.request_id}/error"


@pytest.fixture
def api():
    api = RuntimeApi()
    yield api
    api.close()


@pytest.fixture
def client(api):
    connection = http.client.HTTPConnection(api.address, timeout=DEADLINE_S)
    yield connection
    connection.close()


def soon():
    return Moment.after(DEADLINE_S)


def poll(api, client):
    """Ask for the next invocation, which isn't there yet."""
    client.request("GET", NEXT)
    assert api.wait_for({RuntimeState.READY}, soon())


def run(api, client, invoke=INVOKE):
    """Ask for the next invocation, and get it."""
    poll(api, client)
    api.deliver(invoke, DEADLINE_MS, soon())
    response = client.getresponse()
    return response.status, response.read(), response.headers


def error_type(body):
    return json.loads(body)["errorType"]


class TestNext:
    def test_carries_the_event_and_its_headers(self, api, client):
        status, body, headers = run(api, client)
        assert (status, body) == (200, INVOKE.payload)
        assert headers["Content-Type"] == "application/json"
        assert headers["Lambda-Runtime-Aws-Request-Id"] == INVOKE.request_id
        assert headers["Lambda-Runtime-Deadline-Ms"] == "1542409706888"
        assert headers["Lambda-Runtime-Invoked-Function-Arn"] == INVOKE.invoked_function_arn
        assert headers["Lambda-Runtime-Trace-Id"] == INVOKE.trace_id
        assert headers["Lambda-Runtime-Client-Context"] == INVOKE.client_context
        assert headers["Lambda-Runtime-Cognito-Identity"] == INVOKE.cognito_identity

    def test_leaves_out_headers_without_a_value(self, api, client):
        _, _, headers = run(api, client, Invoke("id", b"1", "arn"))
        assert "Lambda-Runtime-Client-Context" not in headers
        assert "Lambda-Runtime-Cognito-Identity" not in headers
        assert "Lambda-Runtime-Trace-Id" not in headers

    def test_gives_the_running_invocation_again_to_a_client_that_reconnects(self, api, client):
        poll(api, client)
        client.sock.close()
        api.deliver(INVOKE, DEADLINE_MS, soon())
        again = http.client.HTTPConnection(api.address, timeout=DEADLINE_S)
        assert ask(again, "GET", NEXT)[:2] == (200, INVOKE.payload)
        assert ask(again, "POST", RESPONSE, b"1")[0] == 202

    def test_a_later_poll_supersedes_an_earlier_one(self, api, client):
        poll(api, client)
        later = http.client.HTTPConnection(api.address, timeout=DEADLINE_S)
        later.request("GET", NEXT)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            client.getresponse()
        api.deliver(INVOKE, DEADLINE_MS, soon())
        assert later.getresponse().read() == INVOKE.payload

    def test_an_event_of_six_megabytes_arrives_whole(self, api, client):
        payload = b'"' + b"x" * (6 * 1024 * 1024 - 2) + b'"'
        reader = {}
        thread = threading.Thread(target=lambda: reader.update(body=run_reading(client)))
        poll(api, client)
        thread.start()
        api.deliver(Invoke("id", payload, "arn"), 1, soon())
        thread.join(DEADLINE_S)
        assert reader["body"] == payload

    def test_delivery_to_a_client_that_does_not_read_ends_at_the_deadline(self, api, client):
        poll(api, client)
        begin = time.monotonic()
        api.deliver(Invoke("id", bytes(64 * 1024 * 1024), "arn"), 1, Moment(begin + 0.3))
        assert 0.3 <= time.monotonic() - begin < DEADLINE_S
        assert api.state is RuntimeState.RUNNING

    def test_delivery_needs_a_runtime_that_waits(self, api, client):
        with pytest.raises(InvalidStateError, match="Started"):
            api.deliver(INVOKE, DEADLINE_MS, soon())
        run(api, client)
        with pytest.raises(InvalidStateError, match="Running"):
            api.deliver(INVOKE, DEADLINE_MS, soon())


def run_reading(client):
    return client.getresponse().read()


class TestResponse:
    def test_is_accepted_once(self, api, client):
        run(api, client)
        status, body, _ = ask(client, "POST", RESPONSE, b'"result"')
        assert (status, json.loads(body)) == (202, {"status": "OK"})
        assert api.response.payload == b'"result"'
        assert not api.response.is_error
        status, body, _ = ask(client, "POST", RESPONSE, b'"other"')
        assert (status, error_type(body)) == (403, "InvalidStateTransition")
        assert json.loads(body)["errorMessage"] == (
            "State transition from ResponseSent to InvocationResponse failed for runtime. "
            "Error: State transition is not allowed"
        )
        assert api.response.payload == b'"result"'

    @pytest.mark.parametrize("kind", ["response", "error"])
    def test_with_another_request_id_is_refused(self, api, client, kind):
        run(api, client)
        status, body, _ = ask(client, "POST", f"/2018-06-01/runtime/invocation/other/{kind}", b"1")
        assert (status, json.loads(body)) == (
            400,
            {"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"},
        )
        assert ask(client, "POST", RESPONSE, b"1")[0] == 202

    def test_before_any_invocation_is_refused(self, api, client):
        status, body, _ = ask(client, "POST", RESPONSE, b"1")
        assert (status, error_type(body)) == (400, "InvalidRequestID")
        assert api.state is RuntimeState.STARTED

    def test_to_the_previous_invocation_is_refused(self, api, client):
        run(api, client)
        ask(client, "POST", RESPONSE, b"1")
        poll(api, client)
        other = http.client.HTTPConnection(api.address, timeout=DEADLINE_S)
        assert ask(other, "POST", RESPONSE, b"2")[0] == 400

    @pytest.mark.parametrize(("excess", "status"), [(0, 202), (1, 413)])
    def test_is_limited_to_six_megabytes(self, api, client, excess, status):
        run(api, client)
        answer, body, _ = ask(client, "POST", RESPONSE, bytes(MAX_RESPONSE_BYTES + excess))
        assert answer == status
        assert api.state is RuntimeState.RESPONSE_SENT
        if excess:
            assert json.loads(body) == {
                "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).",
                "errorType": "RequestEntityTooLarge",
            }
            assert json.loads(api.response.payload) == {
                "errorType": "Function.ResponseSizeTooLarge",
                "errorMessage": "Response payload size (6291557 bytes) exceeded maximum allowed payload size "
                "(6291556 bytes).",
            }
            assert api.response.is_error
        poll(api, client)

    def test_in_chunks_is_whole(self, api, client):
        run(api, client)
        client.request("POST", RESPONSE, iter([b"[1,", b"2]"]), encode_chunked=True)
        assert client.getresponse().status == 202
        assert api.response.payload == b"[1,2]"

    def test_that_breaks_off_counts_for_nothing(self, api, client):
        run(api, client)
        answer = raw(api, f"POST {RESPONSE} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123".encode())
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert api.state is RuntimeState.RUNNING
        assert api.response is None
        assert ask(client, "POST", RESPONSE, b"whole")[0] == 202

    def test_sent_byte_by_byte_is_whole(self, api, client):
        run(api, client)
        host, port = api.address.split(":")
        with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as slow:
            slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = f"POST {RESPONSE} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nslow".encode()
            for index in range(len(data)):
                slow.sendall(data[index : index + 1])
            assert slow.recv(1024).startswith(b"HTTP/1.1 202 ")
        assert api.response.payload == b"slow"

    def test_waits_for_100_continue(self, api, client):
        run(api, client)
        host, port = api.address.split(":")
        with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as polite:
            head = f"POST {RESPONSE} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
            polite.sendall(head.encode())
            assert polite.recv(1024).startswith(b"HTTP/1.1 100 ")
            polite.sendall(b"body")
            assert polite.recv(1024).startswith(b"HTTP/1.1 202 ")


class TestErrors:
    def test_invocation_error_is_passed_on_with_its_type(self, api, client):
        run(api, client)
        body = b'{"errorMessage":"m","errorType":"T","stackTrace":[]}'
        headers = {"Lambda-Runtime-Function-Error-Type": "Function.T"}
        assert ask(client, "POST", ERROR, body, headers)[0] == 202
        assert (api.response.payload, api.response.is_error) == (body, True)
        assert api.response.error_type == "Function.T"

    def test_a_cause_of_one_megabyte_in_the_headers_is_taken(self, api, client):
        run(api, client)
        headers = {"Lambda-Runtime-Function-XRay-Error-Cause": "x" * (1024 * 1024)}
        assert ask(client, "POST", ERROR, b"{}", headers)[0] == 202

    def test_init_error_ends_the_init(self, api, client):
        headers = {"Lambda-Runtime-Function-Error-Type": "Runtime.ImportModuleError"}
        assert ask(client, "POST", INIT_ERROR, b'{"errorType":"x"}', headers)[0] == 202
        assert api.state is RuntimeState.INIT_ERROR
        assert api.init_error.error_type == "Runtime.ImportModuleError"
        status, body, _ = ask(client, "GET", NEXT)
        assert (status, error_type(body)) == (403, "InvalidStateTransition")
        assert ask(client, "POST", INIT_ERROR, b"{}")[0] == 403
        assert api.init_error.payload == b'{"errorType":"x"}'

    def test_init_error_after_init_is_refused(self, api, client):
        run(api, client)
        status, body, _ = ask(client, "POST", INIT_ERROR, b"{}")
        assert (status, error_type(body)) == (403, "InvalidStateTransition")
        assert api.init_error is None


class TestAnythingElse:
    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/2018-06-01/runtime/invocation",
            "/2018-06-01/runtime/restore/next",
            "/2018-06-01/runtime/invocation//response",
        ],
    )
    def test_unknown_path(self, api, client, path):
        assert ask(client, "GET", path)[0] == 404

    @pytest.mark.parametrize(("method", "path"), [("POST", NEXT), ("GET", RESPONSE), ("PUT", INIT_ERROR)])
    def test_wrong_method(self, api, client, method, path):
        assert ask(client, method, path)[0] == 405
        assert api.state is RuntimeState.STARTED

    @pytest.mark.parametrize(
        "data",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
        ],
    )
    def test_malformed_requests_are_answered_and_end_their_connection(self, api, client, data):
        assert raw(api, data).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert run(api, client)[0] == 200

    def test_headers_without_end_are_cut_off(self, api):
        host, port = api.address.split(":")
        with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as endless:
            endless.sendall(b"GET / HTTP/1.1\r\n")
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                for _ in range(10_000):
                    endless.sendall(b"x: " + b"y" * 4096 + b"\r\n")

    def test_clients_that_say_nothing_or_leave_disturb_nobody(self, api, client):
        host, port = api.address.split(":")
        silent = [socket.create_connection((host, int(port))) for _ in range(20)]
        silent[0].sendall(b"GET ")
        silent[1].close()
        assert run(api, client)[0] == 200
        for connection in silent:
            connection.close()

    def test_serves_connection_after_connection(self, api):
        for _ in range(50):
            connection = http.client.HTTPConnection(api.address, timeout=DEADLINE_S)
            assert ask(connection, "GET", "/2018-06-01/ping")[:2] == (200, b"pong")
            connection.close()
        eventually(lambda: not api._connections)


class TestEnd:
    def test_close_ends_waiting_on_both_sides(self, api, client):
        poll(api, client)
        states = []
        waiter = threading.Thread(target=lambda: states.append(api.wait_for({RuntimeState.EXITED}, None)))
        waiter.start()
        api.close()
        waiter.join(DEADLINE_S)
        assert states == [RuntimeState.EXITED]
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            client.getresponse()
        host, port = api.address.split(":")
        eventually(lambda: _is_refused(host, int(port)))
        api.close()

    def test_abandon_wakes_the_emulator_but_not_the_runtime(self, api, client):
        poll(api, client)
        api.abandon()
        assert api.state is RuntimeState.CLOSED
        client.sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.getresponse()

    def test_waiting_ends_at_its_deadline(self, api):
        begin = time.monotonic()
        assert api.wait_for({RuntimeState.READY}, Moment(begin + 0.1)) is None
        assert 0.1 <= time.monotonic() - begin < DEADLINE_S


def _is_refused(host, port):
    try:
        socket.create_connection((host, port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
