"""Text patterns of policies: wildcards, policy variables, and ARN patterns.

Sources: AWS pages "IAM policy elements: Variables and tags", "IAM JSON policy elements: Resource" and
"IAM JSON policy elements: Condition operators".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

ContextValues = Mapping[str, tuple[str, ...]]
"""The request context: lower-case condition key to its values (as text)."""

UNTOLD = "\ue000" * 6
"""Stands in an action or resource for what can't be told of it. No policy has these characters."""

ARN_FIELDS = 6
"""`arn:partition:service:region:account:resource`; the resource may hold further colons."""

_VARIABLE = re.compile(r"\s*(?P<key>[^\s,'}][^,'}]*?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?")
_LITERAL_VARIABLES = frozenset("*?$")


def shown(text: str) -> str:
    """Return an action or resource for people: with `*` for what can't be told."""
    return text.replace(UNTOLD, "*")


class Wildcard(Enum):
    """A wildcard character of a pattern."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable, `${key}` or `${key, 'default'}`; `key` is lower-case, for keys ignore case."""

    key: str
    default: str | None
    text: str

    def resolve(self, context: ContextValues) -> str | None:
        """Return the variable's value; None where the request has none (or more than one) and no default."""
        values = context.get(self.key)
        if values is None:
            return self.default
        return values[0] if len(values) == 1 else None


Part = str | Wildcard | Variable


@dataclass(frozen=True, slots=True)
class Template:
    """A text of a policy, split into literal text, wildcards and variables."""

    text: str
    parts: tuple[Part, ...]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables, in the order in which they occur."""
        return tuple(part for part in self.parts if isinstance(part, Variable))

    def resolve(self, context: ContextValues) -> "Template | None":
        """Return the template with its variables replaced by literal text; None if one has no value."""
        parts: list[Part] = []
        for part in self.parts:
            value = part.resolve(context) if isinstance(part, Variable) else part
            if value is None:
                return None
            parts.append(value)
        return Template(self.text, tuple(parts))

    def literal(self) -> str:
        """Return the text of a template without variables, wildcards standing for themselves."""
        return "".join(part.value if isinstance(part, Wildcard) else str(part) for part in self.parts)


def parse_template(text: str, *, variables: bool) -> Template:
    """Split a text of a policy; `variables` is False for policies of version 2008-10-17.

    Raises:
        ValueError: a `${` that isn't a variable.
    """
    return Template(text, tuple(_merged(_split(text, variables))))


def _split(text: str, variables: bool) -> Iterator[Part]:
    position = 0
    while position < len(text):
        if variables and text.startswith("${", position):
            end = text.find("}", position)
            match = _VARIABLE.fullmatch(text, position + 2, end) if end > 0 else None
            if match is None:
                raise ValueError(f"'{text}' has a '${{' that does not start a policy variable")
            yield _variable(match, text[position : end + 1])
            position = end + 1
        else:
            char = text[position]
            yield Wildcard(char) if char in "*?" else char
            position += 1


def _variable(match: re.Match[str], text: str) -> Part:
    key = match["key"]
    if key in _LITERAL_VARIABLES:
        return key
    if ":" not in key:
        raise ValueError(f"'{text}' does not name a condition key, such as aws:username")
    return Variable(key.lower(), match["default"], text)


def _merged(parts: Iterator[Part]) -> Iterator[Part]:
    literal = ""
    for part in parts:
        if isinstance(part, str):
            literal += part
            continue
        if literal:
            yield literal
            literal = ""
        yield part
    if literal:
        yield literal


@lru_cache(maxsize=8192)
def glob_pattern(template: Template) -> re.Pattern[str]:
    """Compile a template without variables; a wildcard matches any text, colons included."""
    return re.compile("".join(_glob_regex(part) for part in template.parts), re.DOTALL)


def _glob_regex(part: Part) -> str:
    if part is Wildcard.MANY:
        return ".*"
    return "." if part is Wildcard.ONE else re.escape(str(part))


@lru_cache(maxsize=8192)
def resource_pattern(template: Template) -> re.Pattern[str]:
    """Compile a Resource element without variables.

    In the first five fields of the ARN, a wildcard stays within its field unless it is a `*` that ends the
    field ("IAM JSON policy elements: Resource").
    """
    regex, colons = "", 0
    for index, part in enumerate(template.parts):
        within_field = colons < ARN_FIELDS - 1 and not _ends_field(template.parts, index)
        if part is Wildcard.MANY:
            regex += "[^:]*" if within_field else ".*"
        elif part is Wildcard.ONE:
            regex += "[^:]" if colons < ARN_FIELDS - 1 else "."
        else:
            colons += str(part).count(":")
            regex += re.escape(str(part))
    return re.compile(regex, re.DOTALL)


def _ends_field(parts: tuple[Part, ...], index: int) -> bool:
    if index + 1 == len(parts):
        return True
    following = parts[index + 1]
    return isinstance(following, str) and following.startswith(":")


@lru_cache(maxsize=8192)
def arn_pattern(template: Template) -> re.Pattern[str] | None:
    """Compile an ARN for the Arn operators, which compare field by field; None for what isn't an ARN."""
    if template.literal().count(":") < ARN_FIELDS - 1 or not template.literal().startswith("arn:"):
        return None
    regex, colons = "", 0
    for part in template.parts:
        in_resource = colons >= ARN_FIELDS - 1
        if part is Wildcard.MANY:
            regex += ".*" if in_resource else "[^:]*"
        elif part is Wildcard.ONE:
            regex += "." if in_resource else "[^:]"
        else:
            colons += str(part).count(":")
            regex += re.escape(str(part))
    return re.compile(regex, re.DOTALL)
