"""What was measured: samples by row of the table, and which rows failed."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SAMPLE_TIMEOUT_S = 600


class TooSlowError(Exception):
    """A sample took too long. It is no TimeoutError, which HTTP clients take for their own and try again."""


@dataclass
class Figures:
    """Samples by row; of a row that failed, the reason."""

    samples: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = print

    def add(self, row: str, *values: float) -> None:
        self.samples.setdefault(row, []).extend(values)

    @contextmanager
    def attempt(self, row: str, timeout_s: float = SAMPLE_TIMEOUT_S) -> Iterator[None]:
        """Note a failure of the block, too long a wait included, instead of raising it: other rows go on.

        For the main thread alone.
        """
        try:
            with time_limit(timeout_s):
                yield
        except Exception as error:  # noqa: BLE001 - whatever the emulator does wrong is the row's result
            self.failures[row] = f"{type(error).__name__}: {error}"
            self.say(f"{row} failed: {self.failures[row]}")


@contextmanager
def time_limit(timeout_s: float) -> Iterator[None]:
    """Raise TooSlowError in the main thread, whatever it waits for, when the block takes too long."""

    def end(_number: int, _frame: object) -> None:
        raise TooSlowError(f"it took more than {timeout_s:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, timeout_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
