"""What the tables of evaluation cases are written with: policies, callers, a request and its outcome."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serverless_harness.emulator.iam.evaluation import Decision, PolicySet, Reason, Request, evaluate
from serverless_harness.emulator.iam.matching import ContextValues
from serverless_harness.emulator.iam.policy import Policy, PolicyType, parse_policy
from serverless_harness.emulator.iam.principals import Principal, PrincipalKind

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/app/reader"
SESSION_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/session-1"
USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"

ROLE_SESSION = Principal(PrincipalKind.ROLE_SESSION, SESSION_ARN, ACCOUNT, ROLE_ARN)
USER = Principal(PrincipalKind.USER, USER_ARN, ACCOUNT)
ROOT = Principal(PrincipalKind.ROOT, ROOT_ARN, ACCOUNT)
SNS = Principal(PrincipalKind.SERVICE, "sns.amazonaws.com")
ANONYMOUS = Principal(PrincipalKind.ANONYMOUS, "*")

Document = Mapping[str, Any] | str


def statement(effect: str, action: Any = "*", resource: Any = "*", **elements: Any) -> dict[str, Any]:
    """Make a statement; `elements` replace or add to it, and an element that is None is left out."""
    whole = {"Effect": effect, "Action": action, "Resource": resource, **elements}
    return {name: value for name, value in whole.items() if value is not None}


def allow(action: Any = "*", resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return statement("Allow", action, resource, **elements)


def deny(action: Any = "*", resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return statement("Deny", action, resource, **elements)


def document(*statements: Mapping[str, Any], version: str | None = "2012-10-17") -> str:
    whole: dict[str, Any] = {"Version": version} if version else {}
    return json.dumps(whole | {"Statement": list(statements)})


def document_of(policy: Policy) -> dict[str, Any]:
    """The document that a policy was parsed from, its single statement as a list of one."""
    ids = {} if policy.policy_id is None else {"Id": policy.policy_id}
    statements = [dict(statement.source) for statement in policy.statements]
    return {"Version": policy.version, **ids, "Statement": statements}


def compiled(statements: list[dict[str, Any]], policy_type: PolicyType, version: str) -> Policy:
    return parse_policy(document(*statements, version=version), policy_type, policy_type.name.lower())


@dataclass(frozen=True)
class Case:
    """A request, the policies that bear on it, and the outcome that the page named by `source` gives."""

    name: str
    source: str
    outcome: Reason
    action: str = "s3:GetObject"
    resource: str = "arn:aws:s3:::bucket/key"
    principal: Principal = ROLE_SESSION
    resource_account_id: str = ACCOUNT
    identity: list[dict[str, Any]] = field(default_factory=list)
    boundary: list[dict[str, Any]] | None = None
    session: list[dict[str, Any]] | None = None
    resource_policy: list[dict[str, Any]] | None = None
    resource_policy_type: PolicyType = PolicyType.RESOURCE
    resource_policy_decides: bool = False
    version: str = "2012-10-17"
    context: ContextValues = field(default_factory=dict)
    denied_by: PolicyType | None = None

    def decide(self) -> Decision:
        """Evaluate the request."""
        request = Request(self.principal, self.action, self.resource, self.resource_account_id, self.context)
        return evaluate(request, self.policies())

    def policies(self) -> PolicySet:
        """Compile the policies."""
        return PolicySet(
            identity=(compiled(self.identity, PolicyType.IDENTITY, self.version),) if self.identity else (),
            boundary=self._optional(self.boundary, PolicyType.BOUNDARY),
            session=None if self.session is None else self._one(self.session, PolicyType.SESSION),
            resource=self._one(self.resource_policy, self.resource_policy_type),
            resource_policy_decides=self.resource_policy_decides,
        )

    def _optional(self, statements: list[dict[str, Any]] | None, policy_type: PolicyType) -> Policy | None:
        return compiled(statements, policy_type, self.version) if statements else None

    def _one(self, statements: list[dict[str, Any]] | None, policy_type: PolicyType) -> tuple[Policy, ...]:
        policy = self._optional(statements, policy_type)
        return (policy,) if policy else ()
