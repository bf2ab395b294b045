"""What is called cold is cold: in every emulator, and a row whose samples aren't fails."""

import io
import json
import os
import subprocess
import sys

import psutil
import pytest

from benchmarks.contenders import functions_of
from benchmarks.probes import SOURCES, Probes
from serverless_harness.timing.coldness import other_timeout_s


class Functions:
    """Stands in for boto3's client of an emulator; `retires` says what it takes to end an environment."""

    def __init__(self, retires):
        self.retires = retires
        self.timeout_s = 30
        self.is_cold = True
        self.keeps = True

    def get_function_configuration(self, FunctionName):
        return {"Timeout": self.timeout_s}

    def update_function_configuration(self, FunctionName, Timeout):
        self.is_cold = self.is_cold or self.retires(self.timeout_s, Timeout)
        self.timeout_s = Timeout

    def get_waiter(self, _):
        return self

    def wait(self, **_):
        pass

    def invoke(self, FunctionName, Payload):
        was_cold, self.is_cold = self.is_cold, not self.keeps
        return {"Payload": io.BytesIO(json.dumps({"cold": was_cold}).encode())}


def probes_on(functions):
    probes = object.__new__(Probes)
    probes._lambda = functions
    return probes


def test_every_update_changes_the_timeout():
    probes = probes_on(Functions(lambda before, after: before != after))
    for _ in range(3):
        probes.cold_ms("empty")
    assert probes.warm_ms("empty") > 0


def test_a_cold_invoke_that_was_warm_is_an_error():
    probes = probes_on(Functions(lambda before, after: False))
    probes.warm_ms("empty")
    with pytest.raises(RuntimeError, match="was warm"):
        probes.cold_ms("empty")


def test_a_warm_invoke_that_was_cold_is_an_error():
    functions = Functions(lambda before, after: True)
    functions.keeps = False
    probes = probes_on(functions)
    with pytest.raises(RuntimeError, match="was cold"):
        probes.warm_ms("empty")


@pytest.mark.parametrize("timeout_s", [1, 2, 3, 30, 899, 900])
def test_the_timeout_goes_back_and_forth_by_a_second_within_the_limits(timeout_s):
    other = other_timeout_s(timeout_s)
    assert abs(other - timeout_s) == 1
    assert 1 <= other <= 900
    assert other_timeout_s(other) == timeout_s


@pytest.mark.parametrize("name", ["empty", "printing"])
def test_a_probe_answers_that_it_is_cold_once(name):
    module = {}
    exec(SOURCES[name], module)
    assert [module["handler"]({}, None) for _ in range(3)] == [{"cold": True}, *[{"cold": False}] * 2]


def test_functions_are_found_by_their_processes():
    environ = {**os.environ, "AWS_LAMBDA_FUNCTION_NAME": "accept"}
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        assert functions_of([psutil.Process(process.pid), psutil.Process()]) == {"accept"}
        process.communicate(b"\n")
