"""How a run of Terraform ends: by its exit code and its errors, whatever it printed before."""

import json

import pytest

from harness import paths
from harness.errors import HarnessError
from harness.targets import AwsTarget
from harness.terraform import Installation, Terraform

OUTPUTS = {"type": "outputs", "outputs": {"api_id": {"value": "abc"}}}
WARNING = {"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "old"}}
ERRORS = [
    {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": summary, "detail": "a\n b"}}
    for summary in ("first", "second")
]


@pytest.fixture
def terraform_that(monkeypatch, tmp_path):
    """Call it with what Terraform prints, and with the shell's words for its end."""

    def terraform_that(*lines, end="exit 0"):
        monkeypatch.setattr(paths, "STATE", tmp_path / "state")
        (tmp_path / "printed").write_text("".join(lines))
        (tmp_path / ".terraform.lock.hcl").touch()
        program = tmp_path / "terraform"
        program.write_text(f"#!/bin/sh\ncat '{tmp_path}/printed'\n{end}\n")
        program.chmod(0o755)
        installation = Installation(str(program), tmp_path, {"PATH": "/usr/bin:/bin"})
        return Terraform(AwsTarget("123456789012", "eu-central-1"), installation, {})

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
