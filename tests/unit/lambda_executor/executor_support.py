"""What the executor's tests share: a sandbox without isolation, a sink that keeps the lines, functions."""

import contextlib
import os
import signal
import subprocess
import threading
from pathlib import Path

import psutil

from serverless_harness.emulator.faults.functions import NO_FAULT
from serverless_harness.emulator.lambda_executor.environment import Environment, Function
from serverless_harness.emulator.lambda_executor.environment_log import EnvironmentLog
from serverless_harness.emulator.lambda_executor.invoke import Invoke
from serverless_harness.emulator.lambda_executor.report import RuntimeIdentity, TextLog
from serverless_harness.emulator.lambda_executor.runtime_process import RuntimeProcess
from serverless_harness.emulator.sandbox import interpreters
from serverless_harness.emulator.sandbox.base import Exit
from serverless_harness.emulator.sandbox.filesystem import RUNTIME

DEADLINE_S = 20.0
"""For what must happen at all; never reached by a passing test."""

MAX_MEMORY_USED_MB = 33


def is_running(pid):
    """Say whether a process exists, other than as a zombie."""
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class PlainProcess:
    """A child process with its descendants in a process group."""

    def __init__(self, process, on_output, on_exit):
        self.waited_s = 0.0
        """What the machine is said to have kept it waiting."""
        self._process = process
        self._exit = None
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(on_output,), daemon=True),
            threading.Thread(target=self._wait, args=(on_exit,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self):
        return self._process.pid

    def waited_for_cpu_s(self, until=None):
        return self.waited_s

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._ended.wait()

    def wait(self, timeout_s=None):
        return self._exit if self._ended.wait(timeout_s) else None

    def _read(self, on_output):
        while chunk := os.read(self._process.stdout.fileno(), 65536):
            on_output(chunk)

    def _wait(self, on_exit):
        returncode = self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._threads[0].join()
        self._process.stdout.close()
        self._exit = Exit(returncode, out_of_memory=False)
        self._ended.set()
        on_exit(self._exit)


class PlainSandbox:
    """The function's own interpreter as a child process, unlimited; notes what is asked of it in `calls`."""

    def __init__(self, code_dir: Path):
        self.calls: list[str] = []
        self.processes: list[PlainProcess] = []
        self._code_dir = code_dir
        self._python = interpreters.find("python3.13").executable

    @property
    def task_root(self):
        return str(self._code_dir)

    @property
    def runtime_dir(self):
        return str(RUNTIME)

    def spawn(self, arguments, environ, on_output, on_exit):
        self.calls.append("spawn")
        process = subprocess.Popen(
            [self._python, *arguments],
            env=dict(environ),
            cwd=self._code_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.processes.append(PlainProcess(process, on_output, on_exit))
        return self.processes[-1]

    def throttle_cpu(self):
        self.calls.append("throttle")

    def rest_cpu(self):
        self.calls.append("rest")

    def unthrottle_cpu(self):
        self.calls.append("unthrottle")

    def exceeded_memory(self):
        return False

    def max_memory_used_mb(self):
        return MAX_MEMORY_USED_MB

    def close(self):
        self.calls.append("close")
        for process in self.processes:
            process.kill()


class CollectingSink:
    """Keeps every line."""

    def __init__(self):
        self.lines = []
        self.closed = False

    @property
    def messages(self):
        return [line.message for line in self.lines]

    def write(self, lines):
        self.lines.extend(lines)

    def close(self):
        self.closed = True


class Harness:
    """An environment, over a plain sandbox unless given another, running `code` as module `function`."""

    def __init__(
        self,
        code_dir: Path,
        code: str,
        *,
        timeout_s=10,
        handler="function.handler",
        provisioned=False,
        traced=False,
        environ=None,
        code_version=lambda: None,
        take_fault=lambda _phase, _payload: NO_FAULT,
        make_sandbox=PlainSandbox,
        counts_own_time=True,
    ):
        (code_dir / "function.py").write_text(code)
        self.code_dir = code_dir
        self.sandbox = make_sandbox(code_dir)
        self.sink = CollectingSink()
        log = EnvironmentLog(self.sink)
        self.identity = RuntimeIdentity(
            runtime_version="python:3.13.v0",
            runtime_version_arn="arn:aws:lambda:us-east-1::runtime:abc",
            function_name="function",
            function_version="$LATEST",
            initialization_type="provisioned-concurrency" if provisioned else "on-demand",
            environment_id="e" * 32,
            memory_size_mb=128,
        )
        variables = {
            "_HANDLER": handler,
            "LAMBDA_TASK_ROOT": self.sandbox.task_root,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "PATH": os.defpath,
            **(environ or {}),
        }
        self.environment = Environment(
            Function(timeout_s=timeout_s, memory_mb=128, provisioned=provisioned, traced=traced),
            self.sandbox,
            lambda prelude: RuntimeProcess(self.sandbox, variables, log.write, prelude),
            log,
            TextLog(self.identity),
            code_version,
            take_fault,
            counts_own_time,
            lambda _ended_ms, report: self.noted.append(report),
        )
        self.noted = []
        """The reports of the invokes that have ended."""
        self._invokes = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.environment.stop()

    def invoke(self, payload=b"{}", **fields):
        self._invokes += 1
        one = Invoke(f"request-{self._invokes}", payload, "arn:aws:lambda:f", **fields)
        return self.environment.invoke(one)

    def start_and_invoke(self, payload=b"{}", **fields):
        self.environment.start()
        return self.invoke(payload, **fields)
