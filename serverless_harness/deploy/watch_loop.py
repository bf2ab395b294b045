"""`up --watch`: an edited handler takes effect at once, without Terraform, until ctrl-C."""

import contextlib
import time

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.handler_watch import HandlerWatch
from serverless_harness.deploy.terraform_installation import makes_archives
from serverless_harness.errors import UserError
from serverless_harness.project.project import Project
from serverless_harness.terminal_output import say

LOOK_INTERVAL_S = 0.2
NO_SOURCES = "--watch has nothing to watch: name the functions' source folders in the setting 'watch'"


def require_sources(project: Project) -> None:
    """Raise UserError where neither the settings nor Terraform's files name sources to watch."""
    if not (project.settings.packages or project.settings.watch or makes_archives(project)):
        raise UserError(NO_SOURCES)


def watch_handlers(deployment: Deployment) -> None:
    """Give the functions their edited code as it is saved; the next deployment reconciles Terraform."""
    watch = HandlerWatch(deployment, say)
    if not watch.functions:
        raise UserError(NO_SOURCES)
    watch.look()
    say(
        f"\nWatching the sources of {', '.join(watch.functions)}: saved changes run within a second. "
        "Ctrl-C stops watching; the stack keeps running."
    )
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            watch.look()
            time.sleep(LOOK_INTERVAL_S)
    how = deployment.target.project.command_line("deploy")
    say(f"\nStopped watching. Run {how} to have Terraform deploy the changes, too.")
