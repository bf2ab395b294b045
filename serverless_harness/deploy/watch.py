"""`up --watch`: an edited handler takes effect at once, without Terraform, until ctrl-C."""

import contextlib
import time

from serverless_harness.console import say
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.handler_watch import HandlerWatch
from serverless_harness.errors import UserError
from serverless_harness.project.project import Project

LOOK_INTERVAL_S = 0.2


def require_sources(project: Project) -> None:
    """Raise UserError where the settings name no sources to watch."""
    if not project.settings.packages:
        raise UserError("no sources are known to watch: name those of each function in the setting packages")


def watch_handlers(deployment: Deployment) -> None:
    """Give the functions their edited code as it is saved; the next deployment reconciles Terraform."""
    watch = HandlerWatch(deployment, say)
    watch.look()
    say(
        "\nWatching the functions' sources: what you save runs within a second. "
        "Ctrl-C ends the watch; the stack stays."
    )
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            watch.look()
            time.sleep(LOOK_INTERVAL_S)
    how = deployment.target.project.command_line("deploy")
    say(f"\nThe watch has ended; {how} reconciles Terraform with what it changed.")
