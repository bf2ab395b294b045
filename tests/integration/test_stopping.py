"""However a stack ends, no process of it is left: not LocalStack, not a launcher, not a function.

These start stacks of their own, with one trivial function that has been invoked, and need no deployed shop.
"""

import signal
import subprocess
import sys
import textwrap

import psutil
import pytest
from stack_processes import OWN_STACK, STOP_TIMEOUT_S, await_ends, processes_of, warm_function

from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.waiting import Wait

pytestmark = [*OWN_STACK]


@pytest.fixture
def stack():
    """A stack that is running, as `up` leaves it."""
    stack = EmbeddedStack(free_port())
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def warm_processes(stack):
    """All processes of a stack with a warm function, the function's own and its child among them."""
    warm_function(stack)
    found = processes_of(stack)
    assert any(process.name() == "sleep" for process in found), found
    return found


def run_command(*arguments):
    return subprocess.run(
        [sys.executable, "-I", "-m", "serverless_harness", *arguments], check=False, timeout=STOP_TIMEOUT_S
    )


def test_down_leaves_no_process(stack, warm_processes):
    assert run_command("down", "--port", str(stack.port)).returncode == 0
    await_ends(warm_processes)
    assert not stack.is_running()


def test_killing_the_stacks_parent_leaves_no_process(warm_processes):
    supervisor, *_ = warm_processes
    supervisor.kill()
    await_ends(warm_processes)


def test_killing_localstack_leaves_no_process(warm_processes):
    _, localstack, *_ = warm_processes
    assert "localstack.runtime.main" in localstack.cmdline()
    localstack.kill()
    await_ends(warm_processes)


def test_killing_the_process_that_a_stack_belongs_to_leaves_no_process():
    port = free_port()
    source = f"""
        import time
        from serverless_harness.stack.embedded import EmbeddedStack
        EmbeddedStack({port}).start()
        print(flush=True)
        time.sleep(600)
    """
    owner = subprocess.Popen([sys.executable, "-c", textwrap.dedent(source)], stdout=subprocess.PIPE)
    stack = EmbeddedStack(port)
    try:
        owner.stdout.readline()
        warm_function(stack)
        processes = processes_of(stack)
        owner.kill()
        await_ends(processes)
    finally:
        owner.kill()
        owner.communicate()
        stack.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_ending_up_early_leaves_no_process(number):
    port = free_port()
    stack = EmbeddedStack(port)
    up = subprocess.Popen([sys.executable, "-I", "-m", "serverless_harness", "up", "--port", str(port)])
    try:
        Wait("Terraform to be under way", STOP_TIMEOUT_S).until((stack.state_dir / "terraform.log").exists)
        processes = [*processes_of(stack), *psutil.Process(up.pid).children(recursive=True)]
        up.send_signal(number)
        assert up.wait(STOP_TIMEOUT_S) == (-number if number is signal.SIGKILL else 128 + number)
        await_ends(processes)
    finally:
        up.kill()
        up.wait()
        stack.stop()
