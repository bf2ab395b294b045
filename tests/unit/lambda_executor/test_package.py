"""A version's files: code, layers laid over each other, changes of hot-reloading folders."""

import os

import pytest
from function_versions import function_version, layer

from serverless_harness.emulator import settings
from serverless_harness.emulator.lambda_executor import package


@pytest.fixture(autouse=True)
def state_dir(tmp_path, monkeypatch):
    folder = tmp_path / "state"
    monkeypatch.setattr(settings, "state_dir", lambda: folder)
    return folder


def folder(path, files):
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


def files_below(path):
    return {str(file.relative_to(path)): file.read_text() for file in path.rglob("*") if file.is_file()}


class TestLayers:
    def test_none(self, tmp_path):
        version = function_version(folder(tmp_path / "code", {"function.py": ""}))
        package.prepare(version)
        assert package.layers_dir(version) is None
        assert package.code_dir(version) == tmp_path / "code"

    def test_one_is_taken_as_it_is(self, tmp_path):
        one = folder(tmp_path / "one", {"python/a.py": "a"})
        version = function_version(tmp_path, layers=[layer(one)])
        package.prepare(version)
        assert package.layers_dir(version) == one

    def test_later_ones_win_and_sources_stay(self, tmp_path):
        one = folder(tmp_path / "one", {"python/a.py": "a1", "python/shared.py": "from one", "bin/tool": "1"})
        (one / "bin/tool").chmod(0o755)
        (one / "python/link.py").symlink_to("a.py")
        two = folder(tmp_path / "two", {"python/b.py": "b2", "python/shared.py": "from two"})
        version = function_version(tmp_path, layers=[layer(one), layer(two)])
        package.prepare(version)
        package.prepare(version)
        merged = package.layers_dir(version)
        assert files_below(merged) == {
            "python/a.py": "a1",
            "python/link.py": "a1",
            "python/b.py": "b2",
            "python/shared.py": "from two",
            "bin/tool": "1",
        }
        assert os.access(merged / "bin/tool", os.X_OK)
        assert (merged / "python/link.py").is_symlink()
        assert (one / "python/shared.py").read_text() == "from one"

    def test_clean_up_removes_what_was_merged_and_nothing_else(self, tmp_path, state_dir):
        layers = [layer(folder(tmp_path / name, {"python/a.py": name})) for name in ("one", "two")]
        version = function_version(tmp_path, layers=layers)
        package.prepare(version)
        package.clean_up(version)
        assert files_below(state_dir) == {}
        assert (tmp_path / "one/python/a.py").exists()
        package.clean_up(version)


class TestHotReloading:
    def test_folders(self, tmp_path):
        code, one = tmp_path / "code", tmp_path / "one"
        assert package.hot_reloading_dirs(function_version(code)) == [code]
        assert package.hot_reloading_dirs(function_version(code, layers=[layer(one)])) == [code, one]

    @pytest.mark.parametrize(
        "change",
        [
            lambda code: (code / "a.py").write_text("longer"),
            lambda code: (code / "new.py").write_text(""),
            lambda code: (code / "sub/b.py").unlink(),
            lambda code: os.utime(code / "a.py", ns=(1, 1)),
        ],
    )
    def test_changes_are_seen(self, tmp_path, change):
        code = folder(tmp_path / "code", {"a.py": "a", "sub/b.py": "b"})
        before = package.contents([code])
        assert package.contents([code]) == before
        change(code)
        assert package.contents([code]) != before

    def test_compiled_files_are_no_change(self, tmp_path):
        code = folder(tmp_path / "code", {"a.py": "a"})
        before = package.contents([code])
        folder(code, {"__pycache__/a.cpython-313.pyc": "", "sub/__pycache__/b.pyc": "", ".git/index": ""})
        assert package.contents([code]) == before


def test_image_functions_have_no_files():
    with pytest.raises(ValueError, match=r"is not a \.zip file"):
        package.code_dir(function_version(None))
