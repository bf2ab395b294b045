"""Slots of environments and invokes that wait for one, and which slot serves whom: reuse, room, eviction.

What is decided here is a matter of slots, limits and times alone; `assignment.py` acts on it, under its lock.
"""

import math
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InitializationType

from serverless_harness.emulator.debugger.registry import DEBUGGER
from serverless_harness.emulator.lambda_service.environment_limits import EnvironmentLimits
from serverless_harness.emulator.tracing import spans
from serverless_harness.emulator.tracing.span import Span

IDLE_GRACE_S = 0.5
"""How long an idle environment is kept from functions that have environments of their own.

Without it, busy functions at the limit would take each other's environments after every invoke, and every
invoke would be cold. A function that has none takes an idle environment's place at once.
"""

PATIENCE_S = 0.5
"""How long an invoke waits before its function is given a fairer share.

Then an idle environment of a function with at least two more than its own gives way without that grace: each
such change evens the shares out, so that there are few of them.
"""


class AssignedEnvironment(Protocol):
    """What is asked of an execution environment; LocalStack's `ExecutionEnvironment`."""

    @property
    def id(self) -> str: ...
    def start(self) -> None: ...
    def reserve(self) -> None: ...
    def release(self) -> None: ...
    def stop(self) -> None: ...


class SlotState(Enum):
    """The life of a slot: STARTING, then IDLE and BUSY in turn, then STOPPING."""

    STARTING = auto()
    BUSY = auto()
    IDLE = auto()
    STOPPING = auto()


@dataclass(frozen=True)
class Version:
    """The function version, as one version manager runs it, that environments are made for."""

    manager_id: str
    function_version: FunctionVersion

    @property
    def function(self) -> str:
        """What the limit per function counts by, whatever the qualifier."""
        identifier = self.function_version.id
        return f"{identifier.account}:{identifier.region}:{identifier.function_name}"


@dataclass(eq=False)
class Slot:
    """The place of one environment within the limits."""

    version: Version
    provisioned: bool
    state: SlotState = SlotState.STARTING
    environment: AssignedEnvironment | None = None
    starts_for: "Waiter | None" = None
    """The invoke that it was opened for; until it has started."""
    turn_ends: float = 0.0
    """Until when its start keeps others from starting, at the latest."""
    idle_since: float = 0.0
    opened_at: float = 0.0
    retired: bool = False

    @property
    def evictable(self) -> bool:
        return self.state is SlotState.IDLE and not self.provisioned

    @property
    def is_debugged(self) -> bool:
        """Whether it is, or may come to be, under the debugger."""
        if self.state is SlotState.STARTING or self.environment is None:
            return True
        return DEBUGGER.has(self.environment.id)

    @property
    def fits(self) -> bool:
        """Whether its function is debugged and it is under the debugger, or neither."""
        name = self.version.function_version.id.function_name
        return self.environment is None or DEBUGGER.fits(self.environment.id, name)

    @property
    def is_held(self) -> bool:
        """Whether somebody's debugger has it, also between two invokes: it isn't to end then."""
        return self.environment is not None and DEBUGGER.has(self.environment.id) and self.fits


@dataclass(eq=False)
class Waiter:
    """An invoke (or a provisioning) that waits for an environment; FIFO among those that could be served."""

    version: Version
    provisioning_type: InitializationType
    is_provisioning: bool = False
    since: float = 0.0
    """When it began to wait, by the service's clock."""
    granted: threading.Event = field(default_factory=threading.Event)
    slot: Slot | None = None
    """The one that is granted."""
    error: BaseException | None = None
    """Why the environment that was started for it did not come up."""
    span: Span | None = field(default_factory=spans.current)
    """What the invoke belongs to, and with it the init that it waits for."""
    in_line: bool = False
    """Whether nothing but the starts of others, or its own, keeps it waiting."""

    def grant(self, slot: Slot) -> None:
        self.slot = slot
        self.granted.set()

    def refuse(self, error: BaseException) -> None:
        self.error = error
        self.granted.set()


def of_manager(slots: Sequence[Slot], manager_id: str) -> list[Slot]:
    """Return the slots of one version manager's environments."""
    return [slot for slot in slots if slot.version.manager_id == manager_id]


def find_warm(slots: Sequence[Slot], waiter: Waiter) -> Slot | None:
    """Return the idle environment that was used last; provisioned ones are for a lease of that type."""
    leased = waiter.provisioning_type is InitializationType.provisioned_concurrency
    return max(
        (
            slot
            for slot in of_manager(slots, waiter.version.manager_id)
            if slot.state is SlotState.IDLE and (leased or not slot.provisioned) and slot.fits
        ),
        key=lambda slot: (slot.provisioned, slot.idle_since),
        default=None,
    )


def crowd(slots: Sequence[Slot], version: Version, limits: EnvironmentLimits) -> Sequence[Slot]:
    """Return the slots that keep a new one from being opened: empty while there is room.

    A function that is debugged has one environment under the debugger at a time; others of it rest.
    """
    siblings = [slot for slot in slots if slot.version.function == version.function]
    if DEBUGGER.is_debugged(version.function_version.id.function_name):
        if debugged := [slot for slot in siblings if slot.is_debugged]:
            return debugged
    elif len(siblings) >= limits.max_per_function:
        return siblings
    return slots if len(slots) >= limits.max_total else []


def find_victim(slots: Sequence[Slot], candidates: Sequence[Slot], waiter: Waiter, now: float) -> Slot | None:
    """Return the least recently used idle one of the candidates that has to give way to the waiter."""
    return min(
        (
            slot
            for slot in candidates
            if slot.evictable and not slot.is_held and _gives_way(slots, slot, waiter, now)
        ),
        key=lambda slot: slot.idle_since,
        default=None,
    )


def next_look(slots: Sequence[Slot], waiters: Sequence[Waiter], now: float) -> float:
    """Return when the next grace or patience ends that matters to who waits; infinity where none does."""
    ends = [slot.idle_since + IDLE_GRACE_S for slot in slots if slot.evictable]
    if not ends or not waiters:
        return math.inf
    ends += [waiter.since + PATIENCE_S for waiter in waiters]
    # Nobody tells when a debugger lets go of one.
    ends += [now + PATIENCE_S for slot in slots if slot.evictable and slot.is_held]
    return min((at for at in ends if at > now), default=math.inf)


def _gives_way(slots: Sequence[Slot], slot: Slot, waiter: Waiter, now: float) -> bool:
    has_own = any(
        own.state is not SlotState.STOPPING and own.provisioned == waiter.is_provisioning
        for own in of_manager(slots, waiter.version.manager_id)
    )
    if not has_own or now >= slot.idle_since + IDLE_GRACE_S:
        return True
    held = Counter(held.version.function for held in slots)
    is_unfair = held[slot.version.function] >= held[waiter.version.function] + 2
    return is_unfair and now >= waiter.since + PATIENCE_S
