"""What invokes waited for a CPU, by the emulator's own record, and nothing where there is none."""

import json
from types import SimpleNamespace

import pytest
from localstack.http import Request
from timing_results import report

from serverless_harness.emulator.lambda_executor import invocation_times
from serverless_harness.emulator.lambda_executor.invocation_times import (
    InvocationsResource,
    LatestInvocations,
)
from serverless_harness.emulator.lambda_executor.report import SUCCESS, InvokeReport
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.functions import cpu_waits
from serverless_harness.functions.cpu_waits import with_cpu_waits
from serverless_harness.targets import LocalTarget


@pytest.fixture
def target(tmp_path):
    return LocalTarget("http://127.0.0.1:1", tmp_path)


@pytest.fixture
def latest(monkeypatch):
    """The record of an emulator that answers."""
    latest = LatestInvocations()

    def control(_target, method, path):
        assert method == "GET"
        _, _, query = path.partition("?")
        return json.loads(json.dumps(InvocationsResource(latest).on_get(Request(query_string=query))))

    monkeypatch.setattr(cpu_waits, "control", control)
    return latest


def ended(request_id, duration_ms, waited_ms, init_ms=None, init_waited_ms=0.0):
    return InvokeReport(
        request_id,
        duration_ms,
        128,
        50,
        SUCCESS,
        init_ms,
        waited_for_cpu_ms=waited_ms,
        init_waited_for_cpu_ms=init_waited_ms,
    )


def test_own_and_wall_time_of_an_invoke_and_its_init(target, latest):
    latest.add("accept", 1000, ended("id", 20.5, 80.25, 250.0, 1000.5))
    [read] = with_cpu_waits(target, [report(20.5, 250.0)], 1000)
    assert (read.duration_ms, read.waited_for_cpu_ms, read.wall_ms) == (20.5, 80.25, 100.75)
    assert (read.init_duration_ms, read.init_waited_for_cpu_ms, read.init_wall_ms) == (250.0, 1000.5, 1250.5)


def test_attempts_of_one_request_are_told_apart(target, latest):
    latest.add("decrypt", 1000, ended("id", 20, 1))
    latest.add("decrypt", 2000, ended("id", 30, 2))
    read = with_cpu_waits(target, [report(30), report(20), report(10)], 0)
    assert [one.waited_for_cpu_ms for one in read] == [2, 1, 0]


def test_what_ended_before_is_not_asked_for(target, latest):
    latest.add("decrypt", 999, ended("id", 20, 1))
    [read] = with_cpu_waits(target, [report(20)], 1000)
    assert (read.wall_ms, read.init_wall_ms) == (20, None)


@pytest.mark.parametrize("error", [UserError("no token"), HarnessError("no such path")])
def test_where_there_is_no_record_wall_time_is_own_time(target, monkeypatch, error):
    def control(*_):
        raise error

    monkeypatch.setattr(cpu_waits, "control", control)
    assert with_cpu_waits(target, [report(20, 250)], 0) == [report(20, 250)]


@pytest.mark.parametrize("answer", [None, [], {}, {"invocations": 1}, {"invocations": ["x"]}])
def test_another_answer_at_that_path_is_no_record(target, monkeypatch, answer):
    monkeypatch.setattr(cpu_waits, "control", lambda *_: answer)
    assert with_cpu_waits(target, [report(20)], 0) == [report(20)]


def test_aws_is_not_asked():
    assert with_cpu_waits(SimpleNamespace(is_local=False), [report(20)], 0) == [report(20)]


def test_the_oldest_are_forgotten(monkeypatch):
    monkeypatch.setattr(invocation_times, "MAX_KEPT", 2)
    latest = LatestInvocations()
    for number in range(3):
        latest.add("accept", number, ended(str(number), 1, 0))
    assert [times.request_id for times in latest.since(0)] == ["1", "2"]
    assert [times.request_id for times in latest.since(2)] == ["2"]


def test_a_time_that_is_no_number_is_all_of_them():
    latest = LatestInvocations()
    latest.add("accept", 1000, ended("id", 1, 0))
    [listed] = InvocationsResource(latest).on_get(Request(query_string="since_ms=now"))["invocations"]
    assert listed == {
        "function_name": "accept",
        "request_id": "id",
        "ended_ms": 1000,
        "duration_ms": 1,
        "waited_for_cpu_ms": 0,
        "init_duration_ms": None,
        "init_waited_for_cpu_ms": 0,
    }
