"""Chaos: a schedule of faults drawn from a seed, and what lets it loose on a stack.

The same seed and shops give the same schedule, second for second; which calls are under way at those
seconds is the load's affair.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from serverless_harness.errors import HarnessError
from serverless_harness.resilience.faults import Faults
from shop.deployment import ShopDeployment

GAP_S = (0.2, 1.2)
"""Between one strike and the next."""
BOOKINGS_A_STRIKE = 3
"""So many orders have to be booked for each strike after the first of every kind.

On a starved machine an order takes as long as several strikes: each try would be struck, and nothing done.
"""
MAX_STRETCH = 5
LASTS_S = (0.5, 5.0)
"""So long that some outlast Lambda's retries where those come after a second or two."""
CHAOS_POLL_S = 0.2
DISABLE_KEY = "disable-key"


@dataclass(frozen=True)
class Strike:
    """One fault: `at_s` seconds after the start, for `lasts_s`; `fields` are the fault's own."""

    at_s: float
    effect: str
    shop_id: str
    lasts_s: float
    fields: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        details = " ".join(f"{name}={value}" for name, value in self.fields.items())
        when = f"{self.at_s:7.2f} s, for {self.lasts_s:.2f} s"
        return f"{when}  {self.effect:<13} {self.shop_id}  {details}".rstrip()


def schedule(seed: int, function_names: Sequence[str], shop_ids: Sequence[str]) -> Iterator[Strike]:
    """Draw strikes without end, of every kind before any comes again; each is meant for one shop's orders."""
    draw = random.Random(seed)
    at_s = 0.0
    for kind in _every_kind_in_turn(draw):
        at_s += draw.uniform(*GAP_S)
        shop_id = draw.choice(shop_ids)
        lasts_s = draw.uniform(*LASTS_S)
        effect, fields = kind(draw, draw.choice(function_names))
        yield Strike(round(at_s, 2), effect, shop_id, round(lasts_s, 2), fields)


_Drawn = tuple[str, dict[str, Any]]


def _kill(draw: random.Random, function_name: str) -> _Drawn:
    return "kill", {
        "function": function_name,
        "first_calls": draw.randint(1, 3),
        "delay_ms": draw.randint(0, 40),
    }


def _kill_init(draw: random.Random, function_name: str) -> _Drawn:
    return "kill", {"function": function_name, "phase": "init", "first_calls": draw.randint(1, 2)}


def _hang(draw: random.Random, function_name: str) -> _Drawn:
    return "hang", {"function": function_name, "first_calls": 1, "delay_ms": draw.randint(0, 20)}


def _throttle_dynamodb(draw: random.Random, _function_name: str) -> _Drawn:
    return _share(draw, "throttle", "dynamodb", "TransactWriteItems")


def _lose_dynamodb_answers(draw: random.Random, _function_name: str) -> _Drawn:
    return _share(draw, "drop-answer", "dynamodb", "TransactWriteItems")


def _fail_kms(draw: random.Random, _function_name: str) -> _Drawn:
    return _share(draw, "server-error", "kms", "Decrypt")


def _drop_sns(draw: random.Random, _function_name: str) -> _Drawn:
    return _share(draw, draw.choice(("drop", "drop-answer")), "sns", "Publish")


def _disable_key(_draw: random.Random, _function_name: str) -> _Drawn:
    return DISABLE_KEY, {}


def _share(draw: random.Random, effect: str, service: str, operation: str) -> _Drawn:
    share, seed = round(draw.uniform(0.2, 0.8), 2), draw.randrange(1000)
    return effect, {"service": service, "operation": operation, "share": share, "seed": seed}


KINDS = (
    _kill,
    _kill_init,
    _hang,
    _throttle_dynamodb,
    _lose_dynamodb_answers,
    _fail_kms,
    _drop_sns,
    _disable_key,
)


def _every_kind_in_turn(draw: random.Random) -> "Iterator[Callable[[random.Random, str], _Drawn]]":
    while True:
        yield from draw.sample(KINDS, len(KINDS))


class Chaos:
    """Lets a schedule loose while a `with` block runs; afterwards every key is enabled, every fault over.

    A strike comes at its second, or later where the shop isn't as far yet (BOOKINGS_A_STRIKE). One that comes
    late lasts as many times longer: a shop that is slow must not find it over.
    """

    def __init__(
        self,
        deployment: ShopDeployment,
        strikes: Iterator[Strike],
        announce: Callable[[str], None],
        booked: Callable[[], int],
    ) -> None:
        """`announce` hears of each strike as it is made; `booked` tells how many orders are booked by now."""
        self._deployment = deployment
        self._strikes = strikes
        self._announce = announce
        self._booked = booked
        self._faults = Faults.of(deployment.target)
        self._kms = deployment.client("kms")
        self._ending = threading.Event()
        self._disabled: dict[str, float] = {}
        """Shops whose key is disabled, and until when (`time.monotonic`)."""
        self._fault_ids: list[str] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="chaos", daemon=True)
        self._injected_before: Counter[str] = Counter()
        self.made: list[Strike] = []
        self.injected: Counter[str] = Counter()
        """Calls and invokes that were struck, by effect, and keys that were disabled; known at the end."""

    def __enter__(self) -> Self:
        self._injected_before = self._faults.injected()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join()
        self._enable_keys(float("inf"))
        for fault_id in {fault.id for fault in self._faults.current()}.intersection(self._fault_ids):
            self._faults.end(fault_id)
        self.injected += self._faults.injected() - self._injected_before
        if self._error and error is None:
            raise HarnessError(f"the chaos ended early: {self._error}") from self._error

    def _run(self) -> None:
        try:
            self._make_strikes()
        except Exception as error:  # noqa: BLE001 (raised again in the thread that started this one)
            self._error = error

    def _make_strikes(self) -> None:
        started = time.monotonic()
        for number, strike in enumerate(self._strikes):
            least_booked = (number + 1 - len(KINDS)) * BOOKINGS_A_STRIKE
            while time.monotonic() < started + strike.at_s or self._booked() < least_booked:
                if self._ending.wait(CHAOS_POLL_S):
                    return
                self._enable_keys(time.monotonic())
            stretch = (time.monotonic() - started) / strike.at_s if least_booked > 0 else 1.0
            self._make(replace(strike, lasts_s=round(strike.lasts_s * min(stretch, MAX_STRETCH), 2)))

    def _make(self, strike: Strike) -> None:
        self._announce(str(strike))
        self.made.append(strike)
        if strike.effect == DISABLE_KEY:
            self._kms.disable_key(KeyId=self._key_id(strike.shop_id))
            self.injected[DISABLE_KEY] += 1
            self._disabled[strike.shop_id] = time.monotonic() + strike.lasts_s
            return
        # A first init knows nothing of the order that it is started for.
        containing = None if strike.fields.get("phase") == "init" else strike.shop_id
        fault = self._faults.add(
            strike.effect, containing=containing, expires_in_s=strike.lasts_s, **strike.fields
        )
        self._fault_ids.append(fault.id)

    def _enable_keys(self, now_s: float) -> None:
        for shop_id in [shop_id for shop_id, until_s in self._disabled.items() if until_s <= now_s]:
            self._kms.enable_key(KeyId=self._key_id(shop_id))
            del self._disabled[shop_id]

    def _key_id(self, shop_id: str) -> str:
        """DisableKey takes no alias."""
        key = self._kms.describe_key(KeyId=self._deployment.key_alias_prefix + shop_id)
        return str(key["KeyMetadata"]["KeyId"])
