"""Command-line options that many commands have."""

from typing import Annotated

import typer

PortOption = Annotated[
    int, typer.Option("--port", min=1, max=65535, help="Port of the embedded stack on 127.0.0.1.")
]
RawOption = Annotated[
    bool, typer.Option("--raw", help="Print control characters and escape sequences as they are.")
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", metavar="URL", help="A running LocalStack instead of the embedded one."),
]
