"""Which control groups are used, on made-up hierarchies; their effect is tested with real ones elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serverless_harness.emulator.sandbox import cgroups

MB = 1024 * 1024
OWN = f"lambda-{os.getpid()}"


def make_group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"cgroup__procs": "", **files}.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def make_v2(folder: Path, controllers: str = "cpu memory pids", **files: str) -> Path:
    return make_group(folder, cgroup__subtree_control=controllers, **files)


@pytest.fixture(autouse=True)
def _groups_are_born_with_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel gives a new group its files; the parent hands its controllers down."""
    mkdir = Path.mkdir

    def mkdir_with_files(path: Path, *arguments: object, **options: object) -> None:
        mkdir(path, *arguments, **options)
        if path.name == OWN and (path.parent / "cgroup.subtree_control").exists():
            (path / "cgroup.subtree_control").write_text((path.parent / "cgroup.subtree_control").read_text())

    write_text = Path.write_text

    def write(path: Path, text: str, **options: object) -> int:
        if path.name == "cgroup.subtree_control" and text.startswith("+"):
            present = path.read_text().split()
            text = " ".join(
                sorted({*present, text[1:]} if text[1:] in {"cpu", "memory", "pids"} else present)
            )
        return write_text(path, text, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir_with_files)
    monkeypatch.setattr(Path, "write_text", write)


def test_version_1_uses_each_controller_below_the_own_group(tmp_path: Path) -> None:
    memory = make_group(tmp_path / "memory" / "session")
    cpu = make_group(tmp_path / "cpu,cpuacct")
    (tmp_path / "cpu").symlink_to("cpu,cpuacct")
    hierarchy = cgroups.find_hierarchy(tmp_path, "4:memory:/session\n3:cpu,cpuacct:/\n2:cpuset:/\n0::/\n")
    group = hierarchy.create("environment", 128 * MB)
    assert set(group.folders) == {memory / OWN / "environment", tmp_path / "cpu" / OWN / "environment"}
    assert (memory / OWN / "environment" / "memory.limit_in_bytes").read_text() == str(128 * MB)
    assert (cpu / OWN / "environment" / "cpu.cfs_period_us").read_text() == "20000"
    group.limit_cpu(0.5)
    assert (cpu / OWN / "environment" / "cpu.cfs_quota_us").read_text() == "10000"
    group.limit_cpu(None)
    assert (cpu / OWN / "environment" / "cpu.cfs_quota_us").read_text() == "-1"
    assert hierarchy.describe("memory") == hierarchy.describe("cpu") == "control group, version 1"
    assert hierarchy.describe("pids") is None


def test_version_1_in_a_container_takes_the_mountpoint_for_its_group(tmp_path: Path) -> None:
    make_group(tmp_path / "memory")
    group = cgroups.find_hierarchy(tmp_path, "4:memory:/docker/1234\n").create("environment", MB)
    assert group.folders == [tmp_path / "memory" / OWN / "environment"]


def test_version_2_makes_groups_beside_the_own_one(tmp_path: Path) -> None:
    make_v2(tmp_path / "user.slice", controllers="memory pids")
    make_v2(tmp_path / "user.slice" / "session-1.scope", memory__max="max\n")
    hierarchy = cgroups.find_hierarchy(tmp_path, "0::/user.slice/session-1.scope\n")
    group = hierarchy.create("environment", 128 * MB)
    folder = tmp_path / "user.slice" / OWN / "environment"
    assert group.folders == [folder]
    assert (folder / "memory.max").read_text() == str(128 * MB)
    assert (folder / "pids.max").read_text() == "1024"
    group.limit_cpu(128 / 1769)
    assert (folder / "cpu.max").read_text() == "1447 20000"
    group.limit_cpu(None)
    assert (folder / "cpu.max").read_text() == "max 20000"
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 5\noom 2\noom_kill 2\noom_group_kill 0\n")
    assert group.oom_kills() == 2


def test_version_2_does_not_get_around_a_limit_on_the_emulator(tmp_path: Path) -> None:
    make_v2(tmp_path / "ci.slice")
    make_v2(tmp_path / "ci.slice" / "job.scope", memory__max="1073741824\n")
    assert isinstance(cgroups.find_hierarchy(tmp_path, "0::/ci.slice/job.scope\n"), cgroups.NoHierarchy)


def test_version_2_in_a_container_empties_the_topmost_group_first(tmp_path: Path) -> None:
    make_v2(tmp_path, controllers="", cgroup__type="domain\n", cgroup__procs="1\n17\n")
    hierarchy = cgroups.find_hierarchy(tmp_path, "0::/\n")
    assert (tmp_path / "emulator" / "cgroup.procs").read_text() == "17"  # each write moves one process
    assert hierarchy.describe("memory") == "control group, version 2"


def test_version_2_without_controllers_is_of_no_use(tmp_path: Path) -> None:
    assert isinstance(cgroups.find_hierarchy(tmp_path, "0::/\n"), cgroups.NoHierarchy)
    assert isinstance(cgroups.find_hierarchy(tmp_path, ""), cgroups.NoHierarchy)


def test_groups_of_emulators_that_have_gone_are_swept_away(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    memory = make_group(tmp_path / "memory")
    stale = memory / f"lambda-{gone.pid}"
    alive = memory / f"lambda-{os.getppid()}"
    for folder in (stale / "environment", alive / "environment"):
        folder.mkdir(parents=True)
    cgroups.find_hierarchy(tmp_path, "4:memory:/\n")
    assert not stale.exists()
    assert alive.exists()
