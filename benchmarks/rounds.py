"""A round: all contenders run at the same time, and each row's samples are taken in turn.

So whatever else the machine does meets them alike; a contender that idles costs next to nothing.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.contenders import Contender
from benchmarks.figures import Figures
from benchmarks.probes import bare_process_ms
from benchmarks.rows import Entrant

WARM_INVOKES = 100
COLD_INVOKES = 8
WARM_ORDERS = 40
COLD_ORDERS = 5
WARM_UP = 3
"""Samples that are thrown away before a row of warm ones."""


def measure_round(
    number: int, contenders: Sequence[Contender], figures: Mapping[str, Figures], say: Callable[[str], None]
) -> None:
    """Start the contenders, measure every row on all of them, and stop them; `number` says who goes first."""
    with ExitStack() as cleanup:
        for contender in contenders:
            cleanup.callback(contender.stop)
        entrants = [Entrant(contender, figures[contender.name]) for contender in contenders]
        say("start")
        take_turns(Entrant.ready_s, entrants, number)
        say("deploy")
        take_turns(Entrant.deploy_s, entrants, number)
        take_turns(Entrant.second_plan_empty, entrants, number)
        say("invokes")
        interleave(Entrant.warm_invoke_ms, entrants, WARM_INVOKES, WARM_UP)
        interleave(Entrant.warm_printing_invoke_ms, entrants, WARM_INVOKES, WARM_UP)
        _measure_cold_invokes(entrants)
        say("orders")
        interleave(Entrant.cold_order_ms, entrants, COLD_ORDERS)
        interleave(Entrant.warm_order_ms, entrants, WARM_ORDERS, WARM_UP)
        say("bursts")
        take_turns(Entrant.burst_cold_per_s, entrants, number)
        take_turns(Entrant.burst_warm_per_s, entrants, number + 1)
        take_turns(Entrant.burst_busy_per_s, entrants, number)


def interleave[E: Entrant](
    sample: Callable[[E], float], entrants: Sequence[E], count: int, warm_up: int = 0
) -> None:
    """Take `count` samples of each entrant in turn, after `warm_up` that don't count."""
    for number in range(-warm_up, count):
        take_turns(sample, entrants, number, counts=number >= 0)


def take_turns[E: Entrant](
    sample: Callable[[E], float], entrants: Sequence[E], number: int, counts: bool = True
) -> None:
    """Take a sample of each entrant, another one first each time; the row is named like the method `sample`.

    An entrant that has failed in this row is left out from then on.
    """
    row = sample.__name__
    for entrant in entrants if number % 2 == 0 else reversed(entrants):
        if row in entrant.figures.failures:
            continue
        with entrant.figures.attempt(row):
            value = sample(entrant)
            if counts:
                entrant.figures.add(row, value)


def _measure_cold_invokes(entrants: Sequence[Entrant]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        bare_process_ms("boto3", folder)
        for number in range(COLD_INVOKES):
            bare_ms = bare_process_ms("boto3", folder)
            for entrant in entrants:
                entrant.figures.add("bare_process_ms", bare_ms)
            take_turns(Entrant.cold_invoke_ms, entrants, number)
