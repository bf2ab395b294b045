"""Isolation and limits of one execution environment: processes, memory, CPU, file system, user.

`create_sandbox(spec)` picks the strongest sandbox that this machine allows. It is imported when it is first
called: the launcher process is of this package too, and has to stay small.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serverless_harness.emulator.sandbox.base import Sandbox, SandboxSpec

__all__ = ["create_sandbox"]


def create_sandbox(spec: "SandboxSpec") -> "Sandbox":
    """The sandbox of a new execution environment.

    Raises:
        interpreters.InterpreterNotFoundError: The declared runtime isn't on this machine.
    """
    from serverless_harness.emulator.sandbox import machine

    return machine.this_machine().create_sandbox(spec)
