"""The fixtures for users' own tests, used in a project of its own."""

import os
import subprocess
import sys
from pathlib import Path

from serverless_harness.project import locate
from serverless_harness.testing import under_test

PROJECT = Path(__file__).parents[3]
PLUGIN = "serverless_harness.pytest_plugin"
OURS = (
    locate.VARIABLE,
    under_test.STATE_VARIABLE,
    under_test.ENDPOINT_VARIABLE,
    under_test.COMPOSE_VARIABLE,
)
FIXTURES = (
    "stack",
    "outputs",
    "aws_client",
    "invoke",
    "make_cold",
    "eventually",
    "faults",
    "fault",
    "clock",
    "iam_denials",
    "dead_letters",
    "messages",
    "aws_event",
    "matches_snapshot",
    "test_started_ms",
    "invocations_since",
    "parse_report",
    "assert_cold",
    "assert_warm",
)
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
    ours = ours.partition("fixtures defined from")[0]
    for name in FIXTURES:
        assert name in ours
    assert "no docstring available" not in ours


def test_each_fixture_is_in_the_docs():
    page = (PROJECT / "docs" / "testing.md").read_text()
    assert [name for name in FIXTURES if f"`{name}`" not in page] == []


def test_a_suite_that_uses_none_of_them_imports_nothing_of_them(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import sys\n"
        "def test_mine():\n"
        "    heavy = ('boto3', 'botocore', 'localstack', 'pydantic', 'httpx', 'syrupy')\n"
        "    ours = [name for name in sys.modules if name.startswith('serverless_harness.')]\n"
        "    assert ours == ['serverless_harness.pytest_plugin']\n"
        "    assert [name for name in heavy if name in sys.modules] == []\n"
    )
    done = run_pytest(tmp_path, "-p", "no:syrupy", "-p", "no:hypothesispytest")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_without_a_stack_a_test_that_needs_one_fails_in_one_line(tmp_path):
    (tmp_path / "main.tf").write_text("")
    (tmp_path / "test_mine.py").write_text("def test_mine(outputs): pass\n")
    done = run_pytest(tmp_path)
    assert "1 error" in done.stdout
    assert "nothing is deployed to http://127.0.0.1:4566: run serverless-harness deploy first" in done.stdout
    assert "Traceback" not in done.stdout


def test_events_need_no_stack(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "def test_mine(aws_event):\n"
        "    assert aws_event.sqs('a', queue='q')['Records'][0]['eventSourceARN'].endswith(':q')\n"
    )
    assert "1 passed" in run_pytest(tmp_path).stdout


def test_an_answer_is_recorded_then_compared_but_for_what_differs_from_run_to_run(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import os, uuid\n"
        "def test_mine(matches_snapshot):\n"
        "    matches_snapshot({'id': str(uuid.uuid4()), 'text': os.environ['TEXT']})\n"
    )
    assert "1 snapshot generated" in run_pytest(tmp_path, "--snapshot-update", TEXT="milk").stdout
    assert "1 snapshot passed" in run_pytest(tmp_path, TEXT="milk").stdout
    changed = run_pytest(tmp_path, TEXT="bread").stdout
    assert "1 snapshot failed" in changed
    assert "bread" in changed


def run_pytest(folder, *options, **environ):
    """Run the tests of another project, which has the plugin, and none of this run's own variables."""
    foreign = {
        name: value
        for name, value in os.environ.items()
        if name not in OURS and not name.startswith("PYTEST_")
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", PLUGIN, *options, str(folder)],
        cwd=folder,
        env={**foreign, "PYTHONPATH": str(PROJECT), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
