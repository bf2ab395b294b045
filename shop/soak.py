"""The soak: many orders while faults strike, and an audit of what became of each."""

import itertools
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal

from serverless_harness import paths
from serverless_harness.errors import HarnessError
from serverless_harness.stack.deploying import deploy_and_seed
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.terminal_output import say, step
from shop import shops
from shop.audit import Audit, Books, SentOrder, audit, await_whereabouts
from shop.cash_register import CashRegister, EncryptedOrder, Summary
from shop.chaos import Chaos, schedule
from shop.dead_letters import ShopDeadLetters
from shop.deployment import ShopDeployment
from shop.orders import Order, Sale

RETRY_DELAY_SCALE = "0.01"
"""Lambda's retries after 0.6 and 1.2 s, so that a soak ends soon."""
MAX_SALES = 3
MAX_CENTS = 9_999
RETRY_FOR_S = 600
"""An order is sent again for so long: a starved machine is slow, and faults may strike several tries."""
SETTLE_TIMEOUT_S = 600
SETTLE_TIMEOUT_PER_ORDER_S = 0.1


@dataclass(frozen=True)
class Soaked:
    """What a soak did and found: the audit when the chaos was over, and that after redriving dead letters."""

    first: Audit
    redriven: int
    last: Audit
    strikes: int
    injected: Counter[str]
    """Calls and invokes struck, by effect."""
    summary: Summary
    load_s: float

    @property
    def passed(self) -> bool:
        return self.first.passed and self.last.passed and not self.last.dead

    def lines(self) -> list[str]:
        """Give the outcome as text."""
        rate = len(self.summary.answers) / self.load_s
        return [
            f"load        {self.load_s:.0f} s, {rate:.0f} orders/s, {self._latency()}, "
            f"{sum(answer.tries - 1 for answer in self.summary.answers)} requests sent again",
            f"chaos       {self.strikes} strikes, {self.injected.total()} calls and invokes struck: "
            f"{_listed(self.injected)}",
            "audit",
            *(f"  {line}" for line in self.first.lines()),
            f"audit after {self.redriven} dead letters were sent again",
            *(f"  {line}" for line in self.last.lines()),
            "passed" if self.passed else "FAILED",
        ]

    def _latency(self) -> str:
        if not self.summary.accepted:
            return "no order accepted"
        return (
            f"latency median {self.summary.latency_median_ms:.0f} ms, "
            f"p95 {self.summary.latency_p95_ms:.0f} ms"
        )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def random_order(draw: random.Random, item_nos: Sequence[int]) -> Order:
    """Draw an order of up to MAX_SALES sales, with cents that would show any rounding."""
    return Order(
        sales=[
            Sale(
                item_no=draw.choice(item_nos),
                gross_number=draw.randint(1, 9),
                gross_turnover=Decimal(draw.randint(1, MAX_CENTS)).scaleb(-2),
            )
            for _ in range(draw.randint(1, MAX_SALES))
        ]
    )


@dataclass(frozen=True)
class Load:
    """Orders of several shops, encrypted already, and what is booked before the first of them is sent."""

    registers: Mapping[str, CashRegister]
    before: Books
    orders: Sequence[tuple[str, Order]]
    encrypted: Sequence[EncryptedOrder]

    @classmethod
    def draw(
        cls,
        deployment: ShopDeployment,
        shop_ids: Sequence[str],
        count: int,
        clients: int,
        draw: random.Random,
    ) -> "Load":
        """Draw `count` orders of these shops in turn."""
        registers = {shop_id: CashRegister(deployment, shop_id) for shop_id in shop_ids}
        before = Books.read(deployment, shop_ids)
        item_nos = {
            shop_id: [item for shop, item in before.totals if shop == shop_id] for shop_id in shop_ids
        }
        orders = [
            (shop_id, random_order(draw, item_nos[shop_id]))
            for shop_id in itertools.islice(itertools.cycle(shop_ids), count)
        ]
        with ThreadPoolExecutor(clients) as pool:
            encrypted = list(pool.map(lambda order: registers[order[0]].encrypt(order[1])[0], orders))
        return cls(registers, before, orders, encrypted)

    def send(
        self,
        clients: int,
        is_running: Callable[[], bool],
        interval_s: float,
        done: Callable[[SentOrder], object],
    ) -> None:
        """Send the orders; `done` hears of each when its register is done with it."""
        started = time.monotonic()

        def send(position: int) -> None:
            time.sleep(max(0, started + position * interval_s - time.monotonic()))
            if not is_running():
                raise HarnessError("the stack no longer runs")
            shop_id, order = self.orders[position]
            answer = self.registers[shop_id].send(self.encrypted[position], RETRY_FOR_S)
            done(SentOrder(shop_id, order, answer))

        with ThreadPoolExecutor(clients) as pool:
            for _ in pool.map(send, range(len(self.orders))):
                pass


def soak(
    deployment: ShopDeployment,
    shop_ids: Sequence[str],
    count: int,
    clients: int,
    seed: int,
    announce: Callable[[str], None],
    is_running: Callable[[], bool] = lambda: True,
    least_s: float = 0,
) -> Soaked:
    """Send `count` orders of these shops, which nobody else may order from, while faults strike; audit.

    The orders are spread over `least_s` seconds at least: a fast machine would outrun the faults. Raises
    HarnessError where the stack no longer runs, as `is_running` tells, while there are orders to send.
    """
    load = Load.draw(deployment, shop_ids, count, clients, random.Random(seed))
    before = load.before
    timeout_s = SETTLE_TIMEOUT_S + SETTLE_TIMEOUT_PER_ORDER_S * count
    strikes = schedule(seed, sorted(deployment.function_names.values()), shop_ids)
    sent: list[SentOrder] = []
    booked_before = sum(before.order_counts.values())
    started = time.monotonic()

    def booked() -> int:
        return sum(shops.count_orders(deployment, shop_id) for shop_id in shop_ids) - booked_before

    with Chaos(deployment, strikes, announce, booked) as chaos:
        load.send(clients, is_running, least_s / count, sent.append)
        load_s = time.monotonic() - started
        await_whereabouts(deployment, sent, timeout_s)
    first = audit(deployment, sent, before, timeout_s)
    redriven, _ = ShopDeadLetters(deployment).redrive(
        lambda letter: any(shop_id in letter.body for shop_id in shop_ids)
    )
    last = audit(deployment, sent, before, timeout_s) if redriven else first
    return Soaked(
        first,
        len(redriven),
        last,
        len(chaos.made),
        chaos.injected,
        Summary([each.answer for each in sent], set(last.booked)),
        load_s,
    )


def run_soak(count: int, clients: int, seed: int | None) -> int:
    """Soak a stack of its own, and print everything; gives 1 where the audit finds something."""
    seed = secrets.randbelow(10**6) if seed is None else seed
    stack = EmbeddedStack(free_port(), {"LAMBDA_ASYNC_DELAY_SCALE": RETRY_DELAY_SCALE})
    try:
        with step("Stack") as current:
            stack.start()
            current.result = stack.endpoint_url
        deployment = ShopDeployment.of(deploy_and_seed(stack.target))
        say(f"{count} orders, {clients} clients, --seed {seed}")
        soaked = soak(deployment, shops.shop_ids(deployment), count, clients, seed, say, stack.is_running)
        say("\n".join(soaked.lines()))
        return 0 if soaked.passed else 1
    except Exception as error:
        if stack.has_crashed():
            raise HarnessError(f"the stack crashed: see {paths.shown(stack.log_file)}") from error
        raise
    finally:
        stack.stop()
