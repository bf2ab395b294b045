"""A stranger's project: no settings, Terraform as its author wrote it for AWS, and not one file changed."""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile

import pytest

from serverless_harness.project import locate
from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import free_port
from serverless_harness.targets import LocalTarget
from serverless_harness.waiting import Wait

pytestmark = pytest.mark.xdist_group("a stranger's project")

MAIN = """
terraform {
  backend "s3" {
    bucket = "states"
    key    = "jobs"
    region = "eu-west-1"
  }
}

provider "aws" {
  region              = var.region
  profile             = "production"
  allowed_account_ids = ["123456789012"]

  assume_role {
    role_arn = "arn:aws:iam::123456789012:role/deploy"
  }

  default_tags {
    tags = { project = "jobs" }
  }
}

module "read" {
  source  = "../modules/function"
  name    = "jobs-read"
  package = "${path.module}/../build/app.zip"
}

module "write" {
  source  = "../modules/function"
  name    = "jobs-write"
  package = "${path.module}/../build/app.zip"
}
"""
VARIABLES = """
variable "region" {
  type = string
}

output "function" {
  value = module.read.name
}

output "password" {
  value     = "s3cr3t"
  sensitive = true
}
"""
QUEUE = """
resource "aws_sqs_queue" "failed" {
  name = "jobs-failed"
}

resource "aws_lambda_function_event_invoke_config" "write" {
  function_name          = module.write.name
  maximum_retry_attempts = 0

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failed.arn
    }
  }
}
"""
MODULE = """
provider "aws" {
  region  = "eu-west-1"
  profile = "production"
}

variable "name" {}
variable "package" {}
variable "layers" { default = [] }

resource "aws_iam_role" "this" {
  name = var.name
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  role = aws_iam_role.this.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["logs:*", "sqs:SendMessage"], Resource = "*" }]
  })
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  role             = aws_iam_role.this.arn
  runtime          = "python3.13"
  handler          = "app.handler"
  layers           = var.layers
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  depends_on       = [aws_iam_role_policy.this]
}

output "name" {
  value = aws_lambda_function.this.function_name
}
"""
APP = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("as it was asked to")
    print("greeting", event["name"])
    return {"hello": event["name"]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stranger") / "jobs"
    for name, content in {
        "infra/main.tf": MAIN,
        "infra/variables.tf": VARIABLES,
        "infra/queue.tf": QUEUE,
        "infra/dev.auto.tfvars": 'region = "eu-west-1"\n',
        "modules/function/main.tf": MODULE,
        "events/hello.json": '{"name": "you"}',
        "events/fail.json": '{"fail": true}',
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "build").mkdir()
    with zipfile.ZipFile(folder / "build" / "app.zip", "w") as package:
        package.writestr("app.py", APP)
    state = folder / ".serverless-harness"
    state.mkdir()
    (state / "runtimes").symlink_to(current().runtimes)
    return folder


@pytest.fixture(scope="module")
def harness(folder):
    """Call it with a command for what it prints; the stack is gone afterwards."""
    port = str(free_port())
    environ = {name: value for name, value in os.environ.items() if name != locate.VARIABLE}

    def harness(command, *arguments, exit_code=0):
        line = [sys.executable, "-I", "-m", "serverless_harness", command, *arguments, "--port", port]
        result = subprocess.run(line, cwd=folder, env=environ, capture_output=True, text=True, check=False)
        assert result.returncode == exit_code, result.stdout + result.stderr
        return result.stdout if exit_code == 0 else result.stderr

    yield harness
    harness("down")


def hashes(folder):
    files = (file for file in folder.rglob("*") if ".serverless-harness" not in file.parts and file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def up(folder, harness):
    """What `up` prints; the project's files are as before."""
    before = hashes(folder)
    printed = harness("up")
    assert hashes(folder) == before
    return printed


def test_up_ends_with_the_outputs_but_for_secrets(up):
    assert "function = jobs-read" in up
    assert "s3cr3t" not in up


def test_its_functions_are_found_in_their_region_by_any_unambiguous_part(up, harness):
    status = harness("status")
    assert "jobs-read, jobs-write" in status
    assert "deployed in eu-west-1" in status
    assert '"hello": "you"' in harness("invoke", "read", "--event", "events/hello.json")
    Wait("the log line", 30).until(lambda: "greeting you" in harness("logs", "read"))


def test_two_functions_that_match_are_one_line(up, harness):
    error = harness("invoke", "jobs", "--event", "events/hello.json", exit_code=2)
    assert re.fullmatch("error: 'jobs' matches several functions: .*jobs-read, jobs-write\n", error)
    assert harness("logs", "absent", exit_code=2).count("\n") == 1


def test_any_function_is_timed(up, harness, tmp_path):
    harness("timing", "read", "--event", "events/hello.json", "--count", "1", "--output", str(tmp_path))
    report = json.loads((tmp_path / "report.json").read_text())
    assert [row["temperature"] for row in report["rows"]] == ["cold", "warm"]


def test_an_event_that_failed_is_a_dead_letter_and_fails_again_when_it_is_redriven(up, harness, folder):
    [record] = locate.load(folder).stacks.glob("*/deployment.json")
    target = LocalTarget(f"http://127.0.0.1:{record.parent.name}", record.parent)
    lambda_ = target.client("lambda")
    lambda_.invoke(FunctionName="jobs-write", InvocationType="Event", Payload=b'{"fail": true}')
    letters = Wait("the letter", 60).until(lambda: _some(harness("dead-letters", "list")))
    assert "jobs-write" in letters
    assert "ValueError: as it was asked to" in letters
    first = letters.split()[0]
    assert "1 sent again" in harness("dead-letters", "redrive", "--all")
    Wait("another letter", 60).until(
        lambda: (found := _some(harness("dead-letters", "list"))) and first not in found
    )


LAYER = "arn:aws:lambda:eu-west-1:017000801446:layer:greetings:18"
LAYERED = """
module "layered" {
  source  = "../modules/function"
  name    = "jobs-layered"
  package = "${path.module}/../build/layered.zip"
  layers  = ["%s"]
}
"""


def test_a_layer_of_another_account_holds_what_the_settings_say(up, harness, folder):
    layer, wanted = folder / "layers" / "greetings" / "python", folder / "infra" / "layered.tf"
    layer.mkdir(parents=True)
    (layer / "greetings.py").write_text('TEXT = "good morning"')
    with zipfile.ZipFile(folder / "build" / "layered.zip", "w") as package:
        package.writestr(
            "app.py", "import greetings\n\ndef handler(event, context):\n    return greetings.TEXT"
        )
    wanted.write_text(LAYERED % LAYER)
    refused = harness("deploy", exit_code=1)
    assert refused.count("\n") == 1
    assert f"{LAYER}, a layer of another account" in refused

    (folder / "serverless-harness.toml").write_text(f'[layers]\n"{LAYER}" = "layers/greetings"\n')
    harness("deploy")
    assert "good morning" in harness("invoke", "layered", "--event", "events/hello.json")

    (layer / "greetings.py").write_text('TEXT = "good night"')
    harness("deploy")
    assert "good night" in harness("invoke", "layered", "--event", "events/hello.json")


def _some(printed):
    return None if printed.startswith("0 dead letters") else printed


def test_terraforms_own_error_is_one_line(up, harness, folder):
    wrong = folder / "infra" / "wrong.tf"
    wrong.write_text('output "wrong" {\n  value = module.absent.name\n}\n')
    try:
        error = harness("deploy", exit_code=2)
    finally:
        wrong.unlink()
    assert error.count("\n") == 1
    assert "wrong.tf, line 2" in error
