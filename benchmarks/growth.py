"""How the cost of an order grows: with the number of clients, and with the number of orders booked before.

    python -m benchmarks.growth [--port 4566] [--clients 1,2,4,8,16,32] [--booked 1000,10000,50000]

It needs a stack with the shop deployed and no orders yet (`./scripts/up --fresh`). First so many clients send
a burst of 200 orders, until the last booking, with all the environments that they need. Then eight clients
send orders until so many are booked, and 40 orders follow, one after the other: none may become slower.
"""

import argparse
import statistics
import time

from benchmarks.contenders import memory_mb
from benchmarks.iam_enforcement import emulator_process, processor_time_ms
from benchmarks.rows import BURST_CLIENTS, BURST_ORDERS, encrypted_orders, order_ms
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.timing.statistics import percentile
from shop import shops
from shop.cash_register import CashRegister
from shop.deployment import ShopDeployment

WARM_UP = 10
SINGLES = 40
BATCH = 1000
"""Orders that are encrypted and awaited together."""


def main() -> None:
    """Measure, and print each figure as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=4566)
    parser.add_argument("--clients", default="1,2,4,8,16,32")
    parser.add_argument("--booked", default="1000,10000,50000")
    options = parser.parse_args()
    stack = EmbeddedStack(options.port)
    deployment = ShopDeployment.require(stack.target)
    register = CashRegister(deployment, shops.shop_ids(deployment)[0])
    emulator = emulator_process(stack)

    for _ in range(WARM_UP):
        order_ms(register)
    booked = WARM_UP
    for clients in map(int, filter(None, options.clients.split(","))):
        send(register, 2 * clients, clients)
        rate = send(register, BURST_ORDERS, clients)
        booked += 2 * clients + BURST_ORDERS
        print(f"{clients} clients: {rate:.1f} orders/s", flush=True)
    for level in map(int, filter(None, options.booked.split(","))):
        rate = send(register, level - booked, BURST_CLIENTS)
        booked = max(level, booked)
        before_ms = processor_time_ms(emulator)
        singles_ms = [order_ms(register) for _ in range(SINGLES)]
        processor_ms = (processor_time_ms(emulator) - before_ms) / SINGLES
        how_fast = f", the last with {rate:.1f} orders/s" if rate else ""
        print(
            f"{booked} booked{how_fast}: a warm order takes "
            f"{statistics.median(singles_ms):.1f} ms (95th percentile {percentile(singles_ms, 95):.1f}), "
            f"the emulator {processor_ms:.1f} ms of processor time and {memory_mb([emulator]):.0f} MB",
            flush=True,
        )
        booked += SINGLES


def send(register: CashRegister, count: int, clients: int) -> float:
    """Send orders, so many clients at a time, until they are booked; gives the rate per second.

    Raises RuntimeError where one isn't.
    """
    rate = 0.0
    while count > 0:
        orders = encrypted_orders(register, min(count, BATCH))
        begin = time.perf_counter()
        answers = register.send_all(orders, clients, lambda _: None)
        booked = register.await_bookings(answers, lambda _: None)
        if len(booked) < len(orders):
            raise RuntimeError(f"{len(booked)} of {len(orders)} orders were booked")
        rate = len(orders) / (time.perf_counter() - begin)
        count -= len(orders)
    return rate


if __name__ == "__main__":
    main()
