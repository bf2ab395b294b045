"""What a service asks of IAM when it acts in somebody's name: all that it needs to know of IAM.

IAM's side is `iam.errands`. Where nothing is enforced, everything is allowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from localstack.aws.api import CommonServiceException, RequestContext


@dataclass(frozen=True)
class Errand:
    """One action on one resource that a service is about to take.

    `call_name` is `service:Operation`, as records show it; `condition_keys` are those that the action's
    service adds, in lower case.
    """

    call_name: str
    action: str
    resource: str
    condition_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Authorizer(Protocol):
    """Says whether an errand is allowed: None if it is, the error that it ends in if it isn't."""

    def denial_for_role(
        self, errand: Errand, role_arn: str, session_name: str
    ) -> CommonServiceException | None:
        """Decide for the session in which a service acts with a role that it was given."""

    def denial_for_caller(self, errand: Errand, context: RequestContext) -> CommonServiceException | None:
        """Decide for whoever makes a request."""


def assumed_role_arn(role_arn: str, session_name: str) -> str:
    """Return the ARN of a role's session."""
    _, partition, _, _, account_id, resource = role_arn.split(":", 5)
    return f"arn:{partition}:sts::{account_id}:assumed-role/{resource.rpartition('/')[2]}/{session_name}"


_current: list[Authorizer] = []


def use(authorizer: Authorizer) -> None:
    """Have this process's services ask `authorizer` from now on."""
    _current[:] = [authorizer]


def denial_for_role(errand: Errand, role_arn: str, session_name: str) -> CommonServiceException | None:
    """Ask this process's authorizer; see `Authorizer`."""
    return _current[0].denial_for_role(errand, role_arn, session_name) if _current else None


def denial_for_caller(errand: Errand, context: RequestContext) -> CommonServiceException | None:
    """Ask this process's authorizer; see `Authorizer`."""
    return _current[0].denial_for_caller(errand, context) if _current else None
