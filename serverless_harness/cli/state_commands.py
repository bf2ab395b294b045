"""`serverless-harness state`: states of a stack that are kept by name; and `reset`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serverless_harness.cli.options import PortOption
from serverless_harness.project.locate import current
from serverless_harness.stack import DEFAULT_PORT
from serverless_harness.terminal_output import say, step

if TYPE_CHECKING:
    from serverless_harness.stack.embedded import EmbeddedStack
    from serverless_harness.stack.states import SavedState

app = typer.Typer(
    help="Save the state of a running stack under a name, and come back to it.", no_args_is_help=True
)

OTHER_VERSION = "another version; this version can't load it"
TRUST_HELP = (
    "Import a state that someone else saved. Loading it runs code from the file, so do this only if you "
    "trust its source."
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The state's name.")]


@app.command()
def save(name: NameArgument, port: PortOption = DEFAULT_PORT) -> None:
    """Save the running stack's state; replaces an earlier state of the same name."""
    stack = _running(port)
    with step("Save") as shown, _said_of(name, "saved"):
        size_bytes = _named(name).save(stack)
        shown.result = f"the state of the stack on port {port} as '{name}', {size_bytes / 1e6:.1f} MB"


@app.command()
def load(name: NameArgument, port: PortOption = DEFAULT_PORT) -> None:
    """Replace the running stack's state with a saved one."""
    from serverless_harness.errors import HarnessError
    from serverless_harness.stack.state_files import HalfLoadedError

    state, stack = _named(name).require(), _running(port)
    with step("Load") as shown, _said_of(name, "loaded"):
        about = state.require_fitting(stack)
        try:
            state.load(stack)
        except HalfLoadedError as error:
            stack.stop()
            raise HarnessError(
                f"the state '{name}' can't be loaded: {error}. The stack on port {port} was stopped, because "
                "the state may have been loaded only in part"
            ) from None
        shown.result = f"the state '{name}', saved {about.age}"


@app.command(name="list")
def list_states() -> None:
    """List the saved states."""
    from serverless_harness.stack.state_files import SavedStateError
    from serverless_harness.stack.states import named_states

    states = named_states(current())
    if not states:
        say("There is no saved state: 'state save NAME' makes one.")
    for state in states:
        try:
            about = state.about()
            say(f"{state.name:<24} {about.saved}, port {about.port}, {state.size_bytes / 1e6:.1f} MB")
        except SavedStateError as error:
            say(f"{state.name:<24} can't be loaded: {error}")


@app.command()
def show(name: NameArgument) -> None:
    """Say when a state was saved, and what is in it."""
    from serverless_harness.stack.state_transfer import emulator_version

    state = _named(name).require()
    with _said_of(name, "loaded"):
        about = state.about()
    is_current = about.emulator == emulator_version()
    say(f"saved       {about.saved}, {about.age}")
    say(f"size        {state.size_bytes / 1e6:.1f} MB; it may hold private keys")
    say(f"emulator    {'this version' if is_current else OTHER_VERSION}")
    say(f"stack       port {about.port}, {about.region}")
    say(f"functions   {', '.join(about.functions) or 'none'}")
    for service, counts in about.counts.items():
        say(f"{service:<20} {', '.join(f'{name} {count}' for name, count in counts.items())}")


@app.command()
def delete(name: NameArgument) -> None:
    """Delete a saved state."""
    _named(name).require().delete()
    say(f"The state '{name}' is deleted.")


@app.command()
def export(
    name: NameArgument, file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")]
) -> None:
    """Write a saved state to a file, for another machine or a bug report; it may hold private keys."""
    with _said_of(name, "exported"):
        _named(name).require().export(file)
    say(
        f"The state '{name}' is in {file}. It may contain private keys: share it only with people who may "
        "have them."
    )


@app.command(name="import")
def import_state(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that 'state export' has written.")],
    trust: Annotated[
        bool,
        typer.Option("--trust", help=TRUST_HELP),
    ] = False,
) -> None:
    """Import a state from a file, and give it a name."""
    with _said_of(name, "saved"):
        _named(name).take_over(file, trust)
    say(f"The state '{name}' was imported: run 'state load {name}' to load it.")


def reset_stack(port: int) -> None:
    """Bring a running stack back to its fresh deployment, without its faults."""
    from serverless_harness.resilience.faults import Faults
    from serverless_harness.stack.bring_project import reset

    stack = _running(port)
    with step("Reset") as shown:
        reset(stack)
        Faults.of(stack.target).clear()
        shown.result = f"the stack on port {port}, as it was deployed and seeded"


@contextmanager
def _said_of(name: str, done: str) -> Iterator[None]:
    """Have an error say which state it is about, and what can't be done with it."""
    from serverless_harness.errors import UserError
    from serverless_harness.stack.state_files import SavedStateError

    try:
        yield
    except SavedStateError as error:
        raise UserError(f"the state '{name}' can't be {done}: {error}") from None


def _named(name: str) -> "SavedState":
    from serverless_harness.stack.states import SavedState

    return SavedState.named(current(), name)


def _running(port: int) -> "EmbeddedStack":
    """Give the embedded stack on a port; raises UserError where none runs."""
    from serverless_harness.errors import UserError
    from serverless_harness.stack.embedded import EmbeddedStack

    stack = EmbeddedStack(port)
    if not stack.is_running():
        up = stack.project.command_line("up")
        raise UserError(f"no embedded stack runs on port {port}: start one with {up}{stack.options}")
    return stack
