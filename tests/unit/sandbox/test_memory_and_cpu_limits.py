"""How often the launcher looks at an environment, and what it reads of its memory."""

import os
import shutil
from pathlib import Path

import pytest

from serverless_harness.emulator.sandbox.launcher_process import memory_and_cpu_limits
from serverless_harness.emulator.sandbox.launcher_process.memory_and_cpu_limits import (
    MAX_INTERVAL_S,
    Gauge,
    GovernedEnvironment,
    GroupMemory,
    now_s,
)
from serverless_harness.emulator.sandbox.launcher_process.processes import Memory


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process ids whose descendants were looked for."""
    seen: list[int] = []
    monkeypatch.setattr(memory_and_cpu_limits.processes, "descendants", lambda pid: seen.append(pid) or [])
    return seen


@pytest.fixture
def watched() -> GovernedEnvironment:
    """An environment without control groups, that holds no memory."""
    return environment_of({"tmp": "", "namespaces": False})


def environment_of(its_tmp: dict[str, object]) -> GovernedEnvironment:
    gauge = os.memfd_create("gauge")
    os.truncate(gauge, Gauge.SIZE_BYTES)
    request = {"cgroups": [], "memory_bytes": 1 << 40, **its_tmp}
    made = GovernedEnvironment({**request, "memory_source": {"kind": "processes"}}, gauge)
    os.close(gauge)
    made.init = 1
    return made


def test_nobody_is_looked_at_before_it_is_due(looks: list[int], watched: GovernedEnvironment) -> None:
    watched.set_cpu(0.5)
    now = now_s()
    due = watched.tick(now)
    assert now < due < now + MAX_INTERVAL_S
    assert len(looks) == 2  # the memory and the CPU time
    assert watched.tick(due - 0.001) == due
    assert len(looks) == 2
    assert watched.tick(due) > due
    assert len(looks) == 3


def test_between_invokes_it_is_the_memory_alone(looks: list[int], watched: GovernedEnvironment) -> None:
    watched.set_cpu(0.5)
    watched.set_cpu(None)
    now = now_s()
    assert watched.tick(now) == now + MAX_INTERVAL_S
    assert len(looks) == 1


def test_a_folder_that_is_gone_already_ends_nobody_elses_environment(
    looks: list[int], tmp_path: Path
) -> None:
    being_removed = environment_of({"tmp": str(tmp_path / "gone"), "namespaces": True})
    now = now_s()
    assert being_removed.tick(now) == now + MAX_INTERVAL_S
    assert len(looks) == 1


def test_memory_of_a_group_until_it_is_removed(tmp_path: Path) -> None:
    group = tmp_path / "group"
    group.mkdir()
    (group / "memory.current").write_text("9000000\n")
    (group / "memory.stat").write_text("anon 4000000\nfile 3000000\nshmem 1000000\nfile_mapped 2000000\n")
    read = GroupMemory({"kind": "v2", "folder": str(group)}, None)
    assert read(1) == Memory(used=5_000_000, resident=7_000_000)
    (group / "memory.stat").unlink()
    assert read(1) == Memory(5_000_000, 7_000_000)  # as before, since the total is the same
    shutil.rmtree(group)
    assert read(1) == Memory(0, 0)
