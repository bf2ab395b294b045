"""The one command line: the harness's commands, and those of the project that it is called for."""

from pathlib import Path

import click
import typer
from typer.core import TyperGroup

from serverless_harness.project import locate


class ProjectGroup(TyperGroup):
    """Finds a command among the project's first, then among the harness's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names of all commands; of those of the harness alone where there is no project."""
        own = super().list_commands(ctx)
        return [*own, *(name for name in _commands_of_project() if name not in own)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give the command of a name; raises UserError where the project's settings are wrong.

        What only the harness itself calls is hidden: no project replaces it, nor is one needed to find it.
        """
        own = super().get_command(ctx, cmd_name)
        if own is not None and own.hidden:
            return own
        return _commands_of_project().get(cmd_name) or own


def _commands_of_project() -> dict[str, click.Command]:
    try:
        commands = locate.current().commands()
    except locate.ProjectNotFoundError:
        return {}
    if commands is None:
        return {}
    group = typer.main.get_group(commands)
    return dict(group.commands)


def use_project(folder: Path | None) -> None:
    """Take the project in `folder` for the current one; raises UserError where there is no such folder."""
    if folder:
        locate.use(folder)
