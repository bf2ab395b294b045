"""Files that are one user's alone, and those that somebody else could have written."""

import os
import stat
import subprocess
import sys

import pytest

from serverless_harness.private_files import (
    NotPrivateError,
    callers_umask,
    make_private,
    private_umask,
    read_private,
    require_private,
    write_private,
)
from serverless_harness.processes import OwnedProcess
from serverless_harness.stack import signing

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_and_files_whatever_the_umask(tmp_path, umask):
    folder = make_private(tmp_path / "a" / "b")
    write_private(folder / "file", b"x")
    assert (mode(folder), mode(folder / "file")) == (0o700, 0o600)
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    open_folder.chmod(0o777)
    assert mode(make_private(open_folder)) == 0o700


def test_what_a_command_and_its_programs_make(tmp_path, umask):
    with private_umask():
        (tmp_path / "own").touch()
        assert callers_umask() == umask
        script = "from pathlib import Path; Path('callers').touch()"
        subprocess.run([sys.executable, "-c", script], cwd=tmp_path, umask=callers_umask(), check=True)
    assert mode(tmp_path / "own") == 0o600
    assert mode(tmp_path / "callers") == 0o666 & ~umask
    assert callers_umask() == -1
    script = "from pathlib import Path; Path('owned').touch()"
    with (tmp_path / "log").open("wb") as log:
        process = OwnedProcess([sys.executable, "-c", script], dict(os.environ), log, tmp_path)
        process.wait()
        process.stop()
    assert mode(tmp_path / "owned") == 0o600


def test_reading_what_is_ours(tmp_path):
    write_private(tmp_path / "file", b"content")
    assert read_private(tmp_path / "file") == b"content"
    require_private(make_private(tmp_path / "folder"))


def test_what_others_may_write_is_refused(tmp_path):
    for path in (tmp_path / "file", tmp_path / "folder"):
        path.mkdir() if path.name == "folder" else path.touch()
        for others in (0o020, 0o002):
            path.chmod(0o700 | others)
            with pytest.raises(NotPrivateError, match="other users may write to"):
                read_private(path) if path.is_file() else require_private(path)


def test_links_and_pipes_are_refused(tmp_path):
    write_private(tmp_path / "file", b"")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OSError, match="link"):
        read_private(tmp_path / "link")
    make_private(tmp_path / "folder")
    (tmp_path / "to-folder").symlink_to("folder")
    with pytest.raises(NotPrivateError, match="is not a folder"):
        require_private(tmp_path / "to-folder")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(NotPrivateError, match="is not a regular file"):
        read_private(tmp_path / "pipe")


@as_root
def test_what_belongs_to_others_is_refused(tmp_path):
    write_private(tmp_path / "file", b"")
    make_private(tmp_path / "folder")
    for name in ("file", "folder"):
        os.chown(tmp_path / name, 65534, 65534)
    with pytest.raises(NotPrivateError, match=r"belongs to another user \(id 65534\)"):
        read_private(tmp_path / "file")
    with pytest.raises(NotPrivateError, match="belongs to another user"):
        require_private(tmp_path / "folder")


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_signatures_are_of_the_content_and_the_key(state):
    signature = signing.sign(b"content")
    assert signing.is_signed(b"content", signature + "\n")
    assert not signing.is_signed(b"other", signature)
    assert not signing.is_signed(b"content", "ä")
    assert mode(signing.key_file()) == 0o600
    signing.key_file().unlink()
    assert not signing.is_signed(b"content", signature)


def test_a_key_that_others_may_write_signs_nothing(state):
    signing.sign(b"")
    signing.key_file().chmod(0o666)
    with pytest.raises(NotPrivateError, match="snapshot-key"):
        signing.sign(b"")


def test_the_key_is_in_the_home_folder_without_a_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert signing.key_file() == tmp_path / ".local/state/serverless-harness/snapshot-key"
