import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from assignment_support import (
    ON_DEMAND,
    PROVISIONED,
    TIMEOUT_S,
    Fleet,
    Invoke,
    function_version,
    is_waiting,
)
from localstack import config
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation.assignment import AssignmentException
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException

from serverless_harness.emulator.lambda_service import assignment, slots
from serverless_harness.emulator.lambda_service.assignment import (
    AssignmentService,
    VersionRetiredError,
)
from serverless_harness.emulator.lambda_service.environment_limits import EnvironmentLimits
from serverless_harness.emulator.lambda_service.slots import PATIENCE_S, SlotState
from serverless_harness.testing.eventually import eventually


@pytest.fixture
def fleet():
    return Fleet()


@pytest.fixture
def make_service(fleet):
    services = []

    def make(max_per_function=4, max_total=10, max_wait_s=TIMEOUT_S, max_starting=10, now=time.monotonic):
        limits = EnvironmentLimits(max_per_function, max_total, max_wait_s, max_starting)
        services.append(AssignmentService(limits, fleet.new_environment, now))
        return services[-1]

    yield make
    for service in services:
        service.stop()
    assert not fleet.alive, "environments were left behind"


def test_a_warm_environment_is_reused(make_service, fleet):
    service = make_service()
    first = Invoke(service, "a").started().finish()
    second = Invoke(service, "a").started().finish()
    assert second.environment is first.environment
    assert fleet.started_total == 1


def test_environments_are_told_with_what_they_do_and_since_when(make_service):
    now = [100.0]
    service = make_service(now=lambda: now[0])
    busy = Invoke(service, "a").started()
    idle = Invoke(service, "b").started()
    now[0] = 130.0
    idle.finish()
    now[0] = 137.5
    told = {each["function_name"]: each for each in service.environments()}
    assert (told["a"]["state"], told["a"]["age_s"], told["a"]["idle_s"]) == ("busy", 37.5, None)
    assert (told["b"]["state"], told["b"]["age_s"], told["b"]["idle_s"]) == ("idle", 37.5, 7.5)
    assert told["a"]["environment_id"] == busy.environment.id
    assert not told["a"]["provisioned"]
    busy.finish()


def test_the_environment_used_last_is_reused_first(make_service):
    service = make_service()
    early, late = Invoke(service, "a").started(), Invoke(service, "a").started()
    early.finish()
    late.finish()
    assert Invoke(service, "a").started().finish().environment is late.environment


def test_parallel_invokes_have_environments_of_their_own_and_one_after_them_is_warm(make_service, fleet):
    service = make_service(max_per_function=10)
    invokes = [Invoke(service, "a") for _ in range(10)]
    for invoke in invokes:
        invoke.started()
    assert len({invoke.environment for invoke in invokes}) == 10
    for invoke in invokes:
        invoke.finish()
    Invoke(service, "a").started().finish()
    assert fleet.started_total == 10


def test_a_starting_environment_is_not_given_to_another_invoke(make_service, fleet):
    service = make_service()
    gate = threading.Event()
    fleet.on_start = lambda environment: gate.wait(TIMEOUT_S)
    first, second = Invoke(service, "a"), Invoke(service, "a")
    eventually(lambda: len(fleet.alive) == 2, "both to start an environment")
    gate.set()
    assert first.started().environment is not second.started().environment
    first.finish()
    second.finish()


def test_at_the_limit_of_its_function_an_invoke_waits_for_a_free_environment(make_service, fleet):
    service = make_service(max_per_function=1)
    first = Invoke(service, "a").started()
    second = Invoke(service, "a")
    eventually(is_waiting(service, 1), "the second to wait")
    first.finish()
    assert second.started().finish().environment is first.environment
    assert fleet.started_total == 1


def test_waiting_invokes_are_served_in_order(make_service):
    service = make_service(max_per_function=1)
    holder = Invoke(service, "a").started()
    waiting = []
    for position in range(1, 6):
        waiting.append(Invoke(service, "a"))
        eventually(is_waiting(service, position), f"invoke {position} to wait")
    holder.finish()
    for index, invoke in enumerate(waiting):
        invoke.started()
        assert not any(later.running.is_set() for later in waiting[index + 1 :])
        invoke.finish()


def test_an_idle_environment_of_another_function_gives_way_the_least_recently_used_first(make_service, fleet):
    service = make_service(max_total=2)
    for name in ("a", "b"):
        Invoke(service, name).started().finish()
    Invoke(service, "c").started().finish()
    assert fleet.names() == ["b", "c"]
    assert fleet.most_alive == 2


def test_the_evicted_environment_has_stopped_before_the_new_one_starts(make_service, fleet):
    service = make_service(max_total=1)
    events = []
    fleet.on_start = lambda environment: events.append(f"start {environment.version.id.function_name}")
    fleet.on_stop = lambda environment: events.append(f"stop {environment.version.id.function_name}")
    Invoke(service, "a").started().finish()
    Invoke(service, "b").started().finish()
    assert events == ["start a", "stop a", "start b"]


def test_an_evicted_environment_counts_and_uses_its_version_until_it_has_stopped(make_service, fleet):
    service = make_service(max_per_function=1, max_total=2)
    gate, unused = threading.Event(), threading.Event()
    fleet.on_stop = lambda environment: gate.wait(TIMEOUT_S)
    Invoke(service, "a").started().finish()
    busy = Invoke(service, "b").started()
    newcomer = Invoke(service, "c")
    eventually(lambda: service._slots[0].state is SlotState.STOPPING, "a to be evicted")
    again = Invoke(service, "a", "a-next")
    eventually(is_waiting(service, 1), "a to wait for its own place")
    service.when_unused(lambda version: version.manager_id == "a", unused.set)
    busy.finish()
    assert not again.running.is_set()
    assert not unused.is_set()
    gate.set()
    newcomer.started().finish()
    again.started().finish()
    assert unused.wait(TIMEOUT_S)
    assert (fleet.most_alive, fleet.most_alive_per_function) == (2, 1)


def test_a_function_without_environments_gets_the_next_that_becomes_free(make_service, fleet):
    service = make_service(max_per_function=2, max_total=2)
    holders = [Invoke(service, "a").started() for _ in range(2)]
    newcomer = Invoke(service, "b")
    eventually(is_waiting(service, 1), "b to wait")
    later = Invoke(service, "a")
    eventually(is_waiting(service, 2), "a to wait")
    holders[0].finish()
    newcomer.started()
    assert fleet.names() == ["a", "b"]
    assert not later.running.is_set()
    newcomer.finish()
    holders[1].finish()
    later.started().finish()


def test_two_busy_functions_do_not_take_each_others_environments(make_service, fleet, monkeypatch):
    monkeypatch.setattr(slots, "IDLE_GRACE_S", 60)
    monkeypatch.setattr(slots, "PATIENCE_S", 60)
    service = make_service(max_per_function=2, max_total=2)
    a, b = Invoke(service, "a").started(), Invoke(service, "b").started()
    waiting_a, waiting_b = Invoke(service, "a"), Invoke(service, "b")
    eventually(is_waiting(service, 2), "both to wait")
    b.finish()
    assert waiting_b.started().finish().environment is b.environment
    assert not waiting_a.running.is_set()
    a.finish()
    assert waiting_a.started().finish().environment is a.environment
    assert fleet.started_total == 2


def test_an_environment_idle_for_the_grace_gives_way_to_a_busy_function(make_service, fleet, monkeypatch):
    monkeypatch.setattr(slots, "IDLE_GRACE_S", 0.05)
    service = make_service(max_per_function=2, max_total=2)
    Invoke(service, "b").started().finish()
    holder = Invoke(service, "a").started()
    second = Invoke(service, "a").started()
    assert fleet.names() == ["a", "a"]
    second.finish()
    holder.finish()


def test_a_function_that_waits_gets_a_fairer_share_and_no_more(make_service, fleet):
    clock = SimpleNamespace(now_s=100.0)
    service = make_service(max_per_function=4, max_total=4, now=lambda: clock.now_s)
    few = [Invoke(service, "few").started()]
    many = [Invoke(service, "many").started() for _ in range(3)]
    waiting = [Invoke(service, "few"), Invoke(service, "few")]
    eventually(is_waiting(service, 2), "two invokes to wait")
    clock.now_s += PATIENCE_S
    many[0].finish()
    eventually(is_waiting(service, 1), "one of them to get the idle environment")
    many[1].finish()
    assert is_waiting(service, 1)()
    eventually(lambda: fleet.names() == ["few", "few", "many", "many"], "few to have its share")
    few[0].finish()
    for invoke in waiting:
        invoke.started().finish()
    many[2].finish()
    assert fleet.started_total == 5


def test_an_impatient_invoke_is_looked_at_again_without_anything_happening(make_service, fleet, monkeypatch):
    monkeypatch.setattr(slots, "IDLE_GRACE_S", 60)
    monkeypatch.setattr(slots, "PATIENCE_S", 0.05)
    service = make_service(max_per_function=3, max_total=4)
    few = Invoke(service, "few").started()
    for invoke in [Invoke(service, "many").started() for _ in range(3)]:
        invoke.finish()
    Invoke(service, "few").started().finish()
    assert fleet.names() == ["few", "few", "many", "many"]
    few.finish()


def test_an_invoke_is_throttled_after_the_bound_and_the_next_is_served(make_service):
    service = make_service(max_per_function=1, max_wait_s=0.05)
    holder = Invoke(service, "a").started()
    with pytest.raises(TooManyRequestsException) as throttled:
        Invoke(service, "a").started()
    assert throttled.value.status_code == 429
    assert throttled.value.Reason == "ConcurrentInvocationLimitExceeded"
    assert not service._waiters
    holder.finish()
    Invoke(service, "a").started().finish()


def test_nested_invokes_at_the_limit_end_in_throttling_not_in_a_deadlock(make_service):
    service = make_service(max_total=2, max_wait_s=0.05)
    outer = [Invoke(service, "outer").started() for _ in range(2)]
    with pytest.raises(TooManyRequestsException):
        Invoke(service, "inner").started()
    for invoke in outer:
        invoke.finish()
    Invoke(service, "inner").started().finish()


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (StatusErrorException("init", payload=b"{}"), StatusErrorException),
        (OSError("no more processes"), AssignmentException),
    ],
)
def test_a_failed_start_frees_its_slot(make_service, fleet, error, raised):
    service = make_service(max_per_function=1, max_total=1)

    def fail(_environment):
        raise error

    fleet.on_start = fail
    for _ in range(3):
        with pytest.raises(raised):
            Invoke(service, "a").started()
    fleet.on_start = lambda _environment: None
    Invoke(service, "a").started().finish()


def test_a_failed_start_passes_its_turn_on(make_service, fleet):
    service = make_service(max_per_function=1)
    gate = threading.Event()

    def fail_once(environment):
        assert gate.wait(TIMEOUT_S)
        if environment.id == "a-0":
            raise OSError("no")

    fleet.on_start = fail_once
    first, second = Invoke(service, "a"), Invoke(service, "a")
    eventually(is_waiting(service, 1), "the second to wait")
    gate.set()
    outcomes = []
    for invoke in (first, second):
        invoke.running.wait(TIMEOUT_S)
        outcomes.append(type(invoke.error))
        invoke.finish()
    assert outcomes.count(AssignmentException) == 1
    assert outcomes.count(type(None)) == 1


def test_an_environment_whose_invoke_raised_is_stopped(make_service, fleet):
    service = make_service(max_per_function=1)
    failed = Invoke(service, "a").started().finish(RuntimeError("connection lost"))
    assert isinstance(failed.error, RuntimeError)
    assert Invoke(service, "a").started().finish().environment is not failed.environment
    assert fleet.most_alive == 1


def test_an_environment_that_ended_while_idle_is_replaced(make_service, fleet):
    service = make_service(max_per_function=1)
    first = Invoke(service, "a").started().finish()
    first.environment.stop()
    assert Invoke(service, "a").started().finish().environment is not first.environment


def test_an_environment_that_ended_in_its_invoke_keeps_the_result(make_service):
    service = make_service(max_per_function=1)
    invoke = Invoke(service, "a").started()
    invoke.environment.stop()
    assert invoke.finish().error is None
    Invoke(service, "a").started().finish()


def test_idle_environments_stop_after_the_keep_alive_in_one_thread(make_service, fleet, monkeypatch):
    # Longer than a busy machine keeps the test waiting between two invokes.
    monkeypatch.setattr(config, "LAMBDA_KEEPALIVE_MS", 1000)
    before = set(threading.enumerate())
    service = make_service()
    for _ in range(20):
        Invoke(service, "a").started().finish()
    started = set(threading.enumerate()) - before
    assert sum("lambda-keepalive" in thread.name for thread in started) == 1
    assert not [thread for thread in started if isinstance(thread, threading.Timer)]
    eventually(lambda: not fleet.alive, "the idle environment to stop")
    assert fleet.started_total == 1
    Invoke(service, "a").started().finish()
    assert fleet.started_total == 2


def test_a_busy_environment_outlives_the_keep_alive(make_service, fleet, monkeypatch):
    monkeypatch.setattr(config, "LAMBDA_KEEPALIVE_MS", 10)
    service = make_service()
    holder = Invoke(service, "a").started()
    Invoke(service, "b").started().finish()
    eventually(lambda: fleet.names() == ["a"], "the idle one to stop")
    assert holder.finish().error is None


def test_an_update_stops_idle_environments_at_once_and_busy_ones_after_their_invoke(make_service, fleet):
    service = make_service()
    busy, idle = Invoke(service, "a", "a1").started(), Invoke(service, "a", "a1").started()
    idle.finish()
    service.stop_environments_for_version("a1")
    eventually(lambda: fleet.alive == {busy.environment}, "the idle one to stop")
    assert busy.finish().error is None
    eventually(lambda: not fleet.alive, "the busy one to stop")


def test_an_invoke_after_the_update_is_told_and_one_that_waited_is_served(make_service, fleet):
    service = make_service(max_per_function=1)
    holder = Invoke(service, "a", "a1").started()
    waiting = Invoke(service, "a", "a1")
    eventually(is_waiting(service, 1), "an invoke to wait")
    service.stop_environments_for_version("a1")
    with pytest.raises(VersionRetiredError):
        Invoke(service, "a", "a1").started()
    holder.finish()
    assert waiting.started().finish().error is None
    eventually(lambda: not fleet.alive, "the retired environment to stop")


def test_versions_that_were_retired_long_ago_are_forgotten(make_service, monkeypatch):
    service = make_service()
    service.stop_environments_for_version("a1")
    service.stop_environments_for_version("a2")
    assert service._retired_managers.keys() == {"a1", "a2"}
    monkeypatch.setattr(assignment, "RETIRED_KNOWN_S", 0)
    service.stop_environments_for_version("a3")
    assert service._retired_managers.keys() == {"a3"}


def test_a_retired_version_is_reported_unused_once_its_last_invoke_ended(make_service):
    service = make_service()
    unused = threading.Event()
    holder = Invoke(service, "a", "a1").started()
    service.stop_environments_for_version("a1")
    service.when_unused(lambda version: version.manager_id == "a1", unused.set)
    assert not unused.is_set()
    holder.finish()
    assert unused.wait(TIMEOUT_S)


def test_a_version_without_environments_is_unused_at_once(make_service):
    unused = threading.Event()
    make_service().when_unused(lambda version: version.manager_id == "a1", unused.set)
    assert unused.wait(TIMEOUT_S)


def test_another_version_of_the_function_gives_way_at_the_functions_limit(make_service, fleet):
    service = make_service(max_per_function=1)
    Invoke(service, "a", "a1", version=function_version("a", "1")).started().finish()
    Invoke(service, "a", "a2", version=function_version("a", "2")).started().finish()
    assert [environment.manager_id for environment in fleet.alive] == ["a2"]


def results(futures):
    return [future.result(TIMEOUT_S) for future in futures]


def test_provisioned_environments_serve_their_lease_and_are_not_evicted(make_service, fleet):
    service = make_service(max_total=3)
    assert results(service.scale_provisioned_concurrency("a", function_version("a"), 2)) == [None, None]
    assert {environment.initialization_type for environment in fleet.alive} == {PROVISIONED}
    warm = Invoke(service, "a", lease=PROVISIONED).started()
    assert warm.environment.initialization_type == PROVISIONED
    cold = Invoke(service, "a").started()
    assert cold.environment.initialization_type == ON_DEMAND
    cold.finish()
    warm.finish()
    Invoke(service, "b").started().finish()
    assert fleet.names() == ["a", "a", "b"]


def test_provisioned_environments_outlive_the_keep_alive(make_service, fleet, monkeypatch):
    monkeypatch.setattr(config, "LAMBDA_KEEPALIVE_MS", 10)
    service = make_service()
    results(service.scale_provisioned_concurrency("a", function_version("a"), 1))
    Invoke(service, "a", lease=PROVISIONED).started().finish()
    Invoke(service, "b").started().finish()
    eventually(lambda: fleet.names() == ["a"], "the environment on demand to stop")


def test_provisioned_concurrency_scales_by_the_difference(make_service, fleet):
    service = make_service()
    version = function_version("a")
    results(service.scale_provisioned_concurrency("a", version, 1))
    kept = set(fleet.alive)
    assert len(results(service.scale_provisioned_concurrency("a", version, 3))) == 3
    assert kept < fleet.alive
    results(service.scale_provisioned_concurrency("a", version, 0))
    eventually(lambda: not fleet.alive, "all to stop")
    assert fleet.started_total == 3


def test_provisioned_environments_that_wait_for_their_turn_are_started_only_while_they_are_wanted(
    make_service, fleet
):
    service = make_service(max_starting=1)
    version = function_version("a")
    asked_for = service.scale_provisioned_concurrency("a", version, 4)
    results(service.scale_provisioned_concurrency("a", version, 1))
    results(asked_for)
    eventually(lambda: len(fleet.alive) == 1, "one environment to stay")
    results(service.scale_provisioned_concurrency("a", version, 2))
    assert len(fleet.alive) == 2


def test_a_lease_beyond_the_provisioned_environments_spills_over(make_service):
    service = make_service()
    results(service.scale_provisioned_concurrency("a", function_version("a"), 1))
    first = Invoke(service, "a", lease=PROVISIONED).started()
    second = Invoke(service, "a", lease=PROVISIONED).started()
    assert second.environment.initialization_type == ON_DEMAND
    first.finish()
    second.finish()


def test_a_provisioned_environment_that_failed_is_replaced(make_service, fleet):
    service = make_service()
    results(service.scale_provisioned_concurrency("a", function_version("a"), 1))
    failed = Invoke(service, "a", lease=PROVISIONED).started()
    failed.finish(RuntimeError("connection lost"))
    eventually(
        lambda: fleet.started_total == 2 and failed.environment not in fleet.alive,
        "another provisioned environment",
    )
    assert {environment.initialization_type for environment in fleet.alive} == {PROVISIONED}


def test_provisioning_beyond_the_limit_fails_after_the_bound(make_service):
    service = make_service(max_per_function=1, max_wait_s=0.05)
    futures = service.scale_provisioned_concurrency("a", function_version("a"), 2)
    outcomes = [future.exception(TIMEOUT_S) for future in futures]
    assert [type(outcome) for outcome in outcomes].count(TooManyRequestsException) == 1


def test_stop_ends_busy_environments_and_refuses_waiting_invokes(fleet):
    service = AssignmentService(EnvironmentLimits(1, 1, TIMEOUT_S, 1), fleet.new_environment)
    busy = Invoke(service, "a").started()
    waiting = Invoke(service, "a")
    eventually(is_waiting(service, 1), "an invoke to wait")
    cleaned = threading.Event()
    service.when_unused(lambda version: version.manager_id == "a", cleaned.set)
    service.stop()
    assert not fleet.alive
    assert cleaned.is_set()
    waiting.running.wait(TIMEOUT_S)
    assert "shutting down" in str(waiting.error)
    assert busy.finish().error is None


@pytest.mark.parametrize("seed", range(4))
def test_under_stress_no_invoke_is_lost_and_no_limit_exceeded(make_service, fleet, monkeypatch, seed):
    """Six functions, more clients than environments, failing starts and invokes, updates in between."""
    monkeypatch.setattr(config, "LAMBDA_KEEPALIVE_MS", 3)
    monkeypatch.setattr(slots, "IDLE_GRACE_S", 0.002)
    service = make_service(max_per_function=3, max_total=5, max_wait_s=TIMEOUT_S)
    choice = random.Random(seed)
    generations = dict.fromkeys("abcdef", 0)

    def unreliable(environment):
        time.sleep(0.001)
        if environment.id.endswith("7"):
            raise OSError("fork failed")

    fleet.on_start = unreliable
    fleet.on_stop = lambda environment: time.sleep(0.001)

    def invoke(name, hold_s, fails):
        while True:
            manager_id = f"{name}{generations[name]}"
            try:
                with service.get_environment(manager_id, function_version(name), ON_DEMAND) as environment:
                    assert environment.manager_id == manager_id
                    assert environment.status == "invoking"
                    time.sleep(hold_s)
                    if fails:
                        raise RuntimeError("invoke failed")
                return "ok"
            except VersionRetiredError:
                continue
            except AssignmentException:
                return "start failed"
            except RuntimeError:
                return "invoke failed"

    def update(name):
        old = f"{name}{generations[name]}"
        generations[name] += 1
        service.stop_environments_for_version(old)

    with ThreadPoolExecutor(24) as clients:
        invokes = []
        for number in range(600):
            name = choice.choice("aaabbcdef")
            invokes.append(clients.submit(invoke, name, choice.random() / 300, choice.random() < 0.05))
            if number % 50 == 49:
                update(choice.choice("abcdef"))
        outcomes = [future.result(60) for future in invokes]
    assert len(outcomes) == 600
    assert outcomes.count("ok") > 400
    assert fleet.most_alive <= 5
    assert fleet.most_alive_per_function <= 3
    assert not service._waiters
    eventually(lambda: not fleet.alive, "the keep-alive to end every environment")
    assert not service._slots
