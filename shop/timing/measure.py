"""Measures functions invoked directly and orders sent through the API, each cold and warm.

A function is made cold as `serverless_harness.timing.coldness` does it; when the measuring ends, timeout and
memory are as they were before.
"""

import base64
import itertools
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal

import httpx

from serverless_harness.errors import HarnessError
from serverless_harness.functions.invocations import Invocation, collect_invocations
from serverless_harness.functions.invoke import complete, load_event
from serverless_harness.functions.reports import Report, parse_report
from serverless_harness.project.locate import current
from serverless_harness.timing import coldness
from serverless_harness.waiting import Wait
from shop.deployment import ShopDeployment
from shop.orders import Order, Sale
from shop.register import CashRegister, EncryptedOrder

FUNCTIONS = ("accept", "decrypt", "process")
"""In the order in which an order meets them."""
EVENT = "order"
"""The shipped test event that every function succeeds with."""
ORDER_TIMEOUT_S = 60
MAX_TRIES = 5
"""For an invoke or order that is cold where a warm one is wanted, or the other way round."""


@dataclass(frozen=True)
class DirectInvoke:
    """One synchronous invoke: its REPORT line, and the time from sending the request to its answer."""

    report: Report
    round_trip_ms: float

    @property
    def handler_ms(self) -> float:
        return self.report.duration_ms

    @property
    def init_ms(self) -> float:
        return self.report.init_duration_ms or 0.0

    @property
    def gateway_ms(self) -> float:
        """What is neither init nor handler: the request's way through the service and back."""
        return max(0.0, self.round_trip_ms - self.handler_ms - self.init_ms)


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
    def gateway_ms(self) -> float:
        """From POST to answer, less what accept took of it."""
        report = self.invocations["accept"].report
        return max(
            0.0, self.answered_ms - self.sent_ms - report.duration_ms - (report.init_duration_ms or 0.0)
        )

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


class Bench:
    """Measures on one deployment; `made_ready` puts every function back as it was."""

    def __init__(self, deployment: ShopDeployment, shop_id: str) -> None:
        """Fetch the shop's key; raises UserError where there is no such shop."""
        self.deployment = deployment
        self._lambda = deployment.client("lambda")
        self._delay_s = coldness.LOCAL_DELAY_S if deployment.target.is_local else 1.0
        self._shop_id = shop_id
        self._register = CashRegister(deployment, shop_id)
        self._http = httpx.Client(timeout=ORDER_TIMEOUT_S, trust_env=not deployment.target.is_local)

    @classmethod
    @contextmanager
    def made_ready(cls, deployment: ShopDeployment, shop_id: str) -> "Iterator[Bench]":
        """Give a bench; after the block, all functions have the configuration that they had before."""
        bench = cls(deployment, shop_id)
        with ExitStack() as cleanup:
            for function in FUNCTIONS:
                before = bench._lambda.get_function_configuration(
                    FunctionName=deployment.function_name(function)
                )
                cleanup.callback(
                    bench.configure,
                    function,
                    Timeout=before["Timeout"],
                    MemorySize=before["MemorySize"],
                )
            yield bench

    def configure(self, function: str, **settings: object) -> None:
        """Update a function's configuration and wait until it is in force."""
        coldness.configure(self._lambda, self.deployment.function_name(function), self._delay_s, **settings)

    def make_cold(self, *functions: str) -> None:
        """Retire the functions' execution environments."""
        for function in functions:
            coldness.make_cold(self._lambda, self.deployment.function_name(function), self._delay_s)

    def invoke_cold(self, function: str, count: int, advance: Callable[[], None]) -> list[DirectInvoke]:
        """Invoke a function, each time in a new environment; raises HarnessError where it stays warm."""
        return [self._invoke_as(function, True, advance) for _ in range(count)]

    def invoke_warm(self, function: str, count: int, advance: Callable[[], None]) -> list[DirectInvoke]:
        """Invoke a function again and again; the invoke that found it cold isn't among those given.

        Raises HarnessError where no environment is kept between two invokes.
        """
        return [self._invoke_as(function, False, advance) for _ in range(count)]

    def _invoke_as(self, function: str, cold: bool, advance: Callable[[], None]) -> DirectInvoke:
        for _ in range(MAX_TRIES):
            if cold:
                self.make_cold(function)
            invoke = self._invoke(function, self._payload(function))
            if invoke.report.is_cold == cold:
                advance()
                return invoke
        raise _not_as_wanted(function, cold)

    def _payload(self, function: str) -> bytes:
        """Make an event of its own for each invoke: an order that is known already isn't booked again."""
        event = renew(load_event(current(), function, EVENT), self._shop_id)
        return complete(self.deployment, event)

    def _invoke(self, function: str, payload: bytes) -> DirectInvoke:
        started = time.perf_counter()
        answer = self._lambda.invoke(
            FunctionName=self.deployment.function_name(function), Payload=payload, LogType="Tail"
        )
        answer["Payload"].read()
        round_trip_ms = (time.perf_counter() - started) * 1000
        tail = base64.b64decode(answer["LogResult"]).decode(errors="replace")
        report = next(filter(None, map(parse_report, tail.splitlines())), None)
        if report is None or answer.get("FunctionError"):
            raise HarnessError(f"{function} failed while it was measured: {tail.strip()[-500:]}")
        return DirectInvoke(report, round_trip_ms)

    def send_order(self, cold: bool) -> OrderTrip:
        """Send one order that finds every function cold, or every one warm, and follow it to its booking.

        Raises HarnessError where it isn't booked, or doesn't find them so.
        """
        for _ in range(MAX_TRIES):
            trip = self._send_order(cold)
            if trip.is_cold is cold:
                return trip
        raise _not_as_wanted("the order path", cold)

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

    def against_memory(
        self, function: str, sizes_mb: Sequence[int], count: int, advance: Callable[[], None]
    ) -> dict[int, list[DirectInvoke]]:
        """Invoke a function warm at each memory size; gives the invokes by size in MB."""
        by_size: dict[int, list[DirectInvoke]] = {}
        for size_mb in sizes_mb:
            self.configure(function, MemorySize=size_mb)
            by_size[size_mb] = self.invoke_warm(function, count, advance)
        return by_size


def renew(value: object, shop_id: str) -> object:
    """Give an event with another order id, of the given shop."""
    if isinstance(value, list):
        return [renew(element, shop_id) for element in value]
    if not isinstance(value, dict):
        return value
    own = {"order_id": secrets.token_hex(32), "shop_id": shop_id, "$encrypt_for": shop_id}
    return {name: own[name] if name in own else renew(element, shop_id) for name, element in value.items()}


def _not_as_wanted(what: str, cold: bool) -> HarnessError:
    if cold:
        return HarnessError(
            f"{what} doesn't get cold: {MAX_TRIES} updates in a row left environments running"
        )
    return HarnessError(
        f"{what} doesn't stay warm: {MAX_TRIES} in a row were cold (LAMBDA_KEEPALIVE_MS too short?)"
    )


def _mentions(invocation: Invocation, mark: str) -> bool:
    return any(mark in line for line in invocation.lines)
