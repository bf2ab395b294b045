"""A client of the Debug Adapter Protocol, as an IDE is one: requests, answers and events.

https://microsoft.github.io/debug-adapter-protocol/specification
"""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

TIMEOUT_S = 240
IN_THE_HANDLER = "message_id = _publish(event_json)"
"""In a line of accept's handler."""


def line_of(file: Path, text: str) -> int:
    """Give the number of the first line of a file that has a text in it."""
    return next(number for number, line in enumerate(file.read_text().splitlines(), 1) if text in line)


class DapClient:
    """One connection to what is debugged."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._input = self._socket.makefile("rb")
        self._sent = 0
        self._kept: list[dict[str, Any]] = []
        """What has come and was not asked for yet."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._input.close()
        self._socket.close()

    def send(self, command: str, **arguments: object) -> int:
        """Send a request; gives its number."""
        self._sent += 1
        message = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        content = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        return self._sent

    def request(self, command: str, **arguments: object) -> dict[str, Any]:
        """Send a request and wait for its answer, which must be a success; gives its body."""
        number = self.send(command, **arguments)
        answer = self._find(lambda message: message.get("request_seq") == number)
        assert answer["success"], answer
        body: dict[str, Any] = answer.get("body", {})
        return body

    def event(self, name: str) -> dict[str, Any]:
        """Wait for the next event of a name; gives its body."""
        body: dict[str, Any] = self._find(lambda message: message.get("event") == name).get("body", {})
        return body

    def attach(self, path_mappings: list[dict[str, str]], breakpoints: dict[str, list[int]]) -> None:
        """Do what an IDE does when it attaches: breakpoints are lines, by files as they are here."""
        self.request("initialize", adapterID="debugpy", pathFormat="path", linesStartAt1=True)
        self.send("attach", justMyCode=True, pathMappings=path_mappings)
        self.event("initialized")
        for file, lines in breakpoints.items():
            self.request(
                "setBreakpoints", source={"path": file}, breakpoints=[{"line": line} for line in lines]
            )
        self.request("configurationDone")

    def stopped(self) -> tuple[int, dict[str, Any]]:
        """Wait until a thread is stopped; gives its id and its innermost frame."""
        thread_id: int = self.event("stopped")["threadId"]
        return thread_id, self.request("stackTrace", threadId=thread_id)["stackFrames"][0]

    def variables(self, frame_id: int) -> dict[str, str]:
        """Read a frame's local variables, as texts by name."""
        scopes = self.request("scopes", frameId=frame_id)["scopes"]
        reference = next(scope for scope in scopes if scope["name"] == "Locals")["variablesReference"]
        found = self.request("variables", variablesReference=reference)["variables"]
        return {variable["name"]: variable["value"] for variable in found}

    def _find(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            for message in self._kept:
                if is_wanted(message):
                    self._kept.remove(message)
                    return message
            self._kept.append(self._read())

    def _read(self) -> dict[str, Any]:
        length = 0
        while (line := self._input.readline()) != b"\r\n":
            assert line, "the connection has ended"
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        message: dict[str, Any] = json.loads(self._input.read(length))
        return message
