"""What a stranger does: installs the wheel with plain pip, and works on a project outside of the checkout.

.ci/run runs these tests by themselves, the two projects side by side: `python -m pytest -n 2 tests/wheel`.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from serverless_harness.locks import locked
from serverless_harness.stack.embedded import free_port
from serverless_harness.waiting import Wait

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALL_TIMEOUT_S = 1200
COMMAND_TIMEOUT_S = 900
NOT_A_STRANGERS = ("VIRTUAL_ENV", "PYTHONPATH", "SERVERLESS_HARNESS_", "PYTEST_")
"""What the environment's variables start with that these tests are run with, and a stranger hasn't."""

THREE_FILES = {
    "main.tf": """
        terraform {
          required_providers {
            aws = { source = "hashicorp/aws", version = "~> 5.0" }
          }
        }

        provider "aws" {
          region = "eu-west-1"
        }
    """,
    "function.tf": """
        resource "aws_iam_role" "greet" {
          name = "greet"
          assume_role_policy = jsonencode({
            Version   = "2012-10-17"
            Statement = [{
              Effect    = "Allow"
              Action    = "sts:AssumeRole"
              Principal = { Service = "lambda.amazonaws.com" }
            }]
          })
        }

        resource "aws_iam_role_policy" "greet" {
          role = aws_iam_role.greet.id
          policy = jsonencode({
            Version = "2012-10-17"
            Statement = [
              { Effect = "Allow", Action = "logs:*", Resource = "*" },
              { Effect = "Allow", Action = "sqs:*", Resource = aws_sqs_queue.greetings.arn },
            ]
          })
        }

        resource "aws_lambda_function" "greet" {
          function_name    = "greet"
          role             = aws_iam_role.greet.arn
          runtime          = "python3.13"
          handler          = "greet.handler"
          filename         = "${path.module}/greet.zip"
          source_code_hash = filebase64sha256("${path.module}/greet.zip")
        }
    """,
    "queue.tf": """
        resource "aws_sqs_queue" "dead_letters" {
          name = "greetings-dead-letters"
        }

        resource "aws_sqs_queue" "greetings" {
          name                       = "greetings"
          visibility_timeout_seconds = 4
          redrive_policy = jsonencode({
            deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
            maxReceiveCount     = 2
          })
        }

        resource "aws_lambda_event_source_mapping" "greetings" {
          event_source_arn = aws_sqs_queue.greetings.arn
          function_name    = aws_lambda_function.greet.arn
        }

        output "queue_url" {
          value = aws_sqs_queue.greetings.url
        }
    """,
}
GREET = """
def handler(event, context):
    print("greeting", event["name"])
    return "hello " + event["name"]
"""
TEST_OF_GREET = """
def test_it_greets(stack):
    answer = stack.client("lambda").invoke(FunctionName="greet", Payload=b'{"name": "you"}')
    assert answer["Payload"].read() == b'"hello you"'
"""


class Stranger:
    """Runs the installed command in a project of its own."""

    def __init__(self, python: Path, project: Path) -> None:
        self.program = python.with_name("serverless-harness")
        self.project = project

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """Run a command; gives what it printed."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(NOT_A_STRANGERS)}
        result = subprocess.run(
            [self.program, *arguments],
            cwd=self.project,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
        assert result.returncode == exit_code, f"{arguments}:\n{result.stdout}\n{result.stderr}"
        return result.stdout

    @contextmanager
    def stack(self):
        """Have the project up; gives the options that lead commands to its stack."""
        options = ("--port", str(free_port()))
        try:
            self.run("up", *options)
            yield options
        finally:
            self.run("down", *options)


@pytest.fixture(scope="session")
def python(tmp_path_factory, worker_id):
    """The Python of a fresh environment with the wheel, as plain pip resolves it today; of all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "stranger"
    folder.mkdir(exist_ok=True)
    python = folder / "venv" / "bin" / "python"
    with locked(folder / "lock"):
        if not (folder / "installed").exists():
            _install(folder, python)
            (folder / "installed").touch()
    return python


def _install(folder, python):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True, timeout=INSTALL_TIMEOUT_S)
    subprocess.run([sys.executable, "-I", "-m", "venv", folder / "venv"], check=True)
    [wheel] = folder.glob("*.whl")
    install = [python, "-I", "-m", "pip", "install", "--quiet", f"{wheel}[testing]"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=INSTALL_TIMEOUT_S)


@pytest.fixture
def three_files(python, tmp_path):
    """A folder with three .tf files, a package and a test, and nothing that the harness has asked for."""
    for name, text in THREE_FILES.items():
        (tmp_path / name).write_text(text)
    with zipfile.ZipFile(tmp_path / "greet.zip", "w") as package:
        package.writestr("greet.py", GREET)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_greet.py").write_text(TEST_OF_GREET)
    return Stranger(python, tmp_path)


@pytest.fixture
def notes(python, tmp_path):
    """A copy of examples/notes."""
    ignored = shutil.ignore_patterns(".serverless-harness", "__pycache__", ".pytest_cache")
    shutil.copytree(CHECKOUT / "examples" / "notes", tmp_path / "notes", ignore=ignored)
    return Stranger(python, tmp_path / "notes")


def test_three_terraform_files_are_enough(three_files):
    event = three_files.project / "name.json"
    event.write_text(json.dumps({"name": "you"}))
    before = _files_of(three_files.project)

    with three_files.stack() as options:
        _send_what_greet_fails_on(options)
        assert "greet" in three_files.run("status", *options)
        letters = Wait("the message in the dead-letter queue", timeout_s=120, interval_s=2)
        letters.until(lambda: "1 dead letter" in three_files.run("dead-letters", "list", *options))
        _invoke_and_time(three_files, "greet", str(event), options)
        assert "greeting you" in three_files.run("logs", "greet", *options)
        _kill_one_call(three_files, "greet", str(event), options)
        assert "role/greet" in three_files.run("iam-report", *options)
    assert "1 passed" in three_files.run("test")
    assert "python3.13" in three_files.run("runtime", "list")

    assert _files_of(three_files.project) == before


def test_what_is_installed_fits_together(python):
    subprocess.run([python, "-I", "-m", "pip", "check"], check=True, capture_output=True)


def test_the_notes_work_in_a_copy(notes):
    before = _files_of(notes.project)

    with notes.stack() as options:
        status = notes.run("status", *options)
        assert "notes-api" in status
        assert "notes-index" in status
        _invoke_and_time(notes, "api", "write", options)
        assert "REPORT" in notes.run("logs", "api", *options)
        _kill_one_call(notes, "api", "write", options)
        assert "0 dead letters" in notes.run("dead-letters", "list", *options)
        assert "role/notes-index" in notes.run("iam-report", *options)
    assert " passed" in notes.run("test")

    assert _files_of(notes.project) == before


def test_help_works_outside_of_a_project(python, tmp_path):
    assert "up" in Stranger(python, tmp_path).run("--help")
    by_module = subprocess.run(
        [python, "-I", "-m", "serverless_harness", "--help"], cwd=tmp_path, capture_output=True, check=False
    )
    assert by_module.returncode == 0


def _invoke_and_time(stranger, function, event, options):
    assert "success" in stranger.run("invoke", function, "--event", event, *options)
    timed = stranger.run("timing", function, "--event", event, "--count", "2", *options)
    assert f"{function}  warm" in timed
    assert "pip install 'serverless-harness[report]'" in timed


def _kill_one_call(stranger, function, event, options):
    stranger.run(
        "fault", "add", "kill", "--function", f"*{function}", "--first", "1", "--for", "900", *options
    )
    stranger.run("invoke", function, "--event", event, *options, exit_code=1)
    assert "struck 1 of" in stranger.run("fault", "list", *options)
    stranger.run("fault", "clear", *options)
    assert stranger.run("fault", "list", *options) == "There are no faults.\n"


def _send_what_greet_fails_on(options):
    endpoint = f"http://127.0.0.1:{options[-1]}"
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    sqs = boto3.client("sqs", endpoint_url=endpoint, region_name="eu-west-1", **keys)
    url = sqs.get_queue_url(QueueName="greetings")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="no greeting")


def _files_of(project):
    """Give the contents of a project's files, but those that ignore themselves for git."""
    files = [file.relative_to(project) for file in project.rglob("*") if file.is_file()]
    return {
        file: (project / file).read_bytes()
        for file in files
        if not {".serverless-harness", ".pytest_cache", "__pycache__"} & set(file.parts)
    }
