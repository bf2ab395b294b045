"""Command-line options that many commands have."""

from pathlib import Path
from typing import Annotated

import click
import typer
from click.core import ParameterSource


def _names_one_place[Value](context: typer.Context, value: Value) -> Value:
    """Raise UsageError where both --port and --endpoint are given: one of them would have no effect."""
    sources = [context.get_parameter_source(name) for name in ("port", "endpoint")]
    if sources == [ParameterSource.COMMANDLINE] * 2:
        raise click.UsageError("--port and --endpoint name two places: give one of the two")
    return value


PortOption = Annotated[
    int,
    typer.Option(
        "--port", min=1, max=65535, help="Port of the stack on 127.0.0.1.", callback=_names_one_place
    ),
]
RawOption = Annotated[
    bool, typer.Option("--raw", help="Print control characters and escape sequences unchanged.")
]
EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        metavar="URL",
        help="Use a LocalStack that is already running at this URL.",
        callback=_names_one_place,
    ),
]
FunctionArgument = Annotated[
    str, typer.Argument(help="A function's name, or a part of it that no other function has.")
]
EventOption = Annotated[
    str,
    typer.Option("--event", metavar="FILE", help="A JSON file, or the name of one of the project's events."),
]
CountOption = Annotated[
    int, typer.Option("--count", "-n", min=1, help="Number of cold invokes, and of warm ones.")
]
ReportsOption = Annotated[
    Path | None,
    typer.Option("--output", metavar="FOLDER", help="Default: .serverless-harness/timing in the project."),
]
