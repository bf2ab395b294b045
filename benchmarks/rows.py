"""The rows of the table, each measured on one stack; a stack is fresh, and used for one round."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contenders import Contender, functions_of, memory_mb
from benchmarks.probes import Probes, bare_process_ms
from harness import shops
from harness.deploy import Deployment, deploy, terraform_variables
from harness.orders import load_orders
from harness.register import Answer, CashRegister, EncryptedOrder
from harness.terraform import Terraform, install_providers
from harness.timing.coldness import make_cold
from harness.waiting import Wait

WARM_INVOKES = 100
COLD_INVOKES = 8
WARM_ORDERS = 40
COLD_ORDERS = 5
BURST_ORDERS = 200
BURST_CLIENTS = 8
BURST_TIMEOUT_S = 180
BOOKING_TIMEOUT_S = 120
POLL_INTERVAL_S = 0.01
"""Looked seldom enough to take little of the order's own time."""


@dataclass
class Figures:
    """Samples by row; a row that failed has its reason instead."""

    samples: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = print

    def add(self, row: str, *values: float) -> None:
        self.samples.setdefault(row, []).extend(values)

    @contextmanager
    def attempt(self, row: str) -> Iterator[None]:
        """Note a failure of the block instead of raising it: another row may still be measured."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever the emulator does wrong is the row's result
            self.failures[row] = f"{type(error).__name__}: {error}"
            self.say(f"{row} failed: {self.failures[row]}")


def measure_round(contender: Contender, figures: Figures, say: Callable[[str], None]) -> None:
    """Start the emulator, measure every row on it, and stop it."""
    try:
        say(f"{contender.name}: start")
        figures.add("ready_s", contender.start())
        say(f"{contender.name}: deploy")
        deployment = _deploy(contender, figures)
        if deployment is None:
            return
        say(f"{contender.name}: invokes")
        with figures.attempt("invoke"):
            _measure_invokes(contender, figures)
        say(f"{contender.name}: orders")
        with figures.attempt("order"):
            _measure_orders(contender, deployment, figures)
        say(f"{contender.name}: burst")
        with figures.attempt("burst"):
            _measure_bursts(contender, deployment, figures)
    finally:
        contender.stop()


def _deploy(contender: Contender, figures: Figures) -> Deployment | None:
    installation = install_providers()
    with figures.attempt("deploy_s"):
        begin = time.perf_counter()
        deployment, _ = deploy(contender.target, lambda _: None, installation)
        figures.add("deploy_s", time.perf_counter() - begin)
        shops.seed(deployment)
        terraform = Terraform(contender.target, installation, terraform_variables(contender.target))
        figures.add("second_plan_empty", float(terraform.plan_is_empty()))
        return deployment
    return None


def _measure_invokes(contender: Contender, figures: Figures) -> None:
    probes = Probes(contender.target)
    figures.add("warm_invoke_ms", *probes.warm_ms("empty", WARM_INVOKES))
    figures.add("warm_printing_invoke_ms", *probes.warm_ms("printing", WARM_INVOKES))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        bare_process_ms("boto3", Path(folder))
        for _ in range(COLD_INVOKES):
            figures.add("bare_process_ms", bare_process_ms("boto3", Path(folder)))
            figures.add("cold_invoke_ms", probes.cold_ms("boto3"))


def _measure_orders(contender: Contender, deployment: Deployment, figures: Figures) -> None:
    shop_id = shops.shop_ids(deployment)[0]
    register = CashRegister(deployment, shop_id)
    for _ in range(COLD_ORDERS):
        figures.add("cold_order_ms", _cold_order_ms(contender, deployment, register))
    for _ in range(3):
        _order_ms(deployment, register)
    figures.add("warm_order_ms", *(_order_ms(deployment, register) for _ in range(WARM_ORDERS)))


def _order_ms(deployment: Deployment, register: CashRegister) -> float:
    """Send an order and look for its booking until it is there: milliseconds from POST to booked."""
    order = register.encrypt(load_orders()[0])[0]
    begin = time.perf_counter()
    answer = register.send(order)
    if not answer.accepted:
        raise RuntimeError(f"an order was answered {answer.status}")
    Wait("the order's booking", BOOKING_TIMEOUT_S, POLL_INTERVAL_S).until(
        lambda: shops.booked_orders(deployment, register.shop_id, [order.order_id])
    )
    return (time.perf_counter() - begin) * 1000


def _cold_order_ms(contender: Contender, deployment: Deployment, register: CashRegister) -> float:
    """Send an order that finds no environment; raises RuntimeError where a function had one all the same."""
    before = set(contender.processes())
    _make_all_cold(deployment)
    elapsed_ms = _order_ms(deployment, register)
    started = functions_of(set(contender.processes()) - before)
    if warm := set(deployment.function_names.values()) - started:
        raise RuntimeError(f"not cold: {', '.join(sorted(warm))}")
    return elapsed_ms


def _make_all_cold(deployment: Deployment) -> None:
    client = deployment.client("lambda")
    for name in deployment.function_names.values():
        make_cold(client, name)


def _measure_bursts(contender: Contender, deployment: Deployment, figures: Figures) -> None:
    register = CashRegister(deployment, shops.shop_ids(deployment)[0])
    for row in ("burst_cold_per_s", "burst_warm_per_s"):
        plain = load_orders()
        orders = [register.encrypt(plain[number % len(plain)])[0] for number in range(BURST_ORDERS)]
        if row == "burst_cold_per_s":
            _make_all_cold(deployment)
        with _memory_peak(contender, figures):
            figures.add(row, _orders_per_s(deployment, register, orders))


def _orders_per_s(deployment: Deployment, register: CashRegister, orders: Sequence[EncryptedOrder]) -> float:
    begin = time.perf_counter()
    answers = _send_burst(register, orders)
    booked: set[str] = set()
    wanted = {order.order_id for order in orders}

    def look() -> bool:
        booked.update(shops.booked_orders(deployment, register.shop_id, wanted - booked))
        return booked == wanted

    refused = sum(not answer.accepted for answer in answers)
    Wait(
        "the burst's bookings", BOOKING_TIMEOUT_S, 0.05, lambda: f"{len(booked)} booked, {refused} refused"
    ).until(look)
    return len(orders) / (time.perf_counter() - begin)


def _send_burst(register: CashRegister, orders: Sequence[EncryptedOrder]) -> list[Answer]:
    """Send `orders`, BURST_CLIENTS at a time; raises RuntimeError where that takes too long."""
    pool = ThreadPoolExecutor(BURST_CLIENTS)
    sent = [pool.submit(register.send, order) for order in orders]
    answered, left = wait(sent, BURST_TIMEOUT_S)
    pool.shutdown(wait=False, cancel_futures=True)
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
