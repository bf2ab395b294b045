"""The last checkpoint of an embedded stack that crashed: kept as `down` would have kept its state.

The emulator writes checkpoints into its stack's folder (`emulator.snapshots.checkpoints`), beside what else
belongs to a state. Each is signed with a key that the stack's control token and the user's own key make.
"""

import hmac
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from serverless_harness import paths
from serverless_harness.deploy import inputs
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.private_files import NotPrivateError, read_private
from serverless_harness.stack import control, state_transfer
from serverless_harness.stack.signing import sign
from serverless_harness.stack.state_files import SavedStateError
from serverless_harness.stack.states import About, SavedState
from serverless_harness.terminal_output import say

if TYPE_CHECKING:
    from serverless_harness.stack.embedded import EmbeddedStack

FILE = "checkpoint"
PATH = "/_emulator/snapshot/checkpoints"


def begin(stack: "EmbeddedStack") -> None:
    """Make a running stack's emulator write checkpoints, unless a setting turns them off."""
    about = {"emulator": state_transfer.emulator_version()}
    try:
        asked = {"file": str(stack.state_dir / FILE), "key": _key(stack), "about": about}
        control.control(stack.target, "PUT", PATH, asked)
    except HarnessError as error:
        say(f"No checkpoints are made, so only 'down' saves the stack's state: {error}")


def exists(stack: "EmbeddedStack") -> bool:
    """Tell whether there is one."""
    return (stack.state_dir / FILE).is_file()


def keep_last(stack: "EmbeddedStack") -> None:
    """Keep the last checkpoint of a stack that crashed for the next `up`, instead of an older state.

    Raises UserError if it can't be read or kept; the checkpoint isn't deleted then.
    """
    if not exists(stack):
        return
    kept = SavedState.kept(stack)
    kept_at = 0.0
    with suppress(SavedStateError):
        kept_at = kept.about().saved_at if kept.exists() else 0.0
    try:
        said, state = _read(stack)
        if said["saved_at"] > kept_at:
            contents = {state_transfer.EMULATOR_STATE: state, **state_transfer.files(stack)}
            kept.write(contents, _about(stack, said))
    except HarnessError as error:
        file, up = paths.shown(stack.state_dir / FILE), stack.project.command_line("up")
        older = ", or remove the file to continue with the state that 'down' saved" if kept_at else ""
        raise UserError(
            f"the stack on port {stack.port} crashed, and its last checkpoint can't be used: {error}; it "
            f"is kept in {file}: run {up}{stack.options} --fresh to start again{older}"
        ) from None


def _about(stack: "EmbeddedStack", said: dict[str, Any]) -> About:
    deployment, saved_at = Deployment.find(stack.target), said["saved_at"]
    if deployment is None:
        raise SavedStateError("the record of the stack's deployment can't be read")
    return About(
        saved_at,
        said["about"]["emulator"],
        stack.port,
        stack.target.region,
        deployment.made_functions,
        inputs.last_applied(stack.target, saved_at),
        said["counts"],
        is_checkpoint=True,
    )


def _read(stack: "EmbeddedStack") -> tuple[dict[str, Any], bytes]:
    """Give what is said of the last checkpoint, and the emulator's state; raises SavedStateError."""
    try:
        signature, _, content = read_private(stack.state_dir / FILE).partition(b"\n")
        expected = hmac.new(_key(stack).encode(), content, "sha256").hexdigest().encode()
    except (OSError, NotPrivateError) as error:
        raise SavedStateError(f"it can't be read: {error}") from None
    if not hmac.compare_digest(signature, expected):
        raise SavedStateError("it is damaged, or not signed with this user's key")
    said, _, state = content.partition(b"\n")
    return json.loads(said), state


def _key(stack: "EmbeddedStack") -> str:
    """Give the key of a stack's checkpoints; raises SavedStateError."""
    try:
        return sign(f"checkpoints of {control.find_token(stack.target)}".encode())
    except (OSError, NotPrivateError) as error:
        raise SavedStateError(f"the user's key can't be read: {error}") from None
