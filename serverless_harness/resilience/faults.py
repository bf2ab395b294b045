"""Faults on demand, set on a stack whose control token is known; never on AWS."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from serverless_harness.errors import UserError
from serverless_harness.stack.control import control
from serverless_harness.targets import LocalTarget, Target

PATH = "/_emulator/faults"


class Fault(BaseModel):
    """A fault that is set; `injected` of the `matched` calls or invokes were struck so far.

    The fields that it was asked for with are in `model_extra`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    effect: str
    expires_at: datetime
    matched: int
    injected: int

    @property
    def description(self) -> str:
        """What it strikes, and how, on one line: `service=kms operation=Decrypt first_calls=2`."""
        return " ".join(f"{name}={value}" for name, value in (self.model_extra or {}).items())


_FAULTS = TypeAdapter(list[Fault])


@dataclass(frozen=True)
class Faults:
    """The faults of one stack."""

    target: LocalTarget

    @classmethod
    def of(cls, target: Target) -> "Faults":
        """Give the faults of a target; raises UserError for AWS, which has none."""
        if not isinstance(target, LocalTarget):
            raise UserError(f"faults can be set on a local stack only, not on {target.name}")
        return cls(target)

    def add(self, effect: str, **fields: object) -> Fault:
        """Set a fault; the fields are those of docs/resilience.md, absent where None.

        Raises UserError where they make no fault.
        """
        asked = {"effect": effect, **{name: value for name, value in fields.items() if value is not None}}
        return Fault.model_validate(control(self.target, "POST", PATH, json=asked))

    def current(self) -> list[Fault]:
        """List those that are set."""
        return _FAULTS.validate_python(self._get()["faults"])

    def injected(self) -> Counter[str]:
        """Count what all faults of this stack struck since it started, by effect."""
        return Counter(self._get()["injected"])

    def clear(self, fault_id: str | None = None) -> list[Fault]:
        """Clear one or all, and give them as they were; raises UserError where there is none of that id."""
        path = f"{PATH}/{fault_id}" if fault_id else PATH
        return _FAULTS.validate_python(control(self.target, "DELETE", path)["faults"])

    def end(self, fault_id: str) -> Fault | None:
        """Clear one that may have expired meanwhile; then give None."""
        try:
            [ended] = self.clear(fault_id)
        except UserError:
            return None
        return ended

    @contextmanager
    def during(self, effect: str, **fields: object) -> "Iterator[SetFault]":
        """Have a fault while the block runs."""
        set_fault = SetFault(self, self.add(effect, **fields))
        try:
            yield set_fault
        finally:
            set_fault.clear()

    def _get(self) -> dict[str, Any]:
        answer: dict[str, Any] = control(self.target, "GET", PATH)
        return answer


@dataclass
class SetFault:
    """A fault that was set here; `last` is what was last known of it."""

    faults: Faults
    last: Fault

    def now(self) -> Fault:
        """Look again; what has expired or was cleared stays as it was last seen."""
        for fault in self.faults.current():
            if fault.id == self.last.id:
                self.last = fault
        return self.last

    def clear(self) -> Fault:
        """End it, if it hasn't; give its last counts."""
        self.last = self.faults.end(self.last.id) or self.last
        return self.last
