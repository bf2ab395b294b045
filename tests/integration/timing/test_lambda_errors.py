"""How a function ends that doesn't end well: what the caller gets, what the log says, what comes next."""

import re

import pytest
from botocore.exceptions import ClientError

STEPS = """
import ctypes, os, sys, time, threading

print("init")

def handler(step, context):
    open(f"/tmp/{step}", "w").close()
    if step == "exit":
        sys.exit(3)
    if step == "exit 0":
        os._exit(0)
    if step == "segfault":
        ctypes.string_at(0)
    if step == "memory":
        held = []
        while True:
            held.append(bytearray(8 << 20))
    if step == "sleep":
        time.sleep(30)
    if step == "raise":
        raise KeyError("no such shop")
    if step == "set":
        return {1, 2}
    return [context.log_stream_name, sorted(os.listdir("/tmp"))]
"""


def texts(function, answer):
    """The answer's fields, without the request's own id."""
    value = answer.value
    return value.get("errorType"), value["errorMessage"].replace(answer.request_id, "<id>")


CRASHES = {
    "exit": ("Runtime.ExitError", "RequestId: <id> Error: Runtime exited with error: exit status 3"),
    "exit 0": ("Runtime.ExitError", "RequestId: <id> Error: Runtime exited without providing a reason"),
    "segfault": (
        "Runtime.ExitError",
        "RequestId: <id> Error: Runtime exited with error: signal: segmentation fault",
    ),
    "memory": ("Runtime.ExitError", "RequestId: <id> Error: Runtime exited with error: signal: killed"),
}


@pytest.mark.parametrize("step", CRASHES)
def test_after_a_crash_the_environment_is_reset(make_function, step):
    function = make_function(STEPS, MemorySize=256)
    stream, files = function.invoke("first").value
    assert files == ["first"]

    crashed = function.invoke(step)
    assert (crashed.status, crashed.error) == (200, "Unhandled")
    assert texts(function, crashed) == CRASHES[step]
    assert (crashed.report.status, crashed.report.error_type) == ("error", "Runtime.ExitError")

    # The same environment, stream and /tmp, its init repeated inside the invoke.
    after = function.invoke("after")
    assert after.value == [stream, sorted(["after", "first", step])]
    assert "init" in after.log_events
    assert not after.report.is_cold


def test_out_of_memory_reports_all_of_the_memory_as_used(make_function):
    function = make_function(STEPS, MemorySize=256)
    report = function.invoke("memory").report
    assert report.max_memory_used_mb == report.memory_size_mb == 256


def test_the_memory_used_is_measured(make_function):
    function = make_function("def handler(megabytes, context): len(b'x' * (megabytes << 20))\n")
    idle_mb = function.invoke(0).report.max_memory_used_mb
    used_mb = function.invoke(200).report.max_memory_used_mb
    assert 10 <= idle_mb < 100
    assert used_mb - idle_mb == pytest.approx(200, rel=0.1)
    # The environment's peak, not the invoke's.
    assert function.invoke(0).report.max_memory_used_mb == used_mb


def test_a_timeout_ends_the_invoke_and_says_so(make_function):
    function = make_function(STEPS, Timeout=1)
    stream, _ = function.invoke("first").value

    answer = function.invoke("sleep")

    message = "RequestId: <id> Error: Task timed out after 1.00 seconds"
    assert texts(function, answer) == ("Sandbox.Timedout", message)
    line = (
        rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {answer.request_id} Task timed out after 1.00 seconds"
    )
    assert [event for event in answer.log_events if re.fullmatch(line, event)]
    assert answer.report.status == "timeout"
    assert answer.report.duration_ms == answer.report.billed_duration_ms == 1000
    assert function.invoke("after").value == [stream, ["after", "first", "sleep"]]


def test_a_timeout_kills_all_that_the_handler_started(make_function):
    code = """
import os, subprocess, time
def handler(event, context):
    if event == "start":
        subprocess.Popen(["sleep", "4217"], start_new_session=True)
        time.sleep(30)
    commands = [open(f"/proc/{pid}/cmdline").read() for pid in os.listdir("/proc") if pid.isdigit()]
    return [command for command in commands if "4217" in command]
"""
    function = make_function(code, Timeout=1)
    assert function.invoke("start").report.status == "timeout"
    assert function.invoke("look").value == []


BROKEN_MODULES = {
    "import nothing_of_this_name\n": (
        "Runtime.ImportModuleError",
        "Unable to import module 'function': No module named 'nothing_of_this_name'",
    ),
    "def handler(:\n": (
        "Runtime.UserCodeSyntaxError",
        "Syntax error in module 'function': invalid syntax (function.py, line 1)",
    ),
    "x = 1\n": ("Runtime.HandlerNotFound", "Handler 'handler' missing on module 'function'"),
}


@pytest.mark.parametrize("code", BROKEN_MODULES)
def test_a_module_that_can_not_be_loaded_is_the_invokes_error(make_function, code):
    function = make_function(code)
    answer = function.invoke()
    assert answer.error == "Unhandled"
    assert texts(function, answer) == BROKEN_MODULES[code]
    assert [event for event in answer.log_events if event.startswith("INIT_REPORT Init Duration: ")]

    function.update_code("def handler(event, context): return 'works'\n")
    assert function.invoke().value == "works"


def test_an_exception_keeps_the_environment(make_function):
    function = make_function(STEPS)
    stream, _ = function.invoke("first").value
    answer = function.invoke("raise")
    assert answer.error == "Unhandled"
    assert texts(function, answer) == ("KeyError", "'no such shop'")
    assert 'raise KeyError("no such shop")' in "".join(answer.value["stackTrace"])
    after = function.invoke("after")
    assert after.value[0] == stream
    assert "init" not in after.log_events


def test_a_result_that_is_no_json(make_function):
    error_type, message = texts(None, make_function(STEPS).invoke("set"))
    assert error_type == "Runtime.MarshalError"
    assert message == "Unable to marshal response: Object of type set is not JSON serializable"


def test_an_init_over_ten_seconds_is_repeated_in_the_first_invoke(make_function):
    """Cut off after 10 s; the second time, under the function's own timeout, it is quick."""
    code = """
import os, time
FIRST = not os.path.exists("/tmp/seen")
open("/tmp/seen", "w").close()
if FIRST:
    time.sleep(60)

def handler(event, context):
    return FIRST
"""
    answer = make_function(code).invoke()
    assert answer.value is False
    [init_report] = [event for event in answer.log_events if event.startswith("INIT_REPORT")]
    duration_ms = float(
        re.search(r"Init Duration: ([\d.]+) ms\tPhase: init\tStatus: timeout", init_report)[1]
    )
    assert duration_ms == pytest.approx(10_000, abs=250)
    assert not answer.report.is_cold


def test_a_response_over_six_megabytes(make_function):
    function = make_function("def handler(size, context): return 'x' * size\n")
    assert len(function.invoke(6_000_000).payload) == 6_000_002
    answer = function.invoke(7_000_000)
    assert texts(function, answer) == (
        "Function.ResponseSizeTooLarge",
        "Response payload size (7000002 bytes) exceeded maximum allowed payload size (6291556 bytes).",
    )


def test_a_request_over_six_megabytes(make_function):
    function = make_function("def handler(event, context): return len(event)\n")
    assert function.invoke("x" * 6_000_000).value == 6_000_000
    with pytest.raises(ClientError) as refused:
        function.invoke("x" * 7_000_000)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert refused.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
