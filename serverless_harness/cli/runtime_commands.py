"""`serverless-harness runtime`: the Pythons that functions run on."""

from typing import Annotated

import typer

from serverless_harness.project.locate import current
from serverless_harness.terminal_output import say, step

app = typer.Typer(help="List and add the runtimes that functions run on.", no_args_is_help=True)


@app.command(name="list")
def list_runtimes() -> None:
    """List the runtimes that are installed or can be added."""
    from serverless_harness import paths
    from serverless_harness.runtimes import provision

    project = current()
    there = provision.there_are(project.runtimes)
    for runtime in there:
        packages = ", ".join(f"{name} {version}" for name, version in runtime.packages.items())
        folder = paths.shown(runtime.folder)
        note = "" if runtime.is_current else f"  (outdated: run 'runtime add {runtime.name}')"
        say(f"{runtime.name}  Python {runtime.python_version}, {packages}  {folder}{note}")
    if not there:
        say("No runtime is installed yet: 'up' adds the first one.")
    if names := provision.could_be_added(project.runtimes, project.make_state()):
        say(f"'runtime add' can add these, whose Python is on this machine: {', '.join(names)}")


@app.command()
def add(
    version: Annotated[
        str,
        typer.Argument(metavar="VERSION", help="A version such as 3.12, or a runtime such as python3.12."),
    ],
) -> None:
    """Add a runtime: a Python with boto3 and AWS's runtime client."""
    from serverless_harness import paths
    from serverless_harness.runtimes import provision

    name = provision.parse_name(version)
    project = current()
    with step("Runtime") as shown:
        made = provision.add(name, project.runtimes, project.make_state())
        folder = paths.shown(project.runtimes / name)
        shown.result = f"{name} {'was added' if made else 'is already installed'}: {folder}"
