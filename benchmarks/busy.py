"""The shop on a machine with busy loops beside it, and without: `python -m benchmarks.busy`.

It needs the stack that `up` started, and takes both in turn, all functions cold: orders of eight clients,
until all are booked. Each loop has a session of its own, for Linux shares CPUs out by session.
"""

import argparse
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched, cycle, islice

from serverless_harness.functions.invocations import Invocation, add_cpu_waits, read_invocations
from serverless_harness.functions.logs import now_ms, read_logs
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.timing.coldness import make_cold
from shop import shops
from shop.cash_register import Answer, CashRegister
from shop.deployment import ShopDeployment
from shop.orders import load_orders

LOOPS = 4
CLIENTS = 8
BOOKING_TIMEOUT_S = 900
SINGLES = 40
"""Orders sent one by one: in a burst, a function's calls wait for those of the others."""
FUNCTIONS_AN_ORDER = 3


@dataclass(frozen=True)
class Block:
    """What some orders took, and what their functions say of it."""

    seconds: float
    answers: Sequence[Answer]
    booked: int
    invocations: Sequence[Invocation]
    timed_out: int
    """Lines of a timeout, of an init or an invoke."""

    def median_ms(self, function: str, figure: str) -> float:
        """Give the median of a figure of the reports of a function, over those that have it."""
        found = (
            getattr(invocation.report, figure)
            for invocation in self.invocations
            if invocation.function == function
        )
        return statistics.median(float(value) for value in found if value is not None)


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Have loops that do nothing but take CPUs, each in a session of its own."""
    loops = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.send_signal(signal.SIGKILL)
            loop.wait()


def measure(deployment: ShopDeployment, count: int) -> Block:
    """Send orders to the shop, all of whose functions are cold, until each is booked."""
    names = sorted(deployment.function_names.values())
    for name in names:
        make_cold(deployment.client("lambda"), name)
    return send(deployment, count)


def send(deployment: ShopDeployment, count: int, batch: int | None = None) -> Block:
    """Send orders to the shop as it is, all at once or `batch` by `batch`, until each is booked."""
    register = CashRegister(deployment, shops.shop_ids(deployment)[0])
    orders = [part for order in islice(cycle(load_orders()), count) for part in register.encrypt(order)]
    since_ms, begin = now_ms(), time.perf_counter()
    answers: list[Answer] = []
    booked = 0
    for part in batched(orders, batch or len(orders), strict=False):
        answered = register.send_all(list(part), CLIENTS, lambda _: None)
        answers += answered
        booked += len(register.await_bookings(answered, lambda _: None, BOOKING_TIMEOUT_S))
    seconds = time.perf_counter() - begin
    time.sleep(3)  # The last lines are still on their way to the log.
    events = read_logs(deployment, sorted(deployment.function_names), since_ms)
    invocations = add_cpu_waits(deployment.target, read_invocations(events), since_ms)
    timed_out = sum("Status: timeout" in event.message for event in events)
    return Block(seconds, answers, booked, invocations, timed_out)


def show(name: str, block: Block) -> None:
    """Print what a block took, and whatever shouldn't be."""
    sent, again = len(block.answers), sum(answer.tries - 1 for answer in block.answers)
    invokes, colds = len(block.invocations), sum(one.report.is_cold for one in block.invocations)
    print(
        f"{name:<6} {sent} orders in {block.seconds:.1f} s, {sent / block.seconds:.1f}/s: "
        f"{block.booked} booked, {again} sent again, {invokes} invokes for {FUNCTIONS_AN_ORDER * sent}, "
        f"{colds} inits, {block.timed_out} timeouts",
        flush=True,
    )


def show_medians(what: str, quiet: Block, busy: Block, own: str, wall: str) -> None:
    """Print medians of own and wall time, quiet and busy."""
    print(f"medians of {what + ', ms':<19} quiet own  busy own  ratio   busy wall")
    for function in sorted({one.function for one in quiet.invocations}):
        before, after = quiet.median_ms(function, own), busy.median_ms(function, own)
        print(
            f"{function:<30} {before:9.1f} {after:9.1f}  {after / before:5.2f}  "
            f"{busy.median_ms(function, wall):10.1f}",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=4566)
    arguments.add_argument("--orders", type=int, default=400)
    arguments.add_argument("--rounds", type=int, default=1)
    given = arguments.parse_args()
    deployment = ShopDeployment.require(EmbeddedStack(given.port).target)
    for _ in range(given.rounds):
        quiet = measure(deployment, given.orders)
        show("quiet", quiet)
        warm = send(deployment, given.orders)
        show("warm", warm)
        print(f"the cold burst has {warm.seconds / quiet.seconds:.2f} times the rate of the warm one")
        quiet_singles = send(deployment, SINGLES, batch=1)
        with busy_loops(LOOPS):
            busy = measure(deployment, given.orders)
            busy_singles = send(deployment, SINGLES, batch=1)
        show("busy", busy)
        print(f"busy takes {busy.seconds / quiet.seconds:.2f} times as long as quiet")
        show_medians("Init Duration", quiet, busy, "init_duration_ms", "init_wall_ms")
        show_medians("Duration", quiet_singles, busy_singles, "duration_ms", "wall_ms")


if __name__ == "__main__":
    main()
