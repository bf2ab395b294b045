"""Policy documents: parsed strictly, compiled once.

What isn't understood is refused with a `PolicyError`, so that nothing is allowed by oversight. Source: AWS
pages "Grammar of the IAM JSON policy language" and "IAM JSON policy element reference".
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from serverless_harness.emulator.iam.conditions import AnyCondition, parse_conditions
from serverless_harness.emulator.iam.matching import (
    ARN_FIELDS,
    UNTOLD,
    ContextValues,
    Template,
    glob_pattern,
    parse_template,
    resource_pattern,
)
from serverless_harness.emulator.iam.principals import Grant, Principal, PrincipalSet, parse_principals


class PolicyError(ValueError):
    """A policy document that AWS would refuse, or that isn't supported here; the message says why."""


class Effect(Enum):
    """What a statement does with the requests that it matches."""

    ALLOW = "Allow"
    DENY = "Deny"


class PolicyType(Enum):
    """Where a policy stands in the evaluation; the value is AWS's word for it in error messages."""

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"

    @property
    def names_principals(self) -> bool:
        """Whether the statements of such a policy have a Principal element."""
        return self in {PolicyType.RESOURCE, PolicyType.TRUST}


@dataclass(frozen=True, slots=True)
class ActionSet:
    """An Action or NotAction element; names of actions ignore case."""

    texts: tuple[str, ...]
    exact: frozenset[str]
    pattern: re.Pattern[str] | None
    inverted: bool

    def matches(self, action: str) -> bool:
        """Return whether the element covers an action, given in lower case."""
        return self._names(action) is not self.inverted

    def covers_untold(self, action: str, *, undetermined: bool) -> bool:
        """Return whether the element covers an action that can't be told (`matching.UNTOLD`).

        `undetermined` is the answer where that depends on the action.
        """
        if self._names(action):
            return not self.inverted
        service = action.partition(UNTOLD)[0]
        begins = (re.split(r"[*?]", text.lower(), maxsplit=1)[0] for text in self.texts)
        if any(begin.startswith(service) or service.startswith(begin) for begin in begins):
            return undetermined
        return self.inverted

    def _names(self, action: str) -> bool:
        return action in self.exact or (
            self.pattern is not None and self.pattern.fullmatch(action) is not None
        )


@dataclass(frozen=True, slots=True)
class ResourceSet:
    """A Resource or NotResource element."""

    templates: tuple[Template, ...]
    inverted: bool

    @property
    def variable_keys(self) -> tuple[str, ...]:
        """The condition keys of the variables in the element, lower-case."""
        return tuple(variable.key for template in self.templates for variable in template.variables)

    def matches(self, resource: str, context: ContextValues) -> bool | None:
        """Return whether the element covers an ARN.

        A variable without a value leaves nothing to match; in NotResource the outcome is then None,
        undetermined. So it is where it depends on what can't be told of the resource.
        """
        outcomes = [_covers(template, resource, context) for template in self.templates]
        if True in outcomes:
            return not self.inverted
        undetermined = None in outcomes and (self.inverted or UNTOLD in resource)
        return None if undetermined else self.inverted


def _covers(template: Template, resource: str, context: ContextValues) -> bool | None:
    resolved = template.resolve(context) if template.variables else template
    if resolved is None:
        return None
    if resource_pattern(resolved).fullmatch(resource):
        return True
    told, mark, _ = resource.partition(UNTOLD)
    begin = resolved.parts[0] if resolved.parts and isinstance(resolved.parts[0], str) else ""
    return None if mark and (begin.startswith(told) or told.startswith(begin)) else False


@dataclass(frozen=True, slots=True)
class StatementRef:
    """Names a statement: the policy, the statement's place in it from 0, and its Sid if it has one."""

    policy_type: PolicyType
    policy_name: str
    index: int
    sid: str | None
    effect: Effect


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement.

    `resources` is None in role trust policies, `principals` in policies that belong to an identity or
    session; `keys` are the condition keys, lower-case, that the statement asks for, in conditions or as
    variables.
    """

    ref: StatementRef
    actions: ActionSet
    resources: ResourceSet | None
    principals: PrincipalSet | None
    principals_inverted: bool
    conditions: tuple[AnyCondition, ...]
    keys: frozenset[str]
    source: Mapping[str, Any]

    @property
    def effect(self) -> Effect:
        """Allow or Deny."""
        return self.ref.effect

    def grant(self, principal: Principal) -> Grant | None:
        """Return how the statement covers the principal; a statement without principals covers its owner."""
        if self.principals is None:
            return Grant.DIRECT
        if not self.principals_inverted:
            return self.principals.grant(principal)
        if self.effect is Effect.DENY:
            return None if self.principals.names_wholly(principal) else Grant.DIRECT
        return None if self.principals.grant(principal) else Grant.DIRECT


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled policy document."""

    name: str
    policy_type: PolicyType
    version: str
    policy_id: str | None
    statements: tuple[Statement, ...]


VERSION_WITH_VARIABLES = "2012-10-17"
DEFAULT_VERSION = "2008-10-17"

_DOCUMENT_KEYS = {"Version", "Id", "Statement"}
_STATEMENT_KEYS = {"Sid", "Effect", "Condition"} | {
    prefix + name for name in ("Principal", "Action", "Resource") for prefix in ("", "Not")
}
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_IDENTITY_SID = re.compile(r"[A-Za-z0-9]*")
_RESOURCE = re.compile(r"arn:[^:]+:[^:*?$]+:.*", re.DOTALL)


@lru_cache(maxsize=2048)
def parse_policy(document: str, policy_type: PolicyType, name: str = "policy") -> Policy:
    """Compile a policy document, given as JSON text; equal texts are compiled once.

    Raises:
        PolicyError: the document is malformed or holds something that isn't supported.
    """
    try:
        parsed = json.loads(document, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise PolicyError(f"{name} is not JSON: {error}") from None
    except ValueError as error:
        raise PolicyError(f"{name}: {error}") from None
    return _compile(parsed, policy_type, name)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate element {next(name for name in names if names.count(name) > 1)}")
    return result


def _compile(document: object, policy_type: PolicyType, name: str) -> Policy:
    if not isinstance(document, dict):
        raise PolicyError(f"{name} is not a JSON object")
    if unknown := document.keys() - _DOCUMENT_KEYS:
        raise PolicyError(f"{name}: element {min(unknown)} is not supported")
    version = document.get("Version", DEFAULT_VERSION)
    if version not in (VERSION_WITH_VARIABLES, DEFAULT_VERSION):
        raise PolicyError(f"{name}: Version {version!r} is not supported")
    raw_statements = document.get("Statement")
    statements = raw_statements if isinstance(raw_statements, list) else [raw_statements]
    if not statements:
        raise PolicyError(f"{name} has no statement")
    compiled = []
    for index, raw in enumerate(statements):
        try:
            compiled.append(_compile_statement(raw, policy_type, name, index, version))
        except ValueError as error:
            raise PolicyError(f"{name}, statement {index}: {error}") from None
    _require_unique_sids(name, compiled)
    return Policy(name, policy_type, version, document.get("Id"), tuple(compiled))


def _require_unique_sids(name: str, statements: list[Statement]) -> None:
    sids = [statement.ref.sid for statement in statements if statement.ref.sid]
    if repeated := {sid for sid in sids if sids.count(sid) > 1}:
        raise PolicyError(f"{name}: Sid {min(repeated)} occurs more than once")


def _compile_statement(
    raw: object, policy_type: PolicyType, name: str, index: int, version: str
) -> Statement:
    if not isinstance(raw, dict):
        raise ValueError("a statement must be an object")
    if unknown := raw.keys() - _STATEMENT_KEYS:
        raise ValueError(f"element {min(unknown)} is not supported")
    variables = version == VERSION_WITH_VARIABLES
    effect = _effect(raw)
    resources = _resources(raw, policy_type, variables)
    principals, principals_inverted = _principals(raw, policy_type)
    conditions = parse_conditions(raw["Condition"], variables=variables) if "Condition" in raw else ()
    keys = {key for condition in conditions for key in condition.keys}
    return Statement(
        ref=StatementRef(policy_type, name, index, _sid(raw, policy_type), effect),
        actions=_actions(raw),
        resources=resources,
        principals=principals,
        principals_inverted=principals_inverted,
        conditions=conditions,
        keys=frozenset(keys.union(resources.variable_keys if resources else ())),
        source=raw,
    )


def _effect(raw: Mapping[str, Any]) -> Effect:
    try:
        return Effect(raw.get("Effect"))
    except ValueError:
        raise ValueError(f"Effect must be Allow or Deny, not {raw.get('Effect')!r}") from None


def _sid(raw: Mapping[str, Any], policy_type: PolicyType) -> str | None:
    sid = raw.get("Sid")
    if sid is None:
        return None
    if not isinstance(sid, str):
        raise ValueError("Sid must be text")
    if not policy_type.names_principals and not _IDENTITY_SID.fullmatch(sid):
        raise ValueError(f"Sid '{sid}' may contain only letters and digits")
    return sid or None


def _one_of(raw: Mapping[str, Any], name: str) -> tuple[Any, bool]:
    """Return an element's value and whether it is the inverted one; the two exclude each other."""
    inverted_name = f"Not{name}"
    if name in raw and inverted_name in raw:
        raise ValueError(f"{name} and {inverted_name} exclude each other")
    if name not in raw and inverted_name not in raw:
        raise ValueError(f"{name} or {inverted_name} is missing")
    return (raw[name], False) if name in raw else (raw[inverted_name], True)


def _texts(name: str, raw: object) -> tuple[str, ...]:
    values = raw if isinstance(raw, list) else [raw]
    if not values or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} must be text, or a list of it")
    return tuple(values)


def _actions(raw: Mapping[str, Any]) -> ActionSet:
    element, inverted = _one_of(raw, "Action")
    texts = _texts("Action", element)
    for text in texts:
        if text != "*" and not _ACTION.fullmatch(text):
            raise ValueError(f"action '{text}' is not of the form service:Action")
    lowered = [text.lower() for text in texts]
    wild = [text for text in lowered if "*" in text or "?" in text]
    patterns = (glob_pattern(parse_template(text, variables=False)).pattern for text in wild)
    pattern = re.compile("|".join(f"(?:{source})" for source in patterns)) if wild else None
    return ActionSet(texts, frozenset(lowered) - frozenset(wild), pattern, inverted)


def _resources(raw: Mapping[str, Any], policy_type: PolicyType, variables: bool) -> ResourceSet | None:
    if policy_type is PolicyType.TRUST:
        if "Resource" in raw or "NotResource" in raw:
            raise ValueError("a role trust policy has no Resource")
        return None
    element, inverted = _one_of(raw, "Resource")
    texts = _texts("Resource", element)
    return ResourceSet(tuple(_resource(text, variables) for text in texts), inverted)


def _resource(text: str, variables: bool) -> Template:
    complete = text.count(":") >= ARN_FIELDS - 1 or text.endswith("*")
    if text != "*" and not (_RESOURCE.fullmatch(text) and complete):
        raise ValueError(f"resource '{text}' is neither an ARN nor \"*\"")
    return parse_template(text, variables=variables)


def _principals(raw: Mapping[str, Any], policy_type: PolicyType) -> tuple[PrincipalSet | None, bool]:
    if not policy_type.names_principals:
        if "Principal" in raw or "NotPrincipal" in raw:
            raise ValueError(f"a {policy_type.value} has no Principal")
        return None, False
    element, inverted = _one_of(raw, "Principal")
    return parse_principals(element), inverted
