"""`debug`: what names a function, where a debugger finds its sources, and what is refused in one line."""

import json
from types import SimpleNamespace

import pytest

from serverless_harness.cli.app import app
from serverless_harness.cli.running import run
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.functions import debugging
from serverless_harness.functions.debugging import (
    Wanted,
    code_of,
    end_debugging,
    launch_configuration,
    path_mappings,
    require_debuggable,
    sessions_of,
    start_debugging,
    write_launch,
)
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.runtimes import provision
from serverless_harness.stack.embedded import OnThisMachine, free_port
from serverless_harness.targets import LocalTarget


@pytest.mark.parametrize(
    ("text", "function", "port"), [("accept", "accept", 5678), ("shop-accept:9000", "shop-accept", 9000)]
)
def test_a_function_and_its_port_are_read(text, function, port):
    assert Wanted.parse(text) == Wanted(function, port)


@pytest.mark.parametrize("text", ["", ":5678", "accept:", "accept:x", "accept:0", "accept:65536", "a:1:2"])
def test_what_names_no_function_is_refused(text):
    with pytest.raises(UserError, match="give FUNCTION or FUNCTION:PORT"):
        Wanted.parse(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["debug", "accept"], "no stack runs on port"),
        (["debug"], "no stack runs on port"),
        (["debug", "--off"], "no stack runs on port"),
        (["debug", "accept:many"], "give FUNCTION or FUNCTION:PORT"),
        (["up", "--debug", "accept:many"], "give FUNCTION or FUNCTION:PORT"),
        (["up", "--endpoint", "http://127.0.0.1:1", "--debug", "accept"], "--debug is only for stacks"),
    ],
)
def test_a_bad_command_is_one_line(arguments, message, capsys):
    port = [] if "--endpoint" in arguments else ["--port", str(free_port())]
    assert run(app, [*arguments, *port]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert message in shown
    assert shown.count("\n") == 1


@pytest.fixture
def sources(tmp_path):
    for name in ("take/take.py", "take/words/__init__.py", "take/__pycache__/x.pyc", "common/shared.py"):
        file = tmp_path / "functions" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "functions"


def test_one_folder_is_one_mapping(sources, tmp_path):
    [mapping] = path_mappings([sources / "take"], "/var/task", tmp_path)
    assert mapping == {"localRoot": "${workspaceFolder}/functions/take", "remoteRoot": "/var/task"}


def test_of_several_folders_each_entry_is_mapped(sources, tmp_path):
    mappings = path_mappings([sources / "take", sources / "common"], "/var/task", tmp_path / "elsewhere")
    assert {mapping["remoteRoot"]: mapping["localRoot"] for mapping in mappings} == {
        "/var/task/take.py": f"{sources}/take/take.py",
        "/var/task/words": f"{sources}/take/words",
        "/var/task/shared.py": f"{sources}/common/shared.py",
    }


class Stack:
    """A stack on which a project of one function seems to be deployed."""

    options = ""

    @property
    def debugger(self):
        return OnThisMachine(self.target.project)

    def __init__(self, folder, runtime):
        packages = {"take": ["functions/take", "functions/common"]}
        project = Project(folder, Settings.model_validate({"packages": packages}))
        self.target = LocalTarget("http://127.0.0.1:1", folder, project=project)
        self.deployment = Deployment(self.target, {}, ("the-take",))
        self.runtime = runtime


@pytest.fixture
def stack(sources, tmp_path, monkeypatch):
    (tmp_path / "main.tf").touch()
    stack = Stack(tmp_path, {"Runtime": "python3.13"})
    client = SimpleNamespace(
        get_function_configuration=lambda FunctionName: {"FunctionName": FunctionName, **stack.runtime}
    )
    monkeypatch.setattr(Deployment, "require", classmethod(lambda cls, target: stack.deployment))
    monkeypatch.setattr(Deployment, "client_for", lambda *_: client)
    monkeypatch.setattr(Deployment, "_functions_on_target", lambda _: ["other"])
    monkeypatch.setattr(provision, "add", lambda *_: True)
    return stack


def test_the_settings_tell_a_function_s_sources(stack, sources):
    assert code_of(stack.deployment, "the-take") == ([sources / "take", sources / "common"], "/var/task")
    assert code_of(stack.deployment, "other") == ([stack.target.project.folder], "/var/task")


@pytest.fixture
def asked(monkeypatch):
    """What the emulator is asked, and the sessions that it then tells of."""
    asked, sessions = [], {}

    def control(target, method, path, json=None):
        asked.append((method, path, json))
        name = path.rpartition("/")[2]
        if method == "PUT":
            if json["port"] == 1:
                raise UserError("nothing can listen on port 1")
            sessions[name] = {"function": name, "port": json["port"]}
        ended = [sessions.pop(name)] if method == "DELETE" else []
        return {"sessions": ended or list(sessions.values())}

    monkeypatch.setattr(debugging, "control", control)
    return lambda method: [(path, json) for its_method, path, json in asked if its_method == method]


def test_debugging_is_asked_for_with_the_folder_of_debugpy(stack, asked, tmp_path):
    assert start_debugging(stack, Wanted("take", 9000)) == "the-take"
    packages = tmp_path / ".serverless-harness/debugger/python3.13/lib/python3.13/site-packages"
    body = {"port": 9000, "packages": str(packages), "host": "127.0.0.1"}
    assert asked("PUT") == [("/_emulator/debugger/the-take", body)]


class Forwarders:
    """The place of a debugger in containers, whose ports are noted."""

    host = "0.0.0.0"

    def __init__(self):
        self.ports, self.before = set(), []

    def packages(self, runtime):
        return f"/opt/debugger/{runtime}"

    def publish(self, ports):
        self.before.append(self.ports)
        self.ports = set(ports)


def test_a_port_is_published_before_the_session_and_as_long_as_it(stack, asked, monkeypatch):
    place = Forwarders()
    monkeypatch.setattr(Stack, "debugger", place)
    start_debugging(stack, Wanted("take", 9000))
    assert (place.ports, place.before) == ({9000}, [set(), {9000}])
    start_debugging(stack, Wanted("take", 9001))
    assert (place.ports, place.before[-1]) == ({9001}, {9000, 9001})
    with pytest.raises(UserError, match="nothing can listen"):
        start_debugging(stack, Wanted("take", 1))
    assert place.ports == {9001}
    end_debugging(stack, "take")
    assert place.ports == set()


@pytest.mark.parametrize(
    ("configuration", "runtime"),
    [({"Runtime": "nodejs22.x"}, "nodejs22.x"), ({"Runtime": "python2.7"}, "python2.7"), ({}, "a container")],
)
def test_only_python_is_debugged(stack, configuration, runtime):
    stack.runtime = configuration
    with pytest.raises(UserError, match=f"the-take runs on {runtime}.*: only functions in Python"):
        start_debugging(stack, Wanted("take", 9000))


def test_an_unknown_function_is_refused(stack):
    with pytest.raises(UserError, match="there is no function 'takes'"):
        start_debugging(stack, Wanted("takes", 9000))


def test_where_debugpy_cannot_be_installed_that_is_said(stack, monkeypatch):
    def fail(*_):
        raise HarnessError("runtime python3.13 can't be made: no index answers")

    monkeypatch.setattr(provision, "add", fail)
    with pytest.raises(UserError, match=r"debugpy can't be installed: .*no index answers"):
        start_debugging(stack, Wanted("take", 9000))


def test_where_no_debugger_reaches_functions_that_is_said(stack, asked, monkeypatch):
    monkeypatch.setattr(Stack, "debugger", None)
    for use in (lambda: start_debugging(stack, Wanted("take", 9000)), lambda: sessions_of(stack)):
        with pytest.raises(UserError, match="given by --endpoint can't be debugged"):
            use()
    with pytest.raises(UserError, match="on AWS can't be debugged"):
        require_debuggable(None)
    assert asked("PUT") == []


def test_the_launch_file_keeps_what_else_is_in_it(tmp_path):
    for port in (5678, 9000):
        file = write_launch(tmp_path, launch_configuration("take", port, []))
    other = {"name": "tests", "type": "debugpy", "request": "launch"}
    content = json.loads(file.read_text())
    assert [each["connect"]["port"] for each in content["configurations"]] == [9000]
    file.write_text(json.dumps({**content, "configurations": [other, *content["configurations"]]}))
    write_launch(tmp_path, launch_configuration("take", 5678, []))
    content = json.loads(file.read_text())
    assert content["version"] == "0.2.0"
    assert content["configurations"] == [other, launch_configuration("take", 5678, [])]


@pytest.mark.parametrize("text", ["// a comment\n{}", "[]", '{"configurations": [1]}'])
def test_a_launch_file_that_would_lose_something_is_left_alone(tmp_path, text):
    (tmp_path / ".vscode").mkdir()
    (tmp_path / ".vscode" / "launch.json").write_text(text)
    with pytest.raises(UserError, match="is not plain JSON"):
        write_launch(tmp_path, launch_configuration("take", 5678, []))
    assert (tmp_path / ".vscode" / "launch.json").read_text() == text
