"""What a broken client sends, and what the shop makes of it."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from serverless_harness.functions.logs import now_ms, read_logs
from serverless_harness.waiting import Wait
from shop.cash_register import REQUEST_TIMEOUT_S, CashRegister
from shop.dead_letters import order_id_of
from shop.deployment import ShopDeployment

LOG_TIMEOUT_S = 30
CIPHERTEXT_BYTES = 512
MARK_HEADER = "X-Request-Mark"


@dataclass(frozen=True)
class Rubbish:
    """A request that no order should come of.

    `statuses` are the HTTP answers that are right; `function` logs the ERROR, None where the request is
    refused at the door; `reason_code` is that ERROR's. `order_id` is known where decrypt succeeds.
    """

    name: str
    body: bytes
    statuses: tuple[int, ...] = (200,)
    function: str | None = "decrypt"
    reason_code: str = ""
    order_id: str | None = None
    method: str = "POST"
    path: str = ""

    @property
    def order_id_if_taken(self) -> str | None:
        """The id under which it would be booked, None where it bears no ciphertext."""
        return order_id_of(json.dumps({"body": self.body.decode()}))


@dataclass(frozen=True)
class Refusal:
    """What came of a piece of rubbish: the HTTP answer, and the ERROR line, "" where none was expected."""

    rubbish: Rubbish
    status: int
    text: str
    error_line: str

    @property
    def as_expected(self) -> bool:
        """Whether it was answered and logged as it should be."""
        return self.status in self.rubbish.statuses and self.rubbish.reason_code in self.error_line


def make_rubbish(register: CashRegister, other_register: CashRegister | None) -> Iterator[Rubbish]:
    """Make one of each kind; with a register of another shop, an order for the wrong key too."""
    shop_id = register.shop_id
    sale = {"item_no": 1, "gross_number": 1, "gross_turnover": 2.99}
    yield Rubbish("not JSON", b"sales: 1", reason_code="NOT_JSON")
    yield Rubbish("JSON, but not an object", b"[1]", reason_code="NOT_AN_OBJECT")
    yield Rubbish("no shop_id", _body(content_base64="AAAA"), reason_code="FIELD_MISSING")
    yield Rubbish("no content_base64", _body(shop_id=shop_id), reason_code="FIELD_MISSING")
    yield Rubbish("not base64", _body(shop_id=shop_id, content_base64="?"), reason_code="NOT_BASE64")
    random = register.wrap(secrets.token_bytes(CIPHERTEXT_BYTES)).body
    yield Rubbish("random bytes", random, reason_code="CIPHERTEXT_INVALID")
    yield Rubbish("a ciphertext cut short", register.wrap(b"short").body, reason_code="CIPHERTEXT_INVALID")
    stranger = json.dumps({**json.loads(random), "shop_id": "NO-SUCH-SHOP"}).encode()
    yield Rubbish("unknown shop", stranger, reason_code="SHOP_UNKNOWN")
    if other_register:
        content = other_register.encrypt_bytes(_body(sales=[sale])).body
        swapped = json.dumps({**json.loads(content), "shop_id": shop_id}).encode()
        yield Rubbish("another shop's key", swapped, reason_code="CIPHERTEXT_INVALID")
    for name, plaintext, reason_code in (
        ("encrypted text", b"two coffees, please", "NOT_JSON"),
        ("no sales", _body(sales=[]), "SALES_INVALID"),
        ("a number as text", _body(sales=[{**sale, "gross_number": "1"}]), "SALES_INVALID"),
        ("an unknown item", _body(sales=[sale, {**sale, "item_no": 99_999}]), "ITEM_UNKNOWN"),
    ):
        order = register.encrypt_bytes(plaintext)
        yield Rubbish(name, order.body, (200,), "process", reason_code, order.order_id)
    yield Rubbish("GET", b"", (403,), None, method="GET")
    yield Rubbish("unknown path", b"{}", (403,), None, path="/no-such-path")


def send_rubbish(deployment: ShopDeployment, rubbish: Rubbish) -> Refusal:
    """Send one piece and wait for the ERROR line that it must lead to.

    Raises WaitTimeoutError where that line doesn't come.
    """
    since_ms = now_ms()
    mark = secrets.token_hex(8)
    answer = httpx.request(
        rubbish.method,
        deployment.invoke_url + rubbish.path,
        content=rubbish.body,
        headers={"Content-Type": "application/json", MARK_HEADER: mark},
        timeout=REQUEST_TIMEOUT_S,
        trust_env=not deployment.target.is_local,
    )
    line = _await_error(deployment, rubbish, mark, since_ms) if rubbish.function else ""
    return Refusal(rubbish, answer.status_code, " ".join(answer.text.split()), line)


def _await_error(deployment: ShopDeployment, rubbish: Rubbish, mark: str, since_ms: int) -> str:
    """Wait for the ERROR line about this request, however many others are on their way.

    accept logs the request's headers and the SNS message that it made of it; decrypt names that message
    where it refuses it, process the order.
    """
    assert rubbish.function
    if rubbish.order_id:
        return _await_line(deployment, rubbish.function, "ERROR: ", rubbish.order_id, since_ms)
    done = _await_line(deployment, "accept", "DONE: ", mark, since_ms)
    message_id = re.search(r"message_id: ([^ ,]+)", done)
    if message_id is None:
        return done
    return _await_line(deployment, rubbish.function, "ERROR: ", message_id[1], since_ms)


def _await_line(deployment: ShopDeployment, function: str, beginning: str, part: str, since_ms: int) -> str:
    def look() -> str | None:
        lines = (event.message for event in read_logs(deployment, [function], since_ms, f'"{part}"'))
        return next((line.strip() for line in lines if line.startswith(beginning) and part in line), None)

    hint = f"see ./scripts/logs {function}"
    return Wait(f"a line {beginning}… {part} of {function}", LOG_TIMEOUT_S, hint=hint).until(look)


def _body(**fields: object) -> bytes:
    return json.dumps(fields).encode()
