"""Which execution environment serves which invoke: turns, waiting, retirement (`slots.py`: who gives way).

It stands in for LocalStack's `AssignmentService` (`lambda_/invocation/assignment.py`), which starts another
environment whenever none is ready, without bound, and shows it to other invokes before its own has it.

Every environment holds a slot from before its start until after its stop, so that the limits bound what
really exists. Slots and waiting invokes change under one lock; starting and stopping happen outside of it.

Environments start in turn, as many at a time as the machine has CPUs for. An invoke waits in line until there
is an environment for it, whichever that is: the one that was started for it, or one that became free first.
What was started in vain serves a later invoke.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from localstack import config
from localstack.aws.api import ServiceException
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation.assignment import AssignmentException
from localstack.services.lambda_.invocation.execution_environment import (
    EnvironmentStartupTimeoutException,
    ExecutionEnvironment,
    InvalidStatusException,
)
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InitializationType

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.delivery.function_waits import FUNCTION_WAITS
from serverless_harness.emulator.lambda_service.environment_limits import EnvironmentLimits
from serverless_harness.emulator.lambda_service.slots import (
    AssignedEnvironment,
    Slot,
    SlotState,
    Version,
    Waiter,
    crowd,
    find_victim,
    find_warm,
    next_look,
    of_manager,
)
from serverless_harness.emulator.tracing import spans

LOG = logging.getLogger(__name__)

TURN_S = 3.0
"""How long a start keeps others from starting at most: an init that waits for something needs no CPU."""

LOOK_S = 0.5
"""How often an invoke that is in line looks whether it still is."""

RETIRED_KNOWN_S = 3600
"""How long a retired version's late invokes are recognised: LocalStack holds its manager for seconds only."""

STOP_THREADS = 8

START_ERRORS = (StatusErrorException, EnvironmentStartupTimeoutException, ServiceException)
"""What LocalStack's version manager and provider know how to answer."""


class VersionRetiredError(Exception):
    """The version was replaced by an update: its successor serves the invoke."""


class NoLongerWantedError(Exception):
    """Fewer provisioned environments are wanted than when this one was asked for."""


EnvironmentFactory = Callable[[FunctionVersion, InitializationType, str], AssignedEnvironment]
"""Makes an environment, not started, for a version, an initialization type and a version manager's id."""


class AssignmentService:
    """Assigns execution environments to invokes within `limits`; one for all functions.

    The methods from `get_environment` to `stop` are those of LocalStack's class of this name.
    """

    def __init__(
        self,
        limits: EnvironmentLimits | None = None,
        new_environment: EnvironmentFactory | None = None,
        now: Callable[[], float] = clock.elapsed,
    ) -> None:
        """`now` is the clock, in seconds, by which environments are idle and invokes patient."""
        self._now = now
        self.limits = limits or EnvironmentLimits.from_environ()
        self._new_environment = new_environment or _localstack_environment
        self._lock = threading.Lock()
        self._reaper_wakes = threading.Condition(self._lock)
        clock.wake_on_advance(self._reaper_wakes)
        self._wake_at = math.inf
        self._reaper: threading.Thread | None = None
        self._slots: list[Slot] = []
        self._waiters: list[Waiter] = []
        self._retired_managers: dict[str, float] = {}
        """When each was retired (`time.monotonic`)."""
        self._wanted: dict[str, int] = {}
        """How many provisioned environments each version manager wants."""
        self._when_unused: list[tuple[Callable[[Version], bool], Callable[[], None]]] = []
        self._closed = False
        self._provisioning_pool = ThreadPoolExecutor(thread_name_prefix="lambda-provisioning")
        self._starting_pool = ThreadPoolExecutor(self.limits.max_total, thread_name_prefix="lambda-starting")
        self._stopping_pool = ThreadPoolExecutor(STOP_THREADS, thread_name_prefix="lambda-stopping")

    # What LocalStack's version managers and service call

    @contextmanager
    def get_environment(
        self,
        version_manager_id: str,
        function_version: FunctionVersion,
        provisioning_type: InitializationType,
    ) -> Iterator[AssignedEnvironment]:
        """Reserve an environment, waiting for one if need be, and release it at the end.

        An environment whose invoke raises is stopped.

        Raises:
            TooManyRequestsException: none became free within `max_wait_s`
            VersionRetiredError: the version was replaced before the invoke was accepted
        """
        with FUNCTION_WAITS.waiting():
            slot, environment = self._acquire(
                Waiter(Version(version_manager_id, function_version), provisioning_type)
            )
            try:
                yield environment
            except BaseException:
                self._replace(slot)
                raise
            self._end_use(slot, environment)

    def scale_provisioned_concurrency(
        self,
        version_manager_id: str,
        function_version: FunctionVersion,
        target_provisioned_environments: int,
    ) -> list[Future[None]]:
        """Start or retire provisioned environments; one future for each wanted, done when it is up."""
        version = Version(version_manager_id, function_version)
        with self._lock:
            self._wanted[version_manager_id] = target_provisioned_environments
            current = self._provisioned(version_manager_id)
            current.sort(key=lambda slot: slot.state is SlotState.IDLE)
            kept, surplus = (
                current[:target_provisioned_environments],
                current[target_provisioned_environments:],
            )
            self._retire(surplus)
        ready: list[Future[None]] = []
        for _ in kept:
            done: Future[None] = Future()
            done.set_result(None)
            ready.append(done)
        missing = target_provisioned_environments - len(kept)
        return ready + [self._provisioning_pool.submit(self._provision, version) for _ in range(missing)]

    def stop_environments_for_version(self, version_manager_id: str) -> None:
        """Retire the version: idle environments stop now, busy ones after their invoke."""
        with self._lock:
            now = time.monotonic()
            lately = {id_: at for id_, at in self._retired_managers.items() if now - at < RETIRED_KNOWN_S}
            self._retired_managers = {**lately, version_manager_id: now}
            self._wanted.pop(version_manager_id, None)
            self._retire(of_manager(self._slots, version_manager_id))

    def stop(self) -> None:
        """Stop every environment, busy ones too; what waits is refused."""
        with self._lock:
            self._closed = True
            for waiter in self._waiters:
                waiter.granted.set()
            self._waiters.clear()
            slots = [slot for slot in self._slots if slot.state is not SlotState.STOPPING]
            for slot in slots:
                slot.state = SlotState.STOPPING
            self._reaper_wakes.notify_all()
        for slot in slots:
            self._stopping_pool.submit(self._stop, slot)
        self._provisioning_pool.shutdown(cancel_futures=True)
        self._starting_pool.shutdown(wait=False, cancel_futures=True)
        self._stopping_pool.shutdown()
        for _, then in self._when_unused:
            _call_logged(then)

    # What this executor's patches call beyond that

    @property
    def is_closed(self) -> bool:
        """Whether it was stopped, for good."""
        return self._closed

    @property
    def waiting(self) -> int:
        """How many invokes wait for an environment, those left out for which one is being started."""
        with self._lock:
            started_for = [slot.starts_for for slot in self._slots]
            return sum(waiter not in started_for for waiter in self._waiters)

    def environments(self) -> list[dict[str, Any]]:
        """Tell of every environment: shape as in `environment_routes`."""
        with self._lock:
            now = self._now()
            return [_described(slot, now) for slot in self._slots]

    def when_unused(self, uses: Callable[[Version], bool], then: Callable[[], None]) -> None:
        """Call `then`, once, when no environment and no waiting invoke is of a version that `uses` names."""
        with self._lock:
            self._when_unused.append((uses, then))
            self._run_unused()

    # Acquiring

    def _acquire(self, waiter: Waiter) -> tuple[Slot, AssignedEnvironment]:
        deadline = time.monotonic() + self.limits.max_wait_s
        while True:
            slot = self._wait_for_slot(waiter, deadline)
            environment = slot.environment
            if environment is None:
                raise RuntimeError("a slot was granted before its environment was started")
            try:
                environment.reserve()
            except InvalidStatusException as error:
                LOG.debug("Environment %s ended while idle: %s", environment.id, error)
                self._stop_later(slot)
                waiter = Waiter(waiter.version, waiter.provisioning_type)
            else:
                return slot, environment

    def _wait_for_slot(self, waiter: Waiter, deadline: float) -> Slot:
        with self._lock:
            if waiter.version.manager_id in self._retired_managers:
                raise VersionRetiredError(waiter.version.function_version.qualified_arn)
            if not self._closed:
                waiter.since = self._now()
                self._waiters.append(waiter)
                self._dispatch()
        while not self._closed:
            waiter.granted.wait(max(0.0, deadline - time.monotonic()))
            with self._lock:
                if waiter.error is not None:
                    raise waiter.error
                if waiter.slot is not None:
                    return waiter.slot
                if not waiter.in_line:
                    break
                # It waits for a start: that has limits of its own, and isn't what is bounded here.
                deadline = time.monotonic() + LOOK_S
        with self._lock:
            if waiter.slot is not None:
                return waiter.slot
            if self._closed:
                raise ServiceException("The Lambda service is shutting down")
            self._waiters.remove(waiter)
            self._run_unused()
        raise TooManyRequestsException(
            "Rate Exceeded.", Reason="ConcurrentInvocationLimitExceeded", Type="User"
        )

    def _start(self, slot: Slot, victim: Slot | None) -> None:
        """Start the slot's environment once `victim` has stopped; the slot is given up when that fails."""
        if victim is not None:
            self._stop(victim)
        version, waiter = slot.version, slot.starts_for
        try:
            environment = self._new_environment(
                version.function_version, _initialization_type(slot), version.manager_id
            )
            with self._lock:
                if self._closed:
                    raise ServiceException("The Lambda service is shutting down")
                slot.environment = environment
            with spans.within(waiter.span if waiter else None):
                environment.start()
        except BaseException as error:  # noqa: BLE001 (the invoke that it was started for raises it)
            self._fail(slot, error)
            return
        with self._lock:
            if slot.state is SlotState.STARTING:
                self._become_idle(slot)
            else:
                self._refuse(slot, AssignmentException("The environment was stopped as it started"))

    def _fail(self, slot: Slot, error: BaseException) -> None:
        """Give up a slot whose environment didn't start, and tell the invoke that it was started for."""
        if not isinstance(error, START_ERRORS):
            told = AssignmentException(f"Could not start new environment: {type(error).__name__}:{error}")
            told.__cause__ = error
            error = told
        with self._lock:
            self._refuse(slot, error)
        self._give_up(slot)

    def _refuse(self, slot: Slot, error: BaseException) -> None:
        waiter, slot.starts_for = slot.starts_for, None
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            waiter.refuse(error)
        else:
            LOG.warning("An environment of %s did not start: %s", slot.version.function, error)

    def _provision(self, version: Version) -> None:
        waiter = Waiter(version, InitializationType.provisioned_concurrency, is_provisioning=True)
        with suppress(NoLongerWantedError):
            self._wait_for_slot(waiter, time.monotonic() + self.limits.max_wait_s)

    # Releasing

    def _end_use(self, slot: Slot, environment: AssignedEnvironment) -> None:
        try:
            environment.release()
        except InvalidStatusException as error:
            LOG.warning("Environment %s ended during its invoke: %s", environment.id, error)
            self._replace(slot)
        else:
            self._release(slot)

    def _release(self, slot: Slot) -> None:
        with self._lock:
            if slot.state is SlotState.BUSY:
                self._become_idle(slot)

    def _give_up(self, slot: Slot) -> None:
        with self._lock:
            if slot in self._slots:
                self._slots.remove(slot)
            self._dispatch()
            self._run_unused()

    def _retire(self, slots: list[Slot]) -> None:
        """Mark slots as not to be used again; those in use stop when they are released."""
        for slot in slots:
            slot.retired = True
            if slot.state is SlotState.IDLE:
                self._submit_stop(slot)

    def _replace(self, slot: Slot) -> None:
        """Stop an environment that failed; a provisioned one is followed by another."""
        self._stop_later(slot)
        with self._lock:
            if slot.provisioned and not slot.retired and not self._closed:
                self._provisioning_pool.submit(_call_logged, lambda: self._provision(slot.version))

    def _stop_later(self, slot: Slot) -> None:
        with self._lock:
            if slot.state is not SlotState.STOPPING:
                self._submit_stop(slot)

    def _submit_stop(self, slot: Slot) -> None:
        slot.state = SlotState.STOPPING
        if not self._closed:
            self._stopping_pool.submit(self._stop, slot)

    def _stop(self, slot: Slot) -> None:
        try:
            if slot.environment is not None:
                slot.environment.stop()
        except InvalidStatusException as error:
            LOG.debug("Environment had ended before it was stopped: %s", error)
        except Exception:
            LOG.exception("Could not stop an environment of %s", slot.version.function)
        finally:
            self._give_up(slot)

    # Deciding; all of these hold the lock

    def _become_idle(self, slot: Slot) -> None:
        """Serve whoever waits with an environment that has started, or whose invoke has ended."""
        waiter, slot.starts_for = slot.starts_for, None
        if waiter is not None and waiter.is_provisioning:
            self._waiters.remove(waiter)
            waiter.grant(slot)
        slot.state, slot.idle_since = SlotState.IDLE, self._now()
        self._dispatch()
        if slot.retired:
            self._retire([slot])
        elif slot.evictable:
            self._plan_wake(slot.idle_since + self._keepalive_s())

    def _dispatch(self) -> None:
        """Serve the waiting invokes that can be, in the order in which they came."""
        for waiter in list(self._waiters):
            if self._serve(waiter):
                self._waiters.remove(waiter)
        self._plan_eviction()

    def _serve(self, waiter: Waiter) -> bool:
        warm = None if waiter.is_provisioning else find_warm(self._slots, waiter)
        if warm is not None:
            warm.state = SlotState.BUSY
            waiter.grant(warm)
            return True
        if any(slot.starts_for is waiter for slot in self._slots):
            return False
        if waiter.is_provisioning and self._has_all_provisioned(waiter.version.manager_id):
            waiter.refuse(NoLongerWantedError())
            return True
        in_the_way = crowd(self._slots, waiter.version, self.limits)
        victim = find_victim(self._slots, in_the_way, waiter, self._now())
        waiter.in_line = victim is not None or not in_the_way
        if waiter.in_line and self._may_start():
            self._open(waiter, victim)
        return False

    def _has_all_provisioned(self, manager_id: str) -> bool:
        return len(self._provisioned(manager_id)) >= self._wanted.get(manager_id, math.inf)

    def _provisioned(self, manager_id: str) -> list[Slot]:
        """Return the slots of provisioned environments that are there, or are being started, to stay."""
        slots = of_manager(self._slots, manager_id)
        return [s for s in slots if s.provisioned and not s.retired and s.state is not SlotState.STOPPING]

    def _may_start(self) -> bool:
        """Say whether it is the next start's turn; if not, have the waiting ones looked at when it may be."""
        now = self._now()
        turns = [slot.turn_ends for slot in self._slots if slot.state is SlotState.STARTING]
        current = [ends for ends in turns if ends > now]
        if len(current) < self.limits.max_starting:
            return True
        self._plan_wake(min(current))
        return False

    def _open(self, waiter: Waiter, victim: Slot | None) -> None:
        """Open a slot for a waiting invoke, in the place of `victim` where there is no room."""
        if victim is not None:
            victim.state = SlotState.STOPPING
        slot = Slot(
            waiter.version,
            provisioned=waiter.is_provisioning,
            starts_for=waiter,
            turn_ends=self._now() + TURN_S,
            opened_at=self._now(),
            retired=waiter.version.manager_id in self._retired_managers,
        )
        self._slots.append(slot)
        if not self._closed:
            self._starting_pool.submit(self._start, slot, victim)

    def _run_unused(self) -> None:
        if self._closed:
            return
        in_use = [slot.version for slot in self._slots]
        in_use += [waiter.version for waiter in self._waiters]
        for entry in list(self._when_unused):
            uses, then = entry
            if not any(uses(version) for version in in_use):
                self._when_unused.remove(entry)
                self._stopping_pool.submit(_call_logged, then)

    # Keep-alive: one thread for all environments

    def _plan_eviction(self) -> None:
        """Have waiting invokes looked at again when the next grace or patience ends."""
        self._plan_wake(next_look(self._slots, self._waiters, self._now()))

    def _plan_wake(self, at: float) -> None:
        if at >= self._wake_at or self._closed:
            return
        self._wake_at = at
        if self._reaper is None:
            self._reaper = threading.Thread(target=self._reap, name="lambda-keepalive", daemon=True)
            self._reaper.start()
        self._reaper_wakes.notify_all()

    def _reap(self) -> None:
        with self._lock:
            while not self._closed:
                remaining_s = self._wake_at - self._now()
                if remaining_s > 0:
                    self._reaper_wakes.wait(min(remaining_s, threading.TIMEOUT_MAX))
                    continue
                self._wake_at = math.inf
                self._stop_expired()
                self._dispatch()

    def _stop_expired(self) -> None:
        now, keepalive_s = self._now(), self._keepalive_s()
        for slot in self._slots:
            if not slot.evictable:
                continue
            if slot.is_held:
                self._plan_wake(now + keepalive_s)
            elif slot.idle_since + keepalive_s <= now:
                LOG.debug("An environment of %s was idle for %s s", slot.version.function, keepalive_s)
                self._submit_stop(slot)
            else:
                self._plan_wake(slot.idle_since + keepalive_s)

    @staticmethod
    def _keepalive_s() -> float:
        return float(config.LAMBDA_KEEPALIVE_MS) / 1000


def _described(slot: Slot, now: float) -> dict[str, Any]:
    identifier = slot.version.function_version.id
    return {
        "environment_id": slot.environment.id if slot.environment else None,
        "function_name": identifier.function_name,
        "region": identifier.region,
        "version": identifier.qualifier,
        "state": slot.state.name.lower(),
        "provisioned": slot.provisioned,
        "age_s": round(now - slot.opened_at, 3),
        "idle_s": round(now - slot.idle_since, 3) if slot.state is SlotState.IDLE else None,
    }


def _initialization_type(slot: Slot) -> InitializationType:
    if slot.provisioned:
        return InitializationType.provisioned_concurrency
    if slot.version.function_version.config.capacity_provider_config:
        return InitializationType.lambda_managed_instances
    return InitializationType.on_demand


def _localstack_environment(
    function_version: FunctionVersion, initialization_type: InitializationType, version_manager_id: str
) -> AssignedEnvironment:
    environment: AssignedEnvironment = ExecutionEnvironment(
        function_version=function_version,
        initialization_type=initialization_type,
        on_timeout=_no_keepalive_timer,
        version_manager_id=version_manager_id,
    )
    return environment


def _no_keepalive_timer(version_manager_id: str, environment_id: str) -> None:
    """Never called: `AssignmentService` keeps the time itself (see `emulator.patches.lambda_assignment`)."""
    raise AssertionError(f"environment {environment_id} of {version_manager_id} has a timer of its own")


def _call_logged(function: Callable[[], None]) -> None:
    try:
        function()
    except Exception:
        LOG.exception("A task of the assignment of execution environments failed")


_shared_lock = threading.Lock()
_shared: AssignmentService | None = None


def shared_service() -> AssignmentService:
    """Return the service of this LocalStack process; once that is stopped (a load of state), a new one."""
    global _shared  # noqa: PLW0603 - the one place that makes it
    with _shared_lock:
        if _shared is None or _shared.is_closed:
            _shared = AssignmentService()
        return _shared
