"""The faults that are set, each until it expires or is cleared."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from serverless_harness.emulator.faults.model import FaultSpec


@dataclass(eq=False)
class Fault:
    """A fault that is set: `matched` counts what it could have struck, `injected` what it struck."""

    id: str
    spec: FaultSpec
    expires_at_s: float
    """By `time.monotonic`."""
    expires_at: datetime
    matched: int = 0
    injected: int = 0
    _random: random.Random = field(init=False, repr=False)
    _cleared: bool = field(default=False, init=False, repr=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.spec.seed)

    def draw(self) -> bool:
        """Count one call that it matches; return whether that one is struck."""
        self.matched += 1
        if self.spec.first_calls is not None:
            strikes = self.injected < self.spec.first_calls
        elif self.spec.share is not None:
            strikes = self._random.random() < self.spec.share
        else:
            strikes = True
        self.injected += strikes
        return strikes

    def lasts(self, seconds: float, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Wait `seconds`; return False at once when it is cleared, expires, or `is_over` (see `wake`)."""
        remaining_s = self.expires_at_s - time.monotonic()
        with self._changed:
            ended = self._changed.wait_for(lambda: self._cleared or is_over(), min(seconds, remaining_s))
        return not ended and seconds < remaining_s

    def wake(self) -> None:
        """Have those who wait look again whether theirs is over."""
        with self._changed:
            self._changed.notify_all()

    def end(self) -> None:
        """Wake those who wait: it is cleared."""
        self._cleared = True
        self.wake()

    def to_json(self) -> dict[str, Any]:
        """Return what was asked for, with `id`, `expires_at` (ISO 8601), `matched` and `injected`."""
        return {
            "id": self.id,
            **self.spec.model_dump(mode="json", exclude_defaults=True),
            "expires_at": self.expires_at.isoformat(timespec="milliseconds"),
            "matched": self.matched,
            "injected": self.injected,
        }


class FaultRegistry:
    """Faults in the order in which they were set; reading `calls` and `functions` takes no lock."""

    def __init__(self) -> None:
        self.calls: tuple[Fault, ...] = ()
        """Those that strike calls to services."""
        self.functions: tuple[Fault, ...] = ()
        """Those that strike functions."""
        self.injected_by_effect: Counter[str] = Counter()
        """By all faults that there ever were."""
        self._faults: dict[str, Fault] = {}
        self._added = 0
        self._lock = threading.Lock()

    def add(self, spec: FaultSpec) -> Fault:
        """Set a fault, from now on."""
        with self._lock:
            self._added += 1
            fault = Fault(
                f"fault-{self._added}",
                spec,
                time.monotonic() + spec.expires_in_s,
                datetime.now(UTC) + timedelta(seconds=spec.expires_in_s),
            )
            self._faults[fault.id] = fault
            self._publish()
        return fault

    def current(self) -> list[Fault]:
        """Return those that have not expired."""
        with self._lock:
            self._publish()
            return list(self._faults.values())

    def remove(self, fault_id: str) -> Fault | None:
        """Clear one; return it as it was, None where there is none of that id."""
        with self._lock:
            fault = self._faults.pop(fault_id, None)
            self._publish()
        if fault:
            fault.end()
        return fault

    def clear(self) -> list[Fault]:
        """Clear all; return them as they were."""
        with self._lock:
            cleared = list(self._faults.values())
            self._faults.clear()
            self._publish()
        for fault in cleared:
            fault.end()
        return cleared

    def strike(self, fault: Fault) -> bool:
        """Count a call or invoke that the fault matches; return whether it is struck."""
        with self._lock:
            self._publish()
            if fault.id not in self._faults:
                return False
            strikes = fault.draw()
            self.injected_by_effect[fault.spec.effect] += strikes
            return strikes

    def withdraw(self, fault: Fault) -> None:
        """Count one strike less: what it was for ended before."""
        with self._lock:
            fault.injected -= 1
            self.injected_by_effect[fault.spec.effect] -= 1

    def _publish(self) -> None:
        """Forget what has expired, and show the rest."""
        now_s = time.monotonic()
        for fault in [fault for fault in self._faults.values() if fault.expires_at_s <= now_s]:
            del self._faults[fault.id]
        current = self._faults.values()
        self.calls = tuple(fault for fault in current if not fault.spec.strikes_functions)
        self.functions = tuple(fault for fault in current if fault.spec.strikes_functions)


REGISTRY = FaultRegistry()
"""Of this LocalStack process."""
