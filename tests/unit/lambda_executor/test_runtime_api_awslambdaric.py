"""The Runtime API against AWS's own client, awslambdaric, as a child process."""

import json
import time
from itertools import pairwise

from executor_support import MAX_MEMORY_USED_MB, is_running

from serverless_harness.emulator.lambda_executor.runtime_process import BOUNDARY_TIMEOUT_S
from serverless_harness.testing.eventually import eventually

ECHO = """
def handler(event, context):
    return {
        "event": event,
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "custom": context.client_context and context.client_context.custom,
        "client": context.client_context and context.client_context.client.installation_id,
        "identity": context.identity.cognito_identity_id,
        "pool": context.identity.cognito_identity_pool_id,
        "trace_id": __import__("os").environ.get("_X_AMZN_TRACE_ID"),
    }
"""


def result(answer):
    assert not answer.is_error, answer.payload
    return json.loads(answer.payload)


class TestInvocation:
    def test_context_carries_what_the_invocation_has(self, harness):
        answer = harness(ECHO, timeout_s=7).start_and_invoke(
            json.dumps({"täglich": ["\u20ac", 1.5, None]}).encode(),
            trace_id="Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            client_context='{"custom":{"a":"\\u00e4"},"client":{"installation_id":"i"}}',
            cognito_identity='{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}',
        )
        got = result(answer)
        assert 6000 < got.pop("remaining_ms") <= 7000
        assert got == {
            "event": {"täglich": ["€", 1.5, None]},
            "request_id": "request-1",
            "arn": "arn:aws:lambda:f",
            "custom": {"a": "ä"},
            "client": "i",
            "identity": "id",
            "pool": "pool",
            "trace_id": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        }

    def test_context_is_empty_where_the_invocation_is(self, harness):
        got = result(harness(ECHO).start_and_invoke())
        assert [got[name] for name in ("custom", "client", "identity", "pool", "trace_id")] == [None] * 5

    def test_large_events_and_responses(self, harness):
        one = harness("def handler(event, context): return event")
        text = "x" * (6 * 1024 * 1024)
        assert result(one.start_and_invoke(json.dumps(text).encode())) == text

    def test_response_beyond_the_limit_is_awss_error_and_the_next_invoke_works(self, harness):
        one = harness("def handler(event, context): return 'x' * event")
        answer = one.start_and_invoke(b"6291555")
        assert answer.is_error
        assert json.loads(answer.payload) == {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size (6291557 bytes) exceeded maximum allowed payload size "
            "(6291556 bytes).",
        }
        assert result(one.invoke(b"1")) == "x"

    def test_many_in_a_row_are_served_by_one_process(self, harness):
        one = harness("import os\ndef handler(event, context): return [event, os.getpid()]")
        one.environment.start()
        answers = [result(one.invoke(str(number).encode())) for number in range(200)]
        assert [number for number, _ in answers] == list(range(200))
        assert len({pid for _, pid in answers}) == 1
        assert one.sandbox.calls.count("spawn") == 1


class TestHandlerErrors:
    def test_exception_is_the_runtimes_own_error_and_the_process_stays(self, harness):
        one = harness("def handler(event, context): raise KeyError('missing')")
        answer = one.start_and_invoke()
        assert answer.is_error
        error = json.loads(answer.payload)
        assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'missing'")
        assert error["requestId"] == "request-1"
        assert error["stackTrace"]
        assert "[ERROR] KeyError: 'missing'\nTraceback (most recent call last):\n" in answer.log_tail
        assert "Status:" not in answer.log_tail
        one.invoke()
        assert one.sandbox.calls.count("spawn") == 1

    def test_result_that_is_no_json(self, harness):
        answer = harness("def handler(event, context): return object()").start_and_invoke()
        error = json.loads(answer.payload)
        assert error["errorType"] == "Runtime.MarshalError"
        assert error["errorMessage"] == (
            "Unable to marshal response: Object of type object is not JSON serializable"
        )

    def test_client_context_that_is_no_json(self, harness):
        answer = harness(ECHO).start_and_invoke(client_context="nonsense")
        assert json.loads(answer.payload)["errorType"] == "Runtime.LambdaContextUnmarshalError"


class TestOutput:
    CODE = """
import logging, subprocess, sys
print("while importing")
def handler(event, context):
    print("one\\ntwo")
    logging.getLogger().warning("several\\nlines")
    sys.stderr.write("error output\\n")
    subprocess.run(["/bin/echo", "from a child"])
    print("three")
    print("no newline", end="")
"""

    def test_is_complete_and_in_order_between_start_and_end(self, harness):
        one = harness(self.CODE)
        tail = one.start_and_invoke().log_tail.splitlines()
        warning = next(line for line in tail if line.startswith("[WARNING]"))
        assert tail[:2] == ["while importing", "START RequestId: request-1 Version: $LATEST"]
        assert tail[2:-2] == [
            "one", "two", warning, "lines", "error output", "from a child", "three", "no newline",
        ]  # fmt: skip
        assert tail[-2] == "END RequestId: request-1"

    def test_log_record_of_several_lines_is_one_event(self, harness):
        one = harness(self.CODE)
        one.start_and_invoke()
        assert [message for message in one.sink.messages if message.endswith("\tseveral\nlines")]

    def test_of_each_invoke_is_its_own(self, harness):
        one = harness("def handler(event, context):\n for i in range(event): print(f'{event}-{i}')")
        one.environment.start()
        for count in (300, 1, 0, 50):
            lines = one.invoke(str(count).encode()).log_tail.splitlines()
            assert lines[1:-2] == [f"{count}-{index}" for index in range(count)]

    def test_times_are_true_and_never_go_back(self, harness):
        code = """
import logging, time
def handler(event, context):
    for _ in range(3):
        print("print")
        logging.getLogger().error("log")
        time.sleep(0.2)
"""
        one = harness(code)
        one.start_and_invoke()
        times = [line.timestamp_ms for line in one.sink.lines]
        assert times == sorted(times)
        prints = [line.timestamp_ms for line in one.sink.lines if line.message == "print"]
        assert all(after - before >= 100 for before, after in pairwise(prints))

    def test_closed_descriptors_cost_one_delay_and_no_answer(self, harness):
        one = harness("import os\ndef handler(event, context):\n os.closerange(1, 4)\n return event")
        one.environment.start()
        assert result(one.invoke(b"1")) == 1
        begin = time.monotonic()
        assert [result(one.invoke(b"2")) for _ in range(3)] == [2, 2, 2]
        assert time.monotonic() - begin < BOUNDARY_TIMEOUT_S

    def test_output_that_is_read_late_once_precedes_the_end_of_later_invokes(self, harness, monkeypatch):
        one = harness("def handler(event, context): print('output of', event)")
        one.environment.start()
        process = one.environment._process
        splitter, feed = process._splitter, process._splitter.feed
        delays = [2 * BOUNDARY_TIMEOUT_S]

        def feed_late(chunk, at_ms):
            time.sleep(delays.pop() if delays else 0)
            return feed(chunk, at_ms)

        monkeypatch.setattr(splitter, "feed", feed_late)
        assert "output of 1" not in one.invoke(b"1").log_tail
        eventually(lambda: process._boundary.number == 2)
        delays.append(BOUNDARY_TIMEOUT_S / 2)
        assert "output of 2\nEND" in one.invoke(b"2").log_tail

    def test_report_comes_last_with_the_sandboxs_memory(self, harness):
        tail = harness("def handler(event, context): pass").start_and_invoke().log_tail
        report = tail.splitlines()[-1]
        assert report.startswith("REPORT RequestId: request-1\tDuration: ")
        assert f"\tMemory Size: 128 MB\tMax Memory Used: {MAX_MEMORY_USED_MB} MB\t" in report


def test_json_records_are_single_events(harness):
    code = """
import logging
def handler(event, context):
    logging.getLogger().error("a\\nb", extra={"order": 1})
"""
    one = harness(code, environ={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"})
    one.start_and_invoke()
    record = json.loads(next(message for message in one.sink.messages if '"order"' in message))
    assert (record["message"], record["level"], record["order"]) == ("a\nb", "ERROR", 1)
    assert record["requestId"] == "request-1"


def test_child_that_outlives_its_invoke_does_not_hold_it_up(harness):
    one = harness(
        "import subprocess\ndef handler(event, context): return subprocess.Popen(['/bin/sleep', '60']).pid"
    )
    pid = result(one.start_and_invoke())
    one.environment.stop()
    eventually(lambda: not is_running(pid))
