"""A running stack's emulator, back to the fresh deployment that it was given."""

from serverless_harness.errors import UserError
from serverless_harness.stack.control import control
from serverless_harness.targets import LocalTarget, Target

PATH = "/_emulator/reset"


def reset(target: Target) -> None:
    """Bring a local stack back to its fresh deployment, without faults and execution environments.

    Raises UserError for AWS, and if the stack holds no fresh deployment; HarnessError if it is busy.
    """
    if not isinstance(target, LocalTarget):
        raise UserError(f"only a local stack can be reset, not {target.name}")
    control(target, "POST", PATH)


def remember(target: LocalTarget) -> None:
    """Make what the stack holds now the state of a reset; raises HarnessError if it can't be saved."""
    control(target, "PUT", PATH)


def forget(target: LocalTarget) -> None:
    """Forget the fresh deployment, because something else is about to be deployed."""
    control(target, "DELETE", PATH)
