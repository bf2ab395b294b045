"""What the micro benchmark measures does what it says."""

from benchmarks import micro


def test_the_policy_allows():
    assert micro.policy_evaluation()().allowed


def test_the_request_is_answered():
    answer = micro.in_memory_request()()
    assert (answer.status_code, answer.content) == (200, b"{}")


def test_every_line_is_in_the_batch():
    assert len(micro.log_event_batching()()) == micro.LINES_AN_INVOKE


def test_the_order_is_decrypted():
    assert micro.rsa_decryption()() == b"sales"
