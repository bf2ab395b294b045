"""The audit: what clients were told, against what is booked and what is in the dead letters.

Every order that was answered 200 is booked or a dead letter; nothing is booked twice; totals are exact. Of an
order that was never answered nothing is promised but that it is booked once at most.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from serverless_harness.waiting import Wait, WaitTimeoutError
from shop import shops
from shop.cash_register import Answer
from shop.dead_letters import ShopDeadLetters, ShopLetter
from shop.deployment import ShopDeployment
from shop.orders import Order

QUIET_S = 6.0
"""Orders that were not answered 200 may still be under way: nothing may have changed for so long.

More than a hang until a function's timeout, 3 s, and its last retry, 2.4 s at the scale of a soak.
"""

LOOK_S = 2.0


@dataclass(frozen=True)
class SentOrder:
    """An order of a shop, and what its client was told."""

    shop_id: str
    order: Order
    answer: Answer


@dataclass(frozen=True)
class Totals:
    """Of an item; both exact."""

    gross_number: Decimal = Decimal(0)
    gross_turnover: Decimal = Decimal(0)

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(self.gross_number + other.gross_number, self.gross_turnover + other.gross_turnover)

    def __sub__(self, other: "Totals") -> "Totals":
        return Totals(self.gross_number - other.gross_number, self.gross_turnover - other.gross_turnover)


@dataclass(frozen=True)
class Books:
    """What is booked for some shops at one time: totals and stock by shop and item, and orders by shop."""

    totals: Mapping[tuple[str, int], Totals]
    stock: Mapping[tuple[str, int], Decimal]
    order_counts: Mapping[str, int]

    @classmethod
    def read(cls, deployment: ShopDeployment, shop_ids: Sequence[str]) -> "Books":
        """Read them as they are now."""
        items = {
            (shop_id, item.item_no): item
            for shop_id in shop_ids
            for item in shops.read_items(deployment, shop_id)
        }
        return cls(
            {key: Totals(item.gross_number, item.gross_turnover) for key, item in items.items()},
            {key: item.stock for key, item in items.items()},
            {shop_id: shops.count_orders(deployment, shop_id) for shop_id in shop_ids},
        )


@dataclass(frozen=True)
class Audit:
    """The outcome; orders by their ids."""

    sent: int
    accepted: frozenset[str]
    refused: frozenset[str]
    """Answered with a status that no register sends an order again after."""
    booked: frozenset[str]
    dead: frozenset[str]
    """In the dead letters, and not booked."""
    turnover: Decimal
    """Booked meanwhile, of all shops."""
    wrong_books: tuple[str, ...]
    """Where totals, stock or numbers of orders are not what the booked orders make; a line each."""

    @property
    def lost(self) -> frozenset[str]:
        """Answered 200, and nowhere."""
        return self.accepted - self.booked - self.dead

    @property
    def unconfirmed(self) -> frozenset[str]:
        """Booked, though the client never heard that it was accepted."""
        return self.booked - self.accepted

    @property
    def passed(self) -> bool:
        return not self.lost and not self.refused and not self.wrong_books

    def lines(self) -> list[str]:
        """Give the audit as text."""
        return [
            f"sent        {self.sent}",
            f"accepted    {len(self.accepted)}",
            f"refused     {len(self.refused)}",
            f"unanswered  {self.sent - len(self.accepted) - len(self.refused)}",
            f"booked      {len(self.booked)}, {len(self.unconfirmed)} of them although the client got no 200",
            f"dead        {len(self.dead)}",
            f"lost        {len(self.lost)}",
            *(f"lost        order {order_id}" for order_id in sorted(self.lost)),
            f"turnover    {self.turnover}, {'not ' if self.wrong_books else ''}exact to the cent",
            *self.wrong_books,
        ]


def audit(
    deployment: ShopDeployment,
    sent: Sequence[SentOrder],
    before: Books,
    timeout_s: float,
    not_awaited: Collection[str] = (),
) -> Audit:
    """Wait, at most `timeout_s`, until every accepted order is booked or dead and all is quiet; compare.

    Orders that are `not_awaited`, by their ids, may be lost.
    """
    found = _settle(deployment, sent, sorted(before.order_counts), timeout_s, not_awaited)
    after = found.books
    return Audit(
        sent=len(sent),
        accepted=frozenset(each.answer.order_id for each in sent if each.answer.accepted),
        refused=frozenset(each.answer.order_id for each in sent if each.answer.refused),
        booked=found.booked,
        dead=found.dead - found.booked,
        turnover=sum(
            (after.totals[key].gross_turnover - before.totals[key].gross_turnover for key in before.totals),
            Decimal(0),
        ),
        wrong_books=tuple(_wrong_books(before, after, sent, found.booked)),
    )


def await_whereabouts(deployment: ShopDeployment, sent: Sequence[SentOrder], timeout_s: float) -> None:
    """Wait, at most `timeout_s`, until every order that was answered 200 is booked or dead."""
    shop_ids = sorted({each.shop_id for each in sent})
    accepted = {each.answer.order_id for each in sent if each.answer.accepted}

    def are_known() -> bool:
        found = _look(deployment, sent, shop_ids)
        return accepted <= found.booked | found.dead

    with suppress(WaitTimeoutError):
        Wait("the orders to be booked or dead letters", timeout_s, interval_s=LOOK_S).until(are_known)


@dataclass(frozen=True)
class _Found:
    """Orders by where they are, and what is booked: a second booking shows in the totals alone."""

    booked: frozenset[str]
    dead: frozenset[str]
    books: Books


def _settle(
    deployment: ShopDeployment,
    sent: Sequence[SentOrder],
    shop_ids: Sequence[str],
    timeout_s: float,
    not_awaited: Collection[str],
) -> _Found:
    """Wait for the end of all that is under way; gives what is found last."""
    accepted = {each.answer.order_id for each in sent if each.answer.accepted} - set(not_awaited)
    looks: list[_Found] = []

    def is_settled() -> bool:
        looks.append(_look(deployment, sent, shop_ids))
        last = looks[-1]
        return looks[-2:] == [last, last] and accepted <= last.booked | last.dead

    with suppress(WaitTimeoutError):
        Wait("the orders to be booked or dead letters", timeout_s, interval_s=QUIET_S).until(is_settled)
    return looks[-1]


def _look(deployment: ShopDeployment, sent: Sequence[SentOrder], shop_ids: Sequence[str]) -> _Found:
    ids: dict[str, set[str]] = defaultdict(set)
    for each in sent:
        ids[each.shop_id].add(each.answer.order_id)
    # Letters first: what is redriven meanwhile, by whomever, is then seen at least once.
    letters = ShopDeadLetters(deployment).letters()
    booked = {
        order_id
        for shop_id, wanted in ids.items()
        for order_id in shops.booked_orders(deployment, shop_id, wanted)
    }
    ours = set().union(*ids.values()) if ids else set()
    dead = {
        letter.order_id for letter in letters if isinstance(letter, ShopLetter) and letter.order_id
    } & ours
    return _Found(frozenset(booked), frozenset(dead), Books.read(deployment, shop_ids))


def _wrong_books(before: Books, after: Books, sent: Sequence[SentOrder], booked: frozenset[str]) -> list[str]:
    expected: dict[tuple[str, int], Totals] = defaultdict(Totals)
    order_counts: dict[str, int] = defaultdict(int)
    for each in {each.answer.order_id: each for each in sent}.values():
        if each.answer.order_id not in booked:
            continue
        order_counts[each.shop_id] += 1
        for sale in each.order.sales:
            expected[each.shop_id, sale.item_no] += Totals(Decimal(sale.gross_number), sale.gross_turnover)
    wrong = []
    for key in sorted(before.totals):
        is_now, ought = after.totals[key] - before.totals[key], expected[key]
        if is_now != ought:
            wrong.append(f"wrong       {key[0]} item {key[1]}: {is_now} booked, {ought} ordered")
        if before.stock[key] - after.stock[key] != ought.gross_number:
            stocks = f"stock went from {before.stock[key]} to {after.stock[key]}"
            wrong.append(f"wrong       {key[0]} item {key[1]}: {stocks}, {ought.gross_number} were ordered")
    for shop_id, count in sorted(before.order_counts.items()):
        if after.order_counts[shop_id] - count != order_counts[shop_id]:
            wrong.append(
                f"wrong       {shop_id}: {after.order_counts[shop_id] - count} orders booked, "
                f"{order_counts[shop_id]} of them sent here"
            )
    return wrong
