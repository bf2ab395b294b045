"""What `--compose` says where it can't work, and how it finds what runs."""

import json
import os
import re
import stat
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from serverless_harness.cli import deployment_actions
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.stack import compose
from serverless_harness.stack.compose import (
    ComposeStack,
    find_stack,
    provider_variable,
    running_stacks,
    why_no_engine,
)
from serverless_harness.stack.control import VARIABLE, control, find_token
from serverless_harness.stack.down import stop_compose_stacks
from serverless_harness.stack.embedded import free_port
from serverless_harness.stack.existing_endpoint import parse_endpoint
from serverless_harness.stack.up import bring_up

CONTAINER = (
    '{"Labels":"com.docker.compose.project=shop-5000,com.docker.compose.service=gateway",'
    '"Ports":"127.0.0.1:5000-\\u003e5000/tcp"}'
)


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Call it with a shell script: it is the only `docker` there is."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", str(program.parent))

    def docker(script):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return docker


def run_harness(*arguments):
    return subprocess.run(
        [sys.executable, "-I", "-m", "serverless_harness", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.mark.parametrize(
    "command", [("up", "--compose"), ("down", "--compose"), ("test", "--target", "compose")]
)
def test_without_docker_one_line_says_how_to_get_it(command, docker):
    result = run_harness(*command)

    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "docker is not on PATH: install Docker" in result.stderr


def test_compose_and_endpoint_exclude_each_other(docker):
    result = run_harness("up", "--compose", "--endpoint", "http://127.0.0.1:4566")

    assert result.returncode == 2
    assert "give one of the two" in result.stderr


def test_missing_plugin_and_silent_engine_are_told_apart(docker):
    docker('[ "$1" = version ]')
    assert "no compose plugin" in why_no_engine()
    docker('[ "$1" = compose ]')
    assert "no Docker engine answers" in why_no_engine()
    docker("true")
    assert why_no_engine() is None


def test_running_stack_is_found_by_its_port(docker):
    docker(f"echo '{CONTAINER}'")

    assert running_stacks() == [ComposeStack(5000, "shop-5000")]
    assert find_stack(5000) == ComposeStack(5000, "shop-5000")
    assert find_stack(5001) is None
    assert ComposeStack.on_port(5001).name == "shop-5001"
    assert ComposeStack.on_port(4566).name == "shop"


def test_silent_engine_has_no_stacks(docker):
    docker("echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    assert running_stacks() == []


def test_deleting_kept_states_leaves_a_stack_that_runs_on_another_port_alone(monkeypatch, capsys):
    stopped = []
    monkeypatch.setattr(compose, "require_engine", lambda: None)
    monkeypatch.setattr(compose, "running_stacks", lambda: [ComposeStack(5000, "shop")])
    monkeypatch.setattr(compose, "kept_stacks", lambda: [ComposeStack(4566, "shop")])
    monkeypatch.setattr(ComposeStack, "stop", lambda stack, delete: stopped.append((stack, delete)))
    stop_compose_stacks(4566, delete=True)
    assert not stopped
    assert "no compose stack runs on port 4566" in capsys.readouterr().out
    stop_compose_stacks(5000, delete=True)
    assert stopped == [(ComposeStack(5000, "shop"), True)]


def test_failure_is_one_line_and_the_rest_is_in_the_log(docker, tmp_path):
    docker("echo 'Step 1/9' >&2; echo 'ERROR: no space left on device' >&2; exit 17")
    stack = ComposeStack(5000, "shop-5000", tmp_path)

    with pytest.raises(HarnessError, match="docker compose build failed: ERROR: no space left on device"):
        stack.build()

    assert "Step 1/9" in stack.log_file.read_text()


UNREACHABLE = (
    "echo 'ERROR: failed to solve: python:3.13-slim: failed to resolve source metadata for"
    " docker.io/library/python:3.13-slim: dial tcp: lookup registry-1.docker.io: no such host' >&2; exit 17"
)


def test_what_the_compose_file_says_of_itself(tmp_path, monkeypatch):
    assert (compose.project_name(), compose.app_service()) == ("shop", "shop")
    assert compose.variable("PORT") == "SHOP_PORT"
    monkeypatch.setattr(compose, "current", lambda: Project(tmp_path, Settings()))
    with pytest.raises(UserError, match=r"there is no .*docker-compose.yml"):
        compose.project_name()
    (tmp_path / "docker-compose.yml").write_text(
        "name: my-notes\nservices:\n  api:\n    image: x\n  notes:\n    image: y\n    command:\n      - app\n"
    )
    assert (compose.project_name(), compose.app_service()) == ("my-notes", "notes")
    assert compose.variable("PORT") == "MY_NOTES_PORT"
    (tmp_path / "docker-compose.yml").write_text("services: {}\n")
    with pytest.raises(UserError, match="lacks a line 'name: …'"):
        compose.project_name()


IMAGES = "serverless-harness:latest shop-deploy:latest"


def docker_whose_build(does, has_images):
    """A shell script for a `docker` with these images, whose `docker compose build` does this."""
    return f"""
case "$*" in
  *" build") {does} ;;
  *" config --images") printf '%s\\n' {IMAGES} ;;
  "image inspect {IMAGES}") {has_images} ;;
  *) exit 99 ;;
esac
"""


def test_without_a_registry_the_images_that_exist_are_used(docker, tmp_path):
    docker(docker_whose_build(UNREACHABLE, has_images="true"))
    assert "the existing images" in ComposeStack(5000, "shop-5000", tmp_path).build()


@pytest.mark.parametrize(
    ("does", "has_images"),
    [
        (UNREACHABLE, "false"),
        ("echo 'ERROR: failed to solve: process did not complete' >&2; exit 17", "true"),
    ],
)
def test_a_failed_build_is_an_error_without_images_or_for_another_reason(docker, tmp_path, does, has_images):
    docker(docker_whose_build(does, has_images))
    with pytest.raises(HarnessError, match="docker compose build failed: ERROR: failed to solve"):
        ComposeStack(5000, "shop-5000", tmp_path).build()


@pytest.mark.parametrize(("running", "is_stopped"), [("localstack\ngateway", False), ("gateway", True)])
def test_a_failed_up_stops_only_what_it_started(docker, tmp_path, running, is_stopped):
    docker(f"""
case "$*" in
  *" ps --services") printf '{running}\\n' ;;
  *" build") echo 'ERROR: disk full' >&2; exit 17 ;;
  *" down "*) : > {tmp_path}/stopped ;;
esac
""")
    stack = ComposeStack(5000, "shop-5000", tmp_path)
    with pytest.raises(HarnessError, match="disk full"):
        bring_up(stack)
    assert (tmp_path / "stopped").exists() == is_stopped


def docker_with_emulator(variables):
    """A shell script for a `docker` that has an emulator's container, made with these variables."""
    return f"""
case "$*" in
  *" ps --all --quiet localstack") echo 0123 ;;
  *" ps "*) echo localstack ;;
  "inspect --format "*" 0123") echo '{json.dumps(variables)}' ;;
esac
"""


@pytest.mark.parametrize("is_its_own", [True, False])
def test_settings_are_kept_for_the_very_containers_that_were_given_them(docker, tmp_path, is_its_own):
    docker("true")
    stack = ComposeStack(free_port(), "shop-5000", tmp_path, {"LAMBDA_PROCESS_CPU": "aws"})
    stack.ensure_running()
    assert "LAMBDA_PROCESS_CPU=aws\n" in stack.settings_file.read_text()
    given = stack.settings_file.read_text().splitlines() if is_its_own else []
    docker(docker_with_emulator(["PATH=/bin", *given]))

    ComposeStack(stack.port, "shop-5000", tmp_path).ensure_running()

    assert stack.settings_file.exists() == is_its_own


def test_the_projects_settings_reach_the_containers_too_and_what_a_user_says_goes_first(
    docker, tmp_path, monkeypatch
):
    docker("true")
    (tmp_path / ".env").write_text("IAM_ENFORCEMENT=soft\n")
    monkeypatch.setenv("DYNAMODB_EXPIRY_INTERVAL_S", "1")
    named = {"LAMBDA_PROCESS_CPU": "aws", "IAM_ENFORCEMENT": "off", "DYNAMODB_EXPIRY_INTERVAL_S": "9"}
    project = Project(tmp_path, Settings(emulator=named))
    stack = ComposeStack(free_port(), "shop-5000", tmp_path, project=project)
    stack.ensure_running()
    assert stack.settings_file.read_text().splitlines() == [
        "LAMBDA_PROCESS_CPU=aws",
        "DYNAMODB_EXPIRY_INTERVAL_S=1",
    ]


def test_docker_compose_alone_reads_nothing_that_the_scripts_have_written():
    assert ".serverless-harness/compose" not in (current().folder / "docker-compose.yml").read_text()


def test_control_token_is_the_oldest_that_the_container_has(docker, tmp_path):
    docker("""
case "$*" in
  *" exec -T --user 0 localstack ls -1ctr /run/control") printf 'the-token\\nof-a-function\\n' ;;
  *) exit 1 ;;
esac
""")
    assert find_token(ComposeStack(5000, "shop-5000", tmp_path).target) == "the-token"


class TokenHandler(BaseHTTPRequestHandler):
    """Answers to who has the emulator's token; what it doesn't know is a bucket to it, as to LocalStack."""

    def do_GET(self):
        if self.path != "/_emulator/iam":
            self.answer(404, b"<?xml version='1.0'?><Error><Code>NoSuchBucket</Code></Error>")
        else:
            self.answer(200 if self.headers["Authorization"] == "Bearer new" else 403, b"{}")

    def answer(self, status, content):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""


def test_a_restarted_container_is_asked_for_its_new_token(docker, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), TokenHandler) as emulator:
        Thread(target=emulator.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        stack = ComposeStack(emulator.server_address[1], "shop-5000", tmp_path)
        docker("echo old")
        assert find_token(stack.target) == "old"
        with pytest.raises(UserError, match="rejects this control token"):
            control(stack.target, "GET", "/_emulator/iam")
        docker("echo new")
        assert control(stack.target, "GET", "/_emulator/iam") == {}
        with pytest.raises(UserError, match="runs there without this project's plugins"):
            control(stack.target, "GET", "/_emulator/faults")
        emulator.shutdown()


def test_container_without_a_token_is_an_error_that_says_so(docker, tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    docker("echo 'service \"localstack\" is not running' >&2; exit 1")
    with pytest.raises(UserError, match=r"control token of .* is not known"):
        find_token(ComposeStack(5000, "shop-5000", tmp_path).target)


def docker_with_forwarders(folder, run="true"):
    """A shell script for a `docker` whose containers are files; `run` is what becomes of a new one."""
    return f"""
case "$*" in
  "ps --all "*) /bin/ls {folder} ;;
  *" run "*)
    for word; do
      [ "$before" != --name ] || : > "{folder}/$word"
      before=$word
    done
    echo "$*" >> {folder}.log
    {run} ;;
  "rm --force "*) /bin/rm "{folder}/$3" ;;
  *) exit 99 ;;
esac
"""


def test_forwarders_of_debuggers_come_and_go(docker, tmp_path):
    folder = tmp_path / "containers"
    folder.mkdir()
    (folder / "shop-5000-debugger-gateway-1").touch()
    docker(docker_with_forwarders(folder))
    place = ComposeStack(5000, "shop-5000", tmp_path).debugger
    first, second = free_port(), free_port()
    for ports in ({first}, {first, second}, {second}, {second}, set()):
        place.publish(ports)
        made = {int(file.name.rpartition("-")[2]) for file in folder.iterdir()} - {1}
        assert made == ports
    [of_first, of_second] = Path(f"{folder}.log").read_text().splitlines()
    assert f"--publish 127.0.0.1:{first}:{first} gateway forward --from-outside" in of_first
    assert of_second.endswith(f"--port {second} --to localstack:{second}")


def test_a_forwarder_that_is_not_started_is_removed(docker, tmp_path):
    folder = tmp_path / "containers"
    folder.mkdir()
    docker(docker_with_forwarders(folder, "echo 'Error response from daemon: no network' >&2; exit 1"))
    with pytest.raises(HarnessError, match="docker compose run failed: Error response"):
        ComposeStack(5000, "shop-5000", tmp_path).debugger.publish({free_port()})
    assert list(folder.iterdir()) == []


@pytest.fixture
def registry(monkeypatch):
    """Call it with whether Terraform's registry is in reach, and where a mirror is."""
    provider_variable.cache_clear()
    monkeypatch.delenv("SHOP_PROVIDER_MIRROR", raising=False)

    def registry(reachable, mirror):
        monkeypatch.setattr(compose.provider_mirror, "registry_is_reachable", lambda: reachable)
        monkeypatch.setattr(compose.provider_mirror, "find_mirror", lambda _: mirror)

    yield registry
    provider_variable.cache_clear()


def test_mirror_is_mounted_where_the_registry_is_out_of_reach(registry, tmp_path):
    registry(False, Path("/mirror"))
    assert provider_variable(tmp_path) == {"SHOP_PROVIDER_MIRROR": "/mirror"}


@pytest.mark.parametrize(("reachable", "mirror"), [(True, Path("/mirror")), (False, None)])
def test_otherwise_the_provider_is_in_the_image(registry, tmp_path, reachable, mirror):
    registry(reachable, mirror)
    assert provider_variable(tmp_path) == {}


def test_what_the_user_says_goes_first(registry, tmp_path):
    registry(False, Path("/mirror"))
    (tmp_path / ".env").write_text("SHOP_PORT=1\nSHOP_PROVIDER_MIRROR=/mine\n")
    assert provider_variable(tmp_path) == {}


def test_every_variable_of_the_file_is_explained():
    text = (current().folder / "docker-compose.yml").read_text()
    explained = (current().folder / ".env.example").read_text()
    used = set(re.findall(r"\$\{SHOP_(\w+)", text))

    assert used
    assert all(f"\n#SHOP_{name}=" in explained for name in used)


STAGE = re.compile(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", re.MULTILINE | re.DOTALL)
COPY = re.compile(r"^COPY (?:--from=(\S+) )?(.*) \S+$", re.MULTILINE)


def sources_of(target):
    """What docker/Dockerfile copies of the project into an image, stages that it is made of included."""
    text = (current().folder / "docker" / "Dockerfile").read_text()
    stages = {name: (base, body) for base, name, body in STAGE.findall(text)}

    def sources(name):
        base, body = stages.get(name, ("", ""))
        copied = COPY.findall(body)
        own = {source for stage, files in copied if not stage for source in files.split()}
        return own.union(*(sources(part) for part in {base, *(stage for stage, _ in copied)} - {""}))

    return sources(target)


@pytest.mark.parametrize("service", ["localstack", "gateway", "deploy", "shop"])
def test_watch_rebuilds_for_all_that_an_image_is_made_of(service):
    settings = yaml.safe_load((current().folder / "docker-compose.yml").read_text())["services"][service]
    watched = {entry["path"] for entry in settings["develop"]["watch"] if entry["action"] == "rebuild"}
    sources = sources_of(settings["build"]["target"])

    assert len(sources) > 4
    assert {source for source in sources if not watched & {source, source.split("/")[0]}} == set()
    assert "docker" in watched


def test_door_needs_nothing_of_the_project(tmp_path):
    """Its container has the project's settings, but none of the folders that they name."""
    (tmp_path / "serverless-harness.toml").write_text('packages = { accept = ["handlers/accept"] }\n')

    result = run_harness("--project", str(tmp_path), "container", "forward", "--port", "0", "--to", "x:1")

    assert "there is no" not in result.stderr
    assert "Invalid value for '--port'" in result.stderr


@pytest.mark.parametrize(
    ("make", "last"),
    [
        (lambda: ComposeStack(5000, "shop-5000"), "down --compose --port 5000"),
        (lambda: parse_endpoint("http://127.0.0.1:5000"), None),
    ],
)
def test_status_tells_what_ends_this_stack(make, last, tmp_path, monkeypatch, capsys):
    project = Project(tmp_path, Settings())
    stack = make()
    monkeypatch.setattr(deployment_actions, "current", lambda: project)
    monkeypatch.setattr(deployment_actions, "require_stack", lambda *_: stack)
    monkeypatch.setattr(Deployment, "find", lambda target: Deployment(target, {}))

    deployment_actions.show_status(5000, None)

    shown = capsys.readouterr().out
    assert shown.rstrip().endswith(last) if last else "To stop the stack" not in shown
