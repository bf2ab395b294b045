"""Which sandbox a machine gets, and what it says of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox_environments import build_machine

from serverless_harness.emulator.sandbox import create_sandbox, interpreters, machine
from serverless_harness.emulator.sandbox.base import Exit, SandboxSpec

ASPECTS = {"file system", "/tmp", "user", "processes", "memory", "cpu", "network"}

# Root of a user namespace that has no capability left and may not make further ones: as in a container with
# all capabilities dropped.
POWERLESS = """
import json, os, sys
from pathlib import Path
from serverless_harness.emulator.sandbox.launcher_process import kernel
uid, gid = os.getuid(), os.getgid()
kernel.unshare(kernel.CLONE_NEWUSER)
Path("/proc/self/setgroups").write_text("deny")
Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
Path("/proc/sys/user/max_user_namespaces").write_text("0")
for capability in range(64):
    kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""
DESCRIBE = """
import json
from serverless_harness.emulator.sandbox.machine import this_machine
print(json.dumps(this_machine().describe()))
"""


@pytest.fixture(autouse=True)
def _has_a_runtime() -> None:
    if not interpreters.available():
        pytest.skip(f"no function runtime in {interpreters.runtimes_folder()}")


def test_the_strongest_sandbox_is_taken() -> None:
    modes = ["root", "user", "none"] if os.geteuid() == 0 else ["user", "none"]
    possible = [mode for mode in modes if not isinstance(build_machine(f"{mode}-watched"), str)]
    assert machine.this_machine().launcher.mode == possible[0]
    described = machine.this_machine().describe()
    assert set(described) == ASPECTS
    assert all(described.values())


@pytest.mark.skipif(os.geteuid() != 0, reason="only with root's rights do functions run as another user")
def test_the_emulators_umask_decides_nothing() -> None:
    """Stacks run with the umask 077: their files are their owner's alone."""
    described = [
        subprocess.run(
            [sys.executable, "-c", DESCRIBE],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            umask=umask,
        ).stdout
        for umask in (0o022, 0o077)
    ]
    assert described[0] == described[1]


def test_the_default_sandbox_runs_a_process(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    runtime = interpreters.available()[-1]
    spec = SandboxSpec("default", tmp_path / "state", runtime, tmp_path / "code", None, 128, 512, "unlimited")
    sandbox = create_sandbox(spec)
    try:
        process = sandbox.spawn(["-c", "print('up')"], {}, lambda _: None, lambda _: None)
        assert process.wait(timeout_s=30) == Exit(0, out_of_memory=False)
    finally:
        sandbox.close()


def test_an_unknown_runtime_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    spec = SandboxSpec("none", tmp_path / "state", "python2.7", tmp_path, None, 128, 512, "unlimited")
    with pytest.raises(interpreters.InterpreterNotFoundError, match=r"python2\.7 is not on this machine"):
        create_sandbox(spec)
    assert not spec.state_dir.exists()


@pytest.mark.skipif(
    isinstance(build_machine("user-watched"), str),
    reason="no user namespace to take the capabilities away in",
)
def test_without_any_capability_processes_run_plainly() -> None:
    done = subprocess.run(
        [sys.executable, "-c", POWERLESS, DESCRIBE], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    described = json.loads(done.stdout)
    assert described["file system"].startswith("the host's (")
    assert "unshare" in described["file system"]


def test_nothing_of_the_emulator_is_loaded_into_the_launcher() -> None:
    built = machine.this_machine()
    built.launcher.start()
    maps = Path(f"/proc/{built.launcher.pid}/maps")
    if not maps.exists():
        pytest.skip("no /proc")
    assert "site-packages" not in maps.read_text()
    assert Path(f"/proc/{built.launcher.pid}/environ").read_bytes() in (b"", b"LC_CTYPE=C.UTF-8\0")
    assert len(list(Path(f"/proc/{built.launcher.pid}/task").iterdir())) == 1
