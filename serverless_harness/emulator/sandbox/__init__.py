"""Isolation and limits of one execution environment: processes, memory, CPU, file system, user.

`create_sandbox(spec)` picks the strongest sandbox that this machine allows. What does it is imported when it
is first needed: the launcher process is of this package too, and has to stay small.
"""

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serverless_harness.emulator.sandbox.base import Sandbox, SandboxSpec

__all__ = ["create_sandbox", "prepare"]


def prepare() -> None:
    """Find out in the background what this machine allows, which the first environment would wait for."""

    def find() -> None:
        from serverless_harness.emulator.sandbox import interpreters, machine, process

        # Whoever wants an environment tries again, and is told.
        with suppress(interpreters.InterpreterNotFoundError, process.SpawnError):
            machine.this_machine()

    threading.Thread(target=find, name="sandbox-probe", daemon=True).start()


def create_sandbox(spec: "SandboxSpec") -> "Sandbox":
    """The sandbox of a new execution environment.

    Raises:
        interpreters.InterpreterNotFoundError: The declared runtime isn't on this machine.
    """
    from serverless_harness.emulator.sandbox import machine

    return machine.this_machine().create_sandbox(spec)
