"""How a run of Terraform ends: by its exit code and its errors, whatever it printed before."""

import json

import pytest

from serverless_harness.deploy.terraform import UNFINISHED, Terraform, may_have_lost_state
from serverless_harness.deploy.terraform_installation import STATE_FILE, Installation
from serverless_harness.deploy.terraform_output import BLOCKED_AFTER_S
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.targets import DEPLOYMENT_FILE, AwsTarget, LocalTarget

OUTPUTS = {"type": "outputs", "outputs": {"api_id": {"value": "abc"}}}
WARNING = {"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "old"}}
ERRORS = [
    {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": summary, "detail": "a\n b"}}
    for summary in ("first", "second")
]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "main.tf").touch()
    return Project(tmp_path / "project", Settings())


@pytest.fixture
def terraform_that(project, tmp_path):
    """Call it with what Terraform prints, and with the shell's words for its end."""

    def terraform_that(*lines, end="exit 0", target=None):
        (tmp_path / "printed").write_text("".join(lines))
        (tmp_path / ".terraform.lock.hcl").touch()
        program = tmp_path / "terraform"
        program.write_text(f"#!/bin/sh\ncat '{tmp_path}/printed'\n{end}\n")
        program.chmod(0o755)
        aws = AwsTarget("123456789012", "eu-central-1", project=project)
        installation = Installation(str(program), tmp_path, {"PATH": "/usr/bin:/bin"})
        return Terraform(target or aws, installation, {})

    return terraform_that


def line(message):
    return json.dumps(message) + "\n"


def test_what_it_made_is_given(terraform_that):
    assert terraform_that(line(WARNING), line(OUTPUTS)).apply(print).outputs == {"api_id": "abc"}


@pytest.mark.parametrize("last", [line(WARNING), '{"type": "out', ""])
def test_killed_it_has_failed_whatever_it_printed_last(terraform_that, last):
    terraform = terraform_that(line(WARNING), last, end="kill -9 $$")
    with pytest.raises(HarnessError, match=r"terraform apply failed: .+ \(see .*terraform.log\)"):
        terraform.apply(print)
    with pytest.raises(HarnessError, match="terraform destroy failed"):
        terraform.destroy()


def test_without_an_error_its_exit_code_is_said(terraform_that):
    with pytest.raises(HarnessError, match="it ended with exit code 137"):
        terraform_that(line(OUTPUTS), '{"type": "out', end="kill -9 $$").apply(print)


def test_what_it_says_in_words_is_the_reason(terraform_that):
    with pytest.raises(HarnessError, match="apply failed: Error: no such option"):
        terraform_that("Error: no such option\n", end="exit 1").apply(print)


def test_of_several_errors_the_first_is_the_reason_and_all_are_read(terraform_that):
    terraform = terraform_that(*map(line, ERRORS), end="exit 1")
    with pytest.raises(HarnessError, match="destroy failed: first: a b "):
        terraform.destroy()
    assert "second" in terraform.log_file.read_text()


@pytest.fixture
def local(monkeypatch, project, tmp_path):
    """A target to which nothing was deployed yet, and which tflocal has nothing to say about."""
    monkeypatch.setattr(Terraform, "_configure_provider", lambda terraform: None)
    return LocalTarget("http://127.0.0.1:1", tmp_path / "local", project=project)


def hook(message_type, elapsed_s=0):
    return line({"type": message_type, "hook": {"resource": {"addr": "a.b"}, "elapsed_seconds": elapsed_s}})


HOPELESS = [hook("apply_errored"), hook("apply_progress", BLOCKED_AFTER_S)]


def cut_off(terraform):
    (terraform.folder / UNFINISHED).touch()
    return terraform


@pytest.mark.parametrize("message", HOPELESS)
def test_a_deployment_that_cannot_be_taken_up_is_ended_at_once(terraform_that, local, message):
    terraform = cut_off(terraform_that(message, end="exec sleep 100", target=local))
    with pytest.raises(HarnessError, match="can't be made, most likely because an interrupted deployment"):
        terraform.apply(print)
    assert may_have_lost_state(local)


def test_a_deployment_to_an_emulator_that_can_start_no_threads_is_ended_at_once(terraform_that, local):
    local.state_dir.mkdir()
    local.log_file.write_text("ERROR exception during call chain: can't start new thread\n")
    slow = hook("apply_progress", BLOCKED_AFTER_S)
    terraform = terraform_that(hook("apply_progress", 10), slow, end="exec sleep 100", target=local)
    with pytest.raises(UserError, match="no more processes or threads can be started"):
        terraform.apply(print)


def test_so_is_one_that_says_nothing(terraform_that, local, monkeypatch):
    monkeypatch.setattr("serverless_harness.deploy.terraform_output.BLOCKED_AFTER_S", 0.05)
    terraform = terraform_that(end="sleep 0.5; echo the end; exec sleep 100", target=local)
    local.log_file.write_text("can't start new thread\n")
    with pytest.raises(UserError, match="no more processes or threads can be started"):
        terraform.apply(print)


def test_lines_come_whole_however_they_are_cut(terraform_that):
    first, second = line(OUTPUTS)[:20], line(OUTPUTS)[20:]
    terraform = terraform_that(first, end=f"sleep 0.2; printf '%s' '{second.strip()}'")
    assert terraform.apply(print).outputs == {"api_id": "abc"}
    assert terraform.log_file.read_text() == line(OUTPUTS).strip()


def test_a_deployment_that_can_be_taken_up_has_time(terraform_that, local):
    short = hook("apply_progress", BLOCKED_AFTER_S - 1)
    terraform = cut_off(terraform_that(short, hook("apply_complete"), line(OUTPUTS), target=local))
    assert terraform.apply(print).outputs == {"api_id": "abc"}
    assert not may_have_lost_state(local)


@pytest.mark.parametrize("message", HOPELESS)
def test_where_none_was_cut_off_terraform_ends_by_itself(terraform_that, local, message):
    terraform = terraform_that(message, line(ERRORS[0]), line(OUTPUTS), end="exit 1", target=local)
    with pytest.raises(HarnessError, match="apply failed: first"):
        terraform.apply(print)


@pytest.mark.parametrize(
    ("files", "lost"),
    [
        ({}, False),
        ({f"terraform/{STATE_FILE}": "{}", DEPLOYMENT_FILE: "{}"}, False),
        ({f"terraform/{STATE_FILE}": "{}", f"terraform/{UNFINISHED}": ""}, True),
        ({f"terraform/{STATE_FILE}": '{"a'}, True),
        ({DEPLOYMENT_FILE: "{}"}, True),
    ],
    ids=["fresh", "deployed", "cut-off", "damaged", "removed"],
)
def test_when_state_may_be_lost(local, files, lost):
    for name, content in files.items():
        (local.state_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (local.state_dir / name).write_text(content)
    assert may_have_lost_state(local) is lost
