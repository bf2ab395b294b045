"""`serverless-harness runtime`: the Pythons that functions see."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from serverless_harness.cli.app import app
from serverless_harness.cli.running import run
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.project.project import Project
from serverless_harness.project.settings import Settings
from serverless_harness.runtimes import environments, provision, pythons
from serverless_harness.stack.embedded import EmbeddedStack, free_port

PACKAGE = Path(environments.__file__).parent


@pytest.mark.parametrize("text", ["3.12", "python3.12"])
def test_a_runtime_is_named_by_its_version_or_as_in_aws(text):
    assert provision.parse_name(text) == "python3.12"


@pytest.mark.parametrize(
    "text", ["", "3", "2.7", "3.8", "3.99", "3.12.1", "nodejs22.x", "../python3.12", "3.١٢"]
)
def test_what_is_no_runtime_is_one_line(text, capsys):
    assert run(app, ["runtime", "add", text]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: '{text}' is not a runtime")
    assert error.count("\n") == 1


@pytest.mark.parametrize("file", ["pythons.py", "environments.py"])
def test_what_makes_the_first_environment_runs_on_an_old_python_by_itself(file):
    tree = ast.parse((PACKAGE / file).read_text(), feature_version=(3, 8))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    others = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert others <= {"serverless_harness.runtimes.pythons"}


def test_a_runtime_has_the_locked_packages_alone(tmp_path):
    """Really made, for this Python; what a function imports is compiled, for it can't write there."""
    folder = tmp_path / "runtimes"
    assert provision.add(provision.OWN, folder, tmp_path)
    assert not provision.add(provision.OWN, folder, tmp_path)
    [runtime] = provision.there_are(folder)
    assert runtime.is_current
    assert set(runtime.packages) == {"boto3", "awslambdaric"}
    seen = "import boto3, sys; print(boto3.__cached__, 'localstack' in sys.modules)"
    python = runtime.folder / "bin" / "python"
    printed = subprocess.check_output([python, "-I", "-B", "-c", seen], text=True).split()
    assert Path(printed[0]).is_relative_to(folder)
    assert Path(printed[0]).exists()
    localstack = subprocess.run([python, "-I", "-c", "import localstack"], capture_output=True, check=False)
    assert localstack.returncode == 1
    assert [entry.name for entry in folder.iterdir() if not entry.name.startswith(".lock")] == [provision.OWN]


def test_a_runtime_that_cannot_be_made_leaves_what_was_there(tmp_path, monkeypatch):
    old = tmp_path / "runtimes" / provision.OWN / "bin"
    old.mkdir(parents=True)
    (old / "python").touch(mode=0o755)

    def fail(*_):
        raise environments.CommandError("'pip install' failed: no such package")

    monkeypatch.setattr(environments.Installer, "sync", fail)
    with pytest.raises(HarnessError, match=f"^runtime {provision.OWN} can't be made: 'pip install' failed"):
        provision.add(provision.OWN, tmp_path / "runtimes", tmp_path)
    assert (old / "python").exists()
    assert {entry.name for entry in (tmp_path / "runtimes").iterdir()} == {provision.OWN, ".lock"}


def test_a_python_that_is_nowhere_is_one_line_that_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(pythons, "find_python", lambda *_: None)
    monkeypatch.setattr(pythons, "find_uv", lambda: None)
    with pytest.raises(UserError, match=r"Python 3\.11 is not on this machine .*pyenv install 3\.11"):
        provision.add("python3.11", tmp_path / "runtimes", tmp_path)


def test_a_runtime_of_other_packages_is_outdated(tmp_path):
    runtime = tmp_path / "python3.12"
    (runtime / "bin").mkdir(parents=True)
    (runtime / "bin" / "python").touch(mode=0o755)
    assert provision.missing(["python3.12", "python3.12"], tmp_path) == ["python3.12"]
    (runtime / "function.txt").write_text(environments.FUNCTION_LOCK.read_text())
    assert provision.missing(["python3.12"], tmp_path) == []
    (runtime / "function.txt").write_text("boto3==1.0\n")
    assert not provision.there_are(tmp_path)[0].is_current


@pytest.mark.parametrize(
    ("declared", "made"),
    [([], [provision.OWN]), (["python3.12", "python3.11"], ["python3.12", "python3.11"])],
)
def test_up_makes_the_runtimes_that_the_project_needs(tmp_path, monkeypatch, capsys, declared, made):
    added = []
    monkeypatch.setattr(provision, "add", lambda name, *_: added.append(name))
    EmbeddedStack(free_port(), project=Project(tmp_path, Settings(runtimes=declared))).prepare()
    assert added == made
    assert ", ".join(made) in capsys.readouterr().out


def test_up_leaves_runtimes_of_another_folder_to_their_owner(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDA_PROCESS_RUNTIMES", str(tmp_path / "mine"))
    monkeypatch.setattr(provision, "add", lambda *_: pytest.fail("made"))
    EmbeddedStack(free_port(), project=Project(tmp_path, Settings())).prepare()
