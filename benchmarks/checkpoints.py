"""What checkpoints cost: how long the emulator pauses for one, by the state's size, and what an order pays.

    python -m benchmarks.checkpoints [--port 4566] [--rounds 10] [--orders 60] [--interval 5]
        [--sizes 1,10,100]

It needs a stack with the shop deployed that makes no checkpoints by itself: `STATE_CHECKPOINT_SECONDS=0
./scripts/up`. Orders go one after another in blocks, with and without a checkpoint every `interval` seconds,
on, off, off, on, so that what else the machine does meets both alike. A pause meets few orders and makes
those slow, so the means are compared, not the medians. The states are of DynamoDB items and of S3 objects.
"""

import argparse
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from benchmarks.iam_enforcement import MODES, send_order
from serverless_harness.stack import checkpoints
from serverless_harness.stack.control import control
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.stack.states import SavedState
from serverless_harness.targets import LocalTarget
from serverless_harness.timing.statistics import percentile
from shop import shops
from shop.cash_register import CashRegister
from shop.deployment import ShopDeployment

WARM_UP_ORDERS = 10
REPETITIONS = 7
STATE_REPETITIONS = 3
MB = 1_000_000
ITEM_BYTES = 4_000
OBJECT_BYTES = 1_000_000
CHECKPOINT_TIMEOUT_S = 300
"""The answer comes when it is on the disk."""
STATE = f"benchmark-{os.getpid()}"
BATCH = 25
"""DynamoDB's own limit."""


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=4566)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--orders", type=int, default=60)
    parser.add_argument("--interval", type=float, default=5.0)
    parser.add_argument("--sizes", default="1,10,100")
    options = parser.parse_args()
    target = EmbeddedStack(options.port).target
    deployment = ShopDeployment.require(target)
    if control(target, "GET", checkpoints.PATH)["interval_s"]:
        parser.error("the stack makes checkpoints by itself: start it with STATE_CHECKPOINT_SECONDS=0")
    if options.rounds:
        _compare_orders(target, deployment, options.rounds, options.orders, options.interval)
    sizes = [float(size) for size in options.sizes.split(",") if size]
    for make in (_grow_table, _grow_bucket):
        for size_mb, name in make(target, sizes):
            what = f"{size_mb:g} MB of {name}"
            _show_pauses(target, what)
            _show_states(EmbeddedStack(options.port), what)


def make_checkpoint(target: LocalTarget) -> dict[str, Any]:
    """Have the emulator make one; gives its report."""
    report: dict[str, Any] = control(target, "POST", checkpoints.PATH, timeout_s=CHECKPOINT_TIMEOUT_S)
    if report["error"]:
        raise RuntimeError(f"no checkpoint was made: {report['error']}")
    return report


def _compare_orders(
    target: LocalTarget, deployment: ShopDeployment, rounds: int, orders: int, interval_s: float
) -> None:
    shop_id = shops.shop_ids(deployment)[0]
    register = CashRegister(deployment, shop_id)
    for _ in range(WARM_UP_ORDERS):
        send_order(deployment, register, shop_id)
    answered_ms: dict[str, list[float]] = {mode: [] for mode in MODES}
    for number in range(rounds):
        for mode in MODES if number % 2 else reversed(MODES):
            with _every(interval_s, lambda: make_checkpoint(target), mode == "on"):
                for _ in range(orders):
                    answered_ms[mode].append(send_order(deployment, register, shop_id).answered_ms)
    for mode in MODES:
        each = answered_ms[mode]
        mean, median, p99 = statistics.fmean(each), statistics.median(each), percentile(each, 99)
        print(f"checkpoints {mode}: mean {mean:.2f} ms, median {median:.2f}, p99 {p99:.1f}, n={len(each)}")
    ratio = statistics.fmean(answered_ms["on"]) / statistics.fmean(answered_ms["off"])
    print(f"a warm order with checkpoints every {interval_s:g} s takes {ratio:.3f} times as long (mean)")


@contextmanager
def _every(interval_s: float, act: Callable[[], object], is_on: bool) -> Iterator[None]:
    """Call `act` every so many seconds while the block runs."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(interval_s):
            act()

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run) if is_on else None
        try:
            yield
        finally:
            ended.set()
        if running:
            running.result()


def _show_pauses(target: LocalTarget, what: str) -> None:
    reports = [make_checkpoint(target) for _ in range(REPETITIONS)]
    pauses = [report["pause_ms"] for report in reports]
    writes = [report["write_s"] for report in reports]
    print(
        f"{what}: pause {statistics.median(pauses):.0f} ms (up to {max(pauses):.0f}), "
        f"written in {statistics.median(writes):.1f} s, {reports[-1]['size_bytes'] / MB:.1f} MB on disk"
    )


def _show_states(stack: EmbeddedStack, what: str) -> None:
    state = SavedState.named(stack.project, STATE)
    saved_s, loaded_s = [], []
    for _ in range(STATE_REPETITIONS):
        begin = time.perf_counter()
        state.save(stack)
        saved = time.perf_counter()
        state.load(stack)
        saved_s.append(saved - begin)
        loaded_s.append(time.perf_counter() - saved)
    state.delete()
    save_s, load_s = statistics.median(saved_s), statistics.median(loaded_s)
    print(f"{what}: `state save` {save_s:.1f} s, `state load` {load_s:.1f} s")


def _grow_table(target: LocalTarget, sizes_mb: list[float]) -> Iterator[tuple[float, str]]:
    client, table, items = target.client("dynamodb"), f"size-{time.time_ns()}", 0
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    for size_mb in sizes_mb:
        while items * ITEM_BYTES < size_mb * MB:
            numbers = range(items, items + BATCH)
            puts = [{"PutRequest": {"Item": _item(number)}} for number in numbers]
            client.batch_write_item(RequestItems={table: puts})
            items += BATCH
        yield size_mb, "DynamoDB items"
    client.delete_table(TableName=table)


def _item(number: int) -> dict[str, Any]:
    return {"id": {"S": str(number)}, "n": {"N": str(number)}, "text": {"S": f"{number:0{ITEM_BYTES - 50}}"}}


def _grow_bucket(target: LocalTarget, sizes_mb: list[float]) -> Iterator[tuple[float, str]]:
    client, bucket, objects = target.client("s3"), f"size-{time.time_ns()}", 0
    client.create_bucket(Bucket=bucket)
    for size_mb in sizes_mb:
        while objects * OBJECT_BYTES < size_mb * MB:
            client.put_object(Bucket=bucket, Key=str(objects), Body=b"x" * OBJECT_BYTES)
            objects += 1
        yield size_mb, "S3 objects"
    for number in range(objects):
        client.delete_object(Bucket=bucket, Key=str(number))
    client.delete_bucket(Bucket=bucket)


if __name__ == "__main__":
    main()
