"""A function under the debugger: one environment at a time, which stays as long as somebody looks at it."""

import time

import pytest
from assignment_support import TIMEOUT_S, Fleet, Invoke, is_waiting
from localstack import config
from localstack.aws.api.lambda_ import TooManyRequestsException

from serverless_harness.emulator.lambda_service import slots
from serverless_harness.emulator.lambda_service.assignment import AssignmentService
from serverless_harness.emulator.lambda_service.environment_limits import EnvironmentLimits
from serverless_harness.testing.eventually import eventually


class Debugger:
    """Stands for the registry; an environment that starts while its function is debugged is connected."""

    def __init__(self):
        self.functions, self.linked, self.connected = set(), set(), set()

    def on_start(self, environment):
        if environment.version.id.function_name in self.functions:
            self.linked.add(environment.id)
            self.connected.add(environment.id)

    def is_debugged(self, function_name):
        return function_name in self.functions

    def has(self, environment_id):
        return environment_id in self.linked

    def fits(self, environment_id, function_name):
        if function_name in self.functions:
            return environment_id in self.connected
        return environment_id not in self.linked


@pytest.fixture
def debugger(monkeypatch):
    debugger = Debugger()
    monkeypatch.setattr(slots, "DEBUGGER", debugger)
    return debugger


@pytest.fixture
def fleet(debugger):
    fleet = Fleet()
    fleet.on_start = debugger.on_start
    return fleet


@pytest.fixture
def make_service(fleet):
    services = []

    def make(max_per_function=4, max_total=10, max_wait_s=TIMEOUT_S):
        limits = EnvironmentLimits(max_per_function, max_total, max_wait_s, max_starting=10)
        services.append(AssignmentService(limits, fleet.new_environment, time.monotonic))
        return services[-1]

    yield make
    for service in services:
        service.stop()
    assert not fleet.alive, "environments were left behind"


def test_one_environment_is_debugged_at_a_time(make_service, fleet, debugger):
    service = make_service()
    debugger.functions.add("a")
    first = Invoke(service, "a").started()
    second = Invoke(service, "a")
    Invoke(service, "b").started().finish()
    eventually(is_waiting(service, 1))
    assert fleet.names() == ["a", "b"]
    first.finish()
    assert second.started().finish().environment is first.environment


def test_who_waits_too_long_is_throttled(make_service, debugger):
    service = make_service(max_wait_s=0.1)
    debugger.functions.add("a")
    first = Invoke(service, "a").started()
    with pytest.raises(TooManyRequestsException):
        Invoke(service, "a").started()
    first.finish()


def test_environments_from_before_rest_and_serve_again_afterwards(make_service, debugger):
    service = make_service()
    before = Invoke(service, "a").started().finish()
    debugger.functions.add("a")
    meanwhile = Invoke(service, "a").started().finish()
    again = Invoke(service, "a").started().finish()
    debugger.functions.clear()
    after = Invoke(service, "a").started().finish()
    assert meanwhile.environment is again.environment is not before.environment
    assert after.environment is before.environment


def test_the_next_environment_comes_when_the_client_has_gone(make_service, fleet, debugger):
    service = make_service()
    debugger.functions.add("a")
    first = Invoke(service, "a").started().finish()
    debugger.connected.clear()
    second = Invoke(service, "a").started().finish()
    assert second.environment is not first.environment
    eventually(lambda: fleet.names() == ["a"])


def test_it_gives_way_to_no_other_function_while_it_is_held(make_service, debugger):
    service = make_service(max_total=1, max_per_function=1)
    debugger.functions.add("a")
    Invoke(service, "a").started().finish()
    other = Invoke(service, "b")
    eventually(is_waiting(service, 1))
    debugger.connected.clear()
    other.started().finish()


def test_it_is_not_stopped_for_being_idle_while_it_is_held(make_service, fleet, debugger, monkeypatch):
    monkeypatch.setattr(config, "LAMBDA_KEEPALIVE_MS", 50)
    service = make_service()
    debugger.functions.add("a")
    Invoke(service, "a").started().finish()
    Invoke(service, "b").started().finish()
    eventually(lambda: "b" not in fleet.names())
    assert fleet.names() == ["a"]
    debugger.connected.clear()
    eventually(lambda: fleet.names() == [])
