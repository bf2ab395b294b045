"""What the commands on a running deployment do and show."""

import contextlib
import json
import math
import time

from serverless_harness import paths
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.functions.debugging import (
    Wanted,
    end_debugging,
    show_debugged,
    show_how_to_attach,
    start_debugging,
)
from serverless_harness.functions.invoke import invoke, load_event
from serverless_harness.functions.logs import follow_logs, now_ms, read_logs
from serverless_harness.project.locate import current
from serverless_harness.stack.compose import find_stack
from serverless_harness.stack.embedded import CRASHED, EmbeddedStack
from serverless_harness.stack.existing_endpoint import parse_endpoint
from serverless_harness.stack.up import Stack, show_how_to_end, show_outputs
from serverless_harness.terminal_output import say


def require_stack(port: int, endpoint: str | None) -> Stack:
    """Give the stack that runs, embedded or in containers; raises UserError where none does."""
    if endpoint:
        existing = parse_endpoint(endpoint)
        existing.ensure_running()
        return existing
    stack = EmbeddedStack(port)
    if not stack.is_running():
        if (in_containers := find_stack(port)) and in_containers.is_running():
            in_containers.deployment()
            return in_containers
        crash = f" (the one that ran there {CRASHED}; its log: {paths.shown(stack.log_file)})"
        up = current().command_line("up")
        raise UserError(
            f"no stack runs on port {port}{crash if stack.has_crashed() else ''}: start one with {up}"
        )
    return stack


def require_deployment(port: int, endpoint: str | None) -> Deployment:
    """Give the project on the stack that runs; raises UserError where it isn't deployed."""
    return Deployment.require(require_stack(port, endpoint).target)


def deploy_to(port: int, endpoint: str | None) -> None:
    """Deploy, seed what is new, and say where things are."""
    show_outputs(require_stack(port, endpoint).deploy())


def show_status(port: int, endpoint: str | None) -> None:
    """Show the stack, what is deployed, and what the project has to say of it."""
    stack = require_stack(port, endpoint)
    details = stack.describe()
    say(f"stack       {stack.target.endpoint_url}{f', {details}' if details else ''}")
    deployment = Deployment.find(stack.target)
    project = current()
    if deployment is None:
        say(f"project     not deployed: run {project.command_line('deploy')}")
        return
    say(f"project     {project.folder}, deployed in {stack.target.region}")
    say(f"functions   {', '.join(deployment.made_functions)}")
    project.status(deployment)
    show_how_to_end(stack)


def show_logs(
    port: int, endpoint: str | None, function: str | None, since_minutes: float, follow: bool, raw: bool
) -> None:
    """Print log lines since some minutes ago; with `follow`, until ctrl-C."""
    if not math.isfinite(since_minutes):
        raise UserError(f"--since-minutes takes a number of minutes, not {since_minutes}")
    deployment = require_deployment(port, endpoint)
    functions = [function] if function else list(deployment.made_functions)
    for name in functions:
        deployment.function_name(name)
    since_ms = max(0, now_ms() - round(since_minutes * 60_000))
    if not follow:
        for event in read_logs(deployment, functions, since_ms):
            say(str(event), raw)
        return
    with contextlib.suppress(KeyboardInterrupt):
        for event in follow_logs(deployment, functions, since_ms):
            say(str(event), raw)


def invoke_function(port: int, endpoint: str | None, function: str, event: str, raw: bool) -> int:
    """Invoke a function and show what came of it; gives 1 where the function failed."""
    deployment = require_deployment(port, endpoint)
    name = deployment.function_name(function)
    payload = load_event(current(), name, event)
    started = time.perf_counter()
    invocation = invoke(deployment, name, payload)
    round_trip_ms = (time.perf_counter() - started) * 1000
    say(f"result      {invocation.function_error or 'success'}")
    say(_indented_json(invocation.payload), raw)
    if report := invocation.report:
        init = f" after an init of {report.init_duration_ms} ms" if report.init_duration_ms else ""
        say(f"duration    {report.duration_ms} ms{init}, billed {report.billed_duration_ms} ms")
        say(f"memory      {report.max_memory_used_mb} of {report.memory_size_mb} MB")
    say(f"round trip  {round_trip_ms:.0f} ms")
    say(f"log tail\n{invocation.log_tail.rstrip()}", raw)
    return 1 if invocation.function_error else 0


def debug_function(port: int, function: str | None, off: bool, write_launch: bool) -> None:
    """Start or end debugging a function, or show which functions are being debugged."""
    wanted = Wanted.parse(function) if function else None
    stack = require_stack(port, None)
    if off:
        ended = end_debugging(stack, wanted.function if wanted else None)
        say(f"Debugging has ended: {', '.join(ended)}" if ended else "No function is being debugged.")
    elif wanted:
        show_how_to_attach(stack, start_debugging(stack, wanted), wanted.port, write_launch)
    else:
        show_debugged(stack)


def _indented_json(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2)
    except ValueError:
        return text
