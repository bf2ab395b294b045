"""How an embedded stack gets its project: as it was kept, from a snapshot, from Terraform, or once more anew.

Its emulator's state can be kept and loaded, and it may be emptied: nobody else has anything on it.
"""

from typing import TYPE_CHECKING

from serverless_harness import paths
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.terraform import is_state_damaged, may_have_lost_state
from serverless_harness.deploy.terraform_installation import Installation
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.stack import state_transfer
from serverless_harness.stack.deploying import deploy_and_seed, deployed_unchanged, try_out
from serverless_harness.stack.snapshot import Snapshot
from serverless_harness.stack.state_files import HalfLoadedError, SavedStateError
from serverless_harness.stack.states import SavedState
from serverless_harness.terminal_output import say, step

if TYPE_CHECKING:
    from serverless_harness.stack.embedded import EmbeddedStack


def take_up(stack: "EmbeddedStack", installation: Installation) -> Deployment:
    """Go on with the state that `down` kept, or a crash left, deploy what has changed since, and try it out.

    Raises UserError where it can't be loaded: it stays where it is.
    """
    kept = SavedState.kept(stack)
    try:
        with step("Load") as current:
            about = kept.about()
            kept.load(stack)
            what = (
                "the last checkpoint before the crash, made"
                if about.is_checkpoint
                else "the state that was saved"
            )
            current.result = f"{what} {about.age}"
    except HarnessError as error:
        raise UserError(
            f"the saved state of port {stack.port} can't be loaded: {error}; it stays in "
            f"{paths.shown(kept.folder)}; to delete it and start anew, run 'up --fresh'"
        ) from None
    deployment = bring_to_running(stack, installation)
    Snapshot.of(stack).offer_reset()
    return deployment


def bring_to_new(stack: "EmbeddedStack", installation: Installation) -> Deployment:
    """Restore the project from its snapshot, else deploy it and keep one; then try it out."""
    snapshot = Snapshot.of(stack)
    if snapshot.exists():
        try:
            deployment = _restore(snapshot)
            try_out(deployment)
            return deployment
        except HarnessError as error:
            say(
                f"The snapshot {snapshot.folder.name} can't be used, so everything is deployed again: {error}"
            )
            snapshot.discard()
            stack.stop()
            stack.start()
    deployment = deploy_and_seed(stack.target, installation)
    with step("Snapshot") as current:
        try:
            current.result = f"{snapshot.save() / 1e6:.1f} MB saved for the next start"
        except SavedStateError as error:
            current.result = f"not saved: {error}"
    try_out(deployment)
    return deployment


def bring_to_running(stack: "EmbeddedStack", installation: Installation) -> Deployment:
    """Deploy what changed, and try it out.

    After a deployment that was cut off, start over unless this one takes it up.
    """
    deployment = deployed_unchanged(stack.target) or _deploy_or_start_over(stack, installation)
    try_out(deployment)
    return deployment


def deploy_to(stack: "EmbeddedStack", installation: Installation | None = None) -> Deployment:
    """Deploy what changed; from then on a reset brings back a fresh deployment of that, if there is one.

    None is brought back where the deployment fails: the emulator may then hold a part of it.
    """
    state_transfer.offer_reset(stack, None)
    deployment = deploy_and_seed(stack.target, installation)
    Snapshot.of(stack).offer_reset()
    return deployment


def _deploy_or_start_over(stack: "EmbeddedStack", installation: Installation) -> Deployment:
    if not may_have_lost_state(stack.target):
        return deploy_to(stack, installation)
    if Deployment.find(stack.target) is None:
        say("The first deployment was interrupted, so the stack starts again, empty.")
    else:
        try:
            return deploy_to(stack, installation)
        except HarnessError as error:
            # What the user can mend costs nothing: a mistake in a .tf file, a full disk.
            if isinstance(error, UserError) and not is_state_damaged(stack.target):
                raise
            say(
                "The last deployment was interrupted and can't be continued, "
                f"so the stack starts again, empty: {error}"
            )
    stack.stop()
    stack.start()
    return bring_to_new(stack, installation)


def _restore(snapshot: Snapshot) -> Deployment:
    with step("Restore") as current:
        deployment = snapshot.restore()
        current.result = f"the deployed project from snapshot {snapshot.folder.name[:12]}…"
    return deployment


def reset(stack: "EmbeddedStack") -> None:
    """Bring a running stack back to its fresh deployment.

    Raises UserError if nothing was changed, because no snapshot of that is kept, or it can't be read;
    HarnessError where it can't be loaded: the stack is stopped then.
    """
    snapshot = Snapshot.of(stack)
    if not snapshot.exists():
        up, down = stack.project.command_line("up"), stack.project.command_line("down")
        raise UserError(
            "there is no snapshot of the project as it is now, so the stack can't be reset: make one with "
            f"{down}{stack.options} --delete, then {up}{stack.options}"
        )
    try:
        snapshot.restore()
    except HalfLoadedError as error:
        stack.stop()
        raise HarnessError(
            f"the stack can't be reset: {error}. It was stopped, because its state may have been restored "
            "only in part"
        ) from None
