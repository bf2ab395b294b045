"""Cold starts take turns, and an invoke takes whatever environment is free first."""

import threading

import pytest
from assignment_support import TIMEOUT_S, Fleet, Invoke
from localstack.aws.api.lambda_ import TooManyRequestsException

from serverless_harness.emulator.lambda_service import assignment
from serverless_harness.emulator.lambda_service.assignment import AssignmentService
from serverless_harness.emulator.lambda_service.environment_limits import EnvironmentLimits
from serverless_harness.testing.eventually import eventually


class Starts:
    """Starts that the test lets through one by one."""

    def __init__(self, fleet):
        self.order = []
        self.most = self.now = 0
        self._lock = threading.Lock()
        self._gates = {}
        fleet.on_start = self._start

    def _start(self, environment):
        with self._lock:
            self.order.append(environment.version.id.function_name)
            gate = self._gates.setdefault(len(self.order) - 1, threading.Event())
            self.now += 1
            self.most = max(self.most, self.now)
        gate.wait(TIMEOUT_S)
        with self._lock:
            self.now -= 1

    def finish(self, number):
        with self._lock:
            self._gates.setdefault(number, threading.Event()).set()

    def finish_all(self):
        for number in range(100):
            self.finish(number)


@pytest.fixture
def fleet():
    return Fleet()


@pytest.fixture
def starts(fleet):
    made = Starts(fleet)
    yield made
    made.finish_all()


@pytest.fixture
def make_service(fleet, starts):
    services = []

    def make(max_starting, max_wait_s=TIMEOUT_S):
        services.append(
            AssignmentService(EnvironmentLimits(10, 20, max_wait_s, max_starting), fleet.new_environment)
        )
        return services[-1]

    yield make
    starts.finish_all()
    for service in services:
        service.stop()


def test_no_more_start_at_a_time_than_there_are_turns(make_service, starts):
    service = make_service(max_starting=2)
    invokes = [Invoke(service, "a") for _ in range(6)]
    eventually(lambda: len(starts.order) == 2 and service.waiting == 4, "two to start, four to wait in line")

    starts.finish_all()
    for invoke in invokes:
        invoke.started()

    assert starts.most == 2
    assert len({invoke.environment for invoke in invokes}) == 6
    for invoke in invokes:
        invoke.finish()


def test_an_invoke_takes_the_environment_that_is_free_first(make_service, starts):
    service = make_service(max_starting=2)
    starts.finish(0)
    busy = Invoke(service, "a").started()
    cold = Invoke(service, "a")
    eventually(lambda: len(starts.order) == 2, "the second to start an environment")

    busy.finish()

    assert cold.started().environment is busy.environment
    cold.finish()


def test_what_was_started_in_vain_serves_a_later_invoke(make_service, starts, fleet):
    service = make_service(max_starting=1)
    starts.finish(0)
    busy = Invoke(service, "a").started()
    cold = Invoke(service, "a")
    eventually(lambda: len(starts.order) == 2, "the second to start an environment")
    busy.finish()
    cold.started()
    starts.finish(1)

    later = Invoke(service, "a").started()

    assert later.environment is not cold.environment
    assert fleet.started_total == 2
    cold.finish()
    later.finish()


def test_an_invoke_that_found_another_environment_starts_none(make_service, starts):
    service = make_service(max_starting=1)
    starts.finish(0)
    busy = Invoke(service, "a").started()
    other = Invoke(service, "b")
    eventually(lambda: starts.order == ["a", "b"], "b to start")
    in_line = Invoke(service, "a")
    eventually(lambda: service.waiting == 1, "a to wait for its turn")

    busy.finish()
    in_line.started().finish()
    starts.finish(1)
    other.started().finish()

    assert starts.order == ["a", "b"]


def test_turns_are_taken_in_the_order_of_the_invokes(make_service, starts):
    service = make_service(max_starting=1)
    invokes = []
    for position, name in enumerate("abcd"):
        invokes.append(Invoke(service, name))
        eventually(
            lambda count=position: len(starts.order) == 1 and service.waiting == count, f"{name} to wait"
        )

    starts.finish_all()
    for invoke in invokes:
        invoke.started().finish()

    assert starts.order == ["a", "b", "c", "d"]


def test_waiting_for_a_turn_is_not_bounded_by_the_wait_for_an_environment(make_service, starts, monkeypatch):
    monkeypatch.setattr(assignment, "LOOK_S", 0.01)
    service = make_service(max_starting=1, max_wait_s=0.01)
    first, in_line = Invoke(service, "a"), Invoke(service, "b")
    eventually(lambda: len(starts.order) == 1, "the first to start")
    assert not in_line.running.wait(0.1)

    starts.finish_all()

    first.started().finish()
    in_line.started().finish()


def test_at_the_limit_of_environments_the_wait_is_bounded_as_ever(fleet):
    service = AssignmentService(EnvironmentLimits(1, 1, 0.01, 1), fleet.new_environment)
    busy = Invoke(service, "a").started()

    with pytest.raises(TooManyRequestsException):
        Invoke(service, "a").started()

    busy.finish()
    service.stop()


def test_an_init_that_takes_long_gives_its_turn_up(make_service, starts, monkeypatch):
    monkeypatch.setattr(assignment, "TURN_S", 0.05)
    service = make_service(max_starting=1)
    slow = Invoke(service, "slow")
    eventually(lambda: len(starts.order) == 1, "the slow one to start")
    quick = Invoke(service, "quick")
    starts.finish(1)

    quick.started().finish()

    assert not slow.running.is_set()
    starts.finish(0)
    slow.started().finish()


def test_a_start_that_fails_passes_its_turn_on(make_service, fleet):
    service = make_service(max_starting=1)
    failing = threading.Event()

    def fail_once(environment):
        if not failing.is_set():
            failing.set()
            raise RuntimeError("no disk")

    fleet.on_start = fail_once
    invokes = [Invoke(service, "a"), Invoke(service, "a")]
    for invoke in invokes:
        assert invoke.running.wait(TIMEOUT_S)

    assert sorted(str(invoke.error) for invoke in invokes) == [
        "Could not start new environment: RuntimeError:no disk",
        "None",
    ]
    for invoke in invokes:
        invoke.finish()
