"""Bad input to every command: exit code 2, one line that says what is wrong, no traceback."""

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from serverless_harness.cli import deployment_actions, running
from serverless_harness.cli.app import app
from serverless_harness.cli.running import run
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.targets import LocalTarget
from shop import send_commands, shops
from shop.deployment import ShopDeployment

FULL = Path("/dev/full")
OUTPUTS = {"function_names": {"accept": "shop-accept"}, "key_alias_prefix": "alias/shop-", "table_name": "t"}


@pytest.fixture
def deployed(monkeypatch, tmp_path):
    """A shop that seems to be deployed; whatever needs AWS fails."""
    target = LocalTarget(f"http://127.0.0.1:{free_port()}", tmp_path)
    deployment = ShopDeployment(target, OUTPUTS, ("shop-accept",))
    monkeypatch.setattr(ShopDeployment, "_functions_on_target", lambda _: [])
    monkeypatch.setattr(deployment_actions, "require_deployment", lambda *_: deployment)
    monkeypatch.setattr(send_commands, "require_shop", lambda *_: deployment)


def error_line(arguments, capsys, exit_code=2):
    """Run a command that must fail; gives the one line that it says."""
    assert run(app, arguments) == exit_code
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("error: ")
    assert captured.out == ""
    return lines[0]


COMMANDS = [
    ["up"],
    ["down"],
    ["deploy"],
    ["status"],
    ["logs"],
    ["invoke", "accept", "--event", "order"],
    ["send-orders", "AMIS1"],
    ["send-rubbish"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "4566.0", ""])
def test_a_port_that_is_none_is_refused(command, port, capsys):
    assert "--port" in error_line([*command, f"--port={port}"], capsys)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_unknown_option_is_refused(command, capsys):
    assert "--no-such-option" in error_line([*command, "--no-such-option"], capsys)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_argument_too_many_is_refused(command, capsys):
    assert "surplus" in error_line([*command, "also", "surplus"], capsys)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] not in ("up", "down")], ids=lambda c: c[0])
def test_where_no_stack_runs_the_way_to_start_one_is_said(command, capsys):
    line = error_line([*command, "--port", str(free_port())], capsys)
    assert "no stack runs on port" in line
    assert "./scripts/up" in line


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] != "down"], ids=lambda command: command[0])
@pytest.mark.parametrize(
    "endpoint", ["localhost", "http://", "ftp://127.0.0.1:4566", "http://[", "http://h:p"]
)
def test_an_endpoint_that_is_no_url_is_refused(command, endpoint, capsys):
    assert endpoint in error_line([*command, "--endpoint", endpoint], capsys)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] != "down"], ids=lambda command: command[0])
def test_an_endpoint_that_does_not_answer_is_named(command, capsys, monkeypatch):
    monkeypatch.setattr("serverless_harness.stack.deploying.install_providers", lambda _: None)
    endpoint = f"http://127.0.0.1:{free_port()}"
    assert f"no LocalStack answers at {endpoint}" in error_line([*command, "--endpoint", endpoint], capsys)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] != "down"], ids=lambda command: command[0])
@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["port first", "endpoint first"])
def test_a_port_beside_an_endpoint_is_refused(command, order, capsys):
    options = [("--port", "4566"), ("--endpoint", "http://127.0.0.1:4566")][order]
    arguments = [word for option in options for word in option]
    assert "--port and --endpoint name two places" in error_line([*command, *arguments], capsys)


def test_an_unknown_command_is_refused(capsys):
    assert "no-such-command" in error_line(["no-such-command"], capsys)


def test_a_taken_port_is_named_with_the_way_out(capsys, monkeypatch):
    monkeypatch.setattr("serverless_harness.stack.deploying.install_providers", lambda _: None)
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = error_line(["up", "--port", str(port)], capsys)
    assert f"port {port} is taken" in line
    assert "--port" in line


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("command", [["logs", "bogus"], ["invoke", "bogus", "--event", "order"]])
def test_an_unknown_function_is_refused_with_those_that_there_are(command, capsys):
    line = error_line(command, capsys)
    assert "bogus" in line
    assert "accept" in line


@pytest.mark.usefixtures("deployed")
def test_an_unknown_event_is_refused_with_those_that_ship(capsys):
    line = error_line(["invoke", "accept", "--event", "bogus"], capsys)
    assert "bogus" in line
    assert "order" in line


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "event.json"),
        ("[" * 200_000, "nested too deeply"),
        ("[" * 1_500 + "]" * 1_500, "nested too deeply"),
        ("[1e999]", "out of range"),
        ("[Infinity]", "Infinity is not a number"),
        ('{"a": 1, "a": 2}', "'a' occurs twice"),
        ('{"body": {"$encrypt_for": 1}}', "$encrypt_for is not"),
        (f'{{"$encrypt_for": "AMIS1", "sales": "{"1" * 446}"}}', "459 bytes, more than 446"),
    ],
    ids=lambda value: value[:60],
)
def test_an_event_that_is_none_is_refused(content, reason, capsys, tmp_path):
    file = tmp_path / "event.json"
    file.write_text(content)
    assert reason in error_line(["invoke", "accept", "--event", str(file)], capsys)


@pytest.mark.parametrize("minutes", ["nan", "inf", "-1", "soon"])
def test_a_time_that_is_none_is_refused(minutes, capsys):
    assert "--since-minutes" in error_line(["logs", "--since-minutes", minutes], capsys)


def test_an_argument_to_lock_is_refused():
    command = [current().folder / "scripts" / "lock", "--upgrade"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: lock takes no arguments: --upgrade\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "no order"),
        ("[1]", "valid dictionary"),
        ('{"sales": []}', "sales"),
        ('{"sales": [{"item_no": 1}]}', "gross_number"),
        ('{"sales": [{"item_no": 0, "gross_number": 1, "gross_turnover": 1.5}]}', "item_no"),
        ('{"sales": [{"item_no": 1, "gross_number": 1.5, "gross_turnover": 1.5}]}', "gross_number"),
        ('{"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": "1.5"}]}', "gross_turnover"),
        ('{"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": NaN}]}', "NaN is not a number"),
        ('{"sales": [{"item_no": 1, "gross_number": 10000000000, "gross_turnover": 1}]}', "gross_number"),
        ('{"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": 1.0000000}]}', "6 decimal places"),
        ('{"sales": [{"item_no": 1, "gross_number": 1, "gross_turnover": 1e13}]}', "gross_turnover"),
        (f'{{"sales": [{{"gross_turnover": 1e{"9" * 22}}}]}}', "out of range"),
        ('{"sales": [], "sales": []}', "'sales' occurs twice"),
        ("[" * 200_000, "nested too deeply"),
    ],
    ids=lambda value: value[:60],
)
def test_a_file_that_holds_no_orders_is_refused(content, reason, capsys, tmp_path):
    file = tmp_path / "orders.json"
    file.write_text(content)
    line = error_line(["send-orders", "AMIS1", "--file", str(file)], capsys)
    assert "orders.json" in line
    assert reason in line


def test_a_file_that_is_missing_is_named(capsys, tmp_path):
    assert "absent.json" in error_line(["send-orders", "A", "--file", str(tmp_path / "absent.json")], capsys)


@pytest.mark.parametrize("option", ["--count", "--clients"])
@pytest.mark.parametrize("value", ["0", "-3", "many"])
def test_a_number_that_is_no_count_is_refused(option, value, capsys):
    assert option in error_line(["send-orders", "AMIS1", option, value], capsys)


@pytest.mark.usefixtures("deployed")
def test_orders_of_no_shop_in_particular_are_the_first_shops(capsys, monkeypatch):
    def register(_deployment, shop_id):
        raise UserError(f"a register of {shop_id}")

    monkeypatch.setattr(shops, "shop_ids", lambda _: ["AMIS1", "AMIS2"])
    monkeypatch.setattr(send_commands, "CashRegister", register)
    assert "a register of AMIS1" in error_line(["send-orders"], capsys)
    assert "a register of AMIS2" in error_line(["send-orders", "AMIS2"], capsys)


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("command", ["send-orders", "send-rubbish"])
def test_that_there_is_no_shop_is_said(command, capsys, monkeypatch):
    monkeypatch.setattr(shops, "shop_ids", lambda _: [])
    assert "no shop is deployed" in error_line([command], capsys)


def test_aws_is_refused_without_its_confirmation(capsys):
    assert "--confirm-aws-costs" in error_line(["test", "--target", "aws"], capsys)


def test_a_target_that_is_none_is_refused(capsys):
    assert "azure" in error_line(["test", "--target", "azure"], capsys)


def test_what_pytest_refuses_is_said_in_one_line(capsys):
    assert "--no-such-option" in error_line(["test", "--no-such-option"], capsys)


def test_a_selection_of_no_test_is_said(capsys):
    file = "tests/unit/harness/test_packages.py"
    assert "no test is selected" in error_line(["test", file, "-k", "nothing_of_this_name"], capsys)


def test_a_test_that_does_not_exist_is_said_in_one_line(capsys):
    line = error_line(["test", "tests/unit/harness/test_packages.py::no_such_test"], capsys)
    assert "not found" in line
    assert "no_such_test" in line


def test_an_unexpected_error_is_one_line_and_its_traceback_is_in_a_file(capsys, monkeypatch, tmp_path):
    def fail(*_):
        raise KeyError("surprise")

    monkeypatch.setattr(running, "error_log", lambda: tmp_path / "errors.log")
    monkeypatch.setattr(deployment_actions, "show_status", fail)
    line = error_line(["status"], capsys, exit_code=1)
    assert "KeyError: 'surprise'" in line
    assert str(tmp_path / "errors.log") in line
    assert "Traceback" in (tmp_path / "errors.log").read_text()


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/file"), "free some space"),
        (OSError(errno.EAGAIN, "Resource temporarily unavailable"), "ulimit -u"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (OSError(errno.EACCES, "Permission denied", "/a/file"), "give yourself the right to read and write"),
        (OSError(errno.EROFS, "Read-only file system", "/a/file"), "a copy of the project"),
        (OSError(errno.ENOTDIR, "Not a directory", "/a/file"), "out of the way"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
    ],
)
def test_what_the_system_refuses_is_one_line_with_its_remedy(error, remedy, capsys, monkeypatch, tmp_path):
    def fail(*_):
        raise error

    monkeypatch.setattr(running, "error_log", lambda: tmp_path / "errors.log")
    monkeypatch.setattr(deployment_actions, "show_status", fail)
    line = error_line(["status"], capsys)
    assert str(error) in line
    assert remedy in line
    assert "Traceback" in (tmp_path / "errors.log").read_text()


def test_an_error_log_that_cannot_be_written_is_no_second_error(capsys, monkeypatch, tmp_path):
    def fail(*_):
        raise KeyError("surprise")

    (tmp_path / "file").touch()
    monkeypatch.setattr(running, "error_log", lambda: tmp_path / "file" / "errors.log")
    monkeypatch.setattr(deployment_actions, "show_status", fail)
    assert "KeyError: 'surprise'" in error_line(["status"], capsys, exit_code=1)


def test_a_failure_that_is_not_the_callers_fault_has_exit_code_1(capsys, monkeypatch):
    def fail(*_):
        raise HarnessError("terraform apply failed:\nboom")

    monkeypatch.setattr(deployment_actions, "show_status", fail)
    assert error_line(["status"], capsys, exit_code=1) == "error: terraform apply failed: boom"


def test_ctrl_c_ends_with_the_signals_exit_code(capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(deployment_actions, "show_status", interrupt)
    assert run(app, ["status"]) == 128 + signal.SIGINT
    assert capsys.readouterr().err == "error: interrupted\n"


def test_down_without_a_stack_is_no_error(capsys):
    port = free_port()
    assert run(app, ["down", "--port", str(port)]) == 0
    assert capsys.readouterr().out == f"no stack runs on port {port}\n"


def test_help_names_every_command(capsys):
    assert run(app, ["--help"]) == 0
    shown = capsys.readouterr().out
    scripts = [file for file in (current().folder / "scripts").iterdir() if file.is_file()]
    doors = {file.name for file in scripts if f'lib/run" {file.name} "$@"' in file.read_text()}
    group = typer.main.get_group(app)
    commands = {name for name in group.list_commands(None) if not group.get_command(None, name).hidden}
    assert doors == commands
    assert all(door in shown for door in doors)


def test_the_test_commands_help_is_its_own_and_runs_nothing(capsys):
    assert run(app, ["test", "tests/unit", "--help"]) == 0
    assert "passed to pytest" in capsys.readouterr().out


def test_a_record_of_a_process_that_ended_is_no_running_stack(tmp_path):
    stack = EmbeddedStack(free_port(), project=Project(tmp_path, Settings()))
    stack.state_dir.mkdir(parents=True)
    (stack.state_dir / "process.json").write_text(json.dumps({"pid": 1, "created_s": 12.5}))
    assert not stack.is_running()


@pytest.mark.skipif(not FULL.exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("stderr", ["/dev/null", "/dev/full"])
def test_output_that_cannot_be_written_ends_with_exit_code_2(stderr):
    with FULL.open("w") as full, Path(stderr).open("w") as errors:
        command = [sys.executable, "-I", "-m", "serverless_harness", "runtime", "list"]
        result = subprocess.run(command, cwd=current().folder, stdout=full, stderr=errors, check=False)
    assert result.returncode == 2
