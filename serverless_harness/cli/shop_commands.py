"""What the commands on a running deployment do and show."""

import contextlib
import itertools
import json
import math
import time
from datetime import timedelta
from pathlib import Path

import psutil
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from serverless_harness import paths
from serverless_harness.console import console, say, step
from serverless_harness.deploy.deployment import Deployment, deploy
from serverless_harness.errors import UserError
from serverless_harness.functions.invoke import invoke, load_event
from serverless_harness.functions.logs import follow_logs, now_ms, read_logs
from serverless_harness.stack.compose import ComposeStack, find_stack
from serverless_harness.stack.embedded import CRASHED, EmbeddedStack
from serverless_harness.stack.endpoint import ExistingEndpoint, parse_endpoint
from shop import rubbish, shops
from shop.orders import SAMPLE_ORDERS, load_orders
from shop.register import BOOKING_TIMEOUT_S, Answer, CashRegister, Summary

BOOKING_TIMEOUT_PER_ORDER_S = 1


def require_stack(port: int, endpoint: str | None) -> EmbeddedStack | ComposeStack | ExistingEndpoint:
    """Give the stack that runs, embedded or in containers; raises UserError where none does."""
    if endpoint:
        existing = parse_endpoint(endpoint)
        existing.ensure_running()
        return existing
    stack = EmbeddedStack(port)
    if not stack.is_running():
        if (in_containers := find_stack(port)) and in_containers.is_running():
            in_containers.deployment()
            return in_containers
        crash = f" (the one that ran there {CRASHED}; its log: {paths.shown(stack.log_file)})"
        raise UserError(
            f"no stack runs on port {port}{crash if stack.has_crashed() else ''}: start one with ./scripts/up"
        )
    return stack


def require_deployment(port: int, endpoint: str | None) -> Deployment:
    """Give the shop on the stack that runs; raises UserError where there is none."""
    return Deployment.require(require_stack(port, endpoint).target)


def deploy_to(port: int, endpoint: str | None) -> None:
    """Deploy, seed what is new, and say where the shop is."""
    stack = require_stack(port, endpoint)
    if isinstance(stack, ComposeStack):
        with step("Deploy"):
            stack.deploy()
        say(stack.deployment().invoke_url)
        return
    target = stack.target
    with step("Deploy") as current:
        deployment, result = deploy(target, current.progress)
        current.result = str(result)
    with step("Seed") as current:
        current.result = f"{shops.seed(deployment)} items of {len(shops.shop_ids(deployment))} shops"
    say(deployment.invoke_url)


def show_status(port: int, endpoint: str | None, invoke_url: bool) -> None:
    """Show the stack, the deployment and every shop's bookings."""
    if invoke_url:
        say(require_deployment(port, endpoint).invoke_url)
        return
    stack = require_stack(port, endpoint)
    say(f"stack       {stack.target.endpoint_url}{_process_of(stack)}")
    deployment = Deployment.find(stack.target)
    if deployment is None:
        say("shop        not deployed: run ./scripts/deploy")
        return
    say(f"shop        {deployment.invoke_url}")
    say(f"functions   {', '.join(deployment.function_names.values())}")
    for shop_id in shops.shop_ids(deployment):
        say(f"{shop_id:<11} {shops.count_orders(deployment, shop_id)} orders booked")
    console.print(_items_table(deployment))
    say("All of this lives as long as the stack; ./scripts/down ends it.")


def _process_of(stack: EmbeddedStack | ComposeStack | ExistingEndpoint) -> str:
    process_id = stack.process_id() if isinstance(stack, EmbeddedStack) else None
    if process_id is None:
        return ""
    processes = 1 + len(psutil.Process(process_id.pid).children(recursive=True))
    runs_for = timedelta(seconds=int(time.time() - process_id.created_s))
    return f", pid {process_id.pid}, {processes} processes, for {runs_for}"


def _items_table(deployment: Deployment) -> Table:
    table = Table("shop", "item", "", "price", "stock", "gross_number", "gross_turnover", box=None)
    for column in table.columns:
        column.no_wrap = True
    for shop_id in shops.shop_ids(deployment):
        for item in shops.read_items(deployment, shop_id):
            numbers = (item.selling_price, item.stock, item.gross_number, item.gross_turnover)
            table.add_row(shop_id, str(item.item_no), item.item_description, *map(str, numbers))
    return table


def show_logs(
    port: int, endpoint: str | None, function: str | None, since_minutes: float, follow: bool
) -> None:
    """Print log lines since some minutes ago; with `follow`, until ctrl-C."""
    if not math.isfinite(since_minutes):
        raise UserError(f"--since-minutes takes a number of minutes, not {since_minutes}")
    deployment = require_deployment(port, endpoint)
    functions = [function] if function else sorted(deployment.function_names)
    for name in functions:
        deployment.function_name(name)
    since_ms = max(0, now_ms() - round(since_minutes * 60_000))
    if not follow:
        for event in read_logs(deployment, functions, since_ms):
            say(str(event))
        return
    with contextlib.suppress(KeyboardInterrupt):
        for event in follow_logs(deployment, functions, since_ms):
            say(str(event))


def invoke_function(port: int, endpoint: str | None, function: str, event: str) -> int:
    """Invoke a function and show what came of it; gives 1 where the function failed."""
    deployment = require_deployment(port, endpoint)
    deployment.function_name(function)
    started = time.perf_counter()
    invocation = invoke(deployment, function, load_event(function, event))
    round_trip_ms = (time.perf_counter() - started) * 1000
    say(f"result      {invocation.function_error or 'success'}")
    say(_indented_json(invocation.payload))
    if report := invocation.report:
        init = f" after an init of {report.init_duration_ms} ms" if report.init_duration_ms else ""
        say(f"duration    {report.duration_ms} ms{init}, billed {report.billed_duration_ms} ms")
        say(f"memory      {report.max_memory_used_mb} of {report.memory_size_mb} MB")
    say(f"round trip  {round_trip_ms:.0f} ms")
    say(f"log tail\n{invocation.log_tail.rstrip()}")
    return 1 if invocation.function_error else 0


def _indented_json(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2)
    except ValueError:
        return text


def send_orders_of(
    port: int, endpoint: str | None, shop_id: str | None, file: Path | None, count: int | None, clients: int
) -> int:
    """Send orders of one shop and wait for their bookings; gives 1 unless all are booked."""
    orders = load_orders(file or SAMPLE_ORDERS)
    deployment = require_deployment(port, endpoint)
    register = CashRegister(deployment, shop_id or _known_shops(deployment)[0])
    wanted = itertools.islice(itertools.cycle(orders), count or len(orders))
    encrypted = [part for order in wanted for part in register.encrypt(order)]
    with _progress() as progress:
        sending = progress.add_task("sent", total=len(encrypted))
        answers = register.send_all(encrypted, clients, lambda _: progress.advance(sending))
        booking = progress.add_task("booked", total=sum(answer.accepted for answer in answers))
        booked = register.await_bookings(
            answers,
            lambda number: progress.update(booking, completed=number),
            BOOKING_TIMEOUT_S + BOOKING_TIMEOUT_PER_ORDER_S * len(encrypted),
        )
    return _show_summary(Summary(answers, booked))


def _known_shops(deployment: Deployment) -> list[str]:
    if known := shops.shop_ids(deployment):
        return known
    raise UserError("no shop is deployed: terraform's shop_ids is empty")


def _show_summary(summary: Summary) -> int:
    retries = sum(answer.tries - 1 for answer in summary.answers)
    say(f"sent        {len(summary.answers)}{f', {retries} of them again' if retries else ''}")
    say(f"accepted    {len(summary.accepted)}")
    say(f"booked      {len(summary.booked)}")
    if summary.accepted:
        say(f"latency     median {summary.latency_median_ms:.0f} ms, p95 {summary.latency_p95_ms:.0f} ms")
    refused = [answer for answer in summary.answers if not answer.accepted]
    for status, answers in itertools.groupby(sorted(refused, key=_status_text), key=_status_text):
        say(f"{status:<11} {len(list(answers))}")
    if not summary.complete:
        say("not all is booked: ./scripts/logs says why")
    return 0 if summary.complete else 1


def _status_text(answer: Answer) -> str:
    return f"HTTP {answer.status}" if answer.status else "no answer"


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<11}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def send_rubbish_to(port: int, endpoint: str | None, shop_id: str | None) -> int:
    """Send one of each kind of rubbish; gives 1 where something came of it that should not have."""
    deployment = require_deployment(port, endpoint)
    known = _known_shops(deployment)
    shop_id = shop_id or known[0]
    others = [other for other in known if other != shop_id]
    register = CashRegister(deployment, shop_id)
    other_register = CashRegister(deployment, others[0]) if others else None
    pieces = list(rubbish.make_rubbish(register, other_register))
    bad = 0
    for piece in pieces:
        with console.status(piece.name):
            refusal = rubbish.send_rubbish(deployment, piece)
        bad += not refusal.as_expected
        mark = "[green]✓[/]" if refusal.as_expected else "[red]✗[/]"
        console.print(f"{mark} {piece.name:<24} HTTP {refusal.status} ", end="")
        say(refusal.text)
        if refusal.error_line:
            say(f"    {refusal.error_line}")
    order_ids = {order_id for piece in pieces if (order_id := piece.order_id_if_taken)}
    booked = len(shops.booked_orders(deployment, shop_id, order_ids))
    say(f"{bad} not as expected, {booked} booked")
    return 1 if bad or booked else 0
