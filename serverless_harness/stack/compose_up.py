"""`./scripts/up --compose` and `./scripts/down --compose`."""

from serverless_harness.console import say, step
from serverless_harness.stack import compose
from serverless_harness.stack.compose import ComposeStack
from serverless_harness.stack.up import send_first_order, show_what_to_try


def bring_up_compose(port: int, options: str) -> None:
    """Build the images, start the containers, deploy and order; what is there already stays as it is.

    A stack that was started here is stopped again if anything goes wrong or is interrupted; one whose
    emulator ran before never is, whatever has become of its other containers.
    """
    compose.require_engine()
    stack = ComposeStack.on_port(port)
    was_running = stack.is_emulator_running()
    try:
        with step("Images") as current:
            current.result = stack.build()
        with step("Stack") as current:
            started = stack.ensure_running()
            current.result = f"{'started' if started else 'runs already'} and deployed, {stack.endpoint_url}"
        deployment = stack.deployment()
        send_first_order(deployment)
    except BaseException:
        if not was_running:
            stack.stop()
        raise
    show_what_to_try(deployment, options, " --compose")


def stop_compose_stacks(port: int | None) -> None:
    """Stop the compose stack on `port`, or each one of this checkout; test runs' own stacks are theirs."""
    compose.require_engine()
    stacks = [
        stack
        for stack in compose.running_stacks()
        if stack.port == port or (port is None and not stack.project.startswith(compose.TEST_PROJECT))
    ]
    if not stacks:
        say(f"no compose stack runs{f' on port {port}' if port else ''}")
    for stack in stacks:
        with step("Stop") as current:
            stack.stop()
            current.result = f"the containers, networks and volumes of {stack.project}"
