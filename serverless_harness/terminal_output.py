"""What commands show while they work: one line a step, with its time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from serverless_harness.escaping import escaped

console = Console(highlight=False, soft_wrap=True)
error_console = Console(stderr=True, highlight=False, soft_wrap=True)

PROGRESS_LINE_EVERY_S = 10
"""How often a step prints how far it has come where there is no terminal that shows it live."""


@dataclass
class Step:
    """A step under way: `result` stands on its line when it is done."""

    name: str
    result: str = ""
    _started: float = field(default_factory=time.monotonic)
    _progress: str = ""
    _line_due_s: float = PROGRESS_LINE_EVERY_S

    @property
    def duration_s(self) -> float:
        return time.monotonic() - self._started

    def progress(self, text: str) -> None:
        """Show how far the step has come: live on a terminal, else a line now and then."""
        self._progress = escaped(text)
        live = console.is_terminal and not console.is_dumb_terminal
        if not live and self.duration_s >= self._line_due_s:
            self._line_due_s = self.duration_s + PROGRESS_LINE_EVERY_S
            console.print(f"… {self.name:<16} {escape(self._progress)} [dim]({self.duration_s:.0f} s)[/]")

    def __rich__(self) -> Text:
        """Give the line that a terminal shows meanwhile, cut to its width."""
        progress = f": {self._progress}" if self._progress else ""
        text = f"{self.name} ({self.duration_s:.0f} s){progress}"
        return Text(text, no_wrap=True, overflow="ellipsis")


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Show `name` while the block runs and, when it succeeds, its result and time in seconds."""
    current = Step(name)
    with console.status(current):
        yield current
    console.print(f"[green]✓[/] {name:<16} {printable(current.result)} [dim]({current.duration_s:.1f} s)[/]")


def printable(text: str) -> str:
    """Give text of others for what rich prints: nothing in it is acted on, by rich or by a terminal."""
    return escape(escaped(text))


def say(text: str, raw: bool = False) -> None:
    """Print text as it is, tabs and brackets and all: it may be copied from the screen.

    What a terminal would act on instead of printing it is escaped (`escaping`), but for `raw` text.
    """
    print(text if raw else escaped(text), flush=True)
