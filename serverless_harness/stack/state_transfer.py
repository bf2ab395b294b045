"""A stack's whole state as files, and back: the emulator's, Terraform's, packages, records."""

import hashlib
import json
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from serverless_harness import paths
from serverless_harness.deploy import inputs, working_copy
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.terraform_installation import STATE_FILE
from serverless_harness.errors import HarnessError
from serverless_harness.private_files import make_private
from serverless_harness.stack import control
from serverless_harness.stack.resetting import PATH as RESET_PATH
from serverless_harness.stack.state_files import HalfLoadedError, SavedStateError, StackBusyError
from serverless_harness.targets import DEPLOYMENT_FILE

if TYPE_CHECKING:
    from serverless_harness.stack.embedded import EmbeddedStack

STATE_PATH = "/_emulator/snapshot/state"
COUNTS_HEADER = "X-State-Counts"
EMULATOR_STATE = "emulator.state"
TERRAFORM_STATE = f"terraform/{STATE_FILE}"
OF_THIS_RUN = ("process.json", inputs.APPLIED_FILE)
"""Records of a stack's folder that end with its process."""
TIMEOUT_S = 300
"""The emulator waits half a minute at most for what is under way, and takes a while for a large state."""
BUSY = 409


def take(stack: "EmbeddedStack", end: bool = False) -> tuple[dict[str, bytes], dict[str, dict[str, int]]]:
    """Give a running stack's state as files, by their names, and how many of what the emulator holds.

    With `end` the stack answers nothing any more that isn't in there: it is to be stopped next. Raises
    SavedStateError, and StackBusyError where something was under way for too long.
    """
    answer = _request(stack, "GET", f"{STATE_PATH}?end=true" if end else STATE_PATH)
    return {EMULATOR_STATE: answer.content, **files(stack)}, json.loads(answer.headers[COUNTS_HEADER])


def go_on(stack: "EmbeddedStack") -> None:
    """Have a stack that isn't ended after all answer again; raises SavedStateError."""
    _request(stack, "DELETE", STATE_PATH)


def files(stack: "EmbeddedStack") -> dict[str, bytes]:
    """Give what belongs to a stack's state beside the emulator's, by name; raises SavedStateError."""
    state_dir = stack.state_dir
    records = [file.name for file in sorted(state_dir.glob("*.json")) if file.name not in OF_THIS_RUN]
    names = [TERRAFORM_STATE, *records, *_package_names(state_dir), *_made_by_terraform(state_dir)]
    try:
        return {name: (state_dir / name).read_bytes() for name in names}
    except OSError as error:
        raise SavedStateError(f"the stack's folder can't be read: {error}") from None


def give(stack: "EmbeddedStack", contents: Mapping[str, bytes], applied_inputs: str | None) -> Deployment:
    """Put a state in the place of a running stack's; `applied_inputs` is what was last deployed to it.

    Raises HalfLoadedError, and SavedStateError if nothing was changed.
    """
    if not {EMULATOR_STATE, TERRAFORM_STATE, DEPLOYMENT_FILE} <= contents.keys():
        raise SavedStateError("it is not complete")
    try:
        _request(stack, "PUT", STATE_PATH, contents[EMULATOR_STATE])
        for name, content in contents.items():
            if name != EMULATOR_STATE:
                file = stack.state_dir / name
                make_private(file.parent)
                file.write_bytes(content)
        if applied_inputs:
            inputs.record_applied(stack.target, applied_inputs)
        else:
            inputs.forget_applied(stack.target)
        return Deployment.require(stack.target)
    except StackBusyError:
        raise
    except (HarnessError, OSError) as error:
        raise HalfLoadedError(str(error)) from None


def offer_reset(stack: "EmbeddedStack", contents: Mapping[str, bytes] | None) -> None:
    """Have `POST /_emulator/reset` bring a state back, or with None nothing; raises SavedStateError."""
    if contents is None:
        _request(stack, "DELETE", RESET_PATH)
    else:
        _request(stack, "PUT", RESET_PATH, contents[EMULATOR_STATE])


def emulator_version(digest: Any = None) -> str:  # noqa: ANN401 - hashlib's objects have no public type
    """Hash the emulator's code and what is installed beside it: a state of another version isn't loaded."""
    digest = digest or hashlib.sha256()
    digest.update(sys.version.encode())
    emulator = (paths.PACKAGE / "emulator").rglob("*")
    inputs.hash_files(digest, paths.PACKAGE, (file for file in emulator if file.suffix in (".py", ".json")))
    installed = sorted(folder.name for folder in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))
    digest.update(json.dumps(installed).encode())
    version: str = digest.hexdigest()
    return version


def _request(stack: "EmbeddedStack", method: str, path: str, content: bytes | None = None) -> httpx.Response:
    try:
        answer = control.ask(stack.target, method, path, content=content, timeout_s=TIMEOUT_S)
    except HarnessError as error:
        raise SavedStateError(str(error)) from None
    if answer.status_code == BUSY:
        raise StackBusyError(f"the stack is busy: {answer.text[:200]}. Nothing was changed: try again")
    if not answer.is_success:
        raise SavedStateError(f"the stack answers {answer.status_code}: {answer.text[:200]}")
    return answer


def _package_names(state_dir: Path) -> list[str]:
    return [f"packages/{file.name}" for file in sorted((state_dir / "packages").glob("*.zip"))]


def _made_by_terraform(state_dir: Path) -> list[str]:
    """Give the files that Terraform has made in its copy of the project: its state tells of them as there."""
    made = working_copy.made_files(state_dir / "terraform" / "work")
    return sorted(str(file.relative_to(state_dir)) for file in made)
