"""What comes back from bytes is equal, and free for new threads to use."""

import threading
from queue import PriorityQueue

import pytest

from serverless_harness.emulator.snapshots import codec


def roundtrip(thing):
    return codec.loads(codec.dumps(thing))


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock])
def test_a_held_lock_comes_back_free(make):
    lock = make()
    with lock:
        copy = roundtrip(lock)
    assert type(copy) is type(lock)
    acquired = []
    thread = threading.Thread(target=lambda: acquired.append(copy.acquire(timeout=5)))
    thread.start()
    thread.join()
    assert acquired == [True]


def test_what_shares_a_lock_still_shares_it():
    lock = threading.RLock()
    first, second = roundtrip([lock, lock])
    assert first is second


def test_nobody_waits_on_a_condition_that_comes_back():
    condition = threading.Condition()
    waiting = threading.Event()

    def wait():
        with condition:
            waiting.set()
            condition.wait()

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    with condition:  # only once the waiter waits
        copy = roundtrip(condition)
        condition.notify_all()
    thread.join()
    assert not copy._waiters


def test_a_queue_comes_back_in_order_and_in_use():
    queue = PriorityQueue()
    for number in (3, 1, 2):
        queue.put(number)
    copy = roundtrip(queue)
    copy.put(0)
    assert [copy.get(timeout=5) for _ in range(4)] == [0, 1, 2, 3]
    assert queue.qsize() == 3
