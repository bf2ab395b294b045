"""Whoever takes a queue's events, none is lost and none is taken twice."""

from serverless_harness.emulator.lambda_service.event_queues import Consumer, EventQueue


def test_a_consumer_that_left_before_it_began_is_started_no_more():
    queue, started = EventQueue(), []
    late, present = (
        Consumer(lambda: started.append("late"), 1),
        Consumer(lambda: started.append("present"), 1),
    )
    queue.leave(late)
    queue.consume(present)
    queue.consume(late)
    queue.put("event")
    assert started == ["present"]
    assert queue.take(late) is None
    assert queue.take(present)[1] == "event"
