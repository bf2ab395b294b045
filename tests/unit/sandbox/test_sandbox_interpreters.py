"""Which interpreter a declared runtime gets."""

import os
from pathlib import Path

import pytest

from serverless_harness.emulator.sandbox import interpreters
from serverless_harness.emulator.sandbox.interpreters import InterpreterNotFoundError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runtimes with Python 3.9, 3.12 and 3.14, and things that are none."""
    for minor in (9, 12, 14):
        base = tmp_path / f"base-3.{minor}" / "bin"
        base.mkdir(parents=True)
        (base / f"python3.{minor}").touch()
        environment = tmp_path / "runtimes" / f"python3.{minor}" / "bin"
        environment.mkdir(parents=True)
        (environment / "python").symlink_to(base / f"python3.{minor}")
    (tmp_path / "runtimes" / "python3.13").mkdir()
    (tmp_path / "runtimes" / "python3.old" / "bin").mkdir(parents=True)
    (tmp_path / "runtimes" / "python3.old" / "bin" / "python").touch()
    monkeypatch.setenv("LAMBDA_PROCESS_RUNTIMES", str(tmp_path / "runtimes"))
    monkeypatch.delenv("LAMBDA_PROCESS_NEAREST_RUNTIME", raising=False)
    return tmp_path


def test_the_declared_version_is_taken(folder: Path) -> None:
    found = interpreters.find("python3.12")
    assert found.runtime == "python3.12"
    assert found.executable == folder / "runtimes" / "python3.12" / "bin" / "python"
    assert found.site_packages == folder / "runtimes" / "python3.12" / "lib" / "python3.12" / "site-packages"
    assert found.base_prefix == folder / "base-3.12"


def test_a_missing_version_names_those_there_are(folder: Path) -> None:
    with pytest.raises(InterpreterNotFoundError) as error:
        interpreters.find("python3.13")
    assert str(error.value).startswith(
        "runtime python3.13 is not on this machine (available: python3.9, python3.12, python3.14): "
        f"'serverless-harness runtime add 3.13' makes it in {folder / 'runtimes'}; or "
    )
    assert "\n" not in str(error.value)


def test_another_language_is_missing_even_with_the_nearest_one_allowed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMBDA_PROCESS_NEAREST_RUNTIME", "1")
    with pytest.raises(
        InterpreterNotFoundError, match=r"runtime nodejs22\.x is not on this machine .*only.*Python 3"
    ):
        interpreters.find("nodejs22.x")


@pytest.mark.parametrize(
    ("declared", "taken"),
    [("python3.13", "python3.14"), ("python3.10", "python3.9"), ("python3.12", "python3.12")],
)
@pytest.mark.usefixtures("folder")
def test_the_nearest_version_is_taken_on_request(
    declared: str, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMBDA_PROCESS_NEAREST_RUNTIME", "1")
    assert interpreters.find(declared).runtime == taken


def test_an_empty_folder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDA_PROCESS_RUNTIMES", str(tmp_path))
    with pytest.raises(InterpreterNotFoundError, match=r"available: none"):
        interpreters.find("python3.13")


def test_the_default_folder_is_the_projects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMBDA_PROCESS_RUNTIMES", raising=False)
    project = Path(__file__).resolve().parents[3]
    assert interpreters.runtimes_folder() == project / ".serverless-harness" / "runtimes"
    assert os.access(project / "pyproject.toml", os.R_OK)
