"""The cash register against an HTTP server that fails in the ways that APIs and networks do."""

import base64
import hashlib
import json
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from serverless_harness.targets import LocalTarget
from shop import cash_register as register_module
from shop import shops
from shop.cash_register import OAEP_SHA_256, Answer, CashRegister, Summary
from shop.deployment import ShopDeployment
from shop.orders import Order, Sale

DROP = 0
"""In a script of answers: close the connection without one."""
PROXYS_403 = -403
"""In a script of answers: one that isn't API Gateway's."""


@pytest.fixture(scope="module")
def private_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=4096)


@pytest.fixture
def server():
    """A server that answers with the statuses in `answers`, 200 after the last; keeps the bodies it got."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status = self.server.answers.pop(0) if self.server.answers else 200
            if status == DROP:
                self.close_connection = True
                return
            self.send_response(abs(status))
            if status > 0:
                self.send_header("x-amzn-RequestId", "5c7b1f0e")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers, server.bodies = [], []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def register(server, private_key, monkeypatch, tmp_path):
    der = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    monkeypatch.setattr(shops, "public_key_der", lambda *_: der)
    monkeypatch.setattr(register_module, "wait_random_exponential", lambda **_: lambda _state: 0)
    target = LocalTarget(f"http://127.0.0.1:{server.server_port}", tmp_path)
    return CashRegister(ShopDeployment(target, {"api_id": "api", "stage": "prod"}), "AMIS1")


@pytest.fixture
def order():
    return Order(sales=[Sale(item_no=1, gross_number=2, gross_turnover=Decimal("5.98"))])


def test_the_shops_key_decrypts_what_was_sent_and_the_id_is_the_ciphertexts(
    register, server, order, private_key
):
    (encrypted,) = register.encrypt(order)
    register.send(encrypted)
    sent = json.loads(server.bodies[0])
    ciphertext = base64.b64decode(sent["content_base64"], validate=True)
    assert sent["shop_id"] == "AMIS1"
    assert encrypted.order_id == hashlib.sha256(ciphertext).hexdigest()
    plaintext = private_key.decrypt(ciphertext, OAEP_SHA_256)
    assert plaintext == b'{"sales":[{"item_no":1,"gross_number":2,"gross_turnover":5.98}]}'


def test_equal_sales_are_different_orders(register, order):
    assert register.encrypt(order)[0].order_id != register.encrypt(order)[0].order_id


def test_an_order_that_is_too_large_travels_in_parts_that_hold_it_all(register, private_key):
    sales = [Sale(item_no=number, gross_number=1, gross_turnover=Decimal(number)) for number in range(1, 31)]
    parts = [json.loads(part.body) for part in register.encrypt(Order(sales=sales))]
    assert len(parts) > 1
    plaintexts = [
        private_key.decrypt(base64.b64decode(part["content_base64"]), OAEP_SHA_256) for part in parts
    ]
    assert [sale["item_no"] for text in plaintexts for sale in json.loads(text)["sales"]] == list(
        range(1, 31)
    )


@pytest.mark.parametrize("failures", [[500], [429, 503], [DROP], [502, DROP, 504], [PROXYS_403]])
def test_what_may_not_have_arrived_is_sent_again_byte_for_byte(register, server, order, failures):
    server.answers.extend(failures)
    (encrypted,) = register.encrypt(order)
    answer = register.send(encrypted)
    assert answer.accepted
    assert answer.tries == len(failures) + 1
    assert set(server.bodies) == {encrypted.body}
    assert len(server.bodies) == answer.tries


@pytest.mark.parametrize("status", [400, 403, 413])
def test_what_was_refused_is_not_sent_again(register, server, order, status):
    server.answers.append(status)
    answer = register.send(register.encrypt(order)[0])
    assert (answer.status, answer.tries) == (status, 1)
    assert answer.refused
    assert not answer.accepted
    assert not answer.unanswered


@pytest.mark.parametrize(("last", "status"), [(500, 500), (DROP, None), (PROXYS_403, None)])
def test_a_register_gives_up_in_the_end_and_says_with_what(register, server, order, last, status):
    server.answers.append(last)
    answer = register.send(register.encrypt(order)[0], retry_for_s=0)
    assert answer.status == status
    assert answer.unanswered
    assert not answer.refused


def test_several_clients_send_every_order_once(register, server, order):
    orders = [register.encrypt(order)[0] for _ in range(20)]
    answers = register.send_all(orders, clients=5, progress=lambda _: None)
    assert [answer.order_id for answer in answers] == [order.order_id for order in orders]
    assert sorted(server.bodies) == sorted(order.body for order in orders)


def test_the_summary_counts_and_ranks():
    latencies = list(range(1, 101))
    summary = Summary([Answer(str(ms), 200, 1, ms) for ms in latencies] + [Answer("x", 500, 9, 9999)])
    assert len(summary.accepted) == 100
    assert summary.latency_median_ms == 50.5
    assert summary.latency_p95_ms == 95
    assert not summary.complete
    summary.booked = {answer.order_id for answer in summary.answers}
    assert summary.complete
