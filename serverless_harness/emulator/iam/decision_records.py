"""Every decision, counted, for the report on what policies grant and what was used."""

import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from serverless_harness.emulator.iam.evaluation import Decision
from serverless_harness.emulator.iam.matching import UNTOLD, shown
from serverless_harness.emulator.iam.policy import StatementRef
from serverless_harness.emulator.iam.principals import Principal

MAX_RECORDS = 20_000
"""So many distinct decisions are kept; what comes after is counted as dropped."""


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What was decided; equal decisions are one record, counted.

    `enforced` is False where denied calls go through (soft mode). `call` is `service:Operation`, which may
    need several actions. `refusal` says what wasn't supported, if that decided. `untold`: the action or the
    resource couldn't be told, so that only statements decided to which that makes no difference.
    """

    principal: str
    role_arn: str | None
    action: str
    resource: str
    call: str
    allowed: bool
    enforced: bool
    reason: str
    policy_type: str | None
    matched: tuple[StatementRef, ...] = ()
    unsupported_keys: tuple[str, ...] = ()
    refusal: str | None = None
    untold: bool = False


@dataclass(slots=True)
class _Count:
    count: int
    first_at_s: float
    last_at_s: float


class DecisionLog:
    """Counts decisions; safe for threads."""

    def __init__(self, max_records: int = MAX_RECORDS) -> None:
        """Keep at most `max_records` distinct decisions."""
        self._counts: dict[DecisionRecord, _Count] = {}
        self._dropped = 0
        self._max_records = max_records
        self._lock = threading.Lock()

    def add(self, record: DecisionRecord) -> None:
        """Count a decision."""
        now = time.time()
        with self._lock:
            counted = self._counts.get(record)
            if counted is not None:
                counted.count += 1
                counted.last_at_s = now
            elif len(self._counts) < self._max_records:
                self._counts[record] = _Count(1, now, now)
            else:
                self._dropped += 1

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._counts.clear()
            self._dropped = 0

    def to_json(self) -> dict[str, Any]:
        """Return the decisions, oldest first, and how many found no room.

        Shape: `{"decisions": [{…the record's fields, "count", "first_at_s", "last_at_s"}], "dropped": n}`;
        times are seconds since 1970.
        """
        with self._lock:
            return {"decisions": list(self._entries()), "dropped": self._dropped}

    def _entries(self) -> Iterator[dict[str, Any]]:
        for record, counted in self._counts.items():
            fields = asdict(record) | {"matched": [_reference(ref) for ref in record.matched]}
            yield fields | asdict(counted)


def _reference(ref: StatementRef) -> dict[str, Any]:
    return {
        "policy_type": ref.policy_type.value,
        "policy_name": ref.policy_name,
        "index": ref.index,
        "sid": ref.sid,
        "effect": ref.effect.value,
    }


def decision_record(
    principal: Principal, action: str, resource: str, call: str, decision: Decision, *, enforced: bool
) -> DecisionRecord:
    """Make the record of a decision."""
    return DecisionRecord(
        principal=principal.arn,
        role_arn=principal.role_arn,
        action=shown(action),
        resource=shown(resource),
        call=call,
        allowed=decision.allowed,
        enforced=enforced,
        reason=decision.reason.value,
        policy_type=decision.policy_type.value if decision.policy_type else None,
        matched=decision.matched,
        unsupported_keys=decision.unsupported_keys,
        untold=UNTOLD in action or UNTOLD in resource,
    )
