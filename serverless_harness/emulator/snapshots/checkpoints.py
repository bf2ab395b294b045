"""Checkpoints: while the emulator runs, its state is written to a file whenever it has changed.

The emulator pauses for as long as it takes to copy its process (`forked`); the copy turns the state into
bytes and writes them. The file is replaced by a rename, so it always holds a whole state. An emulator that
keeps its own state (`own_folder`) writes the last one itself, when nothing is under way any more.
"""

import hmac
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serverless_harness.emulator.snapshots import forked
from serverless_harness.emulator.snapshots.gate import BusyError, Gate

if TYPE_CHECKING:
    from serverless_harness.emulator.snapshots.service_states import Saved

LOG = logging.getLogger(__name__)

WRITE_TIMEOUT_S = 120.0
"""A copy that takes longer hangs."""
LAST_ATTEMPTS = 10
"""How often the last one is tried where the emulator doesn't come to rest."""
REST = 3
"""The pause after one, in multiples of the time that it took: all take at most a quarter of the time."""


def _nothing() -> None:
    """Stand for a step that isn't needed."""


@dataclass(frozen=True)
class Destination:
    """Where checkpoints go: a file, the key that signs them, and what else they are to say, as JSON."""

    file: Path
    key: bytes
    about: Any


@dataclass
class Report:
    """What became of checkpoints so far; the figures are those of the latest that is on the disk."""

    made: int = 0
    saved_at: float = 0.0
    """Seconds since 1970."""
    pause_ms: float = 0.0
    write_s: float = 0.0
    size_bytes: int = 0
    error: str = ""
    """Why no newer one could be made; empty if nothing has gone wrong since."""


@dataclass
class Checkpoints:
    """Makes a checkpoint each `interval_s` seconds in which the state changed, or less often; 0: none.

    The interval is that of `STATE_CHECKPOINT_SECONDS` (`settings.checkpoint_interval_s`).
    """

    gate: Gate
    interval_s: float
    report: Report = field(default_factory=Report)
    _destination: Destination | None = None
    _thread: threading.Thread | None = None
    _changes: int | None = None
    """The gate's, when the latest was made."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, destination: Destination) -> None:
        """Make them from now on."""
        self._destination = destination
        if self.interval_s and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            if self._changes != self.gate.changes:
                self.make()
            time.sleep(max(self.interval_s, REST * self.report.write_s))

    def make(self) -> Report:
        """Make one now, and return what became of it; one that fails leaves the one before."""
        with self._lock:
            if destination := self._destination:
                self._try(destination)
        return self.report

    def end(self, save: Callable[[], "Saved"], close: Callable[[], object]) -> bool:
        """Write a last one, of what `save` returns, in which nothing is under way any more; none comes after.

        Where `save` raises BusyError, it is one like any other, and `close` is called in its pause: nothing
        may be answered any more that isn't in it. Gives whether it was written and is none like any other.
        Raises OSError where it can't be written.
        """
        with self._lock:
            destination, self._destination = self._destination, None
            if destination is None:
                return False
            try:
                saved = save()
            except BusyError as error:
                LOG.warning("The last checkpoint doesn't wait for what is under way: %s", error)
                for _ in range(LAST_ATTEMPTS):
                    self._try(destination, close)
                    if not self.report.error:
                        break
                return False
            _write(destination, saved, time.time())
            return True

    def _try(self, destination: Destination, close: Callable[[], object] = _nothing) -> None:
        try:
            self._make(destination, close)
        except Exception as error:  # noqa: BLE001 (the next may succeed, and the emulator is fine)
            reason = str(error) if isinstance(error, BusyError | forked.CopyError) else repr(error)
            if reason != self.report.error:
                LOG.warning("No checkpoint of the state was made, and the previous one is kept: %s", reason)
            self.report.error = reason
        else:
            self.report.error = ""

    def _make(self, destination: Destination, close: Callable[[], object]) -> None:
        begun = time.monotonic()
        changes, saved_at, copy = self._copy(destination, close)
        paused = time.monotonic()
        size_bytes = int(copy.result(WRITE_TIMEOUT_S))
        self._changes = changes
        self.report.made += 1
        self.report.saved_at, self.report.size_bytes = saved_at, size_bytes
        self.report.pause_ms = (paused - begun) * 1000
        self.report.write_s = time.monotonic() - paused

    def _copy(self, destination: Destination, close: Callable[[], object]) -> tuple[int, float, forked.Copy]:
        """Return how often the state had changed when it was copied, when that was, and the copy."""
        from serverless_harness.emulator.snapshots import service_states

        with service_states.captured(self.gate) as state:
            changes, saved_at, writer = self.gate.changes, time.time(), os.getpid()

            def work() -> str:
                return str(_write(destination, state.saved(), saved_at, writer))

            copy = forked.start(work)
            close()
            return changes, saved_at, copy


def _write(
    destination: Destination,
    saved: "Saved",
    saved_at: float,
    writer: int | None = None,
) -> int:
    """Write a state beside the former, flush it to the disk and put it in its place; return its size.

    In a copy of the process that `writer` is, it stays as it is where that has ended. The first line is the
    rest's signature, the second what is said of the state, as JSON.
    """
    said = {"saved_at": saved_at, "about": destination.about, "counts": saved.counts}
    content = json.dumps(said).encode() + b"\n" + saved.content
    signature = sign(content, destination.key)
    unfinished = destination.file.with_name(f"{destination.file.name}.unfinished")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(signature + b"\n" + content)
            opened.flush()
            os.fsync(descriptor)
        if writer is not None and os.getppid() != writer:
            raise RuntimeError("the emulator has ended meanwhile")
        unfinished.rename(destination.file)
        folder = os.open(destination.file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    return len(signature) + 1 + len(content)


def sign(content: bytes, key: bytes) -> bytes:
    """Return the signature of a checkpoint's content, all of it but its first line."""
    return hmac.new(key, content, "sha256").hexdigest().encode()
