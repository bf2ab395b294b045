"""Cold and warm, memory and CPU: ratios of times taken in one run, never times by the clock."""

import statistics
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from functions_under_test import DEADLINE_S, FULL_CPU_MB

LEAST_SHARE = 0.97
"""Of a sleep in a duration: what other threads of the process wait for a CPU meanwhile is left out of it."""
STREAM = "def handler(event, context): return context.log_stream_name\n"
COLD_FACTOR = 5
"""An init starts an interpreter and imports boto3; a warm invoke of an empty handler does nothing."""
WITH_BOTO3 = "import boto3\n" + STREAM
CPU_BOUND = """
import os
import time

def waited_ns():
    # For a processor, as the kernel counts it (sched-stats.rst: the second field).
    if not os.path.exists("/proc/self/schedstat"):
        return 0
    with open("/proc/self/schedstat") as file:
        return int(file.read().split()[1])

def handler(cpu_s, context):
    before_ns = waited_ns()
    end_s = time.process_time() + cpu_s
    while time.process_time() < end_s:
        pass
    return (waited_ns() - before_ns) / 1e6
"""
CPU_S = 0.2
"""Several of the periods of 100 ms in which a share of a CPU is given."""
REPEATS = 5
"""What else runs on the machine can only make an invoke longer: the shortest of several counts."""
AWS_RATIO_TOLERANCE = 0.15
SLEEP = """
import time

def handler(seconds, context):
    time.sleep(seconds)
    return context.log_stream_name
"""


def test_cold_is_slower_than_warm(make_function):
    function = make_function(WITH_BOTO3)
    cold = function.invoke()
    warm_ms = statistics.median(function.invoke().round_trip_ms for _ in range(5))
    assert cold.report.is_cold
    assert cold.round_trip_ms > COLD_FACTOR * warm_ms


def test_the_second_invoke_is_warm_in_the_same_stream(
    make_function, invocations_since, test_started_ms, assert_cold, assert_warm
):
    function = make_function(STREAM)
    streams = [function.invoke().value for _ in range(3)]

    first, *later = invocations_since(function.name, test_started_ms, count=3)

    assert_cold(first)
    for invocation in later:
        assert_warm(invocation)
    assert streams == [first.stream] * 3
    assert {invocation.stream for invocation in later} == {first.stream}


def test_after_the_keep_alive_an_invoke_is_cold_in_a_new_stream(make_function):
    function = make_function(STREAM)
    first = function.invoke().value

    function.await_ended(first)
    again = function.invoke()

    assert again.report.is_cold
    assert again.value != first


def shortest_duration_ms(function):
    """The shortest of several warm invokes, in the function's own time."""
    function.invoke(0)
    answers = [function.invoke(CPU_S) for _ in range(REPEATS)]
    assert not any(answer.report.is_cold for answer in answers)
    return min(answer.report.duration_ms for answer in answers)


@pytest.fixture(scope="module")
def cpu_duration_ms(function_maker):
    """How long a handler that needs CPU_S of CPU time took, in ms, by memory size in MB."""
    durations_ms = {}
    for size_mb in (128, 256, 512, FULL_CPU_MB):
        with function_maker.made(CPU_BOUND, MemorySize=size_mb) as function:
            durations_ms[size_mb] = shortest_duration_ms(function)
    return durations_ms


@pytest.mark.parametrize("size_mb", [128, 256])
def test_twice_the_memory_halves_a_cpu_bound_duration(cpu_duration_ms, size_mb):
    ratio = cpu_duration_ms[size_mb] / cpu_duration_ms[2 * size_mb]
    assert ratio == pytest.approx(2, rel=AWS_RATIO_TOLERANCE)


@pytest.mark.parametrize("size_mb", [128, 512])
def test_cpu_is_in_proportion_to_memory_as_on_aws(cpu_duration_ms, size_mb):
    ratio = cpu_duration_ms[size_mb] / cpu_duration_ms[FULL_CPU_MB]
    assert ratio == pytest.approx(FULL_CPU_MB / size_mb, rel=AWS_RATIO_TOLERANCE)


def test_the_init_has_full_cpu_whatever_the_memory(make_function):
    """The handler has an eighth of a vCPU. The init waits for nothing but the machine's other work."""
    code = (
        CPU_BOUND
        + f"""
def timed():
    began = time.monotonic()
    waited_ms = handler({CPU_S}, None)
    return (time.monotonic() - began) * 1000, waited_ms

duration_ms, waited_ms = timed()
in_init_ms = duration_ms - waited_ms

def compare(event, context):
    return timed()[0] / in_init_ms
"""
    )
    function = make_function(code, Handler="function.compare", MemorySize=FULL_CPU_MB // 8)
    assert function.invoke().value > 6


def test_ten_parallel_invokes_use_ten_environments_and_the_eleventh_is_warm(make_function):
    inits_s = 10 * make_function(SLEEP).invoke(0).round_trip_ms / 1000
    function = make_function(SLEEP, Timeout=DEADLINE_S)
    with ThreadPoolExecutor(10) as pool:
        # Inits take turns: an environment that is done sooner would serve an invoke that still waits.
        answers = list(pool.map(function.invoke, [1 + inits_s] * 10))
    streams = {answer.value for answer in answers}
    assert len(streams) == 10
    assert all(answer.report.is_cold for answer in answers)

    eleventh = function.invoke(0)

    assert eleventh.value in streams
    assert not eleventh.report.is_cold


def test_beyond_the_limit_an_invoke_waits_for_an_environment_that_is_free(make_function):
    function = make_function(SLEEP)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(function.invoke, [0.5] * 16))
    assert len({answer.value for answer in answers}) <= 11
    assert [answer.error for answer in answers] == [None] * 16


@pytest.mark.parametrize("seconds", [0, 0.4])
def test_a_report_agrees_with_what_the_client_saw_less_the_gateway(make_function, seconds):
    """The gateway's part is that of invokes that do nothing, in the same run."""
    function = make_function(SLEEP)
    function.invoke(0)
    idle = [function.invoke(0) for _ in range(9)]
    gateway_ms = statistics.median(answer.round_trip_ms - answer.report.duration_ms for answer in idle)

    answers = [function.invoke(seconds) for _ in range(5)]

    differences_ms = [answer.round_trip_ms - answer.report.duration_ms - gateway_ms for answer in answers]
    assert all(answer.report.duration_ms <= answer.round_trip_ms for answer in answers)
    assert min(answer.report.duration_ms for answer in answers) >= seconds * 1000 * LEAST_SHARE
    assert statistics.median(map(abs, differences_ms)) < max(0.25 * seconds * 1000, 2 * gateway_ms)


def test_a_cold_reports_init_and_handler_make_up_what_the_client_waited_for(make_function):
    function = make_function("import time\ntime.sleep(0.8)\n" + SLEEP)
    cold = function.invoke(0.4)
    within_ms = cold.report.init_duration_ms + cold.report.duration_ms
    assert cold.report.init_duration_ms >= 800 * LEAST_SHARE
    assert cold.report.duration_ms >= 400 * LEAST_SHARE
    assert 0.5 * cold.round_trip_ms < within_ms < cold.round_trip_ms
    assert cold.report.billed_duration_ms == pytest.approx(within_ms, abs=1.01)


def test_an_invoke_is_not_disturbed_by_another_functions_timeout(make_function):
    slow, quick = make_function(SLEEP, Timeout=1), make_function(STREAM)
    quick.invoke()
    timing_out = threading.Thread(target=slow.invoke, args=(30,))
    timing_out.start()
    answers = [quick.invoke() for _ in range(5)]
    timing_out.join(DEADLINE_S)
    assert not timing_out.is_alive()
    assert not any(answer.report.is_cold for answer in answers)
