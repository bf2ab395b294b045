"""Stops the stacks that `up` left running."""

from serverless_harness.console import say, step
from serverless_harness.stack import compose
from serverless_harness.stack.embedded import EmbeddedStack, running_stacks


def stop_stacks(port: int | None) -> None:
    """Stop the stack on `port`, or each one that was left to run; test runs' own stacks are theirs."""
    stacks = [EmbeddedStack(port)] if port else [stack for stack in running_stacks() if stack.is_detached]
    stacks = [stack for stack in stacks if stack.is_running()]
    if not stacks:
        say(f"no stack runs{f' on port {port}' if port else ''}")
    for stack in stacks:
        with step("Stop") as current:
            stack.stop()
            current.result = f"the stack on port {stack.port}, its state and all of its processes"


def stop_compose_stacks(port: int | None) -> None:
    """Stop the compose stack on `port`, or each one of this project; test runs' own stacks are theirs."""
    compose.require_engine()
    stacks = [
        stack
        for stack in compose.running_stacks()
        if stack.port == port or (port is None and not stack.name.startswith(compose.TEST_PROJECT))
    ]
    if not stacks:
        say(f"no compose stack runs{f' on port {port}' if port else ''}")
    for stack in stacks:
        with step("Stop") as current:
            stack.stop()
            current.result = f"the containers, networks and volumes of {stack.name}"
