"""The life of an environment: init, invokes, errors and resets, and its end."""

import json
import re
import threading
import time

import psutil
import pytest
from executor_support import DEADLINE_S, is_running

from serverless_harness.emulator.lambda_executor import environment as environment_module
from serverless_harness.emulator.lambda_executor.environment import (
    InvalidTransitionError,
    ProvisioningError,
    State,
)
from serverless_harness.emulator.lambda_executor.own_time import Limit
from serverless_harness.emulator.lambda_executor.runtime_process import EnvironmentStoppedError
from serverless_harness.testing.eventually import eventually

COUNTING = """
import os, time
count = 0
def handler(event, context):
    global count
    count += 1
    if event.get("exit") is not None: os._exit(event["exit"])
    if event.get("signal"): os.kill(os.getpid(), event["signal"])
    if event.get("sleep"): time.sleep(event["sleep"])
    return count
"""
"""Counts the invokes of one process: 1 says that the process is new."""


INVOKE = ["throttle", "rest"]
"""What an invoke asks of its sandbox."""


def fields(tail):
    """Return the REPORT line's fields by name."""
    report = next(line for line in tail.splitlines() if line.startswith("REPORT "))
    return dict(part.split(": ", 1) for part in report.removeprefix("REPORT ").strip().split("\t"))


def milliseconds(value):
    return float(value.removesuffix(" ms"))


def error(answer):
    assert answer.is_error
    return json.loads(answer.payload)


def keep_waiting(one, share):
    """Have the machine seem to keep the function's process waiting for this share of the time from now on."""
    begin = time.monotonic()
    one.sandbox.processes[-1].waited_for_cpu_s = lambda until=None: (time.monotonic() - begin) * share


class TestInit:
    def test_runs_once_and_is_reported_with_the_first_invoke_alone(self, harness):
        one = harness(COUNTING)
        first, second = fields(one.start_and_invoke().log_tail), fields(one.invoke().log_tail)
        assert "Init Duration" in first
        assert "Init Duration" not in second
        total = milliseconds(first["Duration"]) + milliseconds(first["Init Duration"])
        assert 0 <= milliseconds(first["Billed Duration"]) - total < 1.01
        assert 0 <= milliseconds(second["Billed Duration"]) - milliseconds(second["Duration"]) < 1.01
        assert one.sink.messages[0].startswith("INIT_START Runtime Version: python:3.13.v0\t")
        assert sum(message.startswith("INIT_") for message in one.sink.messages) == 1

    def test_cpu_is_limited_in_invokes_only(self, harness):
        one = harness(COUNTING)
        one.start_and_invoke()
        one.invoke(b'{"exit": 1}')
        one.invoke()
        assert one.sandbox.calls == ["spawn", *INVOKE, *INVOKE, "unthrottle", "spawn", *INVOKE]

    @pytest.mark.parametrize(
        ("code", "handler", "error_type", "message"),
        [
            ("import nosuch", "function.handler", "Runtime.ImportModuleError",
             "Unable to import module 'function': No module named 'nosuch'"),
            ("def x(:", "function.handler", "Runtime.UserCodeSyntaxError",
             "Syntax error in module 'function': invalid syntax (function.py, line 1)"),
            ("", "function.handler", "Runtime.HandlerNotFound",
             "Handler 'handler' missing on module 'function'"),
            ("", "handler", "Runtime.MalformedHandlerName",
             "Bad handler 'handler': not enough values to unpack (expected 2, got 1)"),
            ("1 / 0", "function.handler", "ZeroDivisionError", "division by zero"),
        ],
    )  # fmt: skip
    def test_error_is_the_result_of_the_first_invoke(self, harness, code, handler, error_type, message):
        one = harness(code, handler=handler)
        one.environment.start()
        assert one.environment.state is State.RESET
        answer = one.invoke()
        assert error(answer)["errorType"] == error_type
        assert error(answer)["errorMessage"] == message
        reports = [message for message in one.sink.messages if message.startswith("INIT_REPORT")]
        pattern = (
            r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: {}\tStatus: error\tError Type: " + error_type
        )
        assert [bool(re.fullmatch(pattern.format(phase), report)) for phase, report in
                zip(("init", "invoke"), reports, strict=True)] == [True, True]  # fmt: skip
        report = fields(answer.log_tail)
        assert (report["Status"], report["Error Type"]) == ("error", error_type)
        assert "Init Duration" not in report
        assert f"[ERROR] {error_type}: {message}" in answer.log_tail

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("import sys; sys.exit(3)", "Runtime exited with error: exit status 3"),
            ("import os; os._exit(0)", "Runtime exited without providing a reason"),
            ("import os; os.abort()", "Runtime exited with error: signal: aborted"),
        ],
    )
    def test_exit_is_the_result_of_the_first_invoke(self, harness, code, message):
        one = harness(code)
        assert error(one.start_and_invoke()) == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: request-1 Error: {message}",
        }

    def test_that_fails_once_succeeds_inside_the_first_invoke(self, harness, tmp_path):
        marker = tmp_path / "marker"
        code = f"""
import pathlib, time
marker = pathlib.Path({str(marker)!r})
if not marker.exists():
    marker.touch()
    raise RuntimeError("first time")
time.sleep(0.2)
def handler(event, context): return "well"
"""
        one = harness(code)
        answer = one.start_and_invoke()
        assert json.loads(answer.payload) == "well"
        report = fields(answer.log_tail)
        assert milliseconds(report["Duration"]) > 200
        assert "Init Duration" not in report
        assert "Status" not in report

    def test_beyond_its_limit_is_cut_off_and_repeated_under_the_functions_timeout(
        self, harness, monkeypatch, tmp_path
    ):
        monkeypatch.setattr(environment_module, "INIT_TIMEOUT_S", 0.4)
        one = harness("import time; time.sleep(2)\ndef handler(event, context): return 'slow'", timeout_s=10)
        begin = time.monotonic()
        one.environment.start()
        assert time.monotonic() - begin < 2.0
        report = re.fullmatch(
            r"INIT_REPORT Init Duration: (\d+\.\d\d) ms\tPhase: init\tStatus: timeout", one.sink.messages[-1]
        )
        assert 400 <= float(report[1]) < 2000
        answer = one.invoke()
        assert json.loads(answer.payload) == "slow"
        assert milliseconds(fields(answer.log_tail)["Duration"]) > 2000

    def test_beyond_the_functions_timeout_is_a_timeout(self, harness, monkeypatch):
        monkeypatch.setattr(environment_module, "INIT_TIMEOUT_S", 0.2)
        one = harness("import time; time.sleep(60)", timeout_s=1)
        answer = one.start_and_invoke()
        assert error(answer)["errorType"] == "Sandbox.Timedout"
        assert "\tPhase: invoke\tStatus: timeout\n" in answer.log_tail
        assert fields(answer.log_tail)["Status"] == "timeout"

    def test_error_counts_though_the_process_lingers(self, harness):
        one = harness("import atexit, time; atexit.register(time.sleep, 60); import nosuch")
        answer = one.start_and_invoke()
        assert error(answer)["errorType"] == "Runtime.ImportModuleError"
        assert fields(answer.log_tail)["Status"] == "error"

    def test_output_of_a_failed_one_is_not_lost(self, harness):
        one = harness("print('before the crash'); import os; os._exit(1)")
        one.environment.start()
        assert one.sink.messages[1] == "before the crash"
        assert one.sink.messages[2].startswith("INIT_REPORT")


class TestProvisionedConcurrency:
    def test_init_is_not_limited_to_ten_seconds(self, harness, monkeypatch):
        monkeypatch.setattr(environment_module, "INIT_TIMEOUT_S", 0.1)
        one = harness("import time; time.sleep(0.3)\ndef handler(event, context): pass", provisioned=True)
        answer = one.start_and_invoke()
        assert not answer.is_error
        report = fields(answer.log_tail)
        init_ms = milliseconds(report["Init Duration"])
        assert init_ms > environment_module.INIT_TIMEOUT_S * 1000
        assert milliseconds(report["Billed Duration"]) < init_ms

    def test_failed_init_fails_the_provisioning(self, harness):
        with pytest.raises(ProvisioningError, match=r"Runtime\.ImportModuleError"):
            harness("import nosuch", provisioned=True).environment.start()


class TestTimeout:
    def test_ends_the_process_group(self, harness, tmp_path):
        pids = tmp_path / "pids"
        code = f"""
import os, subprocess, time
def handler(event, context):
    child = subprocess.Popen(["/bin/sleep", "60"])
    with open({str(pids)!r}, "w") as file: file.write(f"{{os.getpid()}} {{child.pid}}")
    time.sleep(60)
"""
        one = harness(code, timeout_s=1)
        answer = one.start_and_invoke()
        assert error(answer) == {
            "errorType": "Sandbox.Timedout",
            "errorMessage": "RequestId: request-1 Error: Task timed out after 1.00 seconds",
        }
        for pid in pids.read_text().split():
            eventually(lambda pid=pid: not is_running(pid))

    def test_is_enforced_within_50_ms(self, harness):
        one = harness(COUNTING, timeout_s=1)
        one.environment.start()
        excesses_s = []
        for _ in range(3):
            begin = time.monotonic()
            one.invoke(b'{"sleep": 60}')
            excesses_s.append(time.monotonic() - begin - 1)
        # The least of three: whatever else the machine does only adds to it.
        assert 0 <= min(excesses_s) < 0.05

    def test_is_counted_in_the_functions_own_time(self, harness):
        one = harness(COUNTING, timeout_s=1)
        one.environment.start()
        keep_waiting(one, share=0.75)
        answer = one.invoke(b'{"sleep": 2}')
        assert not answer.is_error
        report = re.search(r"\tDuration: (\d+\.\d\d) ms", answer.log_tail)
        # A quarter of the two seconds, less a little for the invoke that began later than the waiting.
        assert 450 <= float(report[1]) < 1000
        [noted] = one.noted
        assert noted.duration_ms == float(report[1])
        assert noted.waited_for_cpu_ms == pytest.approx(3 * noted.duration_ms, rel=0.2)

    def test_counts_all_time_where_a_setting_says_so(self, harness):
        one = harness(COUNTING, timeout_s=1, counts_own_time=False)
        one.environment.start()
        keep_waiting(one, share=0.75)
        assert "timed out after 1.00 seconds" in error(one.invoke(b'{"sleep": 60}'))["errorMessage"]

    def test_is_logged_and_reported_as_in_aws(self, harness):
        one = harness(COUNTING, timeout_s=1)
        answer = one.start_and_invoke(b'{"sleep": 60}')
        assert re.search(
            r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z request-1 Task timed out after 1\.00 seconds\n\n"
            r"END RequestId: request-1\n"
            r"REPORT RequestId: request-1\tDuration: 1000\.00 ms\t.*\tStatus: timeout\n$",
            answer.log_tail,
            re.MULTILINE,
        )

    def test_is_reported_where_the_waiting_is_told_late(self, harness, monkeypatch):
        """The kernel counts what a thread waited when it gets a CPU, or ends: after the limit was reached."""
        look_s, told_s = Limit.look_s, []

        def look(limit):
            left_s = look_s(limit)
            if left_s is None:
                told_s.append(0.1)
            return left_s

        monkeypatch.setattr(Limit, "look_s", look)
        one = harness(COUNTING, timeout_s=1)
        one.environment.start()
        one.sandbox.processes[-1].waited_for_cpu_s = lambda until=None: sum(told_s)
        assert fields(one.invoke(b'{"sleep": 60}').log_tail)["Duration"] == "1000.00 ms"

    def test_is_followed_by_an_invoke_that_works(self, harness):
        one = harness(COUNTING, timeout_s=2)
        one.start_and_invoke(b'{"sleep": 60}')
        assert one.environment.state is State.RESET
        assert json.loads(one.invoke().payload) == 1
        assert json.loads(one.invoke().payload) == 2

    def test_includes_the_repeated_init(self, harness, tmp_path):
        marker = tmp_path / "marker"
        code = f"""
import os, pathlib, time
marker = pathlib.Path({str(marker)!r})
if marker.exists(): time.sleep(0.7)
def handler(event, context):
    if not marker.exists():
        marker.touch()
        os._exit(1)
    time.sleep(0.7)
"""
        one = harness(code, timeout_s=1)
        one.start_and_invoke()
        assert error(one.invoke())["errorType"] == "Sandbox.Timedout"


class TestCrash:
    @pytest.mark.parametrize(
        ("event", "reason"),
        [
            ({"exit": 1}, "Runtime exited with error: exit status 1"),
            ({"exit": 0}, "Runtime exited without providing a reason"),
            ({"signal": 11}, "Runtime exited with error: signal: segmentation fault"),
            ({"signal": 9}, "Runtime exited with error: signal: killed"),
            ({"signal": 15}, "Runtime exited with error: signal: terminated"),
        ],
    )
    def test_is_awss_error_and_the_next_invoke_works(self, harness, event, reason):
        one = harness(COUNTING)
        answer = one.start_and_invoke(json.dumps(event).encode())
        assert error(answer) == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: request-1 Error: {reason}",
        }
        report = fields(answer.log_tail)
        assert (report["Status"], report["Error Type"]) == ("error", "Runtime.ExitError")
        after = one.invoke()
        assert json.loads(after.payload) == 1
        assert "INIT_START" not in after.log_tail
        assert "Init Duration" not in fields(after.log_tail)

    def test_between_invokes_is_the_next_ones_error(self, harness):
        one = harness(COUNTING)
        one.start_and_invoke()
        one.sandbox.processes[0].kill()
        assert error(one.invoke())["errorType"] == "Runtime.ExitError"
        assert json.loads(one.invoke().payload) == 1

    def test_after_the_answer_leaves_the_answer(self, harness):
        code = """
import os, threading
def handler(event, context):
    class Result(dict): pass
    import awslambdaric.lambda_runtime_client as client
    original = client.LambdaRuntimeClient.post_invocation_result
    def post(self, *arguments):
        original(self, *arguments)
        os._exit(5)
    client.BaseLambdaRuntimeClient.post_invocation_result = post
    return "answered"
"""
        one = harness(code)
        answer = one.start_and_invoke()
        assert (answer.is_error, json.loads(answer.payload)) == (False, "answered")
        assert fields(answer.log_tail)["Error Type"] == "Runtime.ExitError"
        assert one.environment.state is State.RESET


class TestCodeChange:
    def test_restarts_the_process_with_the_next_invoke(self, harness):
        versions = iter([1, 1, 2, 2, 2, 2])
        one = harness(COUNTING, code_version=lambda: next(versions))
        one.environment.start()
        assert [json.loads(one.invoke().payload) for _ in range(3)] == [1, 1, 2]


class TestTrace:
    HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    def test_is_reported_where_tracing_is_active(self, harness):
        tail = harness(COUNTING, traced=True).start_and_invoke(trace_id=self.HEADER).log_tail
        assert tail.endswith(
            "\t\nXRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\t"
            "SegmentId: 53995c3f42cd8ad8\tSampled: true\t\n"
        )

    def test_is_not_reported_otherwise(self, harness):
        assert "XRAY" not in harness(COUNTING).start_and_invoke(trace_id=self.HEADER).log_tail


class TestStates:
    def test_refusals_name_the_states(self, harness):
        one = harness(COUNTING)
        with pytest.raises(InvalidTransitionError, match="NEW can't become INVOKING"):
            one.invoke()
        one.environment.start()
        with pytest.raises(InvalidTransitionError, match="READY can't become INITIALISING"):
            one.environment.start()

    def test_one_invoke_at_a_time(self, harness):
        one = harness(COUNTING)
        one.environment.start()
        thread = threading.Thread(target=one.invoke, args=(b'{"sleep": 0.5}',))
        thread.start()
        eventually(lambda: one.environment.state is State.INVOKING)
        with pytest.raises(InvalidTransitionError, match="INVOKING can't become INVOKING"):
            one.invoke()
        thread.join(DEADLINE_S)

    def test_error_of_the_emulators_own_leaves_an_environment_that_works(self, harness, monkeypatch):
        one = harness(COUNTING)
        one.environment.start()
        with monkeypatch.context() as patch:
            patch.setattr(environment_module, "now_ms", None)
            with pytest.raises(TypeError):
                one.invoke()
        assert json.loads(one.invoke().payload) == 1


class TestStop:
    def stopped_during(self, one, action):
        """Run `action` in a thread, stop the environment meanwhile; return how `action` ended."""
        errors = []

        def run():
            try:
                action()
            except EnvironmentStoppedError as stopped:
                errors.append(stopped)

        thread = threading.Thread(target=run)
        thread.start()
        eventually(
            lambda: one.sandbox.processes and one.environment.state in (State.INITIALISING, State.INVOKING)
        )
        one.environment.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
        return errors

    def test_during_start(self, harness):
        one = harness("import time; time.sleep(60)")
        assert self.stopped_during(one, one.environment.start)
        assert one.sandbox.processes[0].wait(0)

    def test_during_an_invoke(self, harness):
        one = harness(COUNTING)
        one.environment.start()
        assert self.stopped_during(one, lambda: one.invoke(b'{"sleep": 60}'))
        assert one.sandbox.processes[0].wait(0)

    def test_after_the_answer_leaves_the_answer(self, harness, monkeypatch):
        one = harness(COUNTING)
        one.environment.start()
        monkeypatch.setattr(one.sandbox, "max_memory_used_mb", lambda: one.environment.stop() or 1)
        assert json.loads(one.invoke().payload) == 1
        assert one.environment.state is State.STOPPED

    def test_is_idempotent_and_final(self, harness):
        one = harness(COUNTING)
        one.start_and_invoke()
        one.environment.stop()
        one.environment.stop()
        assert one.sandbox.calls.count("close") == 1
        assert one.sink.closed
        with pytest.raises(EnvironmentStoppedError):
            one.invoke()

    def test_leaves_no_thread_and_no_socket(self, harness):
        before = set(threading.enumerate())
        sockets = len(psutil.Process().net_connections("tcp"))
        one = harness(COUNTING)
        one.start_and_invoke()
        one.invoke(b'{"exit": 1}')
        one.invoke()
        one.environment.stop()
        eventually(lambda: set(threading.enumerate()) <= before)
        assert len(psutil.Process().net_connections("tcp")) <= sockets

    def test_writes_nothing_to_the_log(self, harness):
        one = harness(COUNTING)
        one.start_and_invoke()
        before = list(one.sink.messages)
        one.environment.stop()
        assert one.sink.messages == before

    def test_before_start(self, harness):
        one = harness(COUNTING)
        one.environment.stop()
        with pytest.raises(EnvironmentStoppedError):
            one.environment.start()
        assert "spawn" not in one.sandbox.calls
