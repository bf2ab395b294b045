"""The clock of a stack's emulator, which can be set forward; never on AWS."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from serverless_harness.errors import UserError
from serverless_harness.stack.control import control
from serverless_harness.targets import LocalTarget, Target

PATH = "/_emulator/clock"


@dataclass(frozen=True)
class StackClock:
    """The clock of one stack."""

    target: LocalTarget

    @classmethod
    def of(cls, target: Target) -> "StackClock":
        """Give the clock of a target; raises UserError for AWS."""
        if not isinstance(target, LocalTarget):
            raise UserError(f"the clock can be set forward on a local stack only, not on {target.name}")
        return cls(target)

    def now(self) -> datetime:
        """Give the emulator's time, in UTC."""
        return datetime.fromisoformat(self._request("GET")["now"])

    def ahead(self) -> timedelta:
        """Give how far it is ahead of this machine's clock."""
        return timedelta(seconds=self._request("GET")["ahead_s"])

    def advance(self, by: str | float | timedelta) -> datetime:
        """Set the clock forward by seconds, or by `90s`, `5m`, `2h`, `1d`, `1h30m`; gives its time then.

        Raises UserError where that is no such time: a clock can't be set back.
        """
        advance = by.total_seconds() if isinstance(by, timedelta) else by
        return datetime.fromisoformat(self._request("POST", {"advance": advance})["now"])

    def _request(self, method: str, json: object = None) -> Any:  # noqa: ANN401 (any JSON)
        return control(self.target, method, PATH, json=json)
