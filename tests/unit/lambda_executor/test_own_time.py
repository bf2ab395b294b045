"""A function's clock stands still while the machine keeps it waiting, and no limit lasts for ever."""

import pytest

from serverless_harness.emulator.lambda_executor import own_time
from serverless_harness.emulator.lambda_executor.own_time import HeldLimit, Limit, Stopwatch


class Times:
    """A clock, and what a process says that it waited; in seconds."""

    def __init__(self):
        self.now = 100.0
        self.waited = 7.0

    def pass_by(self, seconds, waited=0.0):
        self.now += seconds
        self.waited += waited


@pytest.fixture
def times():
    return Times()


def stopwatch_of(times):
    stopwatch = Stopwatch(lambda: times.now)
    stopwatch.follow(lambda until=None: times.waited)
    return stopwatch


def test_own_time_is_wall_time_less_the_waiting(times):
    stopwatch = stopwatch_of(times)
    times.pass_by(5, waited=3)

    taken = stopwatch.taken()

    assert (taken.duration_ms, taken.waited_for_cpu_ms, taken.wall_ms) == (2000, 3000, 5000)


def test_what_was_taken_ends_when_the_function_was_ready_not_when_that_was_noticed(times):
    stopwatch = stopwatch_of(times)
    times.pass_by(2, waited=0.5)
    ready_at = times.now
    times.pass_by(9)

    assert stopwatch.taken(ready_at).duration_ms == 1500


def test_all_time_is_its_own_where_nobody_is_followed(times):
    stopwatch = Stopwatch(lambda: times.now)
    times.pass_by(5, waited=3)

    assert stopwatch.taken().duration_ms == 5000


def test_a_process_that_takes_anothers_place_is_added(times):
    stopwatch = stopwatch_of(times)
    times.pass_by(2, waited=1)
    stopwatch.follow(lambda until=None: times.waited - 8)
    times.pass_by(2, waited=1)

    assert stopwatch.taken().waited_for_cpu_ms == 2000


def test_waiting_is_never_more_than_all_of_the_time(times):
    stopwatch = stopwatch_of(times)
    times.pass_by(1, waited=4)

    assert stopwatch.taken().duration_ms == 0


def test_a_limit_ends_by_own_time(times):
    limit = Limit(stopwatch_of(times), 3)
    times.pass_by(10, waited=8)
    assert limit.remaining_s() == pytest.approx(1)

    times.pass_by(1)

    assert limit.look_s() is None


def test_a_sleeping_function_ends_at_the_same_wall_time(times):
    limit = Limit(stopwatch_of(times), 3)
    times.pass_by(3)

    assert limit.look_s() is None


def test_what_is_kept_waiting_for_ever_ends_all_the_same(times):
    limit = Limit(stopwatch_of(times), 3)
    wall_s = 3 * own_time.WALL_FACTOR + own_time.WALL_EXTRA_S
    times.pass_by(wall_s - 1, waited=wall_s - 1)
    assert limit.look_s() is not None

    times.pass_by(1, waited=1)

    assert limit.look_s() is None


def test_looks_are_neither_rare_nor_without_pause(times):
    limit = Limit(stopwatch_of(times), 3)
    assert limit.look_s() == own_time.MAX_LOOK_S

    times.pass_by(2.9999)

    assert limit.look_s() == own_time.MIN_LOOK_S


def test_a_waiting_function_is_looked_at_from_time_to_time(times):
    looks = []

    def waited_s(until=None):
        looks.append(times.now)
        return times.waited

    stopwatch = Stopwatch(lambda: times.now)
    stopwatch.follow(waited_s)
    limit = Limit(stopwatch, 30)
    looks.clear()
    for _ in range(3):
        times.pass_by(1)
        limit.look_s()

    assert len(looks) == 3


@pytest.mark.parametrize(("limit_s", "is_over"), [(0, True), (1000, False)])
def test_a_held_limit_begins_when_nothing_holds_it(times, limit_s, is_over):
    held = [True]
    limit = HeldLimit(stopwatch_of(times), limit_s, lambda: held[0])
    times.pass_by(2000)
    assert limit.look_s() == own_time.MAX_LOOK_S

    held[0] = False

    assert (limit.look_s() is None) == is_over
