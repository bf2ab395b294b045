"""AWS's managed policies in a state: by their names, since each account has the same 1,400.

Whole, they would be nine tenths of a small state, and of the time that it takes to save it.
"""

import copy
from functools import cache
from typing import Any

from moto.iam.models import AWSManagedPolicy, IAMBackend, ManagedPolicy

OWN = ("id", "account_id")
"""What differs between accounts."""


@cache
def _made(partition: str) -> dict[str, ManagedPolicy]:
    """Return them as an account gets them, by their ARNs."""
    from localstack.services.iam.iam_patches import apply_iam_patches

    apply_iam_patches()  # type: ignore[no-untyped-call]  # They add some, and an attribute to each.
    return {each.arn: each for each in IAMBackend(partition, "").aws_managed_policies}


def reduced(policy: AWSManagedPolicy) -> Any:  # noqa: ANN401 - as pickle has it
    """Return how pickle makes a policy again; NotImplemented where a request has changed it."""
    made = _made(policy.partition).get(policy.arn)
    if made is None or _facts(policy) != _facts(made):
        return NotImplemented
    return _make, (policy.partition, policy.arn, policy.id, policy.account_id)


def _facts(policy: ManagedPolicy) -> dict[str, Any]:
    facts = {name: value for name, value in vars(policy).items() if name not in OWN}
    return {**facts, "versions": [vars(version) for version in policy.versions]}


def _make(partition: str, arn: str, policy_id: str, account_id: str) -> ManagedPolicy:
    policy = copy.copy(_made(partition)[arn])
    policy.id, policy.account_id = policy_id, account_id
    policy.tags, policy.versions = {}, [copy.copy(version) for version in policy.versions]
    return policy
