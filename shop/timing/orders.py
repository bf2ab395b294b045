"""Measures orders that are sent through the API, each cold or warm, and follows them to their booking."""

import itertools
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import httpx

from serverless_harness.errors import HarnessError
from serverless_harness.functions.invocations import Invocation, collect_invocations
from serverless_harness.functions.invoke import complete, load_event
from serverless_harness.timing.measure import MAX_TRIES, Bench, not_as_wanted
from serverless_harness.waiting import Wait
from shop.cash_register import CashRegister, EncryptedOrder
from shop.deployment import ShopDeployment
from shop.orders import Order, Sale

FUNCTIONS = ("accept", "decrypt", "process")
"""In the order in which an order meets them."""
EVENT = "order"
"""The shipped test event that every function succeeds with."""
ORDER_TIMEOUT_S = 60


@dataclass(frozen=True)
class OrderTrip:
    """One order from POST to booking; times in ms since the epoch."""

    sent_ms: float
    answered_ms: float
    invocations: Mapping[str, Invocation]
    """One of each function."""

    @property
    def booked_ms(self) -> float:
        """When process had ended."""
        return self.invocations["process"].ended_ms

    @property
    def is_cold(self) -> bool | None:
        """Whether all functions were cold (True) or none was (False); None for a mixture."""
        colds = {invocation.is_cold for invocation in self.invocations.values()}
        return colds.pop() if len(colds) == 1 else None

    @property
    def total_ms(self) -> float:
        return self.booked_ms - self.sent_ms

    @property
    def handler_ms(self) -> float:
        return sum(invocation.report.duration_ms for invocation in self.invocations.values())

    @property
    def init_ms(self) -> float:
        return sum(invocation.report.init_duration_ms or 0.0 for invocation in self.invocations.values())

    @property
    def wall_ms(self) -> Mapping[str, float]:
        """Init and handler of all functions by a clock on the wall."""
        reports = [invocation.report for invocation in self.invocations.values()]
        return {
            "init": sum(report.init_wall_ms or 0.0 for report in reports),
            "handler": sum(report.wall_ms for report in reports),
        }

    @property
    def waited_for_cpu_ms(self) -> float:
        """What a busy machine kept the functions and their inits waiting."""
        return sum(self.wall_ms.values()) - self.init_ms - self.handler_ms

    @property
    def gateway_ms(self) -> float:
        """From POST to answer, less what accept took of it."""
        report = self.invocations["accept"].report
        return max(0.0, self.answered_ms - self.sent_ms - report.wall_ms - (report.init_wall_ms or 0.0))

    @property
    def queueing_ms(self) -> float:
        """From a function's end to the next one's begin (of its init, where it is cold): SNS and Lambda.

        A function that begins before the one that published to it has ended hasn't waited.
        """
        waits = 0.0
        for before, after in itertools.pairwise(FUNCTIONS):
            begun_ms = begin_ms(self.invocations[after])
            waits += max(0.0, begun_ms - self.invocations[before].ended_ms)
        return waits


def begin_ms(invocation: Invocation) -> int:
    """Give when an invocation's environment began to work for it: with its init, where it was cold."""
    return (invocation.init_started_ms if invocation.is_cold else None) or invocation.started_ms


class OrderBench(Bench):
    """Measures the shop's functions, and orders on their way through all of them."""

    deployment: ShopDeployment

    def __init__(self, deployment: ShopDeployment, shop_id: str) -> None:
        """Fetch the shop's key; raises UserError where there is no such shop."""
        super().__init__(deployment, self._payload)
        self._shop_id = shop_id
        self._register = CashRegister(deployment, shop_id)
        self._http = httpx.Client(timeout=ORDER_TIMEOUT_S, trust_env=not deployment.target.is_local)

    def _payload(self, function: str) -> bytes:
        """Make an event of its own for each invoke: an order that is known already isn't booked again."""
        event = renew(load_event(self.deployment.target.project, function, EVENT), self._shop_id)
        return complete(self.deployment, event)

    def send_order(self, cold: bool) -> OrderTrip:
        """Send one order that finds every function cold, or every one warm, and follow it to its booking.

        Raises HarnessError where it isn't booked, or doesn't find them so.
        """
        for _ in range(MAX_TRIES):
            trip = self._send_order(cold)
            if trip.is_cold is cold:
                return trip
        raise not_as_wanted("the order path", cold)

    def _send_order(self, cold: bool) -> OrderTrip:
        if cold:
            self.make_cold(*FUNCTIONS)
        sale = Sale(item_no=1, gross_number=1, gross_turnover=Decimal("2.99"))
        [order] = self._register.encrypt(Order(sales=[sale]))
        sent_s = time.time()
        started = time.perf_counter()
        answer = self._http.post(
            self.deployment.invoke_url, content=order.body, headers={"Content-Type": "application/json"}
        )
        answered_ms = sent_s * 1000 + (time.perf_counter() - started) * 1000
        if answer.status_code != httpx.codes.OK:
            raise HarnessError(f"an order was answered with {answer.status_code}: {answer.text[:200]}")
        return OrderTrip(sent_s * 1000, answered_ms, self._follow(order, int(sent_s * 1000)))

    def _follow(self, order: EncryptedOrder, since_ms: int) -> dict[str, Invocation]:
        """Wait for the invocations that handled an order, one of each function."""
        content = json.loads(order.body)["content_base64"]
        marks = {"accept": content, "decrypt": order.order_id, "process": order.order_id}

        def look(function: str) -> Invocation | None:
            invocations = collect_invocations(self.deployment, function, since_ms, count=0)
            return next((one for one in invocations if _mentions(one, marks[function])), None)

        return {
            function: Wait(
                f"{function} to handle order {order.order_id}", ORDER_TIMEOUT_S, hint="./scripts/logs"
            ).until(lambda function=function: look(function))  # type: ignore[misc]
            for function in FUNCTIONS
        }


def renew(value: object, shop_id: str) -> object:
    """Give an event with another order id, of the given shop."""
    if isinstance(value, list):
        return [renew(element, shop_id) for element in value]
    if not isinstance(value, dict):
        return value
    own = {"order_id": secrets.token_hex(32), "shop_id": shop_id, "$encrypt_for": shop_id}
    return {name: own[name] if name in own else renew(element, shop_id) for name, element in value.items()}


def _mentions(invocation: Invocation, mark: str) -> bool:
    return any(mark in line for line in invocation.lines)
