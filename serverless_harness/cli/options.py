"""Command-line options that many commands have."""

from typing import Annotated

import typer

PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of the stack on 127.0.0.1.")]
RawOption = Annotated[
    bool, typer.Option("--raw", help="Print control characters and escape sequences unchanged.")
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", metavar="URL", help="Use a LocalStack that is already running at this URL."),
]
