"""The fixtures for users' own tests, used in a project of its own."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[3]
CONFTEST = """
import pytest
from types import SimpleNamespace

pytest_plugins = ["serverless_harness.pytest_plugin"]

REPORT = "REPORT RequestId: {id}\\tDuration: {ms:.2f} ms\\tBilled Duration: 300 ms\\tMemory Size: 128 MB\\t"
EVENTS = [
    "INIT_START Runtime Version: python:3.13.v1",
    "START RequestId: 1 Version: $LATEST", "hello", "END RequestId: 1",
    REPORT.format(id=1, ms=20) + "Max Memory Used: 40 MB\\tInit Duration: 250.00 ms\\t",
    "START RequestId: 2 Version: $LATEST", "END RequestId: 2",
    REPORT.format(id=2, ms=2) + "Max Memory Used: 40 MB\\t",
]

class Logs:
    exceptions = SimpleNamespace(ResourceNotFoundException=KeyError)

    def get_paginator(self, name):
        return self

    def paginate(self, logGroupName, startTime):
        if logGroupName != "/aws/lambda/my-function":
            raise KeyError(logGroupName)
        events = [
            {"eventId": str(n), "logStreamName": "s", "timestamp": startTime + n, "message": text}
            for n, text in enumerate(EVENTS)
        ]
        yield {"events": events}

@pytest.fixture(scope="session")
def aws_client():
    return {"logs": Logs()}.__getitem__
"""
TESTS = """
import pytest

def test_passes(invocations_since, test_started_ms, assert_cold, assert_warm, parse_report):
    first, second = invocations_since("my-function", test_started_ms, count=2)
    assert_cold(first)
    assert_warm(second)
    assert first.lines == ("hello",)
    assert first.init_started_ms == test_started_ms
    assert second.report.duration_ms == 2
    assert parse_report("no report") is None

def test_fails_cold(invocations_since, test_started_ms, assert_cold):
    assert_cold(invocations_since("my-function", test_started_ms, count=2)[1])

def test_fails_warm(invocations_since, test_started_ms, assert_warm):
    assert_warm(invocations_since("my-function", test_started_ms, count=2)[0])

def test_fails_after_the_timeout(invocations_since, test_started_ms):
    invocations_since("another", test_started_ms, timeout_s=0.1)
"""


def test_the_fixtures_in_another_project(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_mine.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "invocation 2 of my-function in s was warm: no init of its environment precedes it" in done.stdout
    assert "invocation 1 of my-function in s was cold: its init began 1 ms before it" in done.stdout
    assert "waited 0.1 s for 1 invocations of another in its log, found 0" in done.stdout


def test_every_fixture_says_what_it_is(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--fixtures",
            "-p",
            "serverless_harness.pytest_plugin",
            str(tmp_path),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    ours = done.stdout.split("fixtures defined from serverless_harness.pytest_plugin")[-1]
    for name in ("aws_client", "test_started_ms", "invocations_since", "parse_report", "assert_cold"):
        assert name in ours
    assert "no docstring available" not in ours
