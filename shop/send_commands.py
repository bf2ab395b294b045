"""What `./scripts/send-orders` and `./scripts/send-rubbish` do and show."""

import itertools
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from serverless_harness.cli.deployment_actions import require_stack
from serverless_harness.errors import UserError
from serverless_harness.terminal_output import console, say
from shop import rubbish, shops
from shop.cash_register import BOOKING_TIMEOUT_S, Answer, CashRegister, Summary
from shop.deployment import ShopDeployment
from shop.orders import SAMPLE_ORDERS, load_orders

BOOKING_TIMEOUT_PER_ORDER_S = 1


def require_shop(port: int, endpoint: str | None) -> ShopDeployment:
    """Give the shop on the stack that runs; raises UserError where there is none."""
    return ShopDeployment.require(require_stack(port, endpoint).target)


def known_shops(deployment: ShopDeployment) -> list[str]:
    """Give the shops' ids; raises UserError where there is no shop."""
    if known := shops.shop_ids(deployment):
        return known
    raise UserError("no shop is deployed: terraform's shop_ids is empty")


def send_orders_of(
    port: int, endpoint: str | None, shop_id: str | None, file: Path | None, count: int | None, clients: int
) -> int:
    """Send orders of one shop and wait for their bookings; gives 1 unless all are booked."""
    orders = load_orders(file or SAMPLE_ORDERS)
    deployment = require_shop(port, endpoint)
    register = CashRegister(deployment, shop_id or known_shops(deployment)[0])
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


def _show_summary(summary: Summary) -> int:
    retries = sum(answer.tries - 1 for answer in summary.answers)
    say(f"sent        {len(summary.answers)}{f', and {retries} times again' if retries else ''}")
    say(f"accepted    {len(summary.accepted)}")
    say(f"booked      {len(summary.booked)}")
    if summary.accepted:
        say(f"latency     median {summary.latency_median_ms:.0f} ms, p95 {summary.latency_p95_ms:.0f} ms")
    refused = [answer for answer in summary.answers if not answer.accepted]
    for status, answers in itertools.groupby(sorted(refused, key=_status_text), key=_status_text):
        say(f"{status:<11} {len(list(answers))}")
    if not summary.complete:
        say("some orders are not booked: see ./scripts/logs")
    return 0 if summary.complete else 1


def _status_text(answer: Answer) -> str:
    return f"HTTP {answer.status}" if answer.status else "no answer"


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<11}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def send_rubbish_to(port: int, endpoint: str | None, shop_id: str | None) -> int:
    """Send one of each kind of rubbish; gives 1 where something came of it that should not have."""
    deployment = require_shop(port, endpoint)
    known = known_shops(deployment)
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
    say(f"{bad} answers were not as expected, {booked} orders booked")
    return 1 if bad or booked else 0
