"""The Condition element: its operators, and how they treat several values and absent keys.

Sources: AWS pages "IAM JSON policy elements: Condition operators", "Conditions with multiple context keys or
values" and "Set operators for multivalued context keys".
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from serverless_harness.emulator.iam.matching import (
    ContextValues,
    Template,
    arn_pattern,
    glob_pattern,
    parse_template,
)


class SetOperator(Enum):
    """How the values of a multivalued key are taken together."""

    ALL = "ForAllValues"
    ANY = "ForAnyValue"


Test = Callable[[str, ContextValues], bool | None]
"""Whether a value of the request matches one of the policy; None where a policy variable has no value."""

Compiler = Callable[[str, bool], tuple[Test, tuple[str, ...]]]
"""Makes the test of one policy value; also returns the keys of the variables in it."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator: how a value is tested, and whether the answer is turned round."""

    compile: Compiler
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of a Condition element, with its operator and values."""

    operator_name: str
    key: str
    values: tuple[str, ...]
    tests: tuple[Test, ...]
    variable_keys: tuple[str, ...]
    negated: bool
    if_exists: bool
    set_operator: SetOperator | None

    @property
    def keys(self) -> tuple[str, ...]:
        """Every condition key that the outcome depends on, lower-case."""
        return (self.key.lower(), *self.variable_keys)

    def matches(self, context: ContextValues) -> bool | None:
        """Return whether the request meets the condition.

        None: undetermined. AWS documents no outcome for several values without a set operator, nor for a
        negated operator with a policy variable that has no value.
        """
        values = context.get(self.key.lower())
        if self.set_operator is not None:
            return self._matches_set(values, context)
        if values is None:
            return self.if_exists or self.negated
        if len(values) != 1:
            return None
        return self._matches_value(values[0], context)

    def _matches_set(self, values: tuple[str, ...] | None, context: ContextValues) -> bool | None:
        """Take the values together; …IfExists has no say here, for it would apply to each value alone."""
        if not values or not any(values):
            return self.set_operator is SetOperator.ALL
        outcomes = [self._matches_value(value, context) for value in values]
        if None in outcomes:
            return None
        return all(outcomes) if self.set_operator is SetOperator.ALL else any(outcomes)

    def _matches_value(self, value: str, context: ContextValues) -> bool | None:
        outcomes = [test(value, context) for test in self.tests]
        if True in outcomes:
            return not self.negated
        return None if self.negated and None in outcomes else self.negated


@dataclass(frozen=True, slots=True)
class NullCondition:
    """The Null operator: `"true"` asks that the key be absent, `"false"` that it be there."""

    key: str
    values: tuple[str, ...]

    operator_name = "Null"

    @property
    def keys(self) -> tuple[str, ...]:
        """Every condition key that the outcome depends on, lower-case."""
        return (self.key.lower(),)

    def matches(self, context: ContextValues) -> bool:
        """Return whether the request meets the condition."""
        absent = "false" if context.get(self.key.lower()) else "true"
        return absent in self.values


AnyCondition = Condition | NullCondition


def parse_conditions(block: object, *, variables: bool) -> tuple[AnyCondition, ...]:
    """Compile a Condition element.

    Raises:
        ValueError: an operator, key or value that isn't supported; the message says which.
    """
    if not isinstance(block, Mapping):
        raise ValueError("Condition must be an object of operators")
    conditions: list[AnyCondition] = []
    for name, keys in block.items():
        if not isinstance(keys, Mapping):
            raise ValueError(f"condition operator {name} must hold an object of condition keys")
        conditions.extend(_parse_condition(name, key, values, variables) for key, values in keys.items())
    return tuple(conditions)


def _parse_condition(name: str, key: str, raw_values: object, variables: bool) -> AnyCondition:
    if ":" not in key:
        raise ValueError(f"condition key '{key}' has no service prefix, such as aws:")
    values = _value_list(name, key, raw_values)
    if name == "Null":
        return _parse_null(key, values)
    prefix, separator, operator_name = name.rpartition(":")
    set_operator = SetOperator(prefix) if prefix in {member.value for member in SetOperator} else None
    if separator and set_operator is None:
        raise ValueError(f"condition operator {name} is not supported")
    base_name = operator_name.removesuffix("IfExists")
    operator = OPERATORS.get(base_name)
    if operator is None:
        raise ValueError(f"condition operator {name} is not supported")
    compiled = [operator.compile(value, variables) for value in values]
    return Condition(
        operator_name=name,
        key=key,
        values=values,
        tests=tuple(test for test, _ in compiled),
        variable_keys=tuple(used for _, keys in compiled for used in keys),
        negated=operator.negated,
        if_exists=base_name != operator_name,
        set_operator=set_operator,
    )


def _value_list(name: str, key: str, raw: object) -> tuple[str, ...]:
    values = raw if isinstance(raw, list) else [raw]
    if not values:
        raise ValueError(f"condition {name} of {key} has no value")
    return tuple(_value_text(name, key, value) for value in values)


def _value_text(name: str, key: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float | Decimal):
        return str(value)
    raise ValueError(f"condition {name} of {key} has a value that is neither text, number nor boolean")


def _parse_null(key: str, values: tuple[str, ...]) -> NullCondition:
    lowered = tuple(value.lower() for value in values)
    if not set(lowered) <= {"true", "false"}:
        raise ValueError(f'condition Null of {key} takes "true" or "false"')
    return NullCondition(key, lowered)


def _template_compiler(make_test: Callable[[Template], Callable[[str], bool]]) -> Compiler:
    """Make a compiler whose policy values may hold variables; those with none are compiled once."""

    def compile_value(text: str, variables: bool) -> tuple[Test, tuple[str, ...]]:
        template = parse_template(text, variables=variables)
        keys = tuple(variable.key for variable in template.variables)
        if not keys:
            fixed = make_test(template)
            return (lambda value, _: fixed(value)), ()

        def test(value: str, context: ContextValues) -> bool | None:
            resolved = template.resolve(context)
            return None if resolved is None else make_test(resolved)(value)

        return test, keys

    return compile_value


def _plain_compiler[T](parse: Callable[[str], T], compare: Callable[[T, T], bool], kind: str) -> Compiler:
    """Make a compiler whose values are parsed; a value of the request that doesn't parse matches nothing."""

    def compile_value(text: str, _: bool) -> tuple[Test, tuple[str, ...]]:
        try:
            expected = parse(text)
        except ValueError:
            raise ValueError(f"'{text}' is not {kind}") from None

        def test(value: str, _: ContextValues) -> bool:
            try:
                return compare(parse(value), expected)
            except ValueError:
                return False

        return test, ()

    return compile_value


def _equals(template: Template) -> Callable[[str], bool]:
    expected = template.literal()
    return lambda value: value == expected


def _equals_ignoring_case(template: Template) -> Callable[[str], bool]:
    expected = template.literal().casefold()
    return lambda value: value.casefold() == expected


def _like(template: Template) -> Callable[[str], bool]:
    pattern = glob_pattern(template)
    return lambda value: pattern.fullmatch(value) is not None


def _arn_like(template: Template) -> Callable[[str], bool]:
    pattern = arn_pattern(template)
    return lambda value: pattern is not None and pattern.fullmatch(value) is not None


def _arn_compiler(text: str, variables: bool) -> tuple[Test, tuple[str, ...]]:
    template = parse_template(text, variables=variables)
    if not template.variables and arn_pattern(template) is None:
        raise ValueError(f"'{text}' is not an ARN")
    return _ARN_LIKE(text, variables)


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not number.is_finite():
        raise ValueError(text)
    return number


_W3C_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?)?)?")


def _date(text: str) -> datetime:
    """Parse a date as the W3C's profile of ISO 8601 writes it, or as seconds since 1970-01-01T00:00:00Z."""
    if text.isdigit() and len(text) != 4:
        try:
            return datetime.fromtimestamp(int(text), UTC)
        except (OverflowError, OSError) as error:
            raise ValueError(text) from error
    if not _W3C_DATE.fullmatch(text):
        raise ValueError(text)
    padded = text + "0000-01-01"[len(text) :] if len(text) < 10 else text
    date = datetime.fromisoformat(padded)
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _bool(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error


def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)


def _ip_test(text: str, _: bool) -> tuple[Test, tuple[str, ...]]:
    try:
        network = _network(text)
    except ValueError:
        raise ValueError(f"'{text}' is not an IP address or CIDR block") from None

    def test(value: str, _: ContextValues) -> bool:
        try:
            return ip_address(value) in network
        except ValueError:
            return False

    return test, ()


_STRING_EQUALS = _template_compiler(_equals)
_STRING_EQUALS_IGNORING_CASE = _template_compiler(_equals_ignoring_case)
_STRING_LIKE = _template_compiler(_like)
_ARN_LIKE = _template_compiler(_arn_like)


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Compiler:
    return _plain_compiler(_number, compare, "a number")


def _dated(compare: Callable[[datetime, datetime], bool]) -> Compiler:
    return _plain_compiler(_date, compare, "a date")


OPERATORS: Mapping[str, Operator] = {
    "StringEquals": Operator(_STRING_EQUALS),
    "StringNotEquals": Operator(_STRING_EQUALS, negated=True),
    "StringEqualsIgnoreCase": Operator(_STRING_EQUALS_IGNORING_CASE),
    "StringNotEqualsIgnoreCase": Operator(_STRING_EQUALS_IGNORING_CASE, negated=True),
    "StringLike": Operator(_STRING_LIKE),
    "StringNotLike": Operator(_STRING_LIKE, negated=True),
    "NumericEquals": Operator(_numeric(lambda value, expected: value == expected)),
    "NumericNotEquals": Operator(_numeric(lambda value, expected: value == expected), negated=True),
    "NumericLessThan": Operator(_numeric(lambda value, expected: value < expected)),
    "NumericLessThanEquals": Operator(_numeric(lambda value, expected: value <= expected)),
    "NumericGreaterThan": Operator(_numeric(lambda value, expected: value > expected)),
    "NumericGreaterThanEquals": Operator(_numeric(lambda value, expected: value >= expected)),
    "DateEquals": Operator(_dated(lambda value, expected: value == expected)),
    "DateNotEquals": Operator(_dated(lambda value, expected: value == expected), negated=True),
    "DateLessThan": Operator(_dated(lambda value, expected: value < expected)),
    "DateLessThanEquals": Operator(_dated(lambda value, expected: value <= expected)),
    "DateGreaterThan": Operator(_dated(lambda value, expected: value > expected)),
    "DateGreaterThanEquals": Operator(_dated(lambda value, expected: value >= expected)),
    "Bool": Operator(_plain_compiler(_bool, lambda value, expected: value == expected, "a boolean")),
    "BinaryEquals": Operator(_plain_compiler(_binary, lambda value, expected: value == expected, "base64")),
    "IpAddress": Operator(_ip_test),
    "NotIpAddress": Operator(_ip_test, negated=True),
    "ArnEquals": Operator(_arn_compiler),
    "ArnLike": Operator(_arn_compiler),
    "ArnNotEquals": Operator(_arn_compiler, negated=True),
    "ArnNotLike": Operator(_arn_compiler, negated=True),
}
