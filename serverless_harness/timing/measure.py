"""Measures functions that are invoked directly, cold and warm.

A function is made cold as `timing.coldness` does it; when the measuring ends, timeout and memory are as they
were before.
"""

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Self

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import HarnessError
from serverless_harness.functions.cpu_waits import with_cpu_waits
from serverless_harness.functions.invoke import INVOKE_CONFIG
from serverless_harness.functions.logs import now_ms
from serverless_harness.functions.reports import Report, parse_report
from serverless_harness.timing import coldness

MAX_TRIES = 5
"""For an invoke that is cold where a warm one is wanted, or the other way round."""

type Payloads = Callable[[str], bytes]
"""Gives the payload of the next invoke of a function."""


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
    def waited_for_cpu_ms(self) -> float:
        """What a busy machine kept init and handler waiting."""
        return self.report.waited_for_cpu_ms + self.report.init_waited_for_cpu_ms

    @property
    def gateway_ms(self) -> float:
        """What is neither init nor handler: the request's way through the service and back."""
        return max(0.0, self.round_trip_ms - self.handler_ms - self.init_ms - self.waited_for_cpu_ms)


class Bench:
    """Measures functions of one deployment; `restoring` puts each back as it was."""

    def __init__(self, deployment: Deployment, payloads: Payloads) -> None:
        self.deployment = deployment
        self._payloads = payloads
        self._delay_s = coldness.LOCAL_DELAY_S if deployment.target.is_local else 1.0

    @contextmanager
    def restoring(self, functions: Sequence[str]) -> Iterator[Self]:
        """Give the bench; after the block, the functions have the configuration that they had before."""
        with ExitStack() as cleanup:
            for function in functions:
                name = self.deployment.function_name(function)
                client = self.deployment.client_for(name, "lambda")
                before = client.get_function_configuration(FunctionName=name)
                settings = {key: before[key] for key in ("Timeout", "MemorySize")}
                cleanup.callback(self.configure, function, **settings)
            yield self

    def configure(self, function: str, **settings: object) -> None:
        """Update a function's configuration and wait until it is in force."""
        name = self.deployment.function_name(function)
        coldness.configure(self.deployment.client_for(name, "lambda"), name, self._delay_s, **settings)

    def make_cold(self, *functions: str) -> None:
        """Retire the functions' execution environments."""
        for function in functions:
            name = self.deployment.function_name(function)
            coldness.make_cold(self.deployment.client_for(name, "lambda"), name, self._delay_s)

    def invoke_cold(self, function: str, count: int, advance: Callable[[], None]) -> list[DirectInvoke]:
        """Invoke a function, each time in a new environment; raises HarnessError where it stays warm."""
        return [self._invoke_as(function, True, advance) for _ in range(count)]

    def invoke_warm(self, function: str, count: int, advance: Callable[[], None]) -> list[DirectInvoke]:
        """Invoke a function again and again; the invoke that found it cold isn't among those given.

        Raises HarnessError where no environment is kept between two invokes.
        """
        return [self._invoke_as(function, False, advance) for _ in range(count)]

    def against_memory(
        self, function: str, sizes_mb: Sequence[int], count: int, advance: Callable[[], None]
    ) -> dict[int, list[DirectInvoke]]:
        """Invoke a function warm at each memory size; gives the invokes by size in MB."""
        by_size: dict[int, list[DirectInvoke]] = {}
        for size_mb in sizes_mb:
            self.configure(function, MemorySize=size_mb)
            by_size[size_mb] = self.invoke_warm(function, count, advance)
        return by_size

    def _invoke_as(self, function: str, cold: bool, advance: Callable[[], None]) -> DirectInvoke:
        for _ in range(MAX_TRIES):
            if cold:
                self.make_cold(function)
            invoke = self._invoke(function, self._payloads(function))
            if invoke.report.is_cold == cold:
                advance()
                return invoke
        raise not_as_wanted(function, cold)

    def _invoke(self, function: str, payload: bytes) -> DirectInvoke:
        name = self.deployment.function_name(function)
        client = self.deployment.client_for(name, "lambda", INVOKE_CONFIG)
        since_ms = now_ms()
        started = time.perf_counter()
        answer = client.invoke(FunctionName=name, Payload=payload, LogType="Tail")
        answer["Payload"].read()
        round_trip_ms = (time.perf_counter() - started) * 1000
        tail = base64.b64decode(answer["LogResult"]).decode(errors="replace")
        report = next(filter(None, map(parse_report, tail.splitlines())), None)
        if report is None or answer.get("FunctionError"):
            raise HarnessError(f"{function} failed while it was measured: {tail.strip()[-500:]}")
        [report] = with_cpu_waits(self.deployment.target, [report], since_ms)
        return DirectInvoke(report, round_trip_ms)


def not_as_wanted(what: str, cold: bool) -> HarnessError:
    """Give the error for what doesn't get cold, or doesn't stay warm."""
    if cold:
        return HarnessError(
            f"no cold start of {what} was seen: {MAX_TRIES} updates in a row left environments running"
        )
    return HarnessError(
        f"no warm invoke of {what} was seen: {MAX_TRIES} in a row were cold (LAMBDA_KEEPALIVE_MS too short?)"
    )
