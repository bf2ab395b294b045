"""What roles are granted, and what of it was used: `iam-report`.

Granted is what IAM says now (inline and attached policies), used what the stack's enforcement has decided
since it started (`/_emulator/iam`, see docs/iam.md). A role's smallest policy is what would have allowed the
same calls and no others.
"""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.stack.control import control
from serverless_harness.targets import LocalTarget
from serverless_harness.terminal_output import say

DECISIONS_PATH = "/_emulator/iam"
MAX_NAMED_RESOURCES = 20
"""Where a pattern covers more used resources than this, the smallest policy keeps the pattern."""

LOG_STREAM = ":log-stream:"
"""Each execution environment has a stream of its own, so a policy can't name them."""

Decision = Mapping[str, Any]
"""One entry of `decisions`; its fields are those of `emulator.iam.decision_records.DecisionRecord`."""


@dataclass(frozen=True)
class RolePolicy:
    """A policy of a role: its name if it is inline, its ARN if it is attached, and its document."""

    name: str
    document: Mapping[str, Any]

    @property
    def statements(self) -> list[Mapping[str, Any]]:
        return _as_list(self.document["Statement"])


@dataclass(frozen=True)
class Permission:
    """An action on a resource, as a statement grants it, and how often which call used it."""

    policy: str
    statement: str
    action: str
    resource: str
    calls: Mapping[str, int]

    @property
    def is_used(self) -> bool:
        return bool(self.calls)


@dataclass(frozen=True)
class Denial:
    """A call that was denied, or would have been in soft mode."""

    principal: str
    action: str
    resource: str
    call: str
    reason: str
    count: int


@dataclass(frozen=True)
class RoleReport:
    """What a role may do and has done."""

    role_arn: str
    permissions: Sequence[Permission]
    denials: Sequence[Denial]
    smallest_policy: Mapping[str, Any]
    untold: Sequence[str] = ()
    """Actions, with their resources, of which the emulator couldn't tell all: AWS may decide otherwise."""

    @property
    def unused(self) -> list[Permission]:
        return [permission for permission in self.permissions if not permission.is_used]


@dataclass
class _StatementUse:
    """One statement of a policy with the decisions that it took part in."""

    policy: RolePolicy
    index: int
    decisions: Sequence[Decision]
    source: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.source = self.policy.statements[self.index]

    @property
    def name(self) -> str:
        return str(self.source.get("Sid") or f"statement {self.index}")

    @cached_property
    def actions(self) -> list[str]:
        return _as_list(self.source.get("Action")) or [f"not {', '.join(_as_list(self.source['NotAction']))}"]

    @cached_property
    def resources(self) -> list[str]:
        named = _as_list(self.source.get("Resource"))
        return named or [f"not {', '.join(_as_list(self.source['NotResource']))}"]

    def permissions(self) -> Iterator[Permission]:
        """Yield each action on each resource that the statement grants."""
        for action in self.actions:
            for resource in self.resources:
                calls = Counter[str]()
                for decision in self.of(action, resource):
                    calls[decision["call"]] += decision["count"]
                yield Permission(self.policy.name, self.name, action, resource, dict(calls))

    def of(self, action: str, resource: str) -> list[Decision]:
        """Give the decisions on an action and a resource of the statement."""
        return [
            decision
            for decision in self.decisions
            if _covers(action, decision["action"].lower(), ignore_case=True)
            and _covers(resource, decision["resource"])
        ]

    def smallest(self) -> Iterator[dict[str, Any]]:
        """Yield the statements that would have allowed the same, one for each set of actions."""
        used: dict[tuple[str, ...], list[str]] = {}
        for resource in self.resources:
            decisions = [decision for action in self.actions for decision in self.of(action, resource)]
            for name in _named(resource, decisions):
                on_it = {each["action"] for each in decisions if name in (resource, each["resource"])}
                used.setdefault(tuple(sorted(on_it)), []).append(name)
        for used_actions, resources in used.items():
            statement = {"Effect": "Allow", "Action": list(used_actions), "Resource": sorted(set(resources))}
            yield statement | {name: self.source[name] for name in ("Condition",) if name in self.source}


def _named(resource: str, decisions: Sequence[Decision]) -> list[str]:
    """Give the resources that were used, or the pattern where they can't be named."""
    names = sorted({decision["resource"] for decision in decisions})
    if any(LOG_STREAM in name for name in names) or len(names) > MAX_NAMED_RESOURCES:
        return [resource]
    return names


def _as_list(element: Any) -> list[Any]:  # noqa: ANN401 (policies hold one or a list of them)
    if element is None:
        return []
    return list(element) if isinstance(element, list | tuple) else [element]


def _covers(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Tell whether a pattern of a policy covers a text; an inverted one covers all that it allowed."""
    if pattern.startswith("not "):
        return True
    parts = re.split(r"(\$\{[^}]*\}|\*|\?)", pattern.lower() if ignore_case else pattern)
    regex = "".join(
        "." if part == "?" else ".*" if part[:1] in ("*", "$") else re.escape(part) for part in parts
    )
    return re.fullmatch(regex, text, re.DOTALL) is not None


def report_role(role_arn: str, policies: Iterable[RolePolicy], decisions: Iterable[Decision]) -> RoleReport:
    """Compare a role's policies with the decisions on it."""
    own = [decision for decision in decisions if decision["role_arn"] == role_arn]
    allowed = [decision for decision in own if decision["allowed"]]
    statements = [
        _StatementUse(policy, index, [each for each in allowed if _is_matched(each, policy.name, index)])
        for policy in policies
        for index, statement in enumerate(policy.statements)
        if statement["Effect"] == "Allow"
    ]
    smallest = [part for statement in statements for part in statement.smallest()]
    return RoleReport(
        role_arn,
        [permission for statement in statements for permission in statement.permissions()],
        [_denial(decision) for decision in own if not decision["allowed"]],
        {"Version": "2012-10-17", "Statement": smallest},
        sorted(
            {f"{each['action']} on {each['resource']} ({each['call']})" for each in own if each["untold"]}
        ),
    )


def _is_matched(decision: Decision, policy_name: str, index: int) -> bool:
    return any(
        (ref["policy_type"], ref["policy_name"], ref["index"])
        == ("identity-based policy", policy_name, index)
        for ref in decision["matched"]
    )


def _denial(decision: Decision) -> Denial:
    reason = decision["refusal"] or f"{decision['reason']}, {decision['policy_type']}"
    return Denial(
        decision["principal"],
        decision["action"],
        decision["resource"],
        decision["call"],
        reason,
        decision["count"],
    )


def read_decisions(target: LocalTarget) -> list[Decision]:
    """Ask the stack what it has decided since it started; raises HarnessError where that isn't known."""
    answer = control(target, "GET", DECISIONS_PATH)
    if answer["mode"] == "off":
        raise UserError(
            f"{target.name} does not enforce IAM policies: start it with IAM_ENFORCEMENT=on or soft"
        )
    if answer["dropped"]:
        raise HarnessError(
            f"the stack's record is full and lacks {answer['dropped']} decisions: restart the stack"
        )
    decisions: list[Decision] = answer["decisions"]
    return decisions


def read_policies(iam: Any, role_name: str) -> list[RolePolicy]:  # noqa: ANN401 (boto3 clients are untyped)
    """Read a role's inline and attached policies."""
    policies = []
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role_name):
        for name in page["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role_name, PolicyName=name)["PolicyDocument"]
            policies.append(RolePolicy(name, document))
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role_name):
        for attached in page["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
            policies.append(RolePolicy(arn, document))
    return policies


def report_roles(target: LocalTarget) -> list[RoleReport]:
    """Report on every role of a stack."""
    decisions = read_decisions(target)
    iam = target.client("iam")
    roles = [role for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    return [report_role(role["Arn"], read_policies(iam, role["RoleName"]), decisions) for role in roles]


def problems_of(deployment: Deployment, reports: Iterable[RoleReport]) -> list[str]:
    """Tell what shows that the functions' policies are too wide or too narrow, one line each.

    Denials count for sessions of the deployed functions alone: tests break copies that share their roles.
    """
    by_arn = {report.role_arn: report for report in reports}
    lines = []
    for name in deployment.made_functions:
        role_arn = _role_of(deployment, name)
        report = by_arn[role_arn]
        session = f"/{role_arn.rpartition('/')[2]}/{name}"
        lines += [f"{name} never used {each.action} on {each.resource}" for each in report.unused]
        lines += [
            f"{name} was denied {each.action} on {each.resource} ({each.call}, {each.count} times)"
            for each in report.denials
            if each.principal.endswith(session)
        ]
    return lines


def _role_of(deployment: Deployment, function_name: str) -> str:
    client = deployment.client_for(function_name, "lambda")
    return str(client.get_function_configuration(FunctionName=function_name)["Role"])


def show(reports: Sequence[RoleReport], as_json: bool) -> None:
    """Print the report, for people or as JSON."""
    if as_json:
        say(json.dumps([asdict(report) for report in reports], indent=2))
        return
    for report in reports:
        say(report.role_arn)
        for each in report.permissions:
            say(f"  {_usage(each)}: {each.action} on {each.resource} ({each.statement})")
        for denial in report.denials:
            say(
                f"  denied {denial.count} times: {denial.action} on {denial.resource} "
                f"({denial.call} by {denial.principal}; {denial.reason})"
            )
        for text in report.untold:
            say(f"  uncertain: {text}")
        say("  the smallest policy that would have been enough:")
        say(textwrap.indent(json.dumps(report.smallest_policy, indent=2), "  ") + "\n")


def _usage(permission: Permission) -> str:
    calls = ", ".join(f"{call} {count} times" for call, count in sorted(permission.calls.items()))
    return f"used by {calls}" if calls else "never used"
