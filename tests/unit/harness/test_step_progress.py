"""What is shown while people wait: how far an apply has come, live on a terminal, now and then elsewhere."""

import io
import re

import pytest
from rich.console import Console

from serverless_harness import terminal_output
from serverless_harness.deploy.terraform_progress import ApplyProgress


def summary(operation, add=0, change=0, remove=0):
    changes = {"add": add, "change": change, "remove": remove, "import": 0, "operation": operation}
    return {"type": "change_summary", "changes": changes}


def hook(kind, address, action="create"):
    resource = {"addr": address, "resource_type": address.split(".")[-2]}
    return {"type": kind, "hook": {"resource": resource, "action": action}}


def shown(*messages):
    progress = ApplyProgress()
    return [progress.take(message) for message in messages][-1]


def test_what_is_read_first_is_named():
    assert shown(hook("refresh_start", "aws_kms_key.a", "")) == "reading aws_kms_key.a"
    assert shown(hook("apply_start", "data.aws_region.b", "read")) == "reading data.aws_region.b"


def test_what_is_done_is_counted_against_the_plan_without_what_is_read():
    messages = [
        hook("apply_start", "data.aws_region.b", "read"),
        hook("apply_complete", "data.aws_region.b", "read"),
        summary("plan", add=2, change=1, remove=1),
        hook("apply_start", "aws_kms_key.a"),
        hook("apply_start", "aws_kms_key.b"),
    ]
    assert shown(*messages) == "0 of 4 done, now aws_kms_key.b and 1 more"
    messages.append(hook("apply_complete", "aws_kms_key.b"))
    assert shown(*messages) == "1 of 4 done, now aws_kms_key.a"
    assert shown(*messages, hook("apply_errored", "aws_kms_key.a")) == "1 of 4 done"


def test_why_a_queue_takes_long_is_said_once_nothing_else_is_waited_for():
    queue, key = "module.a.aws_sqs_queue.orders", "aws_kms_key.a"
    messages = [summary("plan", add=2), hook("apply_start", queue), hook("apply_start", key)]
    assert shown(*messages) == f"0 of 2 done, now {key} and 1 more"
    messages += [hook("apply_complete", key), hook("apply_progress", queue)]
    assert shown(*messages) == f"1 of 2 done, the AWS provider watches a new queue for 25 s: {queue}"


def test_a_queue_that_is_removed_has_no_such_reason():
    assert shown(hook("apply_start", "aws_sqs_queue.a", "delete")) == "0 done, now aws_sqs_queue.a"


@pytest.mark.parametrize("message", [summary("apply", add=1), {"type": "outputs", "outputs": {}}, {}])
def test_other_messages_change_nothing(message):
    assert shown(message) is None


@pytest.fixture
def printed(monkeypatch):
    """Call it to have a console of that kind; it gives what is printed there."""

    def printed(**options):
        output = io.StringIO()
        screen = Console(file=output, highlight=False, soft_wrap=True, **options)
        monkeypatch.setattr(terminal_output, "console", screen)
        return output

    return printed


def test_a_pipe_gets_a_line_of_progress_only_where_a_step_takes_long(printed, monkeypatch):
    output = printed(force_terminal=False)
    with terminal_output.step("Deploy") as step:
        step.progress("1 of 9 done")
        monkeypatch.setattr(step, "_started", step._started - terminal_output.PROGRESS_LINE_EVERY_S)
        for number in range(2, 9):
            step.progress(f"{number} of 9 done, now a['[red]\x1b[2J']")
        step.result = "9 added"
    lines = output.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("… Deploy           2 of 9 done, now a['[red]\\x1b[2J'] (1")
    assert lines[1].startswith("✓ Deploy           9 added (1")


def test_a_terminal_gets_one_live_line_that_fits(printed):
    output = printed(force_terminal=True, width=40)
    with terminal_output.step("Deploy") as step:
        step.progress("7 of 9 done, now module.orders.aws_sqs_queue.dead_letters[0]")
    *live, result, end = output.getvalue().split("\n")
    assert len(live) == 1
    assert re.search(r"Deploy \(\d+ s\): 7 of 9 done, now modul", live[0])
    assert "…" in live[0]
    assert "✓" in result
    assert end == ""
