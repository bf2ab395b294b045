"""Debugging functions: starting it on a running stack, and the configuration that an IDE needs."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serverless_harness import paths
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.packaging import LEFT_OUT, package_sources
from serverless_harness.deploy.watched_code import watched_code
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.stack.control import control
from serverless_harness.stack.up import DebuggerPlace, Stack
from serverless_harness.terminal_output import say, step

PATH = "/_emulator/debugger"
DEFAULT_PORT = 5678
"""debugpy's own."""
TASK_ROOT = "/var/task"
WORKSPACE = "${workspaceFolder}"
"""VS Code replaces it by the folder of the project."""
LAUNCH_FILE = Path(".vscode", "launch.json")
PORTS = range(1, 65536)


@dataclass(frozen=True)
class Wanted:
    """A function by its name, or a part of it, and the port on which a debugger is to find it."""

    function: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Wanted":
        """Read FUNCTION[:PORT]; raises UserError where it is something else."""
        function, colon, port = text.partition(":")
        if not function or (colon and not (port.isdecimal() and int(port) in PORTS)):
            raise UserError(f"'{text}' does not name a function to debug: give FUNCTION or FUNCTION:PORT")
        return cls(function, int(port) if colon else DEFAULT_PORT)


def require_debuggable(stack: Stack | None) -> Stack:
    """Give the stack; raises UserError where debuggers can't reach its functions. None stands for AWS."""
    if stack is None:
        raise UserError("functions on AWS can't be debugged")
    _place_of(stack)
    return stack


def sessions_of(stack: Stack) -> list[dict[str, Any]]:
    """Give the functions that are debugged, as `emulator.debugger.routes` tells.

    Raises UserError where debuggers can't reach functions.
    """
    _place_of(stack)
    sessions: list[dict[str, Any]] = control(stack.target, "GET", PATH)["sessions"]
    return sessions


def _place_of(stack: Stack) -> DebuggerPlace:
    if stack.debugger is None:
        raise UserError("functions of a LocalStack given by --endpoint can't be debugged")
    return stack.debugger


def _publish(stack: Stack, *more: int) -> None:
    """Have the ports of all sessions, and `more`, answer on this machine's loopback."""
    _place_of(stack).publish({*(session["port"] for session in sessions_of(stack)), *more})


def require_python(configuration: Mapping[str, Any]) -> str:
    """Give the runtime of a function, by its configuration; raises UserError where it isn't a Python."""
    runtime = str(configuration.get("Runtime", "a container image"))
    if not runtime.startswith("python3."):
        name = configuration["FunctionName"]
        raise UserError(f"{name} runs on {runtime}: only functions in Python can be debugged")
    return runtime


def start_debugging(stack: Stack, wanted: Wanted) -> str:
    """Have a function's next execution environment wait for a debugger; gives the function's name.

    Raises UserError where there is no such function, it doesn't run on Python, debugpy can't be installed, or
    the port is taken.
    """
    _place_of(stack)
    deployment = Deployment.require(stack.target)
    name = deployment.function_name(wanted.function)
    configuration = deployment.client_for(name, "lambda").get_function_configuration(FunctionName=name)
    with step("Debugger") as shown:
        open_session(stack, configuration, wanted.port)
        shown.result = f"{name} waits for a debugger on 127.0.0.1:{wanted.port}"
    return name


def open_session(stack: Stack, configuration: Mapping[str, Any], port: int) -> None:
    """Have a function's next execution environment wait for a debugger; raises as `start_debugging` does."""
    place = _place_of(stack)
    if port not in PORTS:
        raise UserError(f"a port is a number from {PORTS[0]} to {PORTS[-1]}, not {port}")
    asked = {"port": port, "packages": place.packages(require_python(configuration)), "host": place.host}
    _publish(stack, port)
    try:
        control(stack.target, "PUT", f"{PATH}/{configuration['FunctionName']}", json=asked)
    except HarnessError:
        with contextlib.suppress(HarnessError):  # Where the stack is gone, the first error says so.
            _publish(stack)
        raise
    _publish(stack)


def end_debugging(stack: Stack, function: str | None) -> list[str]:
    """End debugging of a function, or of all; gives the names of those that were debugged."""
    _place_of(stack)
    name = Deployment.require(stack.target).function_name(function) if function else None
    return close_sessions(stack, name)


def close_sessions(stack: Stack, name: str | None) -> list[str]:
    """As `end_debugging`, by the function's name in AWS."""
    ended = control(stack.target, "DELETE", f"{PATH}/{name}" if name else PATH)["sessions"]
    _publish(stack)
    return [session["function"] for session in ended]


def show_debugged(stack: Stack) -> None:
    """Print which functions are debugged, and where."""
    sessions = sessions_of(stack)
    if not sessions:
        say("No function is being debugged.")
    for session in sessions:
        say(f"{session['function']}  127.0.0.1:{session['port']}  {state_of(session)}")


def state_of(session: Mapping[str, Any]) -> str:
    """Tell in words whether a debugger is attached, and who waits for the other; of a session as JSON."""
    if session["has_client"]:
        return "a debugger is attached"
    waiting: str | None = session["waiting"]
    return {
        "function": "the function waits for a debugger",
        "client": "a debugger waits for the next invoke",
    }.get(waiting or "", "no debugger is attached; the next invoke waits for one")


def show_how_to_attach(stack: Stack, name: str, port: int, write: bool) -> None:
    """Print how VS Code and PyCharm attach, or write VS Code's configuration to the project's launch.json."""
    project = stack.target.project
    code = code_of(Deployment.require(stack.target), name)
    configuration = launch_configuration(name, port, path_mappings(*code, project.folder))
    if write:
        file = write_launch(project.folder, configuration)
        say(f"\nVS Code: start the configuration '{configuration['name']}' of {paths.shown(file)}.")
    else:
        say(f"\nVS Code: use --write-launch, or add this to the 'configurations' in {LAUNCH_FILE}:")
        say(json.dumps(configuration, indent=4))
    say("\nPyCharm: Run > Edit Configurations > Add New Configuration > Attach to DAP, with")
    for line in pycharm_values(port, *code):
        say(f"    {line}")
    debug = project.command_line("debug")
    say(f"\nThe next invoke of {name} waits for the debugger. To end debugging: {debug}{stack.options} --off")


def launch_configuration(name: str, port: int, mappings: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Give the configuration with which VS Code attaches."""
    return {
        "name": f"Lambda: {name}",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": "127.0.0.1", "port": port},
        "pathMappings": list(mappings),
    }


def pycharm_values(port: int, sources: Sequence[Path], place: str) -> list[str]:
    """Give what PyCharm asks for, a line each."""
    return [
        f"remote address: 127.0.0.1:{port}",
        f"local project path: {sources[0]}",
        f"remote project path: {place}",
    ]


def write_launch(folder: Path, configuration: dict[str, Any]) -> Path:
    """Put a configuration into a project's launch.json, in the place of one of its name; gives the file.

    Raises UserError where the file holds more than JSON, such as comments, which would be lost.
    """
    file = folder / LAUNCH_FILE
    try:
        launch: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"version": "0.2.0"}
        others = [each for each in launch.get("configurations", []) if each["name"] != configuration["name"]]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UserError(
            f"{paths.shown(file)} is not plain JSON: leave --write-launch out, "
            "and add the configuration to the file yourself"
        ) from None
    launch["configurations"] = [*others, configuration]
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(launch, indent=4) + "\n")
    return file


def code_of(deployment: Deployment, name: str) -> tuple[Sequence[Path], str]:
    """Give a function's source folders and files, and the folder in which its process sees what they hold."""
    project = deployment.target.project
    for part, sources in package_sources(project).items():
        with contextlib.suppress(UserError):  # A package of no function, or of several.
            if deployment.function_name(part) == name:
                return sources, TASK_ROOT
    for code in watched_code(deployment, project):
        if code.function == name:
            return code.sources, f"{TASK_ROOT}/{code.folder}".rstrip("/")
    return [project.folder], TASK_ROOT


def path_mappings(sources: Sequence[Path], place: str, workspace: Path) -> list[dict[str, str]]:
    """Map sources to where the process sees them, in the form that debuggers take.

    If several folders are packed together, each of their entries is mapped, because debuggers look for a file
    in one folder only.
    """
    if len(sources) == 1 and sources[0].is_dir():
        pairs = [(sources[0], place)]
    else:
        entries = [
            entry
            for source in sources
            for entry in (sorted(source.iterdir()) if source.is_dir() else [source])
            if entry.name not in LEFT_OUT
        ]
        pairs = [(entry, f"{place}/{entry.name}") for entry in entries]
    return [{"localRoot": _in_workspace(local, workspace), "remoteRoot": remote} for local, remote in pairs]


def _in_workspace(path: Path, folder: Path) -> str:
    return f"{WORKSPACE}/{path.relative_to(folder)}" if path.is_relative_to(folder) else str(path)
