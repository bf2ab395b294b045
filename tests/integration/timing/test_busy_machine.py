"""A function's limits by its own time, with busy loops beside the stack and without."""

import os
from contextlib import nullcontext

import pytest

from benchmarks.busy import busy_loops
from serverless_harness.emulator.cpu_wait import is_counted
from serverless_harness.functions.cpu_waits import with_cpu_waits

SPINNING = """
import time

def handler(event, context):
    begin_s = time.process_time()
    for step in range(1, 10_000):
        while time.process_time() < begin_s + step * 0.01:
            pass
        print(f"ran {step * 10} ms")
"""
SLEEPING = """
import time

def handler(event, context):
    time.sleep(60)
"""
TIMEOUT_MS = 1000
REPEATS = 3


@pytest.fixture(params=["quiet", "busy"])
def machine(request):
    """Twice as many loops as there are CPUs, or none."""
    with busy_loops(2 * (os.cpu_count() or 1)) if request.param == "busy" else nullcontext():
        yield request.param


def timed_out(function):
    """Let the function run into its timeout; give the answer, and its report with what it waited."""
    answer = function.invoke()
    assert answer.report.status == "timeout"
    [report] = with_cpu_waits(function.stack.target, [answer.report], 0)
    assert report.duration_ms == TIMEOUT_MS
    return answer, report


@pytest.mark.skipif(not is_counted(), reason="this kernel doesn't count what threads wait for a CPU")
def test_a_handler_that_computes_ends_after_its_own_time(make_function, machine):
    function = make_function(SPINNING, Timeout=TIMEOUT_MS // 1000)
    ran_ms, waited_ms = [], []
    for _ in range(REPEATS):
        answer, report = timed_out(function)
        ran_ms.append(max(int(line.split()[1]) for line in answer.log_events if line.startswith("ran ")))
        waited_ms.append(report.waited_for_cpu_ms)
    # On a starved machine not all waiting is told apart: what the handler prints waits for its reader, too.
    assert TIMEOUT_MS / 2 < max(ran_ms) < TIMEOUT_MS * 1.15
    if machine == "busy":
        assert max(waited_ms) > TIMEOUT_MS / 4


def test_a_handler_that_sleeps_ends_at_the_same_wall_time(make_function, machine):
    function = make_function(SLEEPING, Timeout=TIMEOUT_MS // 1000)
    reports = [timed_out(function)[1] for _ in range(REPEATS)]
    # The least: waking up for a CPU that others have takes a while, now and then.
    assert min(report.wall_ms for report in reports) == pytest.approx(TIMEOUT_MS, rel=0.3)
