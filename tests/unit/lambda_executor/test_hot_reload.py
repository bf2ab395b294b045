"""Folders that functions may run from."""

import pytest

from serverless_harness.emulator.lambda_executor import hot_reload
from serverless_harness.emulator.lambda_executor.hot_reload import VARIABLE, FolderNotAllowedError


@pytest.fixture
def named(tmp_path):
    folder = tmp_path / "handlers"
    (folder / "accept").mkdir(parents=True)
    (tmp_path / "handlers-of-others").mkdir()
    (folder / "out").symlink_to(tmp_path)
    return folder


def test_named_folders_and_those_in_them(named):
    environ = {VARIABLE: f"/elsewhere:{named}"}
    assert hot_reload.folder(str(named), environ) == named
    assert hot_reload.folder(f"{named}/accept/", environ) == named / "accept"


@pytest.mark.parametrize(
    "key", ["/", "{0}/..", "{0}-of-others", "{0}/out", "{0}/out/handlers-of-others", "/etc"]
)
def test_others(named, key):
    with pytest.raises(FolderNotAllowedError, match=VARIABLE):
        hot_reload.folder(key.format(named), {VARIABLE: str(named)})


@pytest.mark.parametrize("value", [{}, {VARIABLE: ""}, {VARIABLE: ":"}])
def test_none_is_named(named, value):
    with pytest.raises(FolderNotAllowedError, match=r"\(now none\)"):
        hot_reload.folder(str(named), value)


def test_variables_are_those_of_the_emulator(named, monkeypatch):
    monkeypatch.setenv("SOURCES", str(named))
    assert hot_reload.folder("$SOURCES/accept", {VARIABLE: str(named)}) == named / "accept"
    with pytest.raises(FolderNotAllowedError):
        hot_reload.folder("$SOURCES/../..", {VARIABLE: str(named)})


def test_relative(named, monkeypatch):
    monkeypatch.chdir(named)
    with pytest.raises(FolderNotAllowedError, match="has to be an absolute path"):
        hot_reload.folder("accept", {VARIABLE: str(named)})
