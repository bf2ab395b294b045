"""Throttled asynchronous events: one goes for each invoke that ends, the others after delays of their own."""

from types import SimpleNamespace

import pytest
from localstack.aws.api.lambda_ import InvalidParameterValueException

from serverless_harness.emulator.lambda_service import event_retries, provisioning
from serverless_harness.emulator.lambda_service.environment_limits import EnvironmentLimits
from serverless_harness.emulator.lambda_service.throttled_events import ThrottledEvents

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


@pytest.fixture
def delayed():
    return []


@pytest.fixture
def events(delayed):
    return ThrottledEvents(lambda delay_s, call: delayed.append((delay_s, call)))


def test_an_event_goes_once_after_its_delay_or_when_there_is_room(events, delayed):
    sent = []
    events.wait(ARN, 1, lambda: sent.append("first"))
    events.wait(ARN, 2, lambda: sent.append("second"))
    events.has_room(ARN)
    assert sent == ["first"]
    for _, call in delayed:
        call()
        call()
    assert sent == ["first", "second"]
    events.has_room(ARN)
    assert sent == ["first", "second"]
    assert [delay_s for delay_s, _ in delayed] == [1, 2]


def test_what_belonged_to_another_state_is_not_sent(events, delayed):
    sent = []
    events.wait(ARN, 1, lambda: sent.append("former"))
    events.forget()
    events.has_room(ARN)
    for _, call in delayed:
        call()
    assert (sent, events.waiting()) == ([], [])


def test_room_of_another_function_is_not_taken(events):
    sent = []
    events.wait(ARN, 1, lambda: sent.append("event"))
    events.has_room(f"{ARN}2")
    assert not sent


def test_all_of_fifteen_events_are_done_one_after_the_other_without_waiting(events):
    """Reserved concurrency 1: each event's end lets the next one in, so no delay has to pass."""
    done = []

    def run(number):
        done.append(number)
        events.has_room(ARN)

    for number in range(1, 15):
        events.wait(ARN, 300, lambda number=number: run(number))
    run(0)
    assert done == list(range(15))


@pytest.mark.parametrize(("chance", "delay_s"), [(0, 4), (0.5, 6), (1, 8)])
def test_delays_are_spread_over_their_later_half(chance, delay_s):
    assert event_retries.spread(event_retries.backoff_s(3), chance) == delay_s


# Provisioned concurrency beyond the machine


def function(reserved=None):
    return SimpleNamespace(reserved_concurrent_executions=reserved)


LIMITS = EnvironmentLimits(max_per_function=4, max_total=12, max_wait_s=1, max_starting=2)


def test_what_the_machine_has_no_room_for_is_refused_with_the_setting_that_raises_it():
    provisioning.check(function(), 4, LIMITS)
    with pytest.raises(InvalidParameterValueException) as refused:
        provisioning.check(function(), 5, LIMITS)
    assert refused.value.message == (
        "5 provisioned environments are not possible: a function can have at most 4 on this machine. "
        "Start the stack with LAMBDA_PROCESS_MAX_ENVIRONMENTS_PER_FUNCTION=5 or more"
    )


@pytest.mark.parametrize(("of", "wanted"), [(None, 5), (function(reserved=2), 5), (function(), 5000)])
def test_what_aws_refuses_itself_is_left_to_it(of, wanted):
    provisioning.check(of, wanted, LIMITS)
