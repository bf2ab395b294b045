"""`serverless-harness runtime`: the Pythons that functions run on."""

from typing import Annotated

import typer

from serverless_harness.console import say, step
from serverless_harness.project.locate import current

app = typer.Typer(help="List and add the Pythons that functions run on.", no_args_is_help=True)


@app.command(name="list")
def list_runtimes() -> None:
    """List the runtimes that functions can have here, and those that can be added from this machine."""
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
        say("There is no runtime yet: 'up' makes the first one.")
    if names := provision.could_be_added(project.runtimes, project.make_state()):
        say(f"Their Python is on this machine, so 'runtime add' makes them: {', '.join(names)}")


@app.command()
def add(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="3.12, or the runtime python3.12.")],
) -> None:
    """Make the Python that functions of a runtime see: with boto3 and AWS's runtime client, nothing else."""
    from serverless_harness import paths
    from serverless_harness.runtimes import provision

    name = provision.parse_name(version)
    project = current()
    with step("Runtime") as shown:
        made = provision.add(name, project.runtimes, project.make_state())
        folder = paths.shown(project.runtimes / name)
        shown.result = f"{name} {'is made' if made else 'is there already'}: {folder}"
