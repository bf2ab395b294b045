"""The cash register: encrypts orders on its own side, sends them, and sees to it that they are booked.

A request that may or may not have arrived is sent again, byte for byte: booking is idempotent.
"""

import base64
import hashlib
import json
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from tenacity import RetryError, Retrying, retry_if_exception_type, retry_if_result, stop_after_delay
from tenacity.wait import wait_random_exponential

from serverless_harness.timing.statistics import percentile
from serverless_harness.tls import verification
from serverless_harness.waiting import Wait, WaitTimeoutError
from shop import shops
from shop.deployment import ShopDeployment
from shop.orders import Order, split

OAEP_SHA_256 = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label=None)
REQUEST_TIMEOUT_S = 30
"""API Gateway gives up after 29 seconds (its quotas)."""
RETRY_FOR_S = 60
WORTH_A_RETRY = (429, 500, 502, 503, 504)
REQUEST_ID = "x-amzn-RequestId"
"""The header that each answer of API Gateway has. One without it comes from something between, as a proxy."""
BOOKING_TIMEOUT_S = 60


@dataclass(frozen=True)
class EncryptedOrder:
    """An order as it travels: `body` is what is POSTed, every time it is."""

    order_id: str
    """SHA-256 of the ciphertext, in hexadecimal."""
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What became of one order: the last status (None: API Gateway gave none), tries, the last's latency."""

    order_id: str
    status: int | None
    tries: int
    latency_ms: float

    @property
    def accepted(self) -> bool:
        return self.status == 200

    @property
    def unanswered(self) -> bool:
        """Whether the register gave up on it: the order may or may not have been taken."""
        return self.status is None or self.status in WORTH_A_RETRY

    @property
    def refused(self) -> bool:
        """Whether the shop won't have it, however often it is sent."""
        return not self.accepted and not self.unanswered


@dataclass
class Summary:
    """What became of a batch of orders of one shop."""

    answers: list[Answer] = field(default_factory=list)
    booked: set[str] = field(default_factory=set)

    @property
    def accepted(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.accepted]

    @property
    def complete(self) -> bool:
        """Whether every order that was sent was booked."""
        return len(self.booked) == len({answer.order_id for answer in self.answers})

    @property
    def latency_median_ms(self) -> float:
        """Median over the accepted requests."""
        return statistics.median(answer.latency_ms for answer in self.accepted)

    @property
    def latency_p95_ms(self) -> float:
        """95th percentile over the accepted requests."""
        return percentile([answer.latency_ms for answer in self.accepted], 95)


class CashRegister:
    """A register of one shop; `send` may be called by several threads."""

    def __init__(self, deployment: ShopDeployment, shop_id: str) -> None:
        """Fetch the shop's public key; raises UserError where there is no such shop."""
        self.deployment = deployment
        self.shop_id = shop_id
        der = shops.public_key_der(deployment, shop_id)
        self.key_sha256 = hashlib.sha256(der).hexdigest()
        public_key = load_der_public_key(der)
        assert isinstance(public_key, rsa.RSAPublicKey)
        self._public_key = public_key
        self._http = httpx.Client(
            timeout=REQUEST_TIMEOUT_S,
            limits=httpx.Limits(max_connections=None),
            trust_env=not deployment.target.is_local,
            verify=verification(deployment.invoke_url, trust_env=not deployment.target.is_local),
        )

    def encrypt(self, order: Order) -> list[EncryptedOrder]:
        """Encrypt an order, as several where one is too large."""
        return [self.encrypt_bytes(part.to_json().encode()) for part in split(order)]

    def encrypt_bytes(self, plaintext: bytes) -> EncryptedOrder:
        """Encrypt at most 446 bytes, whatever they are."""
        return self.wrap(self._public_key.encrypt(plaintext, OAEP_SHA_256))

    def wrap(self, ciphertext: bytes) -> EncryptedOrder:
        """Make the request's body of a ciphertext."""
        content = base64.b64encode(ciphertext).decode()
        body = json.dumps({"shop_id": self.shop_id, "content_base64": content}).encode()
        return EncryptedOrder(hashlib.sha256(ciphertext).hexdigest(), body)

    def send(self, order: EncryptedOrder, retry_for_s: float = RETRY_FOR_S) -> Answer:
        """POST an order until it is answered for good, or for `retry_for_s` seconds."""
        tries = 0
        latency_ms = 0.0

        def post() -> int:
            nonlocal tries, latency_ms
            tries += 1
            started = time.perf_counter()
            answer = self._http.post(
                self.deployment.invoke_url, content=order.body, headers={"Content-Type": "application/json"}
            )
            latency_ms = (time.perf_counter() - started) * 1000
            if REQUEST_ID not in answer.headers:
                raise httpx.RemoteProtocolError(f"not API Gateway's answer: status {answer.status_code}")
            return answer.status_code

        retrying = Retrying(
            retry=retry_if_exception_type(httpx.TransportError) | retry_if_result(WORTH_A_RETRY.__contains__),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            stop=stop_after_delay(retry_for_s),
        )
        try:
            status: int | None = retrying(post)
        except RetryError as error:
            status = None if error.last_attempt.failed else error.last_attempt.result()
        return Answer(order.order_id, status, tries, latency_ms)

    def send_all(
        self, orders: Sequence[EncryptedOrder], clients: int, progress: Callable[[Answer], None]
    ) -> list[Answer]:
        """Send orders, `clients` at a time; `progress` hears of each that is answered."""
        answers = []
        with ThreadPoolExecutor(max_workers=clients) as pool:
            for answer in pool.map(self.send, orders):
                progress(answer)
                answers.append(answer)
        return answers

    def await_bookings(
        self, answers: Sequence[Answer], progress: Callable[[int], None], timeout_s: float = BOOKING_TIMEOUT_S
    ) -> set[str]:
        """Wait until the accepted orders are booked; gives those that are, when all are or time is up."""
        wanted = {answer.order_id for answer in answers if answer.accepted}
        booked: set[str] = set()

        def look() -> bool:
            booked.update(shops.booked_orders(self.deployment, self.shop_id, wanted - booked))
            progress(len(booked))
            return booked == wanted

        try:
            Wait("the orders' bookings", timeout_s).until(look)
        except WaitTimeoutError:
            return booked
        return booked
