"""Starting and ending a function's processes, whoever is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from sandbox_environments import Environment, Factory, every_kind, isolated_kinds

from serverless_harness.emulator.sandbox.base import Exit
from serverless_harness.emulator.sandbox.launcher import Launcher
from serverless_harness.emulator.sandbox.process import SpawnError
from serverless_harness.testing.eventually import eventually

FAMILY = """
import os, sys, time
{marker!r}
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
        time.sleep(600)
print("up", flush=True)
time.sleep(600)
"""


def family_of(environment: Environment) -> tuple[str, str]:
    """Code that starts five processes in sessions of their own, and the marker in their command lines."""
    marker = f"marker-{environment.spec.environment_id}"
    return FAMILY.format(marker=marker), marker


def marked(marker: str) -> list[int]:
    """The live processes on this machine that carry a marker."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE and marker in " ".join(
            process.info["cmdline"] or []
        ):
            found.append(process.pid)
    return found


@every_kind
@pytest.mark.parametrize(
    ("code", "returncode"),
    [
        ("pass", 0),
        ("import sys; sys.exit(3)", 3),
        ("raise ValueError", 1),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
    ],
)
def test_the_returncode_tells_the_end(environment: Environment, code: str, returncode: int) -> None:
    assert environment.start(code).wait() == Exit(returncode, out_of_memory=False)


@every_kind
def test_all_output_comes_in_order_before_the_exit(environment: Environment) -> None:
    events: list[object] = []
    code = "import os\nfor number in range(5000):\n    os.write(1 + number % 2, b'%d\\n' % number)"
    process = environment.sandbox.spawn(["-c", code], {}, events.append, events.append)
    assert process.wait(timeout_s=30) == Exit(0, out_of_memory=False)
    eventually(lambda: isinstance(events[-1], Exit), "the exit")
    assert b"".join(events[:-1]) == b"".join(b"%d\n" % number for number in range(5000))


@every_kind
def test_the_process_id_is_the_hosts(environment: Environment) -> None:
    running = environment.start("print('up', flush=True)\nimport time; time.sleep(60)")
    running.wait_for("up")
    assert "print('up'" in " ".join(psutil.Process(running.process.pid).cmdline())
    os.kill(running.process.pid, signal.SIGKILL)
    assert running.wait() == Exit(-9, out_of_memory=False)


@every_kind
def test_kill_takes_every_descendant(environment: Environment) -> None:
    code, marker = family_of(environment)
    running = environment.start(code)
    running.wait_for("up")
    eventually(lambda: len(marked(marker)) == 5, "five processes")
    running.process.kill()
    assert marked(marker) == []
    assert running.wait() == Exit(-9, out_of_memory=False)
    running.process.kill()


@every_kind
def test_the_end_of_the_main_process_takes_every_descendant(environment: Environment) -> None:
    code, marker = family_of(environment)
    running = environment.start(
        code.replace("time.sleep(600)\n", "time.sleep(600)\n", 1).rsplit("time.sleep", 1)[0]
    )
    assert running.wait().returncode == 0
    assert marked(marker) == []


@every_kind
def test_a_daemon_lives_as_long_as_the_main_process(environment: Environment) -> None:
    code = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() != 0:
                os._exit(0)
            while True:
                print("daemon", flush=True)
                time.sleep(0.01)
        os.wait()
        print("orphaned", flush=True)
        time.sleep(600)
    """
    running = environment.start(code)
    running.wait_for("orphaned")
    eventually(lambda: running.text.partition("orphaned")[2].count("daemon") > 20, "a daemon that goes on")
    running.process.kill()
    assert running.wait().returncode == -9


@every_kind
def test_a_stopped_process_can_be_killed(environment: Environment) -> None:
    running = environment.start(
        "import os, signal; print('up', flush=True); os.kill(os.getpid(), signal.SIGSTOP)"
    )
    running.wait_for("up")
    assert running.process.wait(timeout_s=0.05) is None
    running.process.kill()
    assert running.wait().returncode == -9


@every_kind
def test_a_process_whose_init_hangs_can_be_killed(environment: Environment) -> None:
    code, marker = family_of(environment)
    running = environment.start(code)
    running.wait_for("up")
    os.kill(psutil.Process(running.process.pid).ppid(), signal.SIGSTOP)
    running.process.kill()
    assert running.wait() == Exit(-9, out_of_memory=False)
    eventually(lambda: marked(marker) == [], "no process left")


@every_kind
def test_kill_from_the_output_callback_does_not_hang(environment: Environment) -> None:
    ended = threading.Event()
    started: list[object] = []
    ready = threading.Event()

    def kill(_: bytes) -> None:
        ready.wait()
        started[0].kill()

    code = "print('up', flush=True)\nimport time; time.sleep(600)"
    started.append(environment.sandbox.spawn(["-c", code], {}, kill, lambda _: ended.set()))
    ready.set()
    assert ended.wait(timeout=30)


@every_kind
def test_close_leaves_nothing(environment: Environment) -> None:
    code, marker = family_of(environment)
    environment.start(code).wait_for("up")
    environment.sandbox.close()
    assert marked(marker) == []
    assert not environment.spec.state_dir.exists()
    assert groups_of(environment.spec.environment_id) == []
    environment.sandbox.close()


def groups_of(name: str) -> list[Path]:
    """The control groups whose path has `name`."""
    return [Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup") if name in folder]


@every_kind
def test_a_process_that_can_not_start_says_why(factory: Factory) -> None:
    environment = factory()
    environment.spec.code_dir.rmdir()
    with pytest.raises(SpawnError, match="No such file or directory"):
        environment.start("pass")


@every_kind
def test_a_wrapper_script_starts_the_interpreter(environment: Environment) -> None:
    wrapper = environment.spec.layers_dir / "wrapper"
    wrapper.write_text('#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n')
    show = "import os; print(os.environ.get('WRAPPED'))"
    missing = environment.start(show, AWS_LAMBDA_EXEC_WRAPPER="/opt/missing")
    assert (missing.wait().returncode, "/missing: does not exist" in missing.text) == (127, True)
    forbidden = environment.start(show, AWS_LAMBDA_EXEC_WRAPPER="/opt/wrapper")
    assert (forbidden.wait().returncode, "/wrapper: is not an executable" in forbidden.text) == (126, True)
    wrapper.chmod(0o755)
    assert environment.run(show, AWS_LAMBDA_EXEC_WRAPPER="/opt/wrapper") == "yes\n"


@every_kind
def test_a_killed_launcher_takes_its_processes_along_and_is_started_again(factory: Factory) -> None:
    environment = factory()
    code, marker = family_of(environment)
    running = environment.start(code)
    running.wait_for("up")
    eventually(lambda: len(marked(marker)) == 5, "five processes")
    launcher = factory.machine.launcher.pid
    assert launcher
    os.kill(launcher, signal.SIGKILL)
    assert running.wait() == Exit(-9, out_of_memory=False)
    eventually(lambda: marked(marker) == [], "no process left")
    assert environment.run("print('again')") == "again\n"
    assert factory.machine.launcher.pid != launcher


@every_kind
def test_an_init_killed_from_outside_takes_its_processes_along(environment: Environment) -> None:
    code, marker = family_of(environment)
    running = environment.start(code)
    running.wait_for("up")
    init = psutil.Process(running.process.pid).ppid()
    os.kill(init, signal.SIGKILL)
    assert running.wait() == Exit(-9, out_of_memory=False)
    eventually(lambda: marked(marker) == [], "no process left")


EMULATOR = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from sandbox_environments import Factory, build_machine
factory = Factory(build_machine({kind!r}), Path({folder!r}), {name!r})
environment = factory()
running = environment.start({code!r})
running.wait_for("up")
print(json.dumps({{"launcher": factory.machine.launcher.pid}}), flush=True)
time.sleep(600)
"""


@every_kind
def test_a_killed_emulator_leaves_nothing(factory: Factory, kind: str, tmp_path: Path) -> None:
    name = f"killed-{time.monotonic_ns()}"
    marker = f"marker-{name}"
    tests = str(Path(__file__).parent)
    script = EMULATOR.format(
        tests=tests, kind=kind, folder=str(tmp_path), name=name, code=FAMILY.format(marker=marker)
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as emulator:
        launcher = json.loads(emulator.stdout.readline())["launcher"]
        eventually(lambda: len(marked(marker)) >= 5, "five processes")
        emulator.kill()
    eventually(lambda: not psutil.pid_exists(launcher), "the launcher's end")
    assert [pid for pid in marked(marker) if pid != os.getpid()] == []
    assert groups_of(name) == groups_of(f"lambda-{emulator.pid}") == []


@isolated_kinds
def test_environments_start_side_by_side(factory: Factory) -> None:
    environments = [factory() for _ in range(8)]
    outputs: list[str] = []
    threads = [
        threading.Thread(target=lambda one=one: outputs.append(one.run("print('done')")))
        for one in environments
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == ["done\n"] * 8


def test_a_launcher_whose_emulator_ended_meanwhile_says_nothing() -> None:
    """What it prints would be the last line of the emulator's log."""
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        command = [*Launcher("none")._command(), str(theirs.fileno()), "none", "0", "0", ""]
        done = subprocess.run(
            command, pass_fds=[theirs.fileno()], capture_output=True, timeout=60, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
