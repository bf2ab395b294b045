"""Functions of our own on the emulator, whose cold and warm invokes are measured beside a bare process."""

import io
import json
import subprocess
import time
import zipfile
from pathlib import Path

from serverless_harness.emulator.lambda_executor.invoke import Invoke
from serverless_harness.emulator.lambda_executor.own_time import Moment
from serverless_harness.emulator.lambda_executor.runtime_api import RuntimeApi, RuntimeState
from serverless_harness.emulator.sandbox import interpreters
from serverless_harness.targets import LocalTarget
from serverless_harness.timing.coldness import make_cold

HANDLER = """
cold = True


def handler(event, context):
    global cold
    was_cold, cold = cold, False
    {work}
    return {{"cold": was_cold}}
"""
SOURCES = {
    "empty": HANDLER.format(work="pass"),
    "printing": HANDLER.format(work="print(event)"),
    "boto3": "import boto3\n\nCLIENT = boto3.client('sns', region_name='us-east-1')\n"
    + HANDLER.format(work="pass"),
}
"""Each answers whether its environment is new."""
ROLE = "benchmark"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}
MEMORY_MB = 512
RUNTIME = "python3.13"
VARIABLES = {
    "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
}
TIMEOUT_S = 20


class Probes:
    """The probes, deployed to `target`."""

    def __init__(self, target: LocalTarget) -> None:
        self._lambda = target.client("lambda")
        role = target.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
        for name, source in SOURCES.items():
            self._lambda.create_function(
                FunctionName=name,
                Runtime=RUNTIME,
                Role=role["Role"]["Arn"],
                Handler="function.handler",
                Code={"ZipFile": _package(source)},
                MemorySize=MEMORY_MB,
                Timeout=30,
            )
        for name in SOURCES:
            self._lambda.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})

    def warm_ms(self, name: str) -> float:
        """Invoke a function that has an environment, again where it had none: milliseconds there and back."""
        elapsed_ms, was_cold = self._invoke(name)
        return self._invoke_as(name, cold=False) if was_cold else elapsed_ms

    def cold_ms(self, name: str) -> float:
        """Retire the function's environments and invoke it: milliseconds there and back."""
        make_cold(self._lambda, name)
        return self._invoke_as(name, cold=True)

    def _invoke_as(self, name: str, cold: bool) -> float:
        elapsed_ms, was_cold = self._invoke(name)
        if was_cold != cold:
            raise RuntimeError(f"the probe {name} was {'cold' if was_cold else 'warm'}")
        return elapsed_ms

    def _invoke(self, name: str) -> tuple[float, bool]:
        begin = time.perf_counter()
        answer = self._lambda.invoke(FunctionName=name, Payload=b"{}")
        payload = answer["Payload"].read()
        elapsed_ms = (time.perf_counter() - begin) * 1000
        if answer.get("FunctionError"):
            raise RuntimeError(f"the probe {name} failed: {payload[:200]!r}")
        return elapsed_ms, json.loads(payload)["cold"]


def bare_process_ms(name: str, folder: Path) -> float:
    """Give how long a bare `python -m awslambdaric` takes to a probe's first answer, in milliseconds."""
    code = folder / name
    code.mkdir(exist_ok=True)
    (code / "function.py").write_text(SOURCES[name])
    begin = time.perf_counter()
    api = RuntimeApi()
    deadline = Moment.after(TIMEOUT_S)
    process = subprocess.Popen(
        [interpreters.find(RUNTIME).executable, "-m", "awslambdaric", "function.handler"],
        cwd=code,
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
        raise RuntimeError("the bare runtime gave no answer")
    return elapsed_ms


def _package(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("function.py", source)
    return buffer.getvalue()
