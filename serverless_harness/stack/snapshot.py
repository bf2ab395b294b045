"""Freshly deployed and seeded projects, kept so that the next `up` need not deploy them.

A snapshot is a saved state (`state_files`), named by a hash of all that it depends on; one that doesn't fit
is removed.
"""

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serverless_harness.deploy import inputs
from serverless_harness.deploy.deployment import Deployment, terraform_variables
from serverless_harness.deploy.terraform_installation import program_version
from serverless_harness.stack import state_files, state_transfer

if TYPE_CHECKING:
    from serverless_harness.stack.embedded import EmbeddedStack

KEPT_SNAPSHOTS = 4
"""How many: a few ports or branches; a snapshot has some megabytes."""
UNRELATED = ("PATH", "LANG", "LC_ALL", "TZ", "STATE_CHECKPOINT_SECONDS")
"""Variables of the stack's environment that decide nothing about what is deployed on it."""


@dataclass(frozen=True)
class Snapshot:
    """What there is, or will be, of a fresh deployment on `stack` as the project is now."""

    stack: "EmbeddedStack"
    inputs: str
    folder: Path

    @classmethod
    def of(cls, stack: "EmbeddedStack", snapshots: Path | None = None) -> "Snapshot":
        """Hash what a fresh deployment on `stack` depends on."""
        deployed = inputs.deployment_inputs(stack.project, terraform_variables(stack.target))
        version = program_version(stack.project.state)
        digest = hashlib.sha256(json.dumps((deployed, version, stack.port, stack.target.region)).encode())
        environ = {name: value for name, value in stack.environ().items() if name not in UNRELATED}
        digest.update(json.dumps(environ, sort_keys=True).encode())
        name = state_transfer.emulator_version(digest)[:32]
        return cls(stack, deployed, (snapshots or stack.project.state / "snapshots") / name)

    def exists(self) -> bool:
        """Tell whether there is one that fits."""
        return state_files.exists(self.folder)

    def save(self) -> int:
        """Keep the project as it is on the stack; gives the size in bytes.

        Raises SavedStateError; nothing of it is left then.
        """
        contents, _ = state_transfer.take(self.stack)
        state_files.write(self.folder, contents)
        state_transfer.offer_reset(self.stack, contents)
        _remove_old(self.folder.parent)
        return sum(map(len, contents.values()))

    def restore(self) -> Deployment:
        """Load the project into the stack.

        Raises HalfLoadedError, and SavedStateError if nothing was changed.
        """
        contents = state_files.read(self.folder)
        deployment = state_transfer.give(self.stack, contents, self.inputs)
        state_transfer.offer_reset(self.stack, contents)
        return deployment

    def offer_reset(self) -> None:
        """Let the stack be reset to it over HTTP, to nothing where there is none; raises SavedStateError."""
        contents = None
        with suppress(state_files.SavedStateError):
            contents = state_files.read(self.folder)
        state_transfer.offer_reset(self.stack, contents)

    def discard(self) -> None:
        """Remove it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _remove_old(snapshots: Path) -> None:
    """Leave the newest KEPT_SNAPSHOTS."""
    made: list[tuple[float, Path]] = []
    for folder in snapshots.iterdir():
        with suppress(FileNotFoundError):
            if not folder.name.startswith("."):
                made.append((folder.stat().st_mtime, folder))
    for _, folder in sorted(made, reverse=True)[KEPT_SNAPSHOTS:]:
        shutil.rmtree(folder, ignore_errors=True)
