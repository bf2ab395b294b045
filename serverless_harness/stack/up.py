"""Brings a stack up until the project works on it."""

import json
from collections.abc import Collection, Mapping
from typing import Protocol

from serverless_harness.deploy.addresses import addresses
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.stack.deploying import Providers, start_installing_providers
from serverless_harness.targets import LocalTarget
from serverless_harness.terminal_output import say, step


class DebuggerPlace(Protocol):
    """Where the emulator of a stack finds debugpy, and how debuggers reach it."""

    @property
    def host(self) -> str:
        """The address on which the emulator listens for debuggers."""

    def packages(self, runtime: str) -> str:
        """Give debugpy's folder for a runtime, as the emulator sees it.

        Raises UserError where it can't be installed.
        """

    def publish(self, ports: Collection[int]) -> None:
        """Have these ports for debuggers, and no others, answer on this machine's loopback."""


class Stack(Protocol):
    """A kind of stack: embedded, in containers, or somebody else's at an endpoint."""

    @property
    def target(self) -> LocalTarget:
        """Where the project is deployed."""

    @property
    def options(self) -> str:
        """What leads commands to it: ` --port 4600`."""

    @property
    def down_options(self) -> str | None:
        """What leads `down` to it, None where that doesn't end it."""

    @property
    def after_down(self) -> str:
        """What becomes of its state after `down`, in words."""

    @property
    def debugger(self) -> DebuggerPlace | None:
        """Where debugpy and its ports are; None where functions can't be debugged."""

    def prepare(self) -> None:
        """Make what a start needs."""

    def ensure_running(self) -> bool:
        """Start it unless it runs; gives whether it was started."""

    def bring_project(self, was_started: bool, providers: Providers) -> Deployment:
        """Have the project deployed and tried out on it, as far as it isn't yet."""

    def deploy(self) -> Deployment:
        """Deploy what changed."""

    def detach(self) -> None:
        """Let it outlive this process."""

    def abandon(self) -> None:
        """Stop it if it was started here."""

    def describe(self) -> str:
        """Tell of its process or containers, for the screen."""

    def settings_in_force(self) -> Mapping[str, str] | None:
        """Give the environment of the emulator, None where it isn't known."""


def bring_up(stack: Stack) -> Deployment:
    """Start, deploy, seed and try out; what is there already stays as it is. Gives what is deployed.

    A stack that was started here is stopped again if anything goes wrong or is interrupted.
    """
    try:
        stack.prepare()
        providers = start_installing_providers(stack.target.project)
        with step("Stack") as current:
            started = stack.ensure_running()
            current.result = f"{'started' if started else 'runs already'}, {stack.target.endpoint_url}"
        deployment = stack.bring_project(started, providers)
        stack.detach()
    except BaseException:
        stack.abandon()
        raise
    show_what_to_try(stack, deployment)
    return deployment


def show_outputs(deployment: Deployment) -> None:
    """Print Terraform's outputs, those that it shows, and the local address of each API stage and URL."""
    if shown := {name: value for name, value in deployment.outputs.items() if value is not None}:
        say("\nOutputs:")
        for name, value in sorted(shown.items()):
            say(f"  {name} = {value if isinstance(value, str) else json.dumps(value)}")
    if found := addresses(deployment):
        say("\nAddresses:")
        for what, address in found:
            say(f"  {what}: {address}")


def show_what_to_try(stack: Stack, deployment: Deployment) -> None:
    """Print what Terraform gives out, where things answer, and lines to copy."""
    project = deployment.target.project
    show_outputs(deployment)
    if hints := project.hints(deployment, stack.options):
        say("\nTry it:")
        for line in hints:
            say(f"  {line}")
    say(f"\nConsole in the browser: {project.command_line('console')}{stack.options}")
    show_how_to_end(stack)


def show_how_to_end(stack: Stack) -> None:
    """Print what stops the stack, and what becomes of its state then, where a command of the harness does."""
    if stack.down_options is not None:
        down = stack.target.project.command_line("down")
        say(f"\n{stack.after_down}. To stop the stack: {down}{stack.down_options}")
