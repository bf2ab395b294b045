"""A function's debugger on its page: started and ended as by the command `debug`, and how IDEs attach."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from werkzeug import Request

from serverless_harness.console.source import Source, whole_number
from serverless_harness.functions import debugging
from serverless_harness.stack.up import Stack


@dataclass(frozen=True)
class Debugged:
    """How a function is debugged; `launch` is VS Code's configuration as JSON, `pycharm` a line per value."""

    port: int
    state: str
    launch: str
    pycharm: Sequence[str]


@dataclass(frozen=True)
class DebuggerPart:
    """What a function's page says of its debugger, and what is done there."""

    source: Source
    _code: dict[str, tuple[Sequence[Path], str]] = field(default_factory=dict)
    """Of functions that are debugged, by name: finding it out may mean downloads."""

    def show(self, configuration: Mapping[str, Any]) -> Debugged | None:
        """Tell how a function is debugged, None where it isn't; raises UserError where it can't be."""
        sessions = debugging.sessions_of(self._stack)
        debugging.require_python(configuration)
        name = configuration["FunctionName"]
        session = next((each for each in sessions if each["function"] == name), None)
        if session is None:
            self._code.pop(name, None)
            return None
        if name not in self._code:
            self._code[name] = debugging.code_of(self.source.deployment, name)
        port, code = session["port"], self._code[name]
        mappings = debugging.path_mappings(*code, self.source.project.folder)
        return Debugged(
            port,
            debugging.state_of(session),
            json.dumps(debugging.launch_configuration(name, port, mappings), indent=4),
            debugging.pycharm_values(port, *code),
        )

    @property
    def _stack(self) -> Stack:
        return debugging.require_debuggable(self.source.stack)

    def start(self, request: Request, region: str, name: str) -> str:
        """Have the function's next execution environment wait for a debugger."""
        port = whole_number(request, "port", "The port")
        stack = self._stack
        configuration = self.source.client("lambda", region).get_function_configuration(FunctionName=name)
        debugging.open_session(stack, configuration, port)
        return f"{name} is debugged: its next invoke waits for a debugger on 127.0.0.1:{port}."

    def end(self, _request: Request, region: str, name: str) -> str:
        """End it; what is stopped goes on."""
        debugging.close_sessions(self._stack, name)
        return f"{name} is no longer debugged."
