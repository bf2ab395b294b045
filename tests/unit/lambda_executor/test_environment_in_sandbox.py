"""Environments in real sandboxes: this machine's strongest, and one without namespaces and control groups."""

import contextlib
import json
import os
import signal
import threading
import time

import pytest

from serverless_harness.emulator.faults.functions import FunctionFault
from serverless_harness.emulator.lambda_executor.environment import State
from serverless_harness.emulator.sandbox import machine
from serverless_harness.emulator.sandbox.base import SandboxSpec
from serverless_harness.emulator.sandbox.cgroups import NoHierarchy
from serverless_harness.emulator.sandbox.launcher import Launcher
from serverless_harness.testing.eventually import eventually

MEMORY_MB = 128
STORAGE_MB = 256
SHOW = """
import os, sys
def handler(event, context):
    return [sys.argv, os.environ.get("SET_BY_PRELUDE"), "_LAMBDA_PRELUDE" in os.environ]
def other(event, context):
    return "other"
"""


@pytest.fixture(scope="module", params=["strongest", "plainest"])
def built(request):
    if request.param == "strongest":
        yield machine.this_machine()
        return
    plainest = machine.Machine(Launcher("none"), NoHierarchy())
    yield plainest
    plainest.close()


@pytest.fixture
def launched(built, harness, tmp_path):
    """Make environments as `harness` does, in a sandbox of the machine; `layer` is what stands at /opt."""

    def make(code, **options):
        (tmp_path / "layer").mkdir(exist_ok=True)

        def make_sandbox(code_dir):
            spec = SandboxSpec(
                f"test-{os.getpid()}-{code_dir.name}", tmp_path / "state" / code_dir.name, "python3.13",
                code_dir, tmp_path / "layer", MEMORY_MB, STORAGE_MB, "unlimited",
            )  # fmt: skip
            return built.create_sandbox(spec)

        return harness(code, make_sandbox=make_sandbox, **options)

    return make


@pytest.fixture
def wrapper(tmp_path):
    """Call it with a shell script's lines for the variables of a function that starts through it."""

    def wrapper(*lines):
        script = tmp_path / "layer" / "wrapper"
        script.parent.mkdir(exist_ok=True)
        script.write_text("\n".join(["#!/bin/bash", *lines, ""]))
        script.chmod(0o755)
        return {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}

    return wrapper


def test_nothing_is_written_into_the_functions_folder(launched):
    one = launched("import helper\ndef handler(event, context): return helper.VALUE")
    (one.code_dir / "helper.py").write_text("VALUE = 42")
    assert json.loads(one.start_and_invoke().payload) == 42
    assert sorted(path.name for path in one.code_dir.iterdir()) == ["function.py", "helper.py"]


@pytest.mark.parametrize(("environ", "origin"), [({}, "layer"), ({"PYTHONPATH": "/tmp"}, "none")])
def test_a_pythonpath_of_the_functions_own_replaces_the_layers(launched, tmp_path, environ, origin):
    one = launched(
        "import boto3\ndef handler(event, context): return getattr(boto3, 'ORIGIN', 'none')", environ=environ
    )
    (tmp_path / "layer" / "python").mkdir()
    (tmp_path / "layer" / "python" / "boto3.py").write_text("ORIGIN = 'layer'")
    assert json.loads(one.start_and_invoke().payload) == origin


class TestStart:
    def test_is_awss_command_line(self, launched):
        one = launched(SHOW)
        shown = json.loads(one.start_and_invoke().payload)
        assert shown == [[f"{one.sandbox.runtime_dir}/bootstrap.py"], None, False]

    def test_takes_interpreter_options_of_a_wrapper(self, launched, wrapper):
        """The wrapper of "Modifying the runtime environment" in AWS's developer guide."""
        environ = wrapper(
            'args=("$@")',
            'extra_args=("-X" "importtime")',
            'args=("${args[@]:0:$#-1}" "${extra_args[@]}" "${args[@]: -1}")',
            'exec "${args[@]}"',
        )
        one = launched(SHOW, environ=environ)
        assert not one.start_and_invoke().is_error
        assert any(message.startswith("import time:") for message in one.sink.messages)

    def test_takes_a_handler_that_a_wrapper_sets(self, launched, wrapper):
        environ = wrapper("export _HANDLER=function.other", 'exec "$@"')
        assert json.loads(launched(SHOW, environ=environ).start_and_invoke().payload) == "other"

    def test_runs_a_faults_prelude_first(self, launched):
        fault = FunctionFault(prelude="import os; os.environ['SET_BY_PRELUDE'] = 'yes'")
        one = launched(SHOW, take_fault=lambda _phase, _payload: fault)
        assert json.loads(one.start_and_invoke().payload)[1:] == ["yes", False]

    def test_leaves_processes_that_import_the_main_module_again_alone(self, launched):
        code = """
import multiprocessing
def work(pipe): pipe.send("done")
def handler(event, context):
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    child = spawning.Process(target=work, args=(theirs,))
    child.start()
    child.join()
    return [child.exitcode, ours.recv()]
"""
        assert json.loads(launched(code).start_and_invoke().payload) == [0, "done"]


SPIKE = "block = b'x' * (200 << 20); del block"


@contextlib.contextmanager
def unwatched(built):
    """Keep the launcher from looking at anybody's memory."""
    os.kill(built.launcher.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(built.launcher.pid, signal.SIGCONT)


class TestMemory:
    def assert_out_of_memory(self, answer):
        assert json.loads(answer.payload) == {
            "errorType": "Runtime.ExitError",
            "errorMessage": "RequestId: request-1 Error: Runtime exited with error: signal: killed",
        }
        assert f"\tMax Memory Used: {MEMORY_MB} MB\t" in answer.log_tail
        assert answer.log_tail.endswith("\tStatus: error\tError Type: Runtime.ExitError\n")

    def test_beyond_the_limit_for_a_moment_of_an_invoke_is_out_of_memory(self, built, launched):
        one = launched(f"def handler(event, context):\n  if event: {SPIKE}\n  return 'done'")
        one.environment.start()
        with unwatched(built):
            self.assert_out_of_memory(one.invoke(b"true"))
        assert json.loads(one.invoke(b"false").payload) == "done"

    def test_beyond_the_limit_for_a_moment_of_the_init_is_out_of_memory(self, built, launched):
        code = f"import time; print('begun'); time.sleep(0.5); {SPIKE}\ndef handler(event, context): pass"
        one = launched(code)
        starting = threading.Thread(target=one.environment.start)
        starting.start()
        # The launcher is stopped once it has launched: before that, it never would.
        eventually(lambda: any("begun" in message for message in one.sink.messages))
        with unwatched(built):
            starting.join()
        assert one.environment.state is State.RESET
        assert "\tPhase: init\tStatus: error\tError Type: Runtime.ExitError" in one.sink.messages[-1]

    def test_mapped_files_beyond_the_limit_are_not_counted(self, launched):
        code = """
import mmap, os, tempfile, time
def handler(event, context):
    with tempfile.TemporaryFile() as file:
        for _ in range(25):
            file.write(bytes(8 << 20))
            os.fsync(file.fileno())  # What isn't on the disk yet can't leave the group's memory.
        with mmap.mmap(file.fileno(), 200 << 20) as mapped:
            pages = sum(mapped[::4096])
            time.sleep(1)  # On a busy machine, too, the launcher sees what is mapped.
    return pages
"""
        assert json.loads(launched(code).start_and_invoke().payload) == 0


def test_a_timeout_is_enforced_within_50_ms(launched):
    one = launched("import time\ndef handler(event, context): time.sleep(60)", timeout_s=1)
    one.environment.start()
    excesses_s = []
    for _ in range(3):
        begin = time.monotonic()
        one.invoke()
        excesses_s.append(time.monotonic() - begin - 1)
    # The least of three: whatever else the machine does only adds to it.
    assert 0 <= min(excesses_s) < 0.05
