"""What commands show while they work: one line a step, with its time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from serverless_harness.escaping import escaped

console = Console(highlight=False, soft_wrap=True)
error_console = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass
class Step:
    """A step under way: `result` stands on its line when it is done."""

    name: str
    status: Status
    result: str = ""

    def progress(self, text: str) -> None:
        """Show how far the step has come; on a terminal only."""
        self.status.update(f"{self.name}: {printable(text)}")


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Show `name` while the block runs and, when it succeeds, its result and time in seconds."""
    started = time.monotonic()
    with console.status(name) as status:
        current = Step(name, status)
        yield current
    duration_s = time.monotonic() - started
    console.print(f"[green]✓[/] {name:<16} {printable(current.result)} [dim]({duration_s:.1f} s)[/]")


def printable(text: str) -> str:
    """Give text of others for what rich prints: nothing in it is acted on, by rich or by a terminal."""
    return escape(escaped(text))


def say(text: str, raw: bool = False) -> None:
    """Print text as it is, tabs and brackets and all: it may be copied from the screen.

    What a terminal would act on instead of printing it is escaped (`escaping`), but for `raw` text.
    """
    print(text if raw else escaped(text), flush=True)
