"""Lambda authorizers: a function that decides who may invoke a method, and what is remembered of its word.

Sources: API Gateway developer guide, "Use API Gateway Lambda authorizers", "Input to an API Gateway Lambda
authorizer", "Output from an API Gateway Lambda authorizer".
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from serverless_harness.emulator.apigateway.policies import of_authorizer
from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.iam.policy import Policy, PolicyError

DEFAULT_TTL_S = 300
MAX_TTL_S = 3600
MAX_REMEMBERED = 10_000

type Key = tuple[object, ...]


class UnauthorizedError(Exception):
    """The caller shows no valid identity: 401."""


class AuthorizerError(Exception):
    """The authorizer failed, or answered what is no answer: 500; the message says which."""


@dataclass(frozen=True)
class Verdict:
    """What an authorizer said of a caller; `context` is for the integration, all of it text."""

    principal_id: str
    policy: Policy
    context: Mapping[str, str]
    usage_identifier_key: str | None


def identity_values(authorizer: Mapping[str, Any], find: Callable[[str], str | None]) -> tuple[str, ...]:
    """Return the values of an authorizer's identity sources; `find` knows those of a request.

    Raises:
        UnauthorizedError: One is missing or empty, or a token doesn't match the authorizer's validation
            expression.
    """
    values = tuple(find(source) for source in sources(authorizer))
    if not all(values):
        raise UnauthorizedError
    expression = authorizer.get("identityValidationExpression")
    if authorizer["type"] == "TOKEN" and expression and not re.fullmatch(expression, values[0] or ""):
        raise UnauthorizedError
    return tuple(value for value in values if value)


def problem(authorizer: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the definition of a Lambda authorizer, as CreateAuthorizer says it."""
    ttl_s = authorizer.get("authorizerResultTtlInSeconds")
    if ttl_s is not None and not 0 <= int(ttl_s) <= MAX_TTL_S:
        return "Authorizer result TTL must be between 0 and 3600 seconds"
    if authorizer.get("type") not in {"TOKEN", "REQUEST"}:
        return "Invalid authorizer type. Valid values are TOKEN, REQUEST, COGNITO_USER_POOLS"
    if not authorizer.get("authorizerUri"):
        return "Invalid Authorizer URI"
    if authorizer["type"] == "TOKEN" and len(sources(authorizer)) != 1:
        return "Authorizer of type TOKEN needs one identity source, a header"
    if ttl_s != 0 and not sources(authorizer):
        return "Identity source is required when caching is enabled"
    return None


def sources(authorizer: Mapping[str, Any]) -> list[str]:
    """Return an authorizer's identity sources, `method.request.header.Authorization` and such."""
    listed = str(authorizer.get("identitySource") or "").split(",")
    return [source.strip() for source in listed if source.strip()]


def parse_verdict(payload: bytes) -> Verdict:
    """Read what an authorizer's function returned.

    Raises:
        AuthorizerError: It isn't what a Lambda authorizer has to return.
    """
    try:
        answer = json.loads(payload)
    except ValueError:
        raise AuthorizerError("the function's answer is not JSON") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("principalId"), str):
        raise AuthorizerError("the function's answer has no principalId")
    document = answer.get("policyDocument")
    if not isinstance(document, dict):
        raise AuthorizerError("the function's answer has no policyDocument")
    try:
        policy = of_authorizer(document)
    except PolicyError as error:
        raise AuthorizerError(f"the function's policyDocument is not a valid policy: {error}") from error
    usage_key = answer.get("usageIdentifierKey")
    return Verdict(
        answer["principalId"],
        policy,
        dict(_context(answer.get("context") or {})),
        usage_key if isinstance(usage_key, str) else None,
    )


def _context(context: object) -> dict[str, str]:
    if not isinstance(context, dict):
        raise AuthorizerError("the context in the function's answer is not a JSON object")
    for name, value in context.items():
        if isinstance(value, (dict, list)):
            raise AuthorizerError(f"the context in the function's answer has an object or array: {name}")
    return {name: _text(value) for name, value in context.items() if value is not None}


def _text(value: str | float | bool) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class VerdictCache:
    """Verdicts for as long as each authorizer's time to live."""

    def __init__(self, now_s: Callable[[], float] = clock.elapsed) -> None:
        self._now_s = now_s
        self._kept: dict[Key, tuple[float, Verdict]] = {}
        self._lock = threading.Lock()

    def find(self, key: Key) -> Verdict | None:
        """Return what is remembered under a key, if it is not too old."""
        until_s, verdict = self._kept.get(key, (0.0, None))
        return verdict if self._now_s() < until_s else None

    def keep(self, key: Key, verdict: Verdict, ttl_s: float) -> None:
        """Remember a verdict."""
        with self._lock:
            if len(self._kept) >= MAX_REMEMBERED:
                self._kept.clear()
            self._kept[key] = (self._now_s() + ttl_s, verdict)
