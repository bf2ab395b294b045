"""A stack killed under load leaves no process; the next one starts empty, whatever lies in its folder."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from stack_processes import OWN_STACK, await_ends, await_no_orphans, processes_of, warm_function

from serverless_harness.stack.embedded import EmbeddedStack, free_port

NO_IAM = {"IAM_ENFORCEMENT": "off"}
"""The function's role need not exist."""

pytestmark = [*OWN_STACK]


@pytest.fixture
def stack():
    stack = EmbeddedStack(free_port(), NO_IAM)
    stack.start()
    yield stack
    EmbeddedStack(stack.port).stop()


def invoke_until_it_fails(stack):
    client = stack.target.client("lambda")
    try:
        while True:
            client.invoke(FunctionName="sleeper")
    except (BotoCoreError, ClientError) as error:
        return error


def test_killed_under_load_it_leaves_nothing_and_starts_again_empty(stack):
    warm_function(stack)
    with ThreadPoolExecutor(4) as clients:
        loads = [clients.submit(invoke_until_it_fails, stack) for _ in range(4)]
        processes = processes_of(stack)
        processes[1].kill()
        assert all(load.result(120) for load in loads)
    await_ends(processes)
    await_no_orphans()

    stack.start()
    assert stack.target.client("lambda").list_functions()["Functions"] == []


def test_rubbish_in_the_state_folder_is_swept_away(stack):
    stack.stop()
    (stack.state_dir / "process.json").write_text("{")
    (stack.state_dir / "filesystem").write_text("no folder")
    (stack.state_dir / "terraform.tfstate").write_bytes(b"\xff\x00")
    (stack.state_dir / "outputs.json").write_text("[]")

    again = EmbeddedStack(stack.port)
    assert not again.is_running()
    again.start()
    try:
        assert not (again.state_dir / "terraform.tfstate").exists()
        assert not (again.state_dir / "outputs.json").exists()
    finally:
        again.stop()
