"""What stands in LocalStack's modules goes by the emulator's clock: dates, waits, queues, schedules."""

import datetime
import threading
import time
from types import SimpleNamespace

import pytest
from localstack.services.sqs import models
from localstack.services.sqs.models import FifoQueue, StandardQueue
from localstack.utils import time as localstack_time

from serverless_harness.emulator.clock.stand_ins import stand_in_for
from serverless_harness.emulator.delivery import schedules
from serverless_harness.emulator.patches import emulator_clock
from serverless_harness.testing.eventually import eventually

TIMEOUT_S = 30
HOUR_S = 3600
NOON_S = datetime.datetime(2026, 1, 31, 12, 0, tzinfo=datetime.UTC).timestamp()


@pytest.fixture
def sqs(monkeypatch):
    for name in ("now", "time"):
        monkeypatch.setattr(models, name, stand_in_for(getattr(models, name)))


def started(function):
    """Call it in a thread; gives an event that is set when it returned, and a list of what it gave."""
    gave, done = [], threading.Event()
    threading.Thread(target=lambda: (gave.append(function()), done.set()), daemon=True).start()
    return gave, done


def test_dates_and_times_are_the_clocks(clock):
    clock.advance(HOUR_S)
    ahead = time.time() + HOUR_S - 1
    of_class, of_module = stand_in_for(datetime.datetime), stand_in_for(datetime).datetime
    for dates in (of_class, of_module):
        assert dates.now(datetime.UTC).timestamp() >= ahead
        assert dates.now().timestamp() >= ahead
        assert dates.utcnow().replace(tzinfo=datetime.UTC).timestamp() >= ahead
        assert type(dates.now()) is datetime.datetime
    assert stand_in_for(time).time() >= ahead
    assert stand_in_for(localstack_time.now)() >= int(ahead)
    assert stand_in_for(localstack_time.now)(millis=True) >= int(ahead * 1000)
    written = stand_in_for(localstack_time.timestamp)(format=localstack_time.TIMESTAMP_FORMAT_TZ)
    assert localstack_time.parse_timestamp(written).timestamp() >= int(ahead)


def test_what_has_nothing_to_do_with_a_clock_is_pythons():
    assert stand_in_for(threading).RLock is threading.RLock
    assert stand_in_for(datetime).timedelta is datetime.timedelta
    assert stand_in_for(time).perf_counter is time.perf_counter
    with pytest.raises(LookupError, match="has no stand-in"):
        stand_in_for(print)


def test_a_wait_for_an_event_goes_by_the_clock(clock):
    event = stand_in_for(threading).Event()
    gave, done = started(lambda: event.wait(HOUR_S))
    assert not done.wait(0.05)
    # It may have begun to wait only now: then it takes one more.
    eventually(lambda: clock.advance(HOUR_S) or done.is_set(), timeout_s=TIMEOUT_S)
    assert gave == [False]


def test_a_wait_ends_when_the_event_is_set_even_if_it_is_cleared_at_once(clock):
    event = stand_in_for(threading.Event)()
    waits = threading.Event()
    gave, done = started(lambda: (waits.set(), event.wait(HOUR_S))[1])
    assert waits.wait(TIMEOUT_S)
    deadline = time.monotonic() + TIMEOUT_S
    while not done.wait(0.01) and time.monotonic() < deadline:
        event.set()
        event.clear()
    assert gave == [True]
    event.set()
    assert event.wait(0)


def test_the_end_of_a_thread_is_awaited_by_the_clock(clock):
    end = threading.Event()
    thread = stand_in_for(threading).Thread(target=end.wait, daemon=True)
    thread.start()
    _, joined = started(lambda: thread.join(timeout=HOUR_S))
    eventually(lambda: clock.advance(HOUR_S) or joined.is_set(), timeout_s=TIMEOUT_S)
    assert thread.is_alive()
    end.set()
    thread.join()
    assert not thread.is_alive()


def test_a_queues_delays_timeouts_and_retention_follow_the_clock(clock, sqs):
    queue = StandardQueue("q", "us-east-1", "000000000000", {"MessageRetentionPeriod": "7200"})
    queue.put({"MessageId": "1", "Body": "late", "Attributes": {}}, delay_seconds=900)
    assert not queue.receive().successful
    clock.advance(901)
    queue.enqueue_delayed_messages()

    [message] = queue.receive(visibility_timeout=HOUR_S).successful
    queue.requeue_inflight_messages()
    assert not queue.receive().successful
    clock.advance(HOUR_S)
    queue.requeue_inflight_messages()
    assert queue.receive(visibility_timeout=0).successful == [message]
    queue.requeue_inflight_messages()

    queue.remove_expired_messages()
    assert queue.approximate_number_of_messages == 1
    clock.advance(HOUR_S)
    queue.remove_expired_messages()
    assert queue.approximate_number_of_messages == 0


def test_the_deduplication_of_a_fifo_queue_ends_after_five_minutes(clock, sqs):
    queue = FifoQueue("q.fifo", "us-east-1", "000000000000", {"FifoQueue": "true"})

    def put(number):
        message = {"MessageId": str(number), "Body": "x", "Attributes": {}}
        queue.put(message, message_deduplication_id="same", message_group_id="g")
        return queue.approximate_number_of_messages

    assert put(1) == 1
    assert put(2) == 1
    clock.advance(301)
    assert put(3) == 2


def test_lambdas_own_queues_lose_no_event():
    removed = []
    for account_id in ("949334387222", "000000000000"):
        queue = SimpleNamespace(account_id=account_id)
        emulator_clock._remove_expired_messages(lambda queue: removed.append(queue.account_id), queue)
    assert removed == ["000000000000"]


@pytest.mark.parametrize(
    ("schedule", "after_s", "until_s", "is_due"),
    [
        ("*/5 * * * *", NOON_S - 1, NOON_S, True),
        ("*/5 * * * *", NOON_S, NOON_S + 299, False),
        ("*/5 * * * *", NOON_S - 0.5, NOON_S + 0.5, True),
        ("*/5 * * * *", NOON_S + 60, NOON_S + 360, True),
        ("0 20 * * ? *", NOON_S, NOON_S + 7 * HOUR_S, False),
        ("0 20 * * ? *", NOON_S, NOON_S + 8 * HOUR_S, True),
        ("0 0 */1 * *", NOON_S, NOON_S + 86400, True),
        ("0 20 1 1 ? 2020", NOON_S, NOON_S + 86400, False),
    ],
)
def test_a_schedule_is_due_at_its_moments(schedule, after_s, until_s, is_due):
    assert schedules.is_due(schedule, after_s, until_s) is is_due


class Jobs(list):
    """Jobs of a scheduler, which counts how often they are looked at."""

    def __init__(self, *jobs):
        super().__init__(jobs)
        self.looks = 0

    def __iter__(self):
        self.looks += 1
        return super().__iter__()

    def await_look(self):
        """Wait until all jobs have been looked at that are due now."""
        wanted, deadline = self.looks + 2, time.monotonic() + TIMEOUT_S
        while self.looks < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def scheduler(clock):
    scheduler = SimpleNamespace(jobs=Jobs(), ran=[], _stop_event=threading.Event())
    looping = threading.Thread(target=schedules.run, args=(scheduler,), daemon=True)
    looping.start()
    yield scheduler
    scheduler._stop_event.set()
    clock.wake()
    looping.join(TIMEOUT_S)
    assert not looping.is_alive()


def add_job(scheduler, name, schedule, is_enabled=True):
    job = SimpleNamespace(schedule=schedule, is_enabled=is_enabled, do_run=lambda: scheduler.ran.append(name))
    scheduler.jobs.append(job)


NEW_YEAR = "0 0 1 1 ? *"
TWO_YEARS_S = 2 * 366 * 24 * HOUR_S


def test_a_schedule_runs_once_where_the_clock_passes_several_of_its_moments(clock, scheduler):
    add_job(scheduler, "broken", "no schedule")
    add_job(scheduler, "new year", NEW_YEAR)
    add_job(scheduler, "off", NEW_YEAR, is_enabled=False)
    scheduler.jobs.await_look()
    assert not scheduler.ran
    clock.advance(TWO_YEARS_S)
    scheduler.jobs.await_look()
    assert scheduler.ran == ["new year"]


def test_a_load_of_a_state_whose_clock_is_ahead_runs_no_schedule(clock, scheduler):
    add_job(scheduler, "new year", NEW_YEAR)
    scheduler.jobs.await_look()
    clock.restore(TWO_YEARS_S)
    scheduler.jobs.await_look()
    assert not scheduler.ran
