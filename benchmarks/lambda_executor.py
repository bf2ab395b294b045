"""What the `process` executor adds to a function's own time: cold against a bare runtime, and warm.

    .venv/bin/python benchmarks/lambda_executor.py [--count N]

Cold is from nothing to the first answer, in turn with a bare `python -m awslambdaric` that imports the same
modules and answers the same invoke, in one run, so that the ratio of the medians holds on any machine.
Warm is the whole of `Environment.invoke` with an empty handler: the Runtime API, awslambdaric's own work,
the log lines. It ends with exit code 1 where the ratio for a function with
boto3, or the median of warm invokes, is over its bound.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from serverless_harness.emulator.lambda_executor.environment import Environment, Function
from serverless_harness.emulator.lambda_executor.environment_log import EnvironmentLog
from serverless_harness.emulator.lambda_executor.invoke import Invoke
from serverless_harness.emulator.lambda_executor.log_lines import LogLine
from serverless_harness.emulator.lambda_executor.own_time import Moment
from serverless_harness.emulator.lambda_executor.report import RuntimeIdentity, TextLog
from serverless_harness.emulator.lambda_executor.runtime_api import RuntimeApi, RuntimeState
from serverless_harness.emulator.lambda_executor.runtime_process import RuntimeProcess
from serverless_harness.emulator.sandbox import create_sandbox, interpreters
from serverless_harness.emulator.sandbox.base import SandboxSpec

RUNTIME = "python3.13"
HANDLER = "function.handler"
VARIABLES = {
    "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
}
FUNCTIONS = {
    "empty": "def handler(event, context): pass\n",
    "boto3 client": "import boto3\nboto3.client('sns', region_name='us-east-1')\n"
    "def handler(event, context): pass\n",
}
WARM_COUNT = 1000
BOUND_FUNCTION = "boto3 client"
"""As functions are; beside an empty one the sandbox's constant 10 ms are a larger part."""
MAX_COLD_RATIO = 1.2
MAX_WARM_MS = 2.0
TIMEOUT_S = 20


class NoSink:
    """Takes log lines, and forgets them."""

    def write(self, lines: Sequence[LogLine]) -> None:
        """Forget `lines`."""

    def close(self) -> None:
        """Do nothing."""


def bare_cold_ms(code_dir: Path) -> float:
    """Return how long the bare runtime takes from its start to its first answer, in milliseconds."""
    begin = time.perf_counter()
    api = RuntimeApi()
    deadline = Moment.after(TIMEOUT_S)
    process = subprocess.Popen(
        [interpreters.find(RUNTIME).executable, "-m", "awslambdaric", HANDLER],
        cwd=code_dir,
        env={**VARIABLES, "AWS_LAMBDA_RUNTIME_API": api.address},
        stderr=subprocess.DEVNULL,
    )
    ready = api.wait_for({RuntimeState.READY}, deadline)
    if ready:
        api.deliver(Invoke("id", b"{}", "arn"), int((time.time() + TIMEOUT_S) * 1000), deadline)
        ready = api.wait_for({RuntimeState.READY}, deadline)
    elapsed_ms = (time.perf_counter() - begin) * 1000
    process.kill()
    process.wait()
    api.close()
    if not ready:
        raise SystemExit("the bare runtime gave no answer")
    return elapsed_ms


def make_environment(code_dir: Path, state_dir: Path) -> Environment:
    """Return an environment with the strongest sandbox that the machine allows."""
    spec = SandboxSpec("benchmark", state_dir / "benchmark", RUNTIME, code_dir, None, 512, 512, "unlimited")
    sandbox = create_sandbox(spec)
    log = EnvironmentLog(NoSink())
    identity = RuntimeIdentity("python:3.13.v0", "arn", "function", "$LATEST", "on-demand", "benchmark", 512)
    environ = {**VARIABLES, "_HANDLER": HANDLER, "LAMBDA_TASK_ROOT": sandbox.task_root}
    return Environment(
        Function(timeout_s=TIMEOUT_S, memory_mb=512, provisioned=False, traced=False),
        sandbox,
        lambda prelude: RuntimeProcess(sandbox, environ, log.write, prelude),
        log,
        TextLog(identity),
    )


def cold_ms(code_dir: Path, state_dir: Path) -> float:
    """Return how long an environment takes from nothing to its first answer, in milliseconds."""
    begin = time.perf_counter()
    environment = make_environment(code_dir, state_dir)
    try:
        environment.start()
        environment.invoke(Invoke("id", b"{}", "arn"))
        return (time.perf_counter() - begin) * 1000
    finally:
        environment.stop()


def warm_ms(code_dir: Path, state_dir: Path) -> list[float]:
    """Return how long each of `WARM_COUNT` warm invokes takes, in milliseconds, sorted."""
    environment = make_environment(code_dir, state_dir)
    try:
        environment.start()
        times = []
        for number in range(WARM_COUNT):
            begin = time.perf_counter()
            environment.invoke(Invoke(str(number), b"{}", "arn"))
            times.append((time.perf_counter() - begin) * 1000)
        return sorted(times)
    finally:
        environment.stop()


def cold_ratio(name: str, code_dir: Path, state_dir: Path, count: int) -> float:
    """Print and return how many times as long as the bare runtime an environment takes, by medians."""
    bare_cold_ms(code_dir), cold_ms(code_dir, state_dir)
    pairs = [(bare_cold_ms(code_dir), cold_ms(code_dir, state_dir)) for _ in range(count)]
    bare = statistics.median(pair[0] for pair in pairs)
    ours = statistics.median(pair[1] for pair in pairs)
    print(f"cold, {name}: bare {bare:.1f} ms, executor {ours:.1f} ms, ratio {ours / bare:.2f}")
    return ours / bare


def main() -> None:
    """Print the figures; exit with 1 where one that is bounded is over its bound."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20, help="cold starts of each kind (default: 20)")
    count = parser.parse_args().count
    ratios: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o755)
        for name, code in FUNCTIONS.items():
            code_dir = base / name.replace(" ", "-")
            code_dir.mkdir()
            (code_dir / "function.py").write_text(code)
            ratios[name] = cold_ratio(name, code_dir, base, count)
        times = warm_ms(base / "empty", base)
    median, p95 = statistics.median(times), times[int(len(times) * 0.95)]
    print(f"warm, empty: median {median:.2f} ms, p95 {p95:.2f} ms")
    if ratios[BOUND_FUNCTION] > MAX_COLD_RATIO or median > MAX_WARM_MS:
        raise SystemExit(f"over the bound: cold {MAX_COLD_RATIO} x bare, warm {MAX_WARM_MS} ms")


if __name__ == "__main__":
    main()
