"""States of embedded stacks that are kept: by `down` for the next `up`, or by a name of the user's."""

import json
import re
import secrets
import shutil
import tarfile
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from serverless_harness.deploy import inputs
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.project.project import Project
from serverless_harness.stack import state_files, state_transfer
from serverless_harness.stack.state_files import SavedStateError

if TYPE_CHECKING:
    from serverless_harness.stack.embedded import EmbeddedStack

ABOUT = "about.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class About:
    """What is said of a state without loading it.

    `saved_at` is in seconds since 1970. `applied_inputs` is the hash of what was last deployed, None where
    that isn't known; `counts` says how many of what the emulator held, by service. After a checkpoint the
    stack ran on, and crashed later.
    """

    saved_at: float
    emulator: str
    port: int
    region: str
    functions: tuple[str, ...]
    applied_inputs: str | None
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    is_checkpoint: bool = False

    @property
    def age(self) -> str:
        """How long ago it was saved, in words: `3 minutes ago`."""
        age = timedelta(seconds=max(0, int(time.time() - self.saved_at)))
        for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
            if count := age // timedelta(seconds=length):
                return f"{count} {unit}{'s' if count > 1 else ''} ago"
        return "just now"

    @property
    def saved(self) -> str:
        """When it was saved: `2026-11-26 04:00:12 UTC`."""
        return f"{datetime.fromtimestamp(self.saved_at, UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True)
class SavedState:
    """The state in `folder`, which may not be there yet."""

    folder: Path

    @classmethod
    def kept(cls, stack: "EmbeddedStack") -> Self:
        """Give the one that `down` keeps of a stack."""
        return cls(stack.project.state / "kept" / str(stack.port))

    @classmethod
    def named(cls, project: Project, name: str) -> Self:
        """Give the one of a name; raises UserError where it can't be one."""
        if not NAME.fullmatch(name):
            raise UserError(
                f"'{name}' can't be the name of a state: use up to 64 letters, digits, dots, dashes and "
                "underscores, and begin with a letter or a digit"
            )
        return cls(project.state / "states" / name)

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    def exists(self) -> bool:
        """Tell whether it is there."""
        return state_files.exists(self.folder)

    def require(self) -> Self:
        """Give itself; raises UserError where it isn't there."""
        if not self.exists():
            raise UserError(
                f"there is no state '{self.name}': run 'state list' to see which states there are"
            )
        return self

    def about(self) -> About:
        """Tell what it is; raises SavedStateError."""
        try:
            return About(**json.loads(state_files.read_one(self.folder, ABOUT)))
        except (ValueError, TypeError) as error:
            raise SavedStateError(f"it can't be read: {error}") from None

    @property
    def size_bytes(self) -> int:
        """The size of its files."""
        return state_files.size_bytes(self.folder)

    def save(self, stack: "EmbeddedStack", end: bool = False) -> int:
        """Save a running stack, in the place of what was saved before; gives the size in bytes.

        With `end` the stack answers nothing any more that isn't saved: it is to be stopped next. Raises
        UserError where nothing is deployed, SavedStateError, after which the stack answers as before.
        """
        deployment = Deployment.require(stack.target)
        applied = inputs.applied_inputs(stack.target)
        try:
            contents, counts = state_transfer.take(stack, end)
            about = About(
                time.time(),
                state_transfer.emulator_version(),
                stack.port,
                stack.target.region,
                deployment.made_functions,
                applied,
                counts,
            )
            self.write(contents, about)
        except SavedStateError:
            if end:
                with suppress(SavedStateError):  # What failed first is what the user should know.
                    state_transfer.go_on(stack)
            raise
        return self.size_bytes

    def write(self, contents: Mapping[str, bytes], about: About) -> None:
        """Write its files, in the place of what was saved before; raises SavedStateError."""
        state_files.write(self.folder, {**contents, ABOUT: json.dumps(asdict(about)).encode()})

    def require_fitting(self, stack: "EmbeddedStack") -> About:
        """Tell what it is; raises UserError where it can't be loaded into `stack`."""
        about = self.about()
        if about.port != stack.port:
            raise UserError(
                f"the state '{self.name}' was saved on port {about.port}, which is part of its addresses: "
                f"load it with --port {about.port}"
            )
        if about.emulator != state_transfer.emulator_version():
            raise UserError(
                f"the state '{self.name}' was saved {about.age} by another version of the emulator, which "
                "this one can't load"
            )
        return about

    def load(self, stack: "EmbeddedStack") -> Deployment:
        """Put it in the place of a running stack's state.

        Raises UserError where it doesn't fit, HalfLoadedError, and SavedStateError if nothing was changed.
        """
        about = self.require_fitting(stack)
        contents = state_files.read(self.folder)
        del contents[ABOUT]
        return state_transfer.give(stack, contents, about.applied_inputs)

    def delete(self) -> None:
        """Remove it."""
        state_files.recover(self.folder.parent)
        shutil.rmtree(self.folder, ignore_errors=True)

    def export(self, file: Path) -> None:
        """Write it to a file, for its owner alone; raises UserError where there is one, or none can be."""
        state_files.read(self.folder)
        try:
            with file.open("xb") as opened:
                file.chmod(0o600)
                with tarfile.open(fileobj=opened, mode="w:gz") as archive:
                    archive.add(self.folder, arcname=".")
        except FileExistsError:
            raise UserError(f"{file} exists already: choose another name, or remove it") from None
        except OSError as error:
            raise UserError(f"{file} can't be written: {error.strerror}") from None

    def take_over(self, file: Path, trust: bool) -> None:
        """Take over what `export` wrote to a file.

        A state is code that the emulator runs: one that this user hasn't signed is taken only with `trust`,
        and signed then. Raises UserError, SavedStateError.
        """
        if self.exists():
            raise UserError(
                f"there is a state '{self.name}' already: delete it first, or choose another name"
            )
        unpacked = self.folder.with_name(f".{self.name}-{secrets.token_hex(4)}")
        try:
            with tarfile.open(file, "r:gz") as archive:
                archive.extractall(unpacked, filter=_private)
            if not state_files.exists(unpacked):
                raise UserError(f"{file} does not contain the state of a stack")
            contents = state_files.read(unpacked, trust=trust)
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise UserError(f"{file} does not contain the state of a stack: {error}") from None
        except state_files.NotSignedError:
            raise UserError(
                f"{file} was not saved by this user on this machine, and a state is code that the emulator "
                "runs: if you know where it comes from, import it with --trust"
            ) from None
        except SavedStateError as error:
            raise UserError(f"{file} can't be imported: {error}") from None
        except OSError as error:
            raise UserError(f"{file} can't be imported: {error.strerror or error}") from None
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
        state_files.write(self.folder, contents)


def named_states(project: Project) -> list[SavedState]:
    """Give the project's named states, by their names."""
    folder = project.state / "states"
    state_files.recover(folder)
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [SavedState(each) for each in found if not each.name.startswith(".")]


def _private(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Take regular files and folders alone, for their owner alone."""
    if not (member.isfile() or member.isdir()):
        raise tarfile.FilterError(f"{member.name} is not a regular file")
    checked = tarfile.data_filter(member, folder)
    return checked.replace(mode=0o700 if checked.isdir() else 0o600, deep=False)
