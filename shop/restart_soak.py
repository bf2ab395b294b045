"""The soak of restarts: the stack ends in the middle of a burst of orders and goes on; then each is audited.

After `down`, each order that was answered 200 is booked once or a dead letter. After a kill, those may be
lost that were answered after the last checkpoint; each of them is named.
"""

import random
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Literal

from serverless_harness.errors import HarnessError
from serverless_harness.stack import checkpoints
from serverless_harness.stack.control import control
from serverless_harness.stack.embedded import free_port
from serverless_harness.targets import LocalTarget, Target
from serverless_harness.terminal_output import say
from serverless_harness.waiting import Wait
from shop import shops
from shop.audit import Audit, SentOrder, audit
from shop.restarted_stacks import TIMEOUT_S, RestartedContainers, RestartedEmbedded, RestartedStack
from shop.soak import Load

type Ending = Literal["down", "kill"]

EARLIEST, LATEST = 0.2, 0.8
"""The part of the orders that is answered when the stack ends."""
RESTART_ROUNDS = 20


@dataclass(frozen=True)
class Round:
    """What became of the orders of one round; times are in seconds since 1970."""

    seed: int
    found: Audit
    answered_at: Mapping[str, float]
    """By the orders' ids."""
    not_accepted: Mapping[str, int | None]
    """The last HTTP statuses of the orders that were answered otherwise than by 200, by their ids."""
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
            *(
                f"  not accepted: order {each}, the last answer was {status or 'none'}, "
                f"{self.answered_at[each] - self.ended_at:+.1f} s after the stack was told to end"
                for each, status in sorted(self.not_accepted.items())
            ),
            *(f"  {line}" for line in found.wrong_books),
        ]


def run_restart_soak(
    by: Ending, in_containers: bool, rounds: int, count: int, clients: int, seed: int | None
) -> int:
    """Soak a stack of its own, and print everything; gives 1 where the audit of a round finds something."""
    seed = secrets.randbelow(10**6) if seed is None else seed
    stack: RestartedStack = (RestartedContainers if in_containers else RestartedEmbedded)(free_port())
    made: list[Round] = []
    try:
        stack.start()
        say(f"{rounds} rounds of {count} orders, {clients} clients, --seed {seed}")
        for number in range(rounds):
            made.append(restart_in_a_burst(stack, by, count, clients, seed + number))
            say("\n".join(made[-1].lines(by)))
    finally:
        stack.remove()
    passed = sum(each.passed for each in made)
    say(f"{passed} of {rounds} rounds passed, {sum(len(each.found.lost) for each in made)} orders lost")
    return 0 if passed == rounds else 1


def restart_in_a_burst(stack: RestartedStack, by: Ending, count: int, clients: int, seed: int) -> Round:
    """End a stack in the middle of `count` orders, start it again, and audit them."""
    draw, deployment = random.Random(seed), stack.deployment()
    load = Load.draw(deployment, shops.shop_ids(deployment), count, clients, draw)
    if by == "kill":
        _make_checkpoint(deployment.target)  # What was booked before these orders isn't audited.
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
                raise HarnessError("the stack crashed")
            ended_at, refused_downs = time.time(), 0
            if by == "kill":
                stack.kill()
            else:
                refused_downs = stack.down()
            killed_at = time.time()
            stack.start()
            away_s = time.time() - ended_at
        except BaseException:
            given_up.set()
            raise
        sending.result()
    saved_at = stack.saved_at
    in_doubt = (
        [each for each, at in answered_at.items() if saved_at <= at <= killed_at] if by == "kill" else []
    )
    found = audit(deployment, sent, load.before, TIMEOUT_S, in_doubt)
    answers = [each.answer for each in sent]
    return Round(
        seed,
        found,
        answered_at,
        {each.order_id: each.status for each in answers if not each.accepted},
        ended_at,
        saved_at,
        away_s,
        refused_downs,
        frozenset(in_doubt),
    )


def _make_checkpoint(target: Target) -> None:
    assert isinstance(target, LocalTarget)
    Wait("a checkpoint", TIMEOUT_S, interval_s=0.5).until(
        lambda: not control(target, "POST", checkpoints.PATH)["error"]
    )
