"""The soak of restarts: the stack ends in the middle of a burst of orders and goes on; then each is audited.

After `down`, each order that was answered 200 is booked once or a dead letter. After a kill, those may be
lost that were answered after the last checkpoint; each of them is named.
"""

import random
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Literal

import psutil

from serverless_harness.errors import HarnessError
from serverless_harness.stack import checkpoints
from serverless_harness.stack.control import control
from serverless_harness.stack.deploying import start_installing_providers
from serverless_harness.stack.down import stop_stacks
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.stack.snapshot import Snapshot
from serverless_harness.stack.states import SavedState
from serverless_harness.targets import LocalTarget
from serverless_harness.terminal_output import say
from serverless_harness.waiting import Wait
from shop import shops
from shop.audit import Audit, SentOrder, audit
from shop.deployment import ShopDeployment
from shop.soak import RETRY_DELAY_SCALE, Load

type Ending = Literal["down", "kill"]

SETTINGS = {"LAMBDA_ASYNC_DELAY_SCALE": RETRY_DELAY_SCALE}
EARLIEST, LATEST = 0.2, 0.8
"""The part of the orders that is answered when the stack ends."""
TIMEOUT_S = 600
DOWN_ATTEMPTS = 10
"""`down` leaves a stack running that doesn't come to rest: try again."""
RESTART_ROUNDS = 20


@dataclass(frozen=True)
class Round:
    """What became of the orders of one round; times are in seconds since 1970."""

    seed: int
    found: Audit
    answered_at: Mapping[str, float]
    """By the orders' ids."""
    ended_at: float
    saved_at: float
    """When the state was saved with which the stack went on."""
    away_s: float
    """How long it took to end the stack, a refused `down` included, and to start it again."""
    refused_downs: int
    may_be_lost: frozenset[str]
    """Orders that were answered between a checkpoint and a kill."""

    @property
    def passed(self) -> bool:
        found = self.found
        answered = len(found.accepted) == found.sent
        return answered and found.lost <= self.may_be_lost and not found.refused and not found.wrong_books

    def lines(self, by: Ending) -> list[str]:
        """Give the round as text."""
        found = self.found
        age = f"the checkpoint was {self.ended_at - self.saved_at:.1f} s old, " if by == "kill" else ""
        refused = f"'down' was refused {self.refused_downs} times, " if self.refused_downs else ""
        lost = [
            f"  lost: order {each}, answered {self.answered_at[each] - self.saved_at:+.1f} s after the state "
            "was saved"
            for each in sorted(found.lost)
        ]
        return [
            f"seed {self.seed}: {refused}{age}away for {self.away_s:.1f} s; {len(found.accepted)} of "
            f"{found.sent} accepted, "
            f"{len(found.booked)} booked, {len(found.dead)} dead letters, {len(found.lost)} lost, "
            f"{'passed' if self.passed else 'FAILED'}",
            *lost,
            *(f"  refused: order {each}" for each in sorted(found.refused)),
            *(f"  {line}" for line in found.wrong_books),
        ]


def run_restart_soak(by: Ending, rounds: int, count: int, clients: int, seed: int | None) -> int:
    """Soak a stack of its own, and print everything; gives 1 where the audit of a round finds something."""
    seed = secrets.randbelow(10**6) if seed is None else seed
    port = free_port()
    made: list[Round] = []
    try:
        _start(port)
        say(f"{rounds} rounds of {count} orders, {clients} clients, --seed {seed}")
        for number in range(rounds):
            made.append(restart_in_a_burst(port, by, count, clients, seed + number))
            say("\n".join(made[-1].lines(by)))
    finally:
        stack = EmbeddedStack(port, SETTINGS)
        stack.stop()
        SavedState.kept(stack).delete()
        Snapshot.of(stack).discard()
    passed = sum(each.passed for each in made)
    say(f"{passed} of {rounds} rounds passed, {sum(len(each.found.lost) for each in made)} orders lost")
    return 0 if passed == rounds else 1


def restart_in_a_burst(port: int, by: Ending, count: int, clients: int, seed: int) -> Round:
    """End the stack on `port` in the middle of `count` orders, start it again, and audit them."""
    draw, stack = random.Random(seed), EmbeddedStack(port, SETTINGS)
    deployment = ShopDeployment.require(stack.target)
    load = Load.draw(deployment, shops.shop_ids(deployment), count, clients, draw)
    if by == "kill":
        _make_checkpoint(stack.target)  # What was booked before these orders isn't audited.
    sent: list[SentOrder] = []
    answered_at: dict[str, float] = {}

    def note(order: SentOrder) -> None:
        answered_at[order.answer.order_id] = time.time()
        sent.append(order)

    enough = int(count * draw.uniform(EARLIEST, LATEST))
    given_up = Event()
    with ThreadPoolExecutor(1) as sender:
        sending = sender.submit(load.send, clients, lambda: not given_up.is_set(), 0, note)
        try:
            Wait("the orders that are answered first", TIMEOUT_S).until(
                lambda: len(sent) >= enough or sending.done()
            )
            if not stack.is_running():
                raise HarnessError(f"the stack crashed: see {stack.log_file}")
            ended_at = time.time()
            refused_downs = _ENDINGS[by](stack)
            killed_at = time.time()
            _start(port)
            away_s = time.time() - ended_at
        except BaseException:
            given_up.set()
            raise
        sending.result()
    saved_at = SavedState.kept(stack).about().saved_at
    in_doubt = (
        [each for each, at in answered_at.items() if saved_at <= at <= killed_at] if by == "kill" else []
    )
    found = audit(deployment, sent, load.before, TIMEOUT_S, in_doubt)
    return Round(seed, found, answered_at, ended_at, saved_at, away_s, refused_downs, frozenset(in_doubt))


def _start(port: int) -> None:
    """Bring the stack on `port` up as `up` does, with less to read."""
    stack = EmbeddedStack(port, SETTINGS)
    stack.prepare()
    providers = start_installing_providers(stack.project)
    stack.bring_project(stack.ensure_running(), providers)
    stack.detach()


def _down(stack: EmbeddedStack) -> int:
    """Stop a stack as `down` does; gives how often it was too busy for that."""
    for refused in range(DOWN_ATTEMPTS):
        try:
            stop_stacks(stack.port, delete=False)
        except HarnessError as error:
            say(str(error))
        else:
            return refused
    raise HarnessError(f"'down' was refused {DOWN_ATTEMPTS} times")


def _kill(stack: EmbeddedStack) -> int:
    """End the emulator as the system does that is out of memory."""
    process_id = stack.process_id()
    assert process_id
    psutil.Process(process_id.pid).children()[0].kill()
    Wait("the stack's processes to end", TIMEOUT_S).until(lambda: not stack.is_running())
    return 0


_ENDINGS: Mapping[Ending, Callable[[EmbeddedStack], int]] = {"down": _down, "kill": _kill}


def _make_checkpoint(target: LocalTarget) -> None:
    Wait("a checkpoint", TIMEOUT_S, interval_s=0.5).until(
        lambda: not control(target, "POST", checkpoints.PATH)["error"]
    )
