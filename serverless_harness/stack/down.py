"""Stops the stacks that `up` left running."""

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.project.locate import current as current_project
from serverless_harness.stack import checkpoints, compose, state_files
from serverless_harness.stack.embedded import EmbeddedStack, running_stacks
from serverless_harness.stack.state_files import SavedStateError
from serverless_harness.stack.states import SavedState
from serverless_harness.terminal_output import say, step


def stop_stacks(port: int | None, delete: bool) -> None:
    """Stop the stack on `port`, or each one that was left to run; test runs' own stacks are theirs.

    Their states are kept for the next `up`, but for `delete`, which removes what was kept before, too.
    Raises UserError where a state can't be kept: that stack goes on running.
    """
    stacks = [EmbeddedStack(port)] if port else [stack for stack in running_stacks() if stack.is_detached]
    stacks = [stack for stack in stacks if stack.is_running()]
    if not stacks:
        say(f"no stack runs{f' on port {port}' if port else ''}")
    for stack in stacks:
        if not delete:
            _keep(stack)
        with step("Stop") as current:
            stack.stop()
            state = ", its state" if delete else ""
            current.result = f"the stack on port {stack.port}{state} and all of its processes"
    for crashed in _crashed_stacks(port) if delete else ():
        crashed.stop()
        say(f"The last checkpoint of port {crashed.port} is deleted.")
    for kept in _kept_states(port) if delete else ():
        kept.delete()
        say(f"The saved state of port {kept.name} is deleted.")


def _keep(stack: EmbeddedStack) -> None:
    with step("Save") as current:
        if Deployment.find(stack.target) is None:
            current.result = "nothing is deployed, so there is nothing to save"
            return
        try:
            size_bytes = SavedState.kept(stack).save(stack, end=True)
        except SavedStateError as error:
            down = stack.project.command_line("down")
            raise UserError(
                f"the state of the stack on port {stack.port} can't be saved, so the stack keeps running: "
                f"{error}; to stop it without its state, run {down}{stack.options} --delete"
            ) from None
        current.result = f"the state of port {stack.port} for the next 'up', {size_bytes / 1e6:.1f} MB"


def _kept_states(port: int | None) -> list[SavedState]:
    folder = current_project().state / "kept"
    state_files.recover(folder)
    states = [SavedState(each) for each in sorted(folder.iterdir())] if folder.is_dir() else []
    return [state for state in states if port is None or state.name == str(port)]


def _crashed_stacks(port: int | None) -> list[EmbeddedStack]:
    """Give the stacks that don't run any more and have left a checkpoint."""
    folders = sorted(current_project().stacks.glob(str(port) if port else "[0-9]*"))
    stacks = [EmbeddedStack(int(folder.name)) for folder in folders]
    return [stack for stack in stacks if checkpoints.exists(stack) and not stack.is_running()]


def stop_compose_stacks(port: int | None, delete: bool) -> None:
    """Stop the compose stack on `port`, or each one of this project; test runs' own stacks are theirs.

    Their states are kept in their volumes, but for `delete`, which removes those of stopped stacks, too.
    """
    compose.require_engine()
    running = compose.running_stacks()
    # By name: a stack that runs on another port than its name says is the same one.
    names = {stack.name for stack in running}
    kept = [stack for stack in compose.kept_stacks() if stack.name not in names] if delete else []
    stacks = [
        stack
        for stack in (*running, *kept)
        if stack.port == port or (port is None and not stack.name.startswith(compose.TEST_PROJECT))
    ]
    if not stacks:
        say(f"no compose stack runs{f' on port {port}' if port else ''}")
    for stack in stacks:
        with step("Stop") as current:
            stack.stop(delete)
            current.result = (
                f"the containers, networks and volumes of {stack.name}"
                if delete
                else f"the containers of {stack.name}; its volumes keep the state for the next 'up --compose'"
            )
