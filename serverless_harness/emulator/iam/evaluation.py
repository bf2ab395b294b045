"""Whether a request is allowed: AWS's order of evaluation.

Sources: AWS pages "How AWS enforcement code logic evaluates requests to allow or deny access", "Policy
evaluation for requests within a single account", "Cross-account policy evaluation logic", "Permissions
boundaries for IAM entities" and "Key policies in AWS KMS". Organization policies (SCP, RCP) have no
counterpart here.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from enum import Enum

from serverless_harness.emulator.iam.matching import UNTOLD, ContextValues
from serverless_harness.emulator.iam.policy import Effect, Policy, PolicyType, Statement, StatementRef
from serverless_harness.emulator.iam.principals import Grant, Principal, PrincipalKind


class Reason(Enum):
    """Why a request was decided as it was."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource.

    `context` holds the condition keys that the request has, in lower case; `known_keys` those that it could
    have: a key outside it is one that the caller can't tell, and a statement that asks for it fails closed.
    None: every key is known.
    """

    principal: Principal
    action: str
    resource: str
    resource_account_id: str
    context: ContextValues = field(default_factory=dict)
    known_keys: Container[str] | None = None


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies that bear on a request. `session` is None where the session was given no policy.

    `resource_policy_decides`: the resource policy must grant, or delegate to the account, before
    identity-based policies count (KMS keys, role trust policies).
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    resource: tuple[Policy, ...] = ()
    resource_policy_decides: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for a request.

    `policy_type` is the type of policy that denied, or that failed to allow; None when allowed. `matched`
    holds the statements behind the outcome: those that denied, or all those that allowed. `unsupported_keys`
    are condition keys that made a statement fail closed.
    """

    allowed: bool
    reason: Reason
    policy_type: PolicyType | None
    matched: tuple[StatementRef, ...]
    unsupported_keys: tuple[str, ...] = ()

    def explanation(self, action: str) -> str:
        """Return the end of AWS's message (page "Troubleshoot access denied error messages")."""
        if self.policy_type is None:
            return ""
        kind = self.policy_type.value
        if self.reason is Reason.EXPLICIT_DENY:
            return f"with an explicit deny in {'an' if kind[0] == 'i' else 'a'} {kind}"
        return f"because no {kind} allows the {action} action"


@dataclass(slots=True)
class _Findings:
    """The statements of one group of policies that match a request."""

    allows: list[StatementRef] = field(default_factory=list)
    denies: list[StatementRef] = field(default_factory=list)
    unsupported_keys: set[str] = field(default_factory=set)
    grant: Grant | None = None


_NOTHING = _Findings()
"""What is found where there is no policy; shared, never added to."""


def evaluate(request: Request, policies: PolicySet) -> Decision:
    """Decide a request."""
    action = request.action.lower()
    identity = _find(request, action, policies.identity)
    boundary = _find(request, action, (policies.boundary,) if policies.boundary else ())
    session = _find(request, action, policies.session or ())
    resource = _find(request, action, policies.resource)
    resource_type = policies.resource[0].policy_type if policies.resource else PolicyType.RESOURCE
    groups = (
        (resource_type, resource),
        (PolicyType.IDENTITY, identity),
        (PolicyType.BOUNDARY, boundary),
        (PolicyType.SESSION, session),
    )
    unsupported = tuple(sorted(key for _, found in groups for key in found.unsupported_keys))
    for policy_type, found in groups:
        if found.denies:
            return Decision(False, Reason.EXPLICIT_DENY, policy_type, tuple(found.denies), unsupported)
    allowing = {policy_type for policy_type, found in groups if found.allows}
    for policy_type in _required(request, policies, resource.grant, resource_type):
        if policy_type not in allowing:
            return Decision(False, Reason.IMPLICIT_DENY, policy_type, (), unsupported)
    allows = tuple(ref for _, found in groups for ref in found.allows)
    return Decision(True, Reason.ALLOWED, None, allows, unsupported)


def _required(
    request: Request, policies: PolicySet, grant: Grant | None, resource_type: PolicyType
) -> Iterator[PolicyType]:
    """Yield the types of policy that must each allow the request."""
    principal = request.principal
    same_account = principal.account_id == request.resource_account_id
    if not same_account or policies.resource_policy_decides:
        yield resource_type
    if principal.account_id is None or (same_account and grant is Grant.DIRECT):
        return
    granted_to_role = same_account and grant is Grant.ROLE
    if not granted_to_role and principal.kind is not PrincipalKind.ROOT:
        yield PolicyType.IDENTITY
    if policies.boundary is not None:
        yield PolicyType.BOUNDARY
    if policies.session is not None:
        yield PolicyType.SESSION


def _find(request: Request, action: str, policies: tuple[Policy, ...]) -> _Findings:
    if not policies:
        return _NOTHING
    findings = _Findings()
    untold = UNTOLD in action
    for policy in policies:
        for statement in policy.statements:
            if untold:
                is_deny = statement.effect is Effect.DENY
                covered = statement.actions.covers_untold(action, undetermined=is_deny)
            else:
                covered = statement.actions.matches(action)
            if covered:
                _weigh(statement, request, findings)
    return findings


def _weigh(statement: Statement, request: Request, findings: _Findings) -> None:
    """Add a statement that covers the action to the findings, if it matches the rest of the request."""
    grant = statement.grant(request.principal)
    if grant is None:
        return
    is_deny = statement.effect is Effect.DENY
    unknown = _unknown_keys(statement, request)
    if not _covers(statement, request, unknown, undetermined=is_deny):
        return
    findings.unsupported_keys.update(unknown)
    if is_deny:
        findings.denies.append(statement.ref)
    elif not unknown:
        findings.allows.append(statement.ref)
        findings.grant = max(findings.grant or grant, grant)


def _unknown_keys(statement: Statement, request: Request) -> frozenset[str]:
    known = request.known_keys
    if known is None or not statement.keys:
        return frozenset()
    return frozenset(key for key in statement.keys if key not in known)


def _covers(statement: Statement, request: Request, unknown: frozenset[str], *, undetermined: bool) -> bool:
    """Return whether resource and conditions match; what has no documented outcome counts as `undetermined`.

    It is True for a Deny and False for an Allow, so that both fail closed. What asks for an unknown key is
    passed over.
    """
    if statement.resources is not None and unknown.isdisjoint(statement.resources.variable_keys):
        outcome = statement.resources.matches(request.resource, request.context)
        if not (undetermined if outcome is None else outcome):
            return False
    for condition in statement.conditions:
        if not unknown.isdisjoint(condition.keys):
            continue
        outcome = condition.matches(request.context)
        if not (undetermined if outcome is None else outcome):
            return False
    return True
