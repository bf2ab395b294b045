"""Which functions are debugged, and which execution environments run under the debugger."""

import threading
from pathlib import Path

from serverless_harness.emulator.debugger.sessions import LOOPBACK, Link, Session


class DebuggerRegistry:
    """The sessions by function, and the environments' links to them; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._links: dict[str, Link] = {}
        """By environment id."""

    def start(self, function_name: str, port: int, packages: Path, host: str = LOOPBACK) -> Session:
        """Debug a function from its next environment on, in the place of its session before; see `Session`.

        Raises:
            DebuggingError: Nothing can listen on `port`; the session before has ended then.
        """
        self.end(function_name)
        session = Session(function_name, port, packages, host)
        with self._lock:
            self._sessions[function_name] = session
        return session

    def end(self, function_name: str) -> bool:
        """End a function's session, if it has one: what is stopped goes on."""
        with self._lock:
            session = self._sessions.pop(function_name, None)
            links = [link for link in self._links.values() if link.session is session]
        if session is None:
            return False
        session.close()
        for link in links:
            link.close()
        return True

    def all(self) -> list[Session]:
        """Return the sessions, by their functions' names."""
        with self._lock:
            return [session for _, session in sorted(self._sessions.items())]

    def is_debugged(self, function_name: str) -> bool:
        """Return whether the function's next environment runs under the debugger."""
        with self._lock:
            return function_name in self._sessions

    def link(self, environment_id: str, function_name: str) -> Link | None:
        """Give a new environment its link; None where its function isn't debugged."""
        with self._lock:
            session = self._sessions.get(function_name)
            if session is None:
                return None
            self._links[environment_id] = Link(session)
            return self._links[environment_id]

    def forget(self, environment_id: str) -> None:
        """Close the link of an environment that has ended, if it had one."""
        with self._lock:
            link = self._links.pop(environment_id, None)
        if link:
            link.close()

    def has(self, environment_id: str) -> bool:
        """Return whether an environment was started under the debugger."""
        with self._lock:
            return environment_id in self._links

    def fits(self, environment_id: str, function_name: str) -> bool:
        """Return whether an environment may serve its function's next invoke: both debugged, or neither."""
        with self._lock:
            session, link = self._sessions.get(function_name), self._links.get(environment_id)
        if session is None or link is None:
            return session is None and link is None
        return link.session is session and link.is_connected


DEBUGGER = DebuggerRegistry()
