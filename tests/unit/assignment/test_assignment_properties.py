"""Any order of invokes, ends, failures and updates: no limit is exceeded, and no invoke waits in vain."""

import pytest
from assignment_support import TIMEOUT_S, Fleet, Invoke, function_version
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from serverless_harness.emulator.lambda_service import slots
from serverless_harness.emulator.lambda_service.assignment import AssignmentService
from serverless_harness.emulator.lambda_service.environment_limits import EnvironmentLimits
from serverless_harness.emulator.lambda_service.slots import SlotState
from serverless_harness.testing.eventually import eventually

FUNCTIONS = "abc"


class Assignments(RuleBasedStateMachine):
    """Invokes are threads that hold their environment until the machine ends them."""

    @initialize(per_function=st.integers(1, 3), total=st.integers(1, 5))
    def begin(self, per_function, total):
        self.limits = EnvironmentLimits(min(per_function, total), total, TIMEOUT_S, max_starting=2)
        self.fleet = Fleet()
        self.service = AssignmentService(self.limits, self.fleet.new_environment)
        self.generations = dict.fromkeys(FUNCTIONS, 0)
        self.invokes = []

    def teardown(self):
        if not hasattr(self, "service"):
            return
        while self.invokes:
            running = [invoke for invoke in self.invokes if invoke.running.is_set()]
            assert running, "invokes wait that nothing will ever serve"
            for invoke in running:
                assert invoke.finish().error is None
                self.invokes.remove(invoke)
            self.settle()
        self.service.stop()
        assert not self.fleet.alive

    def settle(self):
        """Wait until nothing starts or stops any more, and every invoke either runs or waits."""
        service = self.service

        def is_settled():
            with service._lock:
                moving = [s for s in service._slots if s.state in (SlotState.STARTING, SlotState.STOPPING)]
                running = sum(invoke.running.is_set() for invoke in self.invokes)
                return not moving and running + len(service._waiters) == len(self.invokes)

        eventually(is_settled, "the environments to settle")

    @rule(name=st.sampled_from(FUNCTIONS))
    def invoke(self, name):
        self.invokes.append(Invoke(self.service, name, f"{name}{self.generations[name]}"))
        self.settle()

    @precondition(lambda self: any(invoke.running.is_set() for invoke in self.invokes))
    @rule(data=st.data(), fails=st.booleans())
    def end(self, data, fails):
        running = [index for index, invoke in enumerate(self.invokes) if invoke.running.is_set()]
        invoke = self.invokes.pop(data.draw(st.sampled_from(running)))
        invoke.finish(RuntimeError("lost its connection") if fails else None)
        self.settle()

    @rule(name=st.sampled_from(FUNCTIONS))
    def update(self, name):
        self.service.stop_environments_for_version(f"{name}{self.generations[name]}")
        self.generations[name] += 1
        self.settle()

    @rule(name=st.sampled_from(FUNCTIONS), wanted=st.integers(0, 1))
    def provision(self, name, wanted):
        """Scale where there is room, so that it needn't wait, and where a place is left for other invokes."""
        siblings = [e for e in self.fleet.alive if e.version.id.function_name == name]
        is_full = len(self.fleet.alive) + 1 >= self.limits.max_total
        if wanted and (is_full or len(siblings) + 1 >= self.limits.max_per_function or self.service._waiters):
            return
        manager_id = f"{name}{self.generations[name]}"
        futures = self.service.scale_provisioned_concurrency(manager_id, function_version(name), wanted)
        assert [future.result(TIMEOUT_S) for future in futures] == [None] * wanted
        self.settle()

    @invariant()
    def no_limit_is_exceeded(self):
        if hasattr(self, "fleet"):
            assert self.fleet.most_alive <= self.limits.max_total
            assert self.fleet.most_alive_per_function <= self.limits.max_per_function

    @invariant()
    def no_invoke_waits_in_vain(self):
        if not hasattr(self, "service"):
            return
        slots = self.service._slots
        for waiter in self.service._waiters:
            manager_id, function = waiter.version.manager_id, waiter.version.function
            own = [slot for slot in slots if slot.version.manager_id == manager_id]
            siblings = [slot for slot in slots if slot.version.function == function]
            assert not [slot for slot in own if slot.state is SlotState.IDLE and not slot.provisioned]
            assert len(siblings) >= self.limits.max_per_function or len(slots) >= self.limits.max_total
            if not [slot for slot in own if not slot.provisioned]:
                crowd = siblings if len(siblings) >= self.limits.max_per_function else slots
                assert not [slot for slot in crowd if slot.evictable]

    @invariant()
    def a_retired_environment_is_never_idle(self):
        if hasattr(self, "service"):
            assert not [s for s in self.service._slots if s.retired and s.state is SlotState.IDLE]


@pytest.fixture(autouse=True)
def no_clock(monkeypatch):
    """Only what happens decides, not how long it took."""
    monkeypatch.setattr(slots, "IDLE_GRACE_S", 1e6)
    monkeypatch.setattr(slots, "PATIENCE_S", 1e6)


TestAssignments = Assignments.TestCase
TestAssignments.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
