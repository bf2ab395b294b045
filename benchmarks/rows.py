"""The rows of the table: how a sample of each is taken of a contender."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cached_property

from benchmarks.busy import LOOPS, busy_loops
from benchmarks.contenders import Contender, functions_of, memory_mb
from benchmarks.figures import Figures
from benchmarks.probes import Probes
from serverless_harness.deploy.deployment import deploy, terraform_variables
from serverless_harness.deploy.terraform import Terraform
from serverless_harness.deploy.terraform_installation import install_providers
from serverless_harness.timing.coldness import make_cold
from serverless_harness.waiting import Wait
from shop import shops
from shop.cash_register import Answer, CashRegister, EncryptedOrder
from shop.deployment import ShopDeployment
from shop.orders import load_orders

BURST_ORDERS = 200
BURST_CLIENTS = 8
BURST_TIMEOUT_S = 180
BOOKING_TIMEOUT_S = 120
POLL_INTERVAL_S = 0.01
"""Looked seldom enough to take little of the order's own time."""


class Entrant:
    """A contender in a round, with what was measured of it. Its methods are the rows: each takes a sample."""

    def __init__(self, contender: Contender, figures: Figures) -> None:
        self.contender = contender
        self.figures = figures
        self._deployed: ShopDeployment | None = None

    @cached_property
    def probes(self) -> Probes:
        """The probes, deployed when they are first wanted."""
        return Probes(self.contender.target)

    @property
    def deployment(self) -> ShopDeployment:
        """The shop; raises RuntimeError where its deployment failed."""
        if self._deployed is None:
            raise RuntimeError("the shop could not be deployed")
        return self._deployed

    @cached_property
    def register(self) -> CashRegister:
        """A cash register of the first shop."""
        return CashRegister(self.deployment, shops.shop_ids(self.deployment)[0])

    def ready_s(self) -> float:
        return self.contender.start()

    def deploy_s(self) -> float:
        installation = install_providers()
        begin = time.perf_counter()
        deployed, _ = deploy(self.contender.target, lambda _: None, installation)
        elapsed_s = time.perf_counter() - begin
        self._deployed = ShopDeployment.of(deployed)
        shops.seed(self._deployed)
        return elapsed_s

    def second_plan_empty(self) -> float:
        target = self.deployment.target
        return float(Terraform(target, install_providers(), terraform_variables(target)).plan_is_empty())

    def warm_invoke_ms(self) -> float:
        return self.probes.warm_ms("empty")

    def warm_printing_invoke_ms(self) -> float:
        return self.probes.warm_ms("printing")

    def cold_invoke_ms(self) -> float:
        return self.probes.cold_ms("boto3")

    def warm_order_ms(self) -> float:
        return order_ms(self.register)

    def cold_order_ms(self) -> float:
        """Raise RuntimeError where a function had an environment all the same."""
        before = set(self.contender.processes())
        self._make_all_cold()
        elapsed_ms = order_ms(self.register)
        started = functions_of(set(self.contender.processes()) - before)
        if warm := set(self.deployment.function_names.values()) - started:
            raise RuntimeError(f"not cold: {', '.join(sorted(warm))}")
        return elapsed_ms

    def burst_cold_per_s(self) -> float:
        orders = encrypted_orders(self.register, BURST_ORDERS)
        self._make_all_cold()
        return self._burst_per_s(orders)

    def burst_warm_per_s(self) -> float:
        return self._burst_per_s(encrypted_orders(self.register, BURST_ORDERS))

    def burst_busy_per_s(self) -> float:
        orders = encrypted_orders(self.register, BURST_ORDERS)
        self._make_all_cold()
        with busy_loops(LOOPS):
            return self._burst_per_s(orders)

    def _make_all_cold(self) -> None:
        client = self.deployment.client("lambda")
        for name in self.deployment.function_names.values():
            make_cold(client, name)

    def _burst_per_s(self, orders: Sequence[EncryptedOrder]) -> float:
        begin = time.perf_counter()
        booked: set[str] = set()
        wanted = {order.order_id for order in orders}

        def look() -> bool:
            booked.update(shops.booked_orders(self.deployment, self.register.shop_id, wanted - booked))
            return booked == wanted

        with _memory_peak(self.contender, self.figures):
            refused = sum(not answer.accepted for answer in _send_burst(self.register, orders))
            Wait(
                "the burst's bookings",
                BOOKING_TIMEOUT_S,
                0.05,
                lambda: f"{len(booked)} booked, {refused} refused",
            ).until(look)
        return len(orders) / (time.perf_counter() - begin)


def encrypted_orders(register: CashRegister, count: int) -> list[EncryptedOrder]:
    """Give so many orders, ready to be sent."""
    plain = load_orders()
    return [register.encrypt(plain[number % len(plain)])[0] for number in range(count)]


def order_ms(register: CashRegister) -> float:
    """Send an order and look for its booking until it is there: milliseconds from POST to booked."""
    [order] = encrypted_orders(register, 1)
    begin = time.perf_counter()
    answer = register.send(order)
    if not answer.accepted:
        raise RuntimeError(f"an order was answered {answer.status}")
    Wait("the order's booking", BOOKING_TIMEOUT_S, POLL_INTERVAL_S).until(
        lambda: shops.booked_orders(register.deployment, register.shop_id, [order.order_id])
    )
    return (time.perf_counter() - begin) * 1000


def _send_burst(register: CashRegister, orders: Sequence[EncryptedOrder]) -> list[Answer]:
    """Send `orders`, BURST_CLIENTS at a time; raises RuntimeError where that takes too long."""
    pool = ThreadPoolExecutor(BURST_CLIENTS)
    sent = [pool.submit(register.send, order) for order in orders]
    answered, left = wait(sent, BURST_TIMEOUT_S)
    # What is still being sent would disturb the next sample.
    pool.shutdown(cancel_futures=True)
    if left:
        raise RuntimeError(f"{len(answered)} of {len(sent)} orders were answered after {BURST_TIMEOUT_S} s")
    return [answer.result() for answer in sent]


@contextmanager
def _memory_peak(contender: Contender, figures: Figures) -> Iterator[None]:
    """Sample the emulator's memory while the block runs; note the greatest sample in MB."""
    done = threading.Event()
    samples = [0.0]

    def sample() -> None:
        while not done.wait(0.5):
            samples.append(memory_mb(contender.processes()))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        figures.add("burst_memory_mb", max(samples))
