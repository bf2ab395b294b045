"""Policies of functions, changed for the time of a block, and the decisions that came of it."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from serverless_harness.functions.iam_report import Decision, read_decisions
from serverless_harness.waiting import Wait
from shop.deployment import ShopDeployment

TIMEOUT_S = 240

Statement = dict[str, Any]


def actions_of(statement: Statement) -> list[str]:
    """Give a statement's actions, which Terraform writes as text where there is but one."""
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else actions


@dataclass(frozen=True)
class FunctionPolicy:
    """The managed policy that Terraform attaches to a function's role."""

    deployment: ShopDeployment
    function: str

    @property
    def role_name(self) -> str:
        return self.deployment.function_name(self.function)

    @property
    def _arn(self) -> str:
        [attached] = self._iam.list_attached_role_policies(RoleName=self.role_name)["AttachedPolicies"]
        return attached["PolicyArn"]

    @property
    def _iam(self) -> Any:
        return self.deployment.client("iam")

    def statements(self) -> list[Statement]:
        """Read the policy as it is now."""
        arn = self._arn
        version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return found["Statement"]

    @contextmanager
    def changed(self, change: Callable[[list[Statement]], list[Statement]]) -> Iterator[None]:
        """Have the policy with other statements while the block runs."""
        arn, iam = self._arn, self._iam
        before = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = {"Version": "2012-10-17", "Statement": change(copy.deepcopy(self.statements()))}
        version = iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True
        )["PolicyVersion"]["VersionId"]
        try:
            yield
        finally:
            iam.set_default_policy_version(PolicyArn=arn, VersionId=before)
            iam.delete_policy_version(PolicyArn=arn, VersionId=version)

    def without(self, action: str) -> Any:
        """Have the policy without one action, which must be in it, while the block runs."""

        def take(statements: list[Statement]) -> list[Statement]:
            [holder] = [statement for statement in statements if action in actions_of(statement)]
            holder["Action"] = [each for each in actions_of(holder) if each != action]
            return [statement for statement in statements if statement["Action"]]

        return self.changed(take)

    def with_changed_statement(self, sid: str, **elements: object) -> Any:
        """Have the policy with other elements in one statement while the block runs."""

        def replace(statements: list[Statement]) -> list[Statement]:
            assert sid in {statement["Sid"] for statement in statements}
            return [
                statement | elements if statement["Sid"] == sid else statement for statement in statements
            ]

        return self.changed(replace)

    def denials(self, action: str) -> int:
        """Count how often the role was denied an action."""
        return sum(decision["count"] for decision in self._decisions(action) if not decision["allowed"])

    def await_denials(self, action: str, count: int) -> None:
        """Wait until the role has been denied an action so often."""
        Wait(
            f"{self.role_name} to be denied {action} {count} times",
            TIMEOUT_S,
            describe=lambda: f"{self.denials(action)} times",
        ).until(lambda: self.denials(action) >= count)

    def _decisions(self, action: str) -> list[Decision]:
        role = f":role/{self.role_name}"
        return [
            decision
            for decision in read_decisions(self.deployment.target)
            if decision["action"] == action and (decision["role_arn"] or "").endswith(role)
        ]
