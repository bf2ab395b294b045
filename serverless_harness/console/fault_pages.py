"""Faults: set, looked at and cleared."""

from dataclasses import dataclass

from werkzeug import Request

from serverless_harness.console.source import Source, known
from serverless_harness.console.view import View
from serverless_harness.errors import UserError
from serverless_harness.resilience.faults import Faults

EFFECTS = {
    "throttle": "calls are throttled",
    "server-error": "calls fail with the service's own error",
    "access-denied": "calls are denied",
    "delay": "calls are delayed",
    "drop": "calls are not made, and their connection is closed",
    "drop-answer": "calls are made, but their answer is lost",
    "kill": "the function's process is killed",
    "hang": "the function's process stops responding",
    "exhaust-memory": "the function's memory is used up",
}
TEXTS = ("service", "operation", "caller", "resource", "function", "phase", "containing")
NUMBERS = {"delay_ms": int, "first_calls": int, "share": float, "expires_in_s": float}


@dataclass(frozen=True)
class FaultPages:
    """The page of faults, and what is done there."""

    source: Source

    def page(self, _request: Request) -> View:
        """Show the faults that are set, and the form for another."""
        faults = known(lambda: Faults.of(self.source.local).current())
        injected = known(lambda: Faults.of(self.source.local).injected())
        return View("faults", {"faults": faults, "injected": injected, "effects": EFFECTS}, "Faults")

    def add(self, request: Request) -> str:
        """Set one."""
        fields: dict[str, object] = {name: request.form.get(name, "").strip() or None for name in TEXTS}
        for name, kind in NUMBERS.items():
            if text := request.form.get(name, "").strip():
                try:
                    fields[name] = kind(text)
                except ValueError:
                    raise UserError(f"{name} has to be a number, not '{text}'") from None
        fault = Faults.of(self.source.local).add(request.form.get("effect", ""), **fields)
        return f"The fault {fault.id} is set."

    def clear(self, request: Request) -> str:
        """Clear one, or all where none is named."""
        cleared = Faults.of(self.source.local).clear(request.form.get("id") or None)
        return f"{len(cleared)} cleared."
