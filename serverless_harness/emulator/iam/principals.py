"""Who makes a request, and the Principal and NotPrincipal elements that name them.

Source: AWS pages "AWS JSON policy elements: Principal" and "AWS JSON policy elements: NotPrincipal".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum


class PrincipalKind(Enum):
    """What sort of principal makes a request."""

    ROOT = "root"
    USER = "user"
    ROLE_SESSION = "role session"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """The one who makes a request.

    `arn` is the ARN of the user, the session or the account's root, and for a service its name
    (`sns.amazonaws.com`); `account_id` is None for services and anonymous requests; `role_arn` is set for
    role sessions alone, `region` for services alone: where they act.
    """

    kind: PrincipalKind
    arn: str
    account_id: str | None = None
    role_arn: str | None = None
    region: str | None = None

    @property
    def service_names(self) -> frozenset[str]:
        """The names that policies may call a service by: `logs.amazonaws.com` and `logs.<region>.…`."""
        if self.kind is not PrincipalKind.SERVICE:
            return frozenset()
        service, _, domain = self.arn.partition(".")
        return frozenset({self.arn, f"{service}.{self.region}.{domain}"} if self.region else {self.arn})

    @property
    def account_root_arn(self) -> str | None:
        """The ARN that stands for the principal's account."""
        partition = self.arn.split(":", 2)[1] if self.arn.startswith("arn:") else "aws"
        return f"arn:{partition}:iam::{self.account_id}:root" if self.account_id else None


class Grant(IntEnum):
    """How a Principal element covers a principal, the most direct last.

    ACCOUNT delegates to the account, whose identity-based policies then decide. ROLE grants to the role,
    within its boundary and session policies. DIRECT grants to the user, the session, the service or everyone,
    and no implicit deny elsewhere takes it back.
    """

    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


_ACCOUNT = re.compile(r"\d{12}|arn:[^:]+:iam::\d{12}:root")
_IDENTITY_ARN = re.compile(
    r"arn:[^:*?]+:(iam::\d{12}:(user|role)|sts::\d{12}:(assumed-role|federated-user))/[^*?]+"
)
_UNIQUE_ID = re.compile(r"A(IDA|ROA|GPA)[A-Z0-9]{12,}")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True, slots=True)
class PrincipalSet:
    """The principals that an element names."""

    everyone: bool
    account_ids: frozenset[str]
    identities: frozenset[str]
    services: frozenset[str]

    def grant(self, principal: Principal) -> Grant | None:
        """Return how the element covers the principal; None where it doesn't."""
        if self.everyone:
            return Grant.DIRECT
        if principal.kind is PrincipalKind.SERVICE:
            return Grant.DIRECT if principal.service_names & self.services else None
        if principal.arn in self.identities:
            return Grant.DIRECT
        if principal.role_arn in self.identities:
            return Grant.ROLE
        if principal.account_id in self.account_ids:
            return Grant.DIRECT if principal.kind is PrincipalKind.ROOT else Grant.ACCOUNT
        return None

    def names_wholly(self, principal: Principal) -> bool:
        """Return whether each identity of the principal is listed: its account, its role, its session.

        A Deny with NotPrincipal spares no other, as the page "NotPrincipal" says of users and of roles.
        """
        if self.everyone:
            return True
        if principal.kind is PrincipalKind.SERVICE:
            return bool(principal.service_names & self.services)
        if principal.account_id not in self.account_ids:
            return False
        identities = {principal.arn, principal.role_arn} - {None, principal.account_root_arn}
        return identities <= self.identities


def parse_principals(element: object) -> PrincipalSet:
    """Compile a Principal or NotPrincipal element.

    Raises:
        ValueError: a principal that isn't supported; the message says which.
    """
    if element == "*":
        return _principal_set(everyone=True)
    if not isinstance(element, Mapping) or not element:
        raise ValueError('Principal must be "*" or an object such as {"AWS": "…"}')
    everyone, accounts, identities, services = False, set[str](), set[str](), set[str]()
    for kind, raw in element.items():
        for value in _texts(kind, raw):
            if kind == "AWS" and value == "*":
                everyone = True
            elif kind == "AWS":
                _add_aws_principal(value, accounts, identities)
            elif kind == "Service":
                services.add(_service(value))
            elif kind != "Federated":
                raise ValueError(f"principal type {kind} is not supported")
    return _principal_set(everyone, accounts, identities, services)


def _principal_set(
    everyone: bool,
    accounts: set[str] | frozenset[str] = frozenset(),
    identities: set[str] | frozenset[str] = frozenset(),
    services: set[str] | frozenset[str] = frozenset(),
) -> PrincipalSet:
    return PrincipalSet(everyone, frozenset(accounts), frozenset(identities), frozenset(services))


def _texts(kind: str, raw: object) -> list[str]:
    values = raw if isinstance(raw, list) else [raw]
    texts = [value for value in values if isinstance(value, str)]
    if not texts or len(texts) != len(values):
        raise ValueError(f"principal type {kind} must hold text, or a list of it")
    return texts


def _add_aws_principal(value: str, accounts: set[str], identities: set[str]) -> None:
    if _ACCOUNT.fullmatch(value):
        accounts.add(value if value.isdigit() else value.split(":")[4])
    elif _IDENTITY_ARN.fullmatch(value) or _UNIQUE_ID.fullmatch(value):
        identities.add(value)
    else:
        raise ValueError(f"principal '{value}' is not an account, user, role or session")


def _service(value: str) -> str:
    if not _SERVICE.fullmatch(value):
        raise ValueError(f"'{value}' is not a service principal")
    return value
