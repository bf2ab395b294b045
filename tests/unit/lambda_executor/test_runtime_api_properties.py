"""The Runtime API under any sequence of calls, and any bytes."""

import http.client
import json

from executor_support import DEADLINE_S
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from runtime_api_client import INIT_ERROR, NEXT, ask, raw

from serverless_harness.emulator.lambda_executor.invoke import Invoke
from serverless_harness.emulator.lambda_executor.own_time import Moment
from serverless_harness.emulator.lambda_executor.runtime_api import RuntimeApi, RuntimeState
from serverless_harness.testing.eventually import eventually

NAMES = {
    "response": "InvocationResponse",
    "error": "InvocationErrorResponse",
}


class RuntimeApiMachine(RuleBasedStateMachine):
    """A client that calls in any order, against a model of the states."""

    def __init__(self):
        super().__init__()
        self.api = RuntimeApi()
        self.state = RuntimeState.STARTED
        self.delivered = 0
        self.poller = None
        self.response = None

    def teardown(self):
        self.api.close()

    def ask(self, method, path, body=None):
        return ask(http.client.HTTPConnection(self.api.address, timeout=DEADLINE_S), method, path, body)

    @property
    def request_id(self):
        return f"id-{self.delivered}"

    @rule()
    def poll(self):
        if self.state in (RuntimeState.RUNNING, RuntimeState.INIT_ERROR):
            status, body, _ = self.ask("GET", NEXT)
            expected = (200, b"event") if self.state is RuntimeState.RUNNING else (403, body)
            assert (status, body) == expected
            return
        self.poller = http.client.HTTPConnection(self.api.address, timeout=DEADLINE_S)
        self.poller.request("GET", NEXT)
        self.state = RuntimeState.READY
        eventually(lambda: self.api.state is RuntimeState.READY)
        # A repeated poll takes the place of the one before it.
        eventually(lambda: self.api._waiting is not None and _is_peer(self.api._waiting, self.poller))

    @precondition(lambda self: self.state is RuntimeState.READY)
    @rule()
    def deliver(self):
        self.delivered += 1
        self.api.deliver(Invoke(self.request_id, b"event", "arn"), 1, Moment.after(DEADLINE_S))
        assert self.poller.getresponse().read() == b"event"
        self.state, self.response = RuntimeState.RUNNING, None

    @rule(kind=st.sampled_from(["response", "error"]), body=st.binary(max_size=20))
    def answer(self, kind, body):
        path = f"/2018-06-01/runtime/invocation/{self.request_id}/{kind}"
        status, answer, _ = self.ask("POST", path, body)
        if self.state is RuntimeState.RUNNING:
            self.state, self.response = RuntimeState.RESPONSE_SENT, (body, kind == "error")
            assert status == 202
        elif self.state is RuntimeState.RESPONSE_SENT:
            assert status == 403
            assert f"from ResponseSent to {NAMES[kind]} failed" in json.loads(answer)["errorMessage"]
        else:
            assert (status, json.loads(answer)["errorType"]) == (400, "InvalidRequestID")

    @rule(kind=st.sampled_from(["response", "error"]))
    def answer_with_a_wrong_id(self, kind):
        assert self.ask("POST", f"/2018-06-01/runtime/invocation/other/{kind}", b"x")[0] == 400

    @rule(body=st.binary(max_size=20))
    def report_init_error(self, body):
        status = self.ask("POST", INIT_ERROR, body)[0]
        assert status == (202 if self.state is RuntimeState.STARTED else 403)
        if self.state is RuntimeState.STARTED:
            self.state = RuntimeState.INIT_ERROR

    @invariant()
    def agrees_with_the_model(self):
        assert self.api.state is self.state
        got = self.api.response
        assert (got and (got.payload, got.is_error)) == self.response


def _is_peer(connection, poller):
    try:
        return connection._socket.getpeername() == poller.sock.getsockname()
    except OSError:  # the poll before, whose connection has just been ended
        return False


RuntimeApiMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestAnySequence = RuntimeApiMachine.TestCase


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200)
    | st.tuples(
        st.sampled_from([b"GET ", b"POST ", b"PUT "]),
        st.sampled_from([NEXT.encode(), INIT_ERROR.encode(), b"/"]),
        st.sampled_from([b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"\r\n"]),
        st.lists(
            st.sampled_from(
                [
                    b"Host: x\r\n",
                    b"Content-Length: 3\r\n",
                    b"Transfer-Encoding: chunked\r\n",
                    b"Expect: 100-continue\r\n",
                ]
            ),
            max_size=3,
        ).map(b"".join),
        st.just(b"\r\n"),
        st.binary(max_size=20),
    ).map(b"".join)
)
def test_any_bytes_leave_the_api_working(data):
    api = RuntimeApi()
    try:
        raw(api, data)
        connection = http.client.HTTPConnection(api.address, timeout=DEADLINE_S)
        assert ask(connection, "GET", "/2018-06-01/ping")[:2] == (200, b"pong")
    finally:
        api.close()
