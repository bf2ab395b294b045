"""Which folder is the project, what its settings may say, and how a wrong one is told of."""

import pytest

from serverless_harness.cli import running
from serverless_harness.cli.app import app
from serverless_harness.cli.running import run
from serverless_harness.errors import UserError
from serverless_harness.project import locate
from serverless_harness.project.locate import ProjectNotFoundError, find, load


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture
def elsewhere(folder, monkeypatch):
    """The process has looked for no project yet, and its current folder is the test's."""
    monkeypatch.setattr(locate, "_current", [])
    monkeypatch.delenv(locate.VARIABLE, raising=False)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(running, "error_log", lambda: folder / "errors.log")


def write(folder, **files):
    for name, content in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


@pytest.mark.parametrize("terraform", [".", "terraform", "infra"])
def test_a_folder_with_terraform_is_a_project_without_settings(folder, terraform):
    (folder / terraform).mkdir(exist_ok=True)
    (folder / terraform / "main.tf").touch()
    (folder / "src" / "deep").mkdir(parents=True)
    for start in (folder, folder / "src" / "deep", folder / terraform):
        project = load(find(start))
        assert project.folder == folder
        assert project.terraform == (folder / terraform).resolve()


def test_settings_above_go_before_terraforms_files_here(folder):
    (folder / "serverless-harness.toml").write_text('terraform = "deploy/live"')
    (folder / "deploy" / "live").mkdir(parents=True)
    (folder / "deploy" / "live" / "main.tf").touch()
    assert find(folder / "deploy" / "live") == folder
    assert load(folder).terraform == folder / "deploy" / "live"


def test_a_pyproject_of_other_tools_says_nothing(folder):
    write(folder, pyproject_toml="[tool.ruff]\nline-length = 100\n", main_tf="")
    assert load(find(folder)).settings.variables == {}


def test_all_that_may_be_said(folder):
    for name in (
        "infra/main.tf",
        "src/a/app.py",
        "src/b/app.py",
        "common/x.py",
        "dev.tfvars",
        "tests/test_x.py",
        "layers/plain/python/x.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "pyproject.toml").write_text("""
[tool.serverless-harness]
terraform = "infra"
region = "eu-central-1"
var-files = ["dev.tfvars"]
variables = { stage = "dev", packages = "{packages}", count = 3 }
runtimes = ["python3.12"]
emulator = { LAMBDA_PROCESS_CPU = "aws", DEBUG = true, LAMBDA_KEEPALIVE_MS = 1000 }
tests = "tests"
watch = { a = "src/a" }

[tool.serverless-harness.layers]
"arn:aws:lambda:eu-central-1:017000801446:layer:Powertools:18" = ["aws-lambda-powertools", "layers/plain"]

[tool.serverless-harness.packages]
a = ["src/a", "common"]
b = { sources = ["src/b"], requirements = ["httpx==0.28.1"], runtime = "python3.12" }
""")
    settings = load(folder).settings
    assert settings.emulator == {"LAMBDA_PROCESS_CPU": "aws", "DEBUG": "1", "LAMBDA_KEEPALIVE_MS": "1000"}
    assert isinstance(settings.packages, dict)
    assert settings.packages["b"].requirements == ["httpx==0.28.1"]
    assert [str(source) for source in settings.packages["a"].sources] == ["src/a", "common"]


WRONG = {
    "not TOML": ("region = ", "is not TOML"),
    "an unknown key": ("regoin = 'eu-central-1'", "there is no setting 'regoin'; the settings are project, "),
    "a wrong type": ("variables = 3", "variables: Input should be a valid dictionary"),
    "a wrong region": ("region = 'Frankfurt'", "region: "),
    "a missing folder": ("terraform = 'infra'", "terraform: there is no "),
    "a file for a folder": (
        "terraform = 'serverless-harness.toml'",
        "serverless-harness.toml is not a folder",
    ),
    "a folder for a file": ("var-files = ['.']", "is not a file"),
    "a missing folder of events": ("events = 'ev'", "events: there is no "),
    "a missing file": ("var-files = ['dev.tfvars']", "var-files: there is no "),
    "a package without sources": ("packages = { a = [] }", "packages.a"),
    "a missing source": ("packages = { a = 'src' }", "packages.a: there is no "),
    "an unknown key of a package": ("packages = { a = { source = 'src' } }", "packages.a.source"),
    "a class that can't be loaded": (
        "project = 'no_such_module:Notes'",
        "project = 'no_such_module:Notes' can't",
    ),
    "a class that is none": ("project = 'json:JSONDecoder'", "is not a subclass of Project"),
    "a name that is none": ("project = 'notes'", "project: "),
    "a watch of a missing folder": ("watch = { a = 'src' }", "watch.a: there is no "),
    "a layer that is no version": ("layers = { 'arn:aws:lambda:eu-west-1:1:layer:x' = 'x' }", "layers."),
    "a layer of a missing folder": (
        "layers = { 'arn:aws:lambda:eu-west-1:017000801446:layer:x:1' = 'layers/x' }",
        "layers.arn:aws:lambda:eu-west-1:017000801446:layer:x:1: there is no ",
    ),
    "a runtime that is none": ("runtimes = ['3.12']", "runtimes"),
}


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(
    "command", [["up"], ["status"], ["test"], ["logs", "a"]], ids=lambda command: command[0]
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(folder, content, message, command, capsys):
    (folder / "main.tf").touch()
    (folder / "serverless-harness.toml").write_text(content)
    assert run(app, command) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert message in shown.err


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("command", [["up"], ["down"], ["status"], ["test"]], ids=lambda command: command[0])
def test_where_there_is_no_project_one_line_says_what_makes_one(folder, command, capsys):
    (folder / ".git").mkdir()
    assert run(app, command) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: there is no project in ")
    assert shown.count("\n") == 1


@pytest.mark.usefixtures("elsewhere")
def test_a_watch_without_sources_is_refused_before_anything_starts(folder, capsys):
    (folder / "main.tf").touch()
    assert run(app, ["up", "--watch"]) == 2
    shown = capsys.readouterr()
    assert "name the functions' source folders in the setting 'watch'" in shown.err
    assert shown.out == ""


@pytest.mark.usefixtures("elsewhere")
def test_help_needs_no_project(folder, capsys):
    (folder / ".git").mkdir()
    assert run(app, ["--help"]) == 0
    assert "send-orders" not in capsys.readouterr().out


@pytest.mark.usefixtures("elsewhere")
def test_a_project_may_be_named(folder, tmp_path, monkeypatch, capsys):
    (folder / "main.tf").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(locate.VARIABLE, "")
    assert run(app, ["--project", str(folder), "status", "--port", "1"]) == 2
    assert "no stack runs on port 1" in capsys.readouterr().err
    assert locate.current().folder == folder
    assert run(app, ["--project", str(folder / "absent"), "status"]) == 2
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.usefixtures("elsewhere")
def test_a_projects_commands_come_first(folder, capsys):
    (folder / "main.tf").touch()
    (folder / "notes_project.py").write_text("""
import typer
from serverless_harness.project.project import Project

app = typer.Typer()

@app.command()
def greet() -> None:
    print("hello")

@app.command()
def status() -> None:
    print("fine")

class Notes(Project):
    def commands(self):
        return app
""")
    (folder / "serverless-harness.toml").write_text('project = "notes_project:Notes"')
    assert run(app, ["greet"]) == 0
    assert run(app, ["status"]) == 0
    assert capsys.readouterr().out == "hello\nfine\n"


def test_the_state_ignores_itself_for_git(folder):
    (folder / "main.tf").touch()
    project = load(folder)
    assert (project.make_state() / ".gitignore").read_text() == "*\n"


def test_no_terraform_is_an_error_when_it_is_asked_for(folder):
    (folder / "serverless-harness.toml").write_text("")
    with pytest.raises(UserError, match=r"no \*\.tf file"):
        _ = load(folder).terraform
    assert issubclass(ProjectNotFoundError, UserError)
