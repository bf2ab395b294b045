"""The fixtures for users' own tests, used in a project of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
    "reset",
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
from botocore.exceptions import ClientError

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
    def get_paginator(self, name):
        return self

    def paginate(self, logGroupName, startTime):
        if logGroupName != "/aws/lambda/my-function":
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "FilterLogEvents")
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


RESETTING = """
import pytest

def test_resets(reset): pass

@pytest.mark.reset_stack
def test_marked(stack): pass

@pytest.mark.reset_stack("module")
def test_needs_no_stack(tmp_path): pass
"""


def test_a_test_that_resets_the_stack_fails_in_one_line_without_one(tmp_path):
    (tmp_path / "main.tf").write_text("")
    (tmp_path / "test_mine.py").write_text(RESETTING)
    done = run_pytest(tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert "2 errors" in done.stdout
    assert "nothing is deployed to http://127.0.0.1:4566" in done.stdout
    assert "Traceback" not in done.stdout


def test_tests_of_a_stack_that_is_reset_are_kept_from_running_beside_each_other(tmp_path):
    (tmp_path / "main.tf").write_text("")
    (tmp_path / "test_mine.py").write_text(RESETTING)
    (tmp_path / "test_more.py").write_text("def test_more(outputs): pass\n")
    done = run_pytest(tmp_path, "-n", "2", "--dist", "loadgroup", "-v")
    assert "nothing is deployed" in done.stdout
    places = re.findall(r"\[(gw\d)\].*::(test_\w+)", done.stdout)
    of_stack = {place for place, name in places if name != "test_needs_no_stack"}
    assert len(places) == 4, done.stdout + done.stderr
    assert len(of_stack) == 1
    refused = run_pytest(tmp_path, "-n", "2")
    assert "add --dist loadgroup" in refused.stdout + refused.stderr


@pytest.mark.parametrize("value", ["hour", "Function"])
def test_how_often_the_stack_is_reset_is_one_of_three(tmp_path, value):
    (tmp_path / "main.tf").write_text("")
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nreset_stack = {value}\n")
    (tmp_path / "test_mine.py").write_text("def test_mine(stack): pass\n")
    done = run_pytest(tmp_path)
    assert f"reset_stack is '{value}': set it to one of function, module, session" in (
        done.stdout + done.stderr
    )


def test_how_often_the_stack_is_reset(tmp_path):
    """By a mark, a module's or the ini option; the reset itself is counted in the place of the real one."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nreset_stack = session\n")
    (tmp_path / "conftest.py").write_text(
        "import pytest\n"
        "from serverless_harness.testing import resets\n"
        "count = []\n"
        "resets.reset_stack = lambda config: count.append(1)\n"
        "@pytest.fixture(scope='session')\n"
        "def stack(): return count\n"
    )
    (tmp_path / "test_a.py").write_text(
        "def test_1(stack): assert len(stack) == 1\n"
        "def test_2(stack): assert len(stack) == 1\n"
        "def test_3(): pass\n"
    )
    (tmp_path / "test_b.py").write_text(
        "import pytest\n"
        "pytestmark = pytest.mark.reset_stack(scope='module')\n"
        "def test_1(stack): assert len(stack) == 2\n"
        "def test_2(stack): assert len(stack) == 2\n"
        "@pytest.mark.reset_stack\n"
        "def test_3(stack): assert len(stack) == 3\n"
    )
    done = run_pytest(tmp_path, "-p", "no:randomly", "-p", "no:random_order")
    assert "6 passed" in done.stdout, done.stdout + done.stderr


def test_a_mark_takes_nothing_but_a_scope(tmp_path):
    (tmp_path / "main.tf").write_text("")
    marked = "import pytest\n@pytest.mark.reset_stack(scop='module')\ndef test_mine(stack): pass\n"
    (tmp_path / "test_mine.py").write_text(marked)
    done = run_pytest(tmp_path)
    assert "reset_stack takes a scope, and not scop" in done.stdout + done.stderr


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
