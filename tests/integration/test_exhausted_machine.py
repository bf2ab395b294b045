"""`up` where the disk or the process table is really full: one line, exit code 2, nothing left."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from stack_processes import OWN_STACK

from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack, free_port

pytestmark = [
    *OWN_STACK,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk or bound processes"),
]

UP_TIMEOUT_S = 600
DISK = "48k"
"""Enough to start the stack, not for Terraform's files."""
TASKS = 10
"""Enough to start the stack, not for Terraform."""
GROUPS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))


def up(port, group=None):
    """Run `up`, in a control group if one is given; its exit code and what it prints."""

    def enter():
        if group:
            (group / "cgroup.procs").write_text("0")

    done = subprocess.run(
        [current().folder / "scripts" / "up", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=UP_TIMEOUT_S,
        preexec_fn=enter,
        check=False,
    )
    return done.returncode, done.stdout


def assert_refused(returncode, printed, message):
    errors = [line for line in printed.splitlines() if line.startswith("error: ")]
    assert (returncode, len(errors)) == (2, 1), printed
    assert message in errors[0]


def assert_nothing_left(stack):
    assert not stack.is_running()
    state_dir = str(stack.state_dir)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            assert not process.cwd().startswith(state_dir), process


@pytest.fixture
def stack():
    stack = EmbeddedStack(free_port())
    yield stack
    stack.stop()
    shutil.rmtree(stack.state_dir, ignore_errors=True)


@pytest.fixture
def small_disk(stack):
    """A disk in the place of the stack's folder, far too small."""
    stack.state_dir.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(stack.state_dir)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield
    subprocess.run(["umount", str(stack.state_dir)], check=True)


@pytest.fixture
def bounded_group(stack):
    """A control group that holds no more than TASKS processes and threads."""
    for parent in GROUPS:
        group = parent / f"exhausted-{stack.port}"
        with suppress(OSError):
            group.mkdir()
            (group / "pids.max").write_text(str(TASKS))
            break
        with suppress(OSError):
            group.rmdir()
    else:
        pytest.skip("no control group can bound processes here")
    yield group
    group.rmdir()


def test_a_full_disk_is_told_in_one_line(stack, small_disk):
    assert_refused(*up(stack.port), "free some space on that disk")
    assert_nothing_left(stack)


def test_a_full_process_table_is_told_in_one_line_and_the_next_up_recovers(stack, bounded_group):
    assert_refused(*up(stack.port, bounded_group), "no more processes or threads can be started: end some")
    assert_nothing_left(stack)

    returncode, printed = up(stack.port)
    assert returncode == 0, printed
    assert "First order" in printed
