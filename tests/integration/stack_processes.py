"""The processes of an embedded stack, and how they end."""

import io
import json
import zipfile

import psutil
import pytest

from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.waiting import Wait

STOP_TIMEOUT_S = 180
HANDLER = "import subprocess\ndef handler(event, context):\n    subprocess.Popen(['sleep', '600'])\n"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}

BESIDE_THE_SHOP = pytest.mark.xdist_group("stacks of their own")
"""Mark of tests that the shop is not for, and that run beside those that it is for."""
OWN_STACK = (pytest.mark.needs("embedded"), BESIDE_THE_SHOP)
"""Marks of tests that start embedded stacks of their own."""


def warm_function(stack: EmbeddedStack) -> None:
    """Leave an execution environment that is warm, with a child of the function's in it."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", HANDLER)
    role = stack.target.client("iam").create_role(
        RoleName="sleeper", AssumeRolePolicyDocument=json.dumps(TRUST)
    )["Role"]
    client = stack.target.client("lambda")
    client.create_function(
        FunctionName="sleeper",
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="main.handler",
        Code={"ZipFile": code.getvalue()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="sleeper", WaiterConfig={"Delay": 1})
    answer = client.invoke(FunctionName="sleeper")
    assert "FunctionError" not in answer, answer["Payload"].read()


def processes_of(stack: EmbeddedStack) -> list[psutil.Process]:
    """The stack's supervisor and all of its descendants."""
    process_id = stack.process_id()
    assert process_id
    supervisor = psutil.Process(process_id.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def await_ends(processes: list[psutil.Process]) -> None:
    """Wait until none of the processes is left."""

    def left() -> list[psutil.Process]:
        return [process for process in processes if process.is_running() and not _is_zombie(process)]

    Wait("all processes to end", STOP_TIMEOUT_S, describe=lambda: str(left())).until(lambda: not left())


def await_no_orphans() -> None:
    """Wait until every launcher of this checkout, and every init that it forked, has an emulator that runs.

    It sees those too that were started after the processes of a stack were looked up. A function in a PID
    namespace ends with its init.
    """
    Wait("all orphans to end", STOP_TIMEOUT_S, describe=lambda: str(_orphans())).until(lambda: not _orphans())


def _orphans() -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter()
        if _is_of_executor(process) and not _has_emulator(process)
    ]


def _is_of_executor(process: psutil.Process) -> bool:
    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        return False
    ours = str(current().folder) in command
    return ours and ("sandbox.launcher_process" in command or "runtime/bootstrap.py" in command)


def _has_emulator(process: psutil.Process) -> bool:
    try:
        return any("localstack.runtime.main" in each.cmdline() for each in process.parents())
    except psutil.NoSuchProcess:
        return True  # It, or one of them, has just ended.


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
