"""What IAM's enforcement costs a warm order: one stack, enforcement on and off in turn.

    python benchmarks/iam_enforcement.py [--port 4566] [--rounds 40] [--orders 8]

It needs a stack with the shop deployed (`./scripts/up`). Orders go one after another in blocks, on, off, off,
on, so that what else the machine does meets both alike. Three figures of an order: the time until accept's
answer, the time until it is booked, and the emulator's processor time, which a busy machine disturbs least.
"""

import argparse
import random
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import psutil

from serverless_harness.functions.logs import read_logs
from serverless_harness.stack.control import control
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.waiting import Wait
from shop import shops
from shop.cash_register import CashRegister
from shop.deployment import ShopDeployment
from shop.orders import Order, Sale

MODES = ("on", "off")
POLL_INTERVAL_S = 0.1
BOOKED = re.compile(r"BOOKED: order_id: (\w+)")
BOOKING_TIMEOUT_S = 30
WARM_UP_ORDERS = 10
RESAMPLES = 2000
BUDGET = 1.05
"""A warm order may take so many times as long with enforcement."""


@dataclass(frozen=True)
class SentOrder:
    """An order that was booked: when it was sent, in milliseconds since 1970, and how long accept took."""

    order_id: str
    started_ms: float
    answered_ms: float


@dataclass(frozen=True)
class Block:
    """Orders one after another in one mode; milliseconds an order."""

    answered_ms: list[float]
    booked_ms: list[float]
    processor_ms: list[float]
    """One figure: of the emulator's process, on average."""


def emulator_process(stack: EmbeddedStack) -> psutil.Process:
    """Find LocalStack's own process, without the functions'."""
    process_id = stack.process_id()
    if process_id is None:
        raise SystemExit(f"no stack runs on port {stack.port}: start one with ./scripts/up")
    supervisor = psutil.Process(process_id.pid)
    return next(each for each in supervisor.children() if "localstack.runtime.main" in each.cmdline())


def processor_time_ms(process: psutil.Process) -> float:
    """Give a process's processor time so far."""
    times = process.cpu_times()
    return float(times.user + times.system) * 1000


def send_order(deployment: ShopDeployment, register: CashRegister, shop_id: str) -> SentOrder:
    """Send one order and wait until it is booked."""
    sale = Sale(item_no=1, gross_number=1, gross_turnover=Decimal("2.99"))
    [order] = register.encrypt(Order(sales=[sale]))
    started_ms = time.time() * 1000
    answer = register.send(order)
    answered_ms = time.time() * 1000 - started_ms
    if not answer.accepted:
        raise SystemExit(f"an order was not accepted: {answer}")
    # Seldom, so that the looking takes little of the order's own time.
    Wait("the order to be booked", BOOKING_TIMEOUT_S, POLL_INTERVAL_S).until(
        lambda: shops.booked_orders(deployment, shop_id, {order.order_id})
    )
    return SentOrder(order.order_id, started_ms, answered_ms)


def booked_ms(deployment: ShopDeployment, orders: Sequence[SentOrder]) -> list[float]:
    """Give the milliseconds from each order's start to the line by which process says that it is booked."""
    started = {order.order_id: order.started_ms for order in orders}

    def look() -> list[float] | None:
        events = read_logs(deployment, ["process"], int(min(started.values())), '"BOOKED: "')
        found = [(BOOKED.match(event.message), event.timestamp_ms) for event in events]
        times = {
            match[1]: at_ms - started[match[1]] for match, at_ms in found if match and match[1] in started
        }
        return list(times.values()) if len(times) == len(orders) else None

    return Wait("the bookings in process's log", BOOKING_TIMEOUT_S).until(look)


def send_block(
    deployment: ShopDeployment, send: Callable[[], SentOrder], process: psutil.Process, orders: int
) -> Block:
    """Send orders and measure them."""
    before_ms = processor_time_ms(process)
    sent = [send() for _ in range(orders)]
    processor_ms = (processor_time_ms(process) - before_ms) / orders
    return Block([each.answered_ms for each in sent], booked_ms(deployment, sent), [processor_ms])


def measure(
    set_mode: Callable[[str], object], send_one_block: Callable[[], Block], rounds: int
) -> dict[str, list[Block]]:
    """Give the blocks by mode."""
    blocks: dict[str, list[Block]] = {mode: [] for mode in MODES}
    for number in range(rounds):
        for mode in MODES if number % 2 else reversed(MODES):
            set_mode(mode)
            blocks[mode].append(send_one_block())
    return blocks


def ratio(on: Sequence[float], off: Sequence[float]) -> float:
    """Give how many times as long the median takes with enforcement."""
    return statistics.median(on) / statistics.median(off)


def interval(on: Sequence[Sequence[float]], off: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Give a 90 % confidence interval of the ratio, by drawing pairs of neighbouring blocks anew."""
    drawn = random.Random(0)
    ratios = []
    for _ in range(RESAMPLES):
        picks = [drawn.randrange(len(on)) for _ in on]
        ratios.append(
            ratio([ms for pick in picks for ms in on[pick]], [ms for pick in picks for ms in off[pick]])
        )
    twentieths = statistics.quantiles(ratios, n=20)
    return twentieths[0], twentieths[-1]


def main() -> None:
    """Measure and print; exit code 1 where the budget is exceeded beyond doubt."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=4566)
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--orders", type=int, default=8, help="in each block")
    given = arguments.parse_args()
    stack = EmbeddedStack(given.port)
    process = emulator_process(stack)
    deployment = ShopDeployment.require(stack.target)
    shop_id = shops.shop_ids(deployment)[0]
    register = CashRegister(deployment, shop_id)

    def send() -> SentOrder:
        return send_order(deployment, register, shop_id)

    def set_mode(mode: str) -> object:
        return control(stack.target, "PUT", "/_emulator/iam", json={"mode": mode})

    before = control(stack.target, "GET", "/_emulator/iam")["mode"]
    try:
        for _ in range(WARM_UP_ORDERS):
            send()
        blocks = measure(set_mode, lambda: send_block(deployment, send, process, given.orders), given.rounds)
    finally:
        set_mode(before)
    print(f"{given.rounds * given.orders} warm orders with and as many without enforcement, medians:")
    exceeded = [show(what, name, blocks) for what, name in FIGURES.items()]
    raise SystemExit(1 if any(exceeded) else 0)


FIGURES = {
    "accept's answer": "answered_ms",
    "order booked": "booked_ms",
    "processor time": "processor_ms",
}


def show(what: str, name: str, blocks: dict[str, list[Block]]) -> bool:
    """Print a figure; gives whether it exceeds the budget beyond doubt."""
    on, off = ([getattr(block, name) for block in blocks[mode]] for mode in MODES)
    flat_on, flat_off = ([ms for block in each for ms in block] for each in (on, off))
    low, high = interval(on, off)
    medians = f"on {statistics.median(flat_on):6.1f} ms, off {statistics.median(flat_off):6.1f} ms"
    print(
        f"  {what:<16} {medians}: {ratio(flat_on, flat_off):.3f} times as much "
        f"(90 % of resamples: {low:.3f} to {high:.3f})"
    )
    return low > BUDGET


if __name__ == "__main__":
    main()
