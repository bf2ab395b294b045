"""The folder in which an emulator keeps its own state: loaded when it starts, saved when it is told to end.

It is for an emulator in a container, which an engine stops, restarts or kills without asking for its state.
Meanwhile, `checkpoints` writes to the same file. The folder holds the key that signs it, so it has to be the
emulator's alone: functions are kept out (`sandbox.launcher_process.landlock`).
"""

import fcntl
import hashlib
import hmac
import json
import logging
import os
import secrets
import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

from serverless_harness.emulator.first_uses import FirstUses
from serverless_harness.emulator.snapshots import checkpoints
from serverless_harness.emulator.snapshots.checkpoints import Checkpoints, Destination
from serverless_harness.emulator.snapshots.gate import Gate

LOG = logging.getLogger(__name__)

STATE, KEY, LOCK = "state", "key", "lock"
"""The names of its files."""
RUNNING = "running"
"""A file that is there while an emulator runs that has loaded its state, and after it has crashed."""
KEY_BYTES = 32
NEXT_RUN = "."
"""Stands before what a run adds to its session's id when it continues with a checkpoint.

That may hold less than was deployed since (`deploy.emulator_session`).
"""
EXIT_CODE, UNSAVED_EXIT_CODE = 2, 1


class OwnFolderError(Exception):
    """The folder, or the state in it, can't be used; the message is one line. Nothing was changed."""


@dataclass(frozen=True)
class Kept:
    """A state that is in the folder, and what is said of it."""

    said: dict[str, Any]
    content: bytes
    is_crashs: bool
    """Whether the emulator that saved it ran on, and crashed later."""

    def __str__(self) -> str:
        age_s = max(0, round(time.time() - self.said["saved_at"]))
        what = "the last checkpoint before the crash" if self.is_crashs else "its state"
        return f"{what}, saved {age_s} s ago"


class OwnFolder:
    """An emulator's folder, for as long as the emulator runs."""

    def __init__(self, folder: Path, port: int, gate: Gate, first_uses: FirstUses, made: Checkpoints) -> None:
        """Take the folder and read what is in it.

        Raises:
            OwnFolderError: Another emulator has it, it can't be written, or the state doesn't fit.
        """
        self._folder, self._port = folder, port
        self._gate, self._first_uses, self._checkpoints = gate, first_uses, made
        self._ended = ExitStack()
        self._is_ending = False
        self._beginning = threading.Lock()
        try:
            self._claim = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._key = _key(folder)
            self._kept = self._read()
        except BlockingIOError:
            raise OwnFolderError(
                f"another emulator keeps its state in {folder}: stop it, or give this one another folder"
            ) from None
        except OSError as error:
            raise OwnFolderError(f"no state can be kept in {folder}: {error}") from None

    def open(self) -> None:
        """Keep requests away until the state is loaded, which begins when the gateway serves.

        When the process is told to end, the state is saved first. Called in the main thread.
        """
        closed = ExitStack()
        if self._kept:
            closed.enter_context(self._gate.closed())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        threading.Thread(target=self._begin, args=(closed,), name="own-state", daemon=True).start()

    def _begin(self, closed: ExitStack) -> None:
        from localstack.runtime import events

        events.infra_ready.wait()
        with closed:
            try:
                if self._kept:
                    self._load(self._kept)
                    self._kept = None
                self._keep()
            except Exception as error:
                LOG.warning("the state can't be kept", exc_info=LOG.isEnabledFor(logging.DEBUG))
                self._ended.enter_context(self._gate.ended())
                reason = f"{type(error).__name__}: {error}".replace("\n", " ")
                unkept = f"no state can be kept in {self._folder}: {reason}"
                _say(f"error: {self._refusal(reason) if self._kept else unkept}")
                _exit(EXIT_CODE)

    def _keep(self) -> None:
        """Have the state kept from now on, unless the emulator is about to end."""
        about = {"emulator": version(), "port": self._port, "session_id": _session().session_id}
        with self._beginning:
            if not self._is_ending:
                (self._folder / RUNNING).touch(0o600)
                self._checkpoints.begin(Destination(self._folder / STATE, self._key, about))

    def _load(self, kept: Kept) -> None:
        from serverless_harness.emulator.snapshots import service_states

        service_states.load(kept.content, self._gate, self._first_uses, is_first=True)
        session = _session()
        lineage = kept.said["about"]["session_id"]
        own = session.session_id
        session.session_id = f"{lineage.partition(NEXT_RUN)[0]}{NEXT_RUN}{own}" if kept.is_crashs else lineage
        _say(f"The emulator continues with {kept}.")

    def _on_signal(self, _: int, __: FrameType | None) -> None:
        # Not in the main thread, which may hold locks that are needed, and serves what is awaited.
        threading.Thread(target=self._end, name="own-state-end", daemon=True).start()

    def _end(self) -> None:
        """Save the state, unless it isn't loaded yet, and end the emulator; a second call awaits that."""
        from serverless_harness.emulator.snapshots import service_states

        def close() -> None:
            self._ended.enter_context(self._gate.ended())  # Nothing is answered any more that isn't saved.

        def save() -> service_states.Saved:
            with self._gate.closed():
                saved = service_states.save(self._gate)
                close()
                return saved

        with self._beginning:
            self._is_ending = True
        code = 0
        try:
            if self._checkpoints.end(save, close):
                (self._folder / RUNNING).unlink()
                _say(f"The emulator's state is saved in {self._folder}.")
        except Exception as error:  # noqa: BLE001 (whatever it is, the last checkpoint is there)
            _say(f"The emulator's state can't be saved, and the last checkpoint is kept: {error!r}")
            code = UNSAVED_EXIT_CODE
        _exit(code)

    def _read(self) -> Kept | None:
        try:
            signature, _, content = _read(self._folder / STATE).partition(b"\n")
        except FileNotFoundError:
            return None
        if not hmac.compare_digest(signature, checkpoints.sign(content, self._key)):
            raise OwnFolderError(self._refusal("it is damaged, or not signed with this folder's key"))
        line, _, state = content.partition(b"\n")
        said = json.loads(line)
        if said["about"]["emulator"] != version():
            raise OwnFolderError(self._refusal("it was saved by another version of the emulator"))
        if (port := said["about"]["port"]) != self._port:
            raise OwnFolderError(
                self._refusal(f"it was saved on port {port}, which is part of its addresses")
            )
        return Kept(said, state, (self._folder / RUNNING).exists())

    def _refusal(self, reason: str) -> str:
        return (
            f"the saved state in {self._folder} can't be loaded: {reason}; it stays there; to delete it and "
            "start anew, remove the volume ('docker compose down -v')"
        )


@cache
def version() -> str:
    """Hash this emulator's code and what is installed beside it: a state of another version isn't loaded."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted(each for each in package.rglob("*") if each.suffix in (".py", ".json")):
        digest.update(f"{file.relative_to(package)}\0".encode() + file.read_bytes())
    installed = sorted(f"{each.name} {each.version}" for each in metadata.distributions())
    digest.update(json.dumps(installed).encode())
    return digest.hexdigest()


def _key(folder: Path) -> bytes:
    """Return the folder's key; it is drawn where there is none."""
    with suppress(FileNotFoundError):
        if len(key := _read(folder / KEY)) == KEY_BYTES:
            return key
        raise OSError(f"its file {KEY} is damaged")
    unfinished = folder / f"{KEY}.unfinished"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(key := secrets.token_bytes(KEY_BYTES))
        opened.flush()
        os.fsync(descriptor)
    unfinished.rename(folder / KEY)
    return key


def _read(file: Path) -> bytes:
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as opened:
        return opened.read()


def _session() -> Any:  # noqa: ANN401 - LocalStack's own
    """Return what LocalStack tells of this run at /_localstack/info."""
    from localstack.utils.analytics.metadata import get_client_metadata

    return get_client_metadata()


def _say(line: str) -> None:
    print(line, flush=True)


def _exit(code: int) -> None:
    from localstack.runtime import get_current_runtime

    get_current_runtime().exit(code)
