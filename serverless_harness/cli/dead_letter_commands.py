"""`dead-letters`: what could not be delivered or finished, and what to do with it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from serverless_harness.cli.options import EndpointOption, PortOption, RawOption
from serverless_harness.errors import UserError
from serverless_harness.stack import DEFAULT_PORT

if TYPE_CHECKING:
    from serverless_harness.resilience.dead_letters import DeadLetter, DeadLetterQueues

app = typer.Typer(help="List, show, redrive or delete dead letters.", no_args_is_help=True)

FunctionOption = Annotated[
    str | None,
    typer.Option("--function", help="Only the letters of functions or queues with this in their names."),
]
IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...",
        help="Ids of dead letters, as `dead-letters list` shows them, or the beginnings of ids.",
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="Take all dead letters.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Take the letters with this reason code.")]


@app.command(name="list")
def list_letters(
    function: FunctionOption = None,
    raw: RawOption = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """List all dead letters, without their contents."""
    from serverless_harness.terminal_output import say

    letters = _queues(port, endpoint).letters(function)
    for letter in letters:
        say(_line(letter), raw)
    say(f"{len(letters)} dead letter{'' if len(letters) == 1 else 's'}")


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The letter's id, or its beginning.")],
    raw: RawOption = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Show a dead letter with its original message."""
    from serverless_harness.terminal_output import say

    found = [each for each in _queues(port, endpoint).letters() if each.letter_id.startswith(letter_id)]
    if len(found) != 1:
        raise UserError(f"{len(found) or 'no'} dead letters have an id that begins with '{letter_id}'")
    [letter] = found
    say(f"id          {letter.letter_id}")
    say(f"function    {letter.function}")
    say(f"written by  {letter.writer}, {letter.sent_at:%Y-%m-%d %H:%M:%S} UTC")
    say(f"reason      {letter.reason_code}: {letter.reason}", raw)
    say(f"request id  {letter.request_id or '-'}")
    say(f"attempts    {letter.attempts or '-'}")
    for line in letter.details:
        say(line)
    say(f"message\n{letter.message if letter.message is not None else letter.body}", raw)


@app.command()
def redrive(
    letter_ids: IdsArgument = None,
    everything: AllOption = False,
    reason: ReasonOption = None,
    function: FunctionOption = None,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Send dead letters to their destinations again."""
    from serverless_harness.terminal_output import say

    wanted = _selection(letter_ids, everything, reason)
    sent, left = _queues(port, endpoint).redrive(wanted, function)
    for letter in sent:
        say(_line(letter))
    for letter in left:
        say(f"{_line(letter)}: not sent, as it lacks the message or the destination")
    say(f"{len(sent)} sent again")
    if left or not sent:
        raise typer.Exit(1)


@app.command()
def purge(
    letter_ids: IdsArgument = None,
    everything: AllOption = False,
    reason: ReasonOption = None,
    function: FunctionOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm that they are deleted permanently.")] = False,
    port: PortOption = DEFAULT_PORT,
    endpoint: EndpointOption = None,
) -> None:
    """Delete dead letters permanently."""
    from serverless_harness.terminal_output import say

    wanted = _selection(letter_ids, everything, reason)
    if not yes:
        raise UserError("purge deletes messages permanently: add --yes to confirm")
    say(f"{len(_queues(port, endpoint).purge(wanted, function))} deleted")


def _selection(
    letter_ids: list[str] | None, everything: bool, reason: str | None
) -> "Callable[[DeadLetter], bool]":
    if sum(map(bool, (letter_ids, everything, reason))) != 1:
        raise UserError(
            "choose the dead letters by ids (see `dead-letters list`), by --reason CODE or by --all"
        )
    if letter_ids:
        beginnings = tuple(letter_ids)
        return lambda letter: letter.letter_id.startswith(beginnings)
    return lambda letter: everything or letter.reason_code == reason


def _queues(port: int, endpoint: str | None) -> "DeadLetterQueues":
    from serverless_harness.cli.deployment_actions import require_deployment
    from serverless_harness.resilience.dead_letters import dead_letters_of

    return dead_letters_of(require_deployment(port, endpoint))


def _line(letter: "DeadLetter") -> str:
    subject = f"{letter.subject:<19} " if letter.subject else ""
    return (
        f"{letter.letter_id[:8]} {letter.function:<8} {letter.sent_at:%H:%M:%S} by {letter.writer:<8} "
        f"{subject}{letter.reason_code}: {letter.reason}"
    )
