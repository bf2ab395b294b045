"""The embedded stack: its environment, nothing of the host's among it, and who may start it."""

import json
import os
import re
import socket
from pathlib import Path

import psutil
import pytest

import serverless_harness
from serverless_harness.cli.deployment_actions import require_stack
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.project import locate
from serverless_harness.project.locate import VARIABLE
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.stack import up
from serverless_harness.stack.caller_settings import PREFIXES
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.targets import DEPLOYMENT_FILE

LEAKS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_CA_BUNDLE",
    "HTTPS_PROXY",
    "http_proxy",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "PYTHONPATH",
    "LD_PRELOAD",
    "LOCALSTACK_AUTH_TOKEN",
)


@pytest.fixture
def stack(tmp_path):
    return EmbeddedStack(4700, {"LAMBDA_KEEPALIVE_MS": "1000"}, Project(tmp_path, Settings()))


@pytest.mark.parametrize("name", LEAKS)
def test_the_hosts_settings_do_not_reach_the_stack(stack, monkeypatch, name):
    monkeypatch.setenv(name, "the host's")
    assert name not in stack.environ()


def test_shared_settings_come_from_the_one_file(stack):
    environ = stack.environ()
    assert environ["LAMBDA_RUNTIME_EXECUTOR"] == "process"
    assert environ["DISABLE_EVENTS"] == "1"


def test_the_callers_localstack_settings_go_before_the_shared_and_the_stacks_before_them(stack, monkeypatch):
    monkeypatch.setenv("PROVIDER_OVERRIDE_DYNAMODB", "")
    monkeypatch.setenv("LAMBDA_KEEPALIVE_MS", "2000")
    monkeypatch.setenv("DEBUG", "1")
    environ = stack.environ()
    assert environ["PROVIDER_OVERRIDE_DYNAMODB"] == ""
    assert environ["LAMBDA_KEEPALIVE_MS"] == "1000"
    assert environ["DEBUG"] == "1"


def test_every_setting_of_the_emulators_own_can_be_given_by_the_caller():
    settings = Path(serverless_harness.__file__).with_name("emulator") / "settings.py"
    table = re.findall(r"^\| `(\w+)` \|", settings.read_text(), re.MULTILINE)
    by_the_stack = {"STATE_AWAITED", "STATE_FOLDER"}
    assert {name for name in table if not name.startswith(PREFIXES)} == by_the_stack


def test_state_stays_in_the_stacks_own_folder_and_the_gateway_on_loopback(stack, monkeypatch, tmp_path):
    monkeypatch.setenv("GATEWAY_LISTEN", "0.0.0.0:4566")
    environ = stack.environ()
    assert environ["GATEWAY_LISTEN"] == "127.0.0.1:4700"
    assert {environ[name] for name in ("FILESYSTEM_ROOT", "TMPDIR", "HOME")} == {
        str(tmp_path / ".serverless-harness" / "stacks" / "4700" / name)
        for name in ("filesystem", "tmp", "home")
    }


@pytest.fixture
def slow_stack(tmp_path):
    """A stack on a free port; its LocalStack is still to answer."""
    runtimes = {"LAMBDA_PROCESS_RUNTIMES": str(tmp_path / "runtimes")}  # They aren't made then.
    return EmbeddedStack(free_port(), runtimes, Project(tmp_path, Settings()))


def test_an_interrupted_start_leaves_no_process_and_no_claim(slow_stack, monkeypatch):
    started = []

    def interrupt(stack):
        supervisor = psutil.Process(stack.process_id().pid)
        started.extend([supervisor, *supervisor.children(recursive=True)])
        raise KeyboardInterrupt

    monkeypatch.setattr(EmbeddedStack, "_await_answer", interrupt)
    for start in (slow_stack.start, slow_stack.ensure_running):
        with pytest.raises(KeyboardInterrupt):
            start()
        assert started
        assert not any(process.is_running() for process in started)


def test_a_start_that_is_refused_leaves_the_port_to_others(slow_stack):
    with socket.create_server(("127.0.0.1", slow_stack.port)):
        for _ in range(2):
            with pytest.raises(UserError, match="is taken by another program"):
                slow_stack.start()


@pytest.mark.parametrize("end", [EmbeddedStack.detach, EmbeddedStack.stop])
def test_one_at_a_time_brings_a_stack_up(slow_stack, monkeypatch, end):
    monkeypatch.setattr(EmbeddedStack, "_start", lambda _stack: None)
    slow_stack.start()
    with pytest.raises(UserError, match="another process is starting"):
        EmbeddedStack(slow_stack.port, project=slow_stack.project).start()
    end(slow_stack)
    EmbeddedStack(slow_stack.port, project=slow_stack.project).start()


def test_of_a_stopped_stack_the_logs_stay(slow_stack):
    (slow_stack.state_dir / "terraform").mkdir(parents=True)
    for name in ("localstack.log", "terraform.log", DEPLOYMENT_FILE, "terraform/terraform.tfstate"):
        (slow_stack.state_dir / name).touch()
    slow_stack.stop()
    assert {entry.name for entry in slow_stack.state_dir.iterdir()} == {"localstack.log", "terraform.log"}


@pytest.fixture
def crashed_stack(slow_stack):
    """Its record names this process, at a time when it wasn't there yet."""
    slow_stack.state_dir.mkdir(parents=True)
    (slow_stack.state_dir / "process.json").write_text(json.dumps({"pid": os.getpid(), "created_s": 1.5}))
    slow_stack.log_file.write_text("the last words")
    return slow_stack


def test_of_a_crashed_stack_the_loss_is_said_and_the_log_stays(crashed_stack, monkeypatch, capsys):
    monkeypatch.setattr(EmbeddedStack, "_await_answer", lambda _stack: None)
    try:
        crashed_stack.ensure_running()
        [line] = capsys.readouterr().out.splitlines()
        assert "crashed, and all changes" in line
        assert str(crashed_stack.previous_log_file) in line
        assert not crashed_stack.has_crashed()
    finally:
        crashed_stack.stop()
    crashed_stack._remove_state()
    assert crashed_stack.previous_log_file.read_text() == "the last words"


def test_a_stack_that_was_stopped_has_not_crashed(crashed_stack):
    assert crashed_stack.has_crashed()
    crashed_stack.stop()
    assert not crashed_stack.has_crashed()


def test_that_a_stack_crashed_is_said_to_whoever_asks_for_it(crashed_stack, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(locate, "_current", [])
    with pytest.raises(UserError, match=r"no stack runs .* crashed, .*localstack\.log"):
        require_stack(crashed_stack.port, None)


class Process:
    """In the place of LocalStack's: notes what is asked of it."""

    def __init__(self):
        self.asked = []

    def detach(self):
        self.asked.append("detach")

    def stop(self):
        self.asked.append("stop")


def test_a_stack_that_cannot_be_marked_as_detached_is_not(slow_stack):
    slow_stack._process = Process()
    with pytest.raises(FileNotFoundError):
        slow_stack.detach()
    assert slow_stack._process.asked == []


def test_a_stack_that_cannot_be_detached_is_stopped(slow_stack, monkeypatch):
    slow_stack._process = Process()
    monkeypatch.setattr(up, "start_installing_providers", lambda _: None)
    monkeypatch.setattr(EmbeddedStack, "bring_project", lambda *_: None)
    monkeypatch.setattr(EmbeddedStack, "ensure_running", lambda _stack: True)
    with pytest.raises(FileNotFoundError):
        up.bring_up(slow_stack)
    assert slow_stack._process.asked == ["stop"]


@pytest.mark.parametrize("outputs", ["", "{", "[]", "\x00"])
def test_a_record_of_a_deployment_that_is_none_says_that_nothing_is_deployed(stack, outputs):
    stack.state_dir.mkdir(parents=True)
    (stack.state_dir / DEPLOYMENT_FILE).write_text(outputs)
    assert Deployment.find(stack.target) is None


def test_a_stack_starts_over_whatever_is_in_the_place_of_its_folder(slow_stack, monkeypatch):
    monkeypatch.setattr(EmbeddedStack, "_await_answer", lambda _stack: None)
    slow_stack.state_dir.parent.mkdir(parents=True)
    slow_stack.state_dir.write_text("rubbish")
    try:
        assert slow_stack.ensure_running()
        assert slow_stack.is_running()
    finally:
        slow_stack.stop()


@pytest.mark.parametrize(
    "record",
    [
        "",
        "null",
        "[]",
        '{"pid": "x", "created_s": 1}',
        '{"pid": 1, "created_s": "x"}',
        '{"pid": -1, "created_s": 1}',
        f'{{"pid": 1{"0" * 30}, "created_s": 1}}',
        f'{{"pid": 1, "created_s": 1{"0" * 400}}}',
    ],
)
def test_a_record_that_is_none_says_that_nothing_runs(stack, record):
    stack.state_dir.mkdir(parents=True)
    (stack.state_dir / "process.json").write_text(record)
    assert stack.process_id() is None


def test_a_folder_in_the_place_of_the_record_or_a_file_in_that_of_the_folder_says_so_too(stack):
    (stack.state_dir / "process.json").mkdir(parents=True)
    assert stack.process_id() is None
    (stack.state_dir / "process.json").rmdir()
    stack.state_dir.rmdir()
    stack.state_dir.write_text("rubbish")
    assert stack.process_id() is None
    assert not stack.is_running()
