"""Freshly deployed and seeded projects, kept so that the next `up` need not deploy them.

A snapshot is a folder, named by a hash of all that it depends on: the emulator's state with Terraform's own
beside it, the packages, and a manifest with the files' hashes, which its user has signed. It may hold private
keys, so nobody else may read it; and it is code that the emulator runs, so one that somebody else wrote, or
could have, is refused. It appears at once and whole, by a rename; one that doesn't fit is removed, never half
used.
"""

import hashlib
import json
import secrets
import shutil
import sys
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from serverless_harness import paths
from serverless_harness.deploy import inputs, working_copy
from serverless_harness.deploy.deployment import Deployment, terraform_variables
from serverless_harness.deploy.installation import STATE_FILE, program_version
from serverless_harness.errors import HarnessError
from serverless_harness.private_files import (
    NotPrivateError,
    make_private,
    read_private,
    require_private,
    write_private,
)
from serverless_harness.stack import control
from serverless_harness.stack.signing import is_signed, sign
from serverless_harness.targets import DEPLOYMENT_FILE

if TYPE_CHECKING:
    from serverless_harness.stack.embedded import EmbeddedStack

STATE_PATH = "/_emulator/snapshot/state"
EMULATOR_STATE = "emulator.state"
MANIFEST = "manifest.json"
TERRAFORM_STATE = f"terraform/{STATE_FILE}"
KEPT_SNAPSHOTS = 4
"""How many: a few ports or branches; a snapshot has some megabytes."""
TIMEOUT_S = 60
CALLERS_OWN = ("PATH", "LANG", "LC_ALL", "TZ")
"""Variables of the stack's environment that decide nothing about what is deployed on it."""


class SnapshotError(HarnessError):
    """A snapshot can't be made or loaded; the project can always be deployed instead."""


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
        depends_on = (
            deployed,
            program_version(stack.project.state),
            sys.version,
            stack.port,
            stack.target.region,
        )
        digest = hashlib.sha256(json.dumps(depends_on).encode())
        environ = {name: value for name, value in stack.environ().items() if name not in CALLERS_OWN}
        digest.update(json.dumps(environ, sort_keys=True).encode())
        emulator = (paths.PACKAGE / "emulator").rglob("*")
        inputs.hash_files(
            digest, paths.PACKAGE, (file for file in emulator if file.suffix in (".py", ".json"))
        )
        installed = sorted(folder.name for folder in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))
        digest.update(json.dumps(installed).encode())
        folder = (snapshots or stack.project.state / "snapshots") / digest.hexdigest()[:32]
        return cls(stack, deployed, folder)

    def exists(self) -> bool:
        """Tell whether there is one that fits."""
        return (self.folder / MANIFEST).is_file()

    def save(self) -> int:
        """Keep the project as it is on the stack; gives the size in bytes.

        Raises SnapshotError; nothing of it is left then.
        """
        state_dir = self.stack.state_dir
        names = [
            TERRAFORM_STATE,
            DEPLOYMENT_FILE,
            *_package_names(state_dir),
            *_made_by_terraform(state_dir),
        ]
        contents = {EMULATOR_STATE: self._request("GET")} | {
            name: (state_dir / name).read_bytes() for name in names
        }
        _write_whole(self.folder, contents)
        _remove_old(self.folder.parent)
        return sum(map(len, contents.values()))

    def restore(self) -> Deployment:
        """Load the project into the stack, which has just been started.

        Raises SnapshotError; the stack may then hold half of it and has to be started anew.
        """
        contents = self._verified_contents()
        self._request("PUT", contents.pop(EMULATOR_STATE))
        for name, content in contents.items():
            file = self.stack.state_dir / name
            make_private(file.parent)
            file.write_bytes(content)
        inputs.record_applied(self.stack.target, self.inputs)
        return Deployment.require(self.stack.target)

    def discard(self) -> None:
        """Remove it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _verified_contents(self) -> dict[str, bytes]:
        try:
            require_private(self.folder.parent)
            require_private(self.folder)
            manifest = json.loads(read_private(self.folder / MANIFEST))
            hashes: dict[str, str] = manifest["files"]
            if not is_signed(_to_sign(hashes), manifest["signature"]):
                raise SnapshotError("it is not signed with this user's key")
            contents = {name: self._read(name) for name in hashes}
        except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
            raise SnapshotError(f"it can't be read: {error}") from None
        for name, content in contents.items():
            if hashlib.sha256(content).hexdigest() != hashes[name]:
                raise SnapshotError(f"its file {name} is damaged")
        if not {EMULATOR_STATE, TERRAFORM_STATE, DEPLOYMENT_FILE} <= contents.keys():
            raise SnapshotError("it is not complete")
        return contents

    def _read(self, name: str) -> bytes:
        file = self.folder / name
        for folder in file.relative_to(self.folder).parents:
            require_private(self.folder / folder)
        return read_private(file)

    def _request(self, method: str, content: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {control.find_token(self.stack.target)}"}
        url = f"{self.stack.endpoint_url}{STATE_PATH}"
        try:
            answer = httpx.request(
                method, url, headers=headers, content=content, timeout=TIMEOUT_S, trust_env=False
            )
        except httpx.HTTPError as error:
            raise SnapshotError(f"the stack does not answer: {error}") from None
        if not answer.is_success:
            raise SnapshotError(f"the stack answers {answer.status_code}: {answer.text[:200]}")
        return answer.content


def _package_names(state_dir: Path) -> list[str]:
    return [f"packages/{file.name}" for file in sorted((state_dir / "packages").glob("*.zip"))]


def _made_by_terraform(state_dir: Path) -> list[str]:
    """Give the files that Terraform has made in its copy of the project: its state tells of them as there."""
    made = working_copy.made_files(state_dir / "terraform" / "work")
    return sorted(str(file.relative_to(state_dir)) for file in made)


def _write_whole(folder: Path, contents: dict[str, bytes]) -> None:
    """Write files and their manifest to a new folder, for its owner alone, which gets its name last."""
    unfinished = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    make_private(folder.parent)
    make_private(unfinished)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    try:
        manifest = {"files": hashes, "signature": sign(_to_sign(hashes))}
        for name, content in {**contents, MANIFEST: json.dumps(manifest, indent=2).encode()}.items():
            make_private((unfinished / name).parent)
            write_private(unfinished / name, content)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    except (OSError, NotPrivateError) as error:
        raise SnapshotError(f"it can't be written: {error}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _to_sign(hashes: dict[str, str]) -> bytes:
    return json.dumps(hashes, sort_keys=True).encode()


def _remove_old(snapshots: Path) -> None:
    """Leave the newest KEPT_SNAPSHOTS."""
    made: list[tuple[float, Path]] = []
    for folder in snapshots.iterdir():
        with suppress(FileNotFoundError):
            if not folder.name.startswith("."):
                made.append((folder.stat().st_mtime, folder))
    for _, folder in sorted(made, reverse=True)[KEPT_SNAPSHOTS:]:
        shutil.rmtree(folder, ignore_errors=True)
