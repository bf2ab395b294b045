"""What a failed test's report says of the functions' logs."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.functions.logs import LogEvent
from serverless_harness.targets import AwsTarget, LocalTarget
from serverless_harness.testing import failure_logs
from serverless_harness.testing.stack import StackUnderTest


@pytest.fixture
def stack(tmp_path, monkeypatch):
    monkeypatch.setattr(failure_logs, "ARRIVAL_S", 0)
    return StackUnderTest(Deployment(LocalTarget("http://127.0.0.1:4566", tmp_path), {}, ("second", "first")))


def section(stack, monkeypatch, read_logs):
    monkeypatch.setattr(failure_logs, "read_logs", read_logs)
    report = SimpleNamespace(sections=[])
    failure_logs.add(report, stack, 1.5)
    return report.sections


def test_the_latest_lines_are_shown(stack, monkeypatch):
    def read_logs(_deployment, functions, since_ms):
        assert since_ms == 1500
        [function] = functions
        times = range(function == "second", failure_logs.MAX_LINES + 2, 2)
        return [LogEvent(str(n), function, "s", n, f"line {n}\n") for n in times]

    [(title, text)] = section(stack, monkeypatch, read_logs)

    assert title == "functions' logs since the test began"
    assert text.splitlines()[0] == "… 2 lines before: 'serverless-harness logs' prints all"
    assert text.splitlines()[1:3] == ["00:00:00.002 first    line 2", "00:00:00.003 second   line 3"]
    assert len(text.splitlines()) == failure_logs.MAX_LINES + 1


def test_a_test_without_lines_has_no_section(stack, monkeypatch):
    assert section(stack, monkeypatch, lambda *_: []) == []


def test_logs_that_cant_be_read_dont_hide_the_others(stack, monkeypatch):
    def read_logs(_deployment, functions, _since_ms):
        if functions == ["first"]:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:4566")
        return [LogEvent("1", "second", "s", 1, "Traceback:\n  a line of it")]

    [(_, text)] = section(stack, monkeypatch, read_logs)

    unread, *lines = text.splitlines()
    assert unread.startswith("The logs of first can't be read: ")
    assert lines == ["00:00:00.001 second   Traceback:", "  a line of it"]


def test_aws_and_stacks_of_other_kinds_are_left_alone(monkeypatch):
    on_aws = StackUnderTest(Deployment(AwsTarget("eu-west-1", "111122223333"), {}))
    assert section(on_aws, monkeypatch, lambda *_: pytest.fail("read")) == []
    assert section(None, monkeypatch, lambda *_: pytest.fail("read")) == []
