"""Packages that want to write, or to act, outside of their folder."""

import contextlib
import io
import os
import stat
import zipfile

import pytest
from hostile_packages import FOLDER, LINK, entry, package
from localstack import config

from serverless_harness.emulator.lambda_executor import unpacking
from serverless_harness.emulator.lambda_executor.unpacking import PackageError, PackageTooLargeError

FUNCTION = ("h.py", "def handler(event, context): pass")


@pytest.fixture
def outside(tmp_path):
    """A folder with a file that nobody but its owner may read."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("untouched")
    (folder / "secret").chmod(0o600)
    return folder


@pytest.fixture
def unpack(tmp_path):
    target = tmp_path / "work" / "code"
    target.mkdir(parents=True)

    def unpack(*entries):
        unpacking.check(package(*entries))
        unpacking.unpack(package(*entries), target)
        return target

    return unpack


def refused(unpack, *entries):
    """Refused as it comes in, and again where it is unpacked."""
    with pytest.raises(PackageError) as refusal:
        unpack(*entries)
    return str(refusal.value)


def tree(folder):
    return {
        str(path.relative_to(folder)): path.readlink() if path.is_symlink() else path.lstat().st_mode
        for path in folder.rglob("*")
    }


class TestWhatLeavesTheFolder:
    @pytest.mark.parametrize(
        "name",
        ["../x", "a/../../x", "/etc/x", "//x", "..", "a/..", "./../x"],
    )
    def test_names(self, unpack, tmp_path, name):
        assert "leads out of it" in refused(unpack, FUNCTION, (name, "x"))
        assert sorted(path.name for path in tmp_path.rglob("*")) == ["code", "work"]

    @pytest.mark.parametrize("first", ["link", "file"])
    def test_a_file_below_a_link(self, unpack, outside, first):
        link, file = ("d", "sub", LINK), ("d/x", "x")
        entries = (link, file) if first == "link" else (file, link)
        assert "'d' is a folder, and a file or symbolic link as well" in refused(unpack, FUNCTION, *entries)
        assert [path.name for path in outside.iterdir()] == ["secret"]

    @pytest.mark.parametrize(
        ("name", "link"),
        [
            ("d", "/root"),
            ("d", "/etc/passwd"),
            ("d", "/tmp/../etc"),
            ("d", "/optional"),
            ("d", ".."),
            ("d", "../code2/x"),
            ("a/d", "../../x"),
            ("a/d", "./../../x"),
            ("d", "a/../../x"),
            ("d", "link/../x"),
            ("d", ""),
            ("d", "a\0b"),
        ],
    )
    def test_links(self, unpack, name, link):
        assert f"the symbolic link {name!r} leads out of it" in refused(unpack, FUNCTION, (name, link, LINK))

    def test_a_link_to_what_the_host_has_there_changes_nothing_of_it(self, unpack, outside):
        """To the function, /tmp is its own; while it is unpacked, it is the host's."""
        with contextlib.suppress(PackageError):  # where the test's folder is elsewhere
            unpack(FUNCTION, ("d", str(outside / "secret"), LINK))
        assert stat.S_IMODE((outside / "secret").stat().st_mode) == 0o600

    def test_an_entry_that_replaces_a_link_is_no_way_through_it(self, unpack, outside):
        target = unpack(("d", "h.py", LINK), FUNCTION, ("d", "a file"))
        assert not (target / "d").is_symlink()
        assert (target / "d").read_text() == "a file"
        assert (target / "h.py").read_text() == FUNCTION[1]


class TestLinksThatStayInside:
    @pytest.mark.parametrize(
        ("name", "link"),
        [
            ("libx.so", "libx.so.1"),
            ("a/b/up", "../../h.py"),
            ("a/b/sideways", "../c/d"),
            ("here", "."),
            ("a/here", "./b"),
            ("dangling", "not/there"),
            ("scratch", "/tmp/scratch"),
            ("layer", "/opt/python"),
            ("code", "/var/task"),
        ],
    )
    def test_are_kept_as_they_are(self, unpack, name, link):
        target = unpack(FUNCTION, (name, link, LINK))
        assert os.readlink(target / name) == link  # noqa: PTH115 - pathlib would drop "./"

    def test_of_links_that_lead_on_each_stays_inside(self, unpack):
        target = unpack(("b", ".", LINK), ("a", "b/b/b", LINK), FUNCTION)
        assert (target / "a").resolve() == target.resolve()


class TestLimits:
    @pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
    def test_devices(self, unpack, kind):
        assert "neither a file nor a folder nor a symbolic link" in refused(unpack, ("d", "", kind))

    def test_size(self, unpack, monkeypatch):
        monkeypatch.setattr(config, "LAMBDA_LIMITS_CODE_SIZE_UNZIPPED", 1000)
        with pytest.raises(PackageTooLargeError, match=r"^Unzipped size must be smaller than 1000 bytes$"):
            unpack(("a", "x" * 500), ("b", "x" * 500))
        unpack(("a", "x" * 500), ("b", "x" * 499))

    def test_a_file_that_is_larger_than_it_says(self, tmp_path):
        """A zip file's sizes are its maker's word: no more than that is ever written."""
        content = bytearray(package(("a", "x" * 100_000)).getvalue())
        for header, size_at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
            at = content.index(header) + size_at
            content[at : at + 4] = (10).to_bytes(4, "little")
        with pytest.raises(PackageError, match="'a' is damaged"):
            unpacking.unpack(io.BytesIO(content), tmp_path)
        assert (tmp_path / "a").stat().st_size <= 10

    def test_count(self, unpack, monkeypatch):
        monkeypatch.setattr(unpacking, "MAX_ENTRIES", 3)
        assert "more than 3" in refused(unpack, *[(f"file-{index}", "") for index in range(4)])
        assert "more than 3 folders" in refused(unpack, ("a/b/c/d/e", ""))

    def test_length_of_names(self, unpack):
        assert "longer than 1024 bytes" in refused(unpack, ("a/" * 600 + "x", ""))
        assert "can't be unpacked" in refused(unpack, ("a" * 300, ""))
        assert "is too long" in refused(unpack, ("a", "x" * 1025, LINK))

    @pytest.mark.parametrize("content", [b"", b"PK\5\6", b"not a zip file" * 100])
    def test_no_zip_files(self, tmp_path, content):
        with pytest.raises(PackageError, match="is not a complete zip file"):
            unpacking.unpack(io.BytesIO(content), tmp_path)

    def test_damage(self, tmp_path):
        content = bytearray(package(FUNCTION).getvalue())
        content[content.index(b"def handler")] ^= 1
        with pytest.raises(PackageError, match=r"'h.py' is damaged: Bad CRC-32"):
            unpacking.unpack(io.BytesIO(content), tmp_path)


class TestWhatIsUnpacked:
    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
    def test_modes_whatever_the_umask_and_the_package_say(self, unpack, umask):
        before = os.umask(umask)
        try:
            target = unpack(FUNCTION, ("a/b.py", ""), ("set-user-id", "", stat.S_IFREG | stat.S_ISUID))
        finally:
            os.umask(before)
        expected = 0o750 if os.geteuid() == 0 else 0o700
        assert {stat.S_IMODE(mode) for mode in tree(target).values()} == {expected}
        assert stat.S_IMODE(target.stat().st_mode) == expected

    def test_a_file_that_others_cannot_read_is_none_that_the_function_can(self, tmp_path):
        """AWS requires global read permissions: Lambda guide, Permissions Policies on Deployment Packages."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(entry("private.py", mode=0o640), "private")
            archive.writestr(entry("public.py", mode=0o444), "public")
            archive.writestr("untyped.py", "as Python's writestr makes it, with mode 0600")
        (tmp_path / "layer").mkdir()
        unpacking.unpack(content, tmp_path / "layer")
        unpacking.merge([tmp_path / "layer"] * 2, tmp_path / "merged")

        for folder in (tmp_path / "layer", tmp_path / "merged"):
            found = {path.name: bool(path.stat().st_mode & stat.S_IRUSR) for path in folder.iterdir()}
            assert found == {"private.py": False, "public.py": True, "untyped.py": True}

    def test_folders_with_and_without_entries_of_their_own(self, unpack):
        target = unpack(("a/", "", FOLDER), ("a/b/c", "c"), ("empty/", ""), ("./d//e", "e"))
        assert sorted(tree(target)) == ["a", "a/b", "a/b/c", "d", "d/e", "empty"]

    def test_the_last_of_one_name_counts(self, unpack):
        with pytest.warns(UserWarning, match="Duplicate name"):
            target = unpack(("a", "first"), ("a", "last"))
        assert (target / "a").read_text() == "last"

    def test_packages_of_windows_have_no_unix_modes(self, tmp_path):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            info = zipfile.ZipInfo("h.py")
            info.create_system, info.external_attr = 0, LINK << 16
            archive.writestr(info, "text")
        unpacking.unpack(content, tmp_path)
        assert (tmp_path / "h.py").read_text() == "text"
        assert not (tmp_path / "h.py").is_symlink()

    def test_times(self, unpack):
        target = unpack(FUNCTION)
        assert (target / "h.py").stat().st_mtime == 315532800  # 1980-01-01, the default of a ZipInfo


class TestMerging:
    def folder(self, path, files=(), links=()):
        path.mkdir()
        for name in files:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(path.name)
        for name, link in links:
            (path / name).symlink_to(link)
        return path

    def test_nothing_is_written_through_a_folders_link(self, tmp_path, outside):
        """The first layer has the link, the second a file below it."""
        one = self.folder(tmp_path / "one", links=[("d", outside)])
        two = self.folder(tmp_path / "two", files=["d/secret", "d/new"])
        unpacking.merge([one, two], tmp_path / "merged")
        assert (outside / "secret").read_text() == "untouched"
        assert [path.name for path in outside.iterdir()] == ["secret"]
        assert (tmp_path / "merged/d/secret").read_text() == "two"

    def test_nothing_is_written_through_a_files_link(self, tmp_path, outside):
        one = self.folder(tmp_path / "one", links=[("d", outside / "secret")])
        two = self.folder(tmp_path / "two", files=["d"])
        unpacking.merge([one, two], tmp_path / "merged")
        assert (outside / "secret").read_text() == "untouched"
        assert stat.S_IMODE((outside / "secret").stat().st_mode) == 0o600
        assert (tmp_path / "merged/d").read_text() == "two"

    def test_the_later_one_wins_whatever_it_has(self, tmp_path, outside):
        one = self.folder(tmp_path / "one", files=["file", "folder/a", "both/one"])
        two = self.folder(tmp_path / "two", files=["file/b", "both/two"], links=[("folder", outside)])
        unpacking.merge([one, two], tmp_path / "merged")
        assert sorted(tree(tmp_path / "merged")) == [
            "both",
            "both/one",
            "both/two",
            "file",
            "file/b",
            "folder",
        ]
        assert (tmp_path / "merged/folder").is_symlink()

    def test_pipes_are_left_out(self, tmp_path):
        one = self.folder(tmp_path / "one", files=["a"])
        os.mkfifo(one / "pipe")
        unpacking.merge([one, one], tmp_path / "merged")
        assert [path.name for path in (tmp_path / "merged").iterdir()] == ["a"]
