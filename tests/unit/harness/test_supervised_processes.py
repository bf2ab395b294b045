"""Processes that end with their owner: nothing of them is left, however the owner or they end."""

import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

from serverless_harness import processes, supervisor
from serverless_harness.processes import OwnedProcess, ProcessId
from serverless_harness.waiting import Wait

IS_LINUX = sys.platform == "linux"

# Starts a child in a session of its own, which ignores SIGTERM; writes its pid; ends or waits.
PROGRAM = """
import subprocess, sys, signal, time
from pathlib import Path
child = subprocess.Popen(
    [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
     "print(flush=True); time.sleep(600)"],
    start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
Path(sys.argv[1]).with_suffix(".new").write_text(str(child.pid))
Path(sys.argv[1]).with_suffix(".new").rename(sys.argv[1])
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[2] == "ends":
    sys.exit(7)
time.sleep(600)
"""


@pytest.fixture
def program(tmp_path):
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    return file


@pytest.fixture(autouse=True)
def short_grace(monkeypatch):
    monkeypatch.setattr(processes, "STOP_GRACE_S", 1)


def command(program, manner):
    return [sys.executable, str(program), str(program.with_name("pid")), manner]


def grandchild(program):
    """The process that the program started, as soon as there is one."""
    file = program.with_name("pid")
    pid = Wait("the grandchild", 20).until(lambda: file.exists() and int(file.read_text()))
    return psutil.Process(pid)


def is_gone(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def await_end(process):
    Wait(f"the end of {process}", 20).until(lambda: is_gone(process))


@pytest.mark.parametrize("manner", ["obliging", "stubborn"])
def test_stopping_leaves_no_descendant(program, manner):
    owned = OwnedProcess(command(program, manner), os.environ, subprocess.DEVNULL)
    child = grandchild(program)
    owned.stop()
    assert is_gone(child)
    assert owned.returncode is not None


def test_a_program_that_ends_leaves_no_descendant_and_gives_its_exit_code(program):
    owned = OwnedProcess(command(program, "ends"), os.environ, subprocess.DEVNULL)
    assert owned.wait() == 7
    assert not psutil.pid_exists(int(program.with_name("pid").read_text()))


@pytest.fixture
def owner(program):
    """A process that owns the program and can be killed; gives a function that starts it."""
    started = []

    def start(detach):
        source = f"""
            import os, subprocess, sys, time
            from serverless_harness.processes import OwnedProcess
            owned = OwnedProcess({command(program, "obliging")!r}, os.environ, subprocess.DEVNULL)
            {"owned.detach()" if detach else ""}
            print(owned.pid, flush=True)
            time.sleep(600)
        """
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(source)], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, psutil.Process(int(process.stdout.readline()))

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_killing_the_owner_ends_all_that_it_owned(owner, program):
    process, supervisor = owner(detach=False)
    child = grandchild(program)
    process.kill()
    await_end(supervisor)
    assert is_gone(child)


def test_what_was_detached_outlives_its_owner_until_it_is_stopped(owner, program):
    process, supervisor = owner(detach=True)
    child = grandchild(program)
    process.kill()
    process.wait()
    with pytest.raises(psutil.TimeoutExpired):
        supervisor.wait(timeout=1)
    assert not is_gone(child)
    ProcessId.of(supervisor.pid).stop()
    assert is_gone(child)
    assert is_gone(supervisor)


@pytest.mark.skipif(not IS_LINUX, reason="PR_SET_PDEATHSIG is Linux's")
def test_killing_the_supervisor_ends_the_program(owner, program):
    _, supervisor = owner(detach=True)
    child = grandchild(program)
    (main,) = supervisor.children()
    try:
        supervisor.kill()
        await_end(main)
    finally:
        child.kill()


def test_a_pid_that_now_is_another_process_is_not_found():
    mine = ProcessId.of(os.getpid())
    assert mine.find() is not None
    assert ProcessId(mine.pid, mine.created_s - 60).find() is None


def test_a_process_that_was_not_reaped_is_not_found():
    process = subprocess.Popen([sys.executable, "-c", ""])
    recorded = ProcessId.of(process.pid)
    Wait("its end", 20).until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert recorded.find() is None
    process.wait()


def test_interrupting_passes_sigint_on(program):
    owned = OwnedProcess(command(program, "obliging"), os.environ, subprocess.DEVNULL)
    grandchild(program)
    owned.interrupt()
    assert owned.wait() == 128 + signal.SIGINT


LATE_SIGNALS = """
import importlib.util, os, signal, sys
spec = importlib.util.spec_from_file_location("supervisor", sys.argv[1])
supervisor = importlib.util.module_from_spec(spec)
spec.loader.exec_module(supervisor)
class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), numbers=(signal.SIGALRM, signal.SIGTERM, signal.SIGINT)):
        for number in numbers:
            kill(pid, number)
late = Late()
sys.exit(supervisor.Supervisor(1, [sys.executable, "-c", "raise SystemExit(7)"]).run())
"""


def test_a_signal_that_comes_while_the_supervisor_ends_changes_no_exit_code():
    arguments = (sys.executable, "-c", LATE_SIGNALS, supervisor.__file__)
    with subprocess.Popen(arguments, stdin=subprocess.PIPE) as process:  # Its owner is there to the end.
        assert process.wait() == 7
