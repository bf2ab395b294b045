"""Locks between processes, each a file."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(file: Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock that `file` stands for; without `wait`, raises BlockingIOError where another has it."""
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
