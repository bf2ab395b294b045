"""A running stack's emulator, back to the fresh deployment that it was given."""

from serverless_harness.errors import UserError
from serverless_harness.stack.control import control
from serverless_harness.targets import LocalTarget, Target

PATH = "/_emulator/reset"


def reset(target: Target) -> None:
    """Bring a local stack back to its fresh deployment, without faults and execution environments.

    Raises UserError for AWS, and where the stack holds no fresh deployment; HarnessError where it is busy.
    """
    if not isinstance(target, LocalTarget):
        raise UserError(f"only a local stack can be reset, not {target.name}")
    control(target, "POST", PATH)


def remember(target: LocalTarget) -> None:
    """Have a reset bring back what the stack holds now; raises HarnessError where it can't be saved."""
    control(target, "PUT", PATH)


def forget(target: LocalTarget) -> None:
    """Have nothing that a reset brings back: what is deployed is to be another."""
    control(target, "DELETE", PATH)
