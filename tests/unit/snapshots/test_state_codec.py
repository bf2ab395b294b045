"""What comes back from bytes is equal, and free for new threads to use."""

import threading
from collections import defaultdict
from queue import PriorityQueue

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from moto.acm.models import CertBundle
from moto.dynamodb.models.dynamo_type import DynamoType

from serverless_harness.emulator.dynamodb.items import StoredItem
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


class Parameters(defaultdict):
    """As moto's of SSM: made with arguments of its own."""

    def __init__(self, account_id, region_name):
        super().__init__(list)
        self.account_id, self.region_name = account_id, region_name


def test_a_dict_that_is_made_with_arguments_of_its_own_comes_back():
    parameters = Parameters("000000000000", "eu-central-1")
    parameters["/a"].append(1)

    copy = codec.loads(codec.dumps(parameters))

    assert (copy["/a"], copy["/b"]) == ([1], [])
    assert (copy.account_id, copy.region_name) == ("000000000000", "eu-central-1")


def test_certificates_and_their_keys_are_kept():
    """ACM holds them as objects, which have no pickle of their own."""
    bundle = CertBundle.generate_cert("example.com", account_id="000000000000", region="us-east-1")
    loaded = codec.loads(codec.dumps([bundle._cert, bundle._key]))
    assert loaded[0] == bundle._cert
    assert loaded[1].private_numbers() == bundle._key.private_numbers()


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_keys_of_curves_are_kept(key):
    loaded = codec.loads(codec.dumps(key))
    spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    assert loaded.public_key().public_bytes(*spki) == key.public_key().public_bytes(*spki)


def test_items_are_saved_without_the_slow_pickler(monkeypatch):
    monkeypatch.setattr(codec, "SlowPickler", None)
    key = DynamoType({"S": "1"})
    item = StoredItem(key, None, {"id": {"S": "1"}, "n": {"N": "2"}})
    first, second = roundtrip([item, {key: item}])
    assert first.attributes == item.attributes
    assert second[key] is first


def test_a_factory_of_defaults_comes_back():
    counts = roundtrip(defaultdict(lambda: [1], a=[2]))
    assert (counts["a"], counts["b"]) == ([2], [1])


def test_a_function_shares_what_is_around_it():
    """The fast pickler can't save it."""
    shared = []
    function, around = roundtrip([lambda: shared, shared])
    assert function() is around
