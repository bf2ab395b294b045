"""Expressions generated from AWS's grammar: all of them are parsed, and mean what a plain evaluation gives.

AWS developer guide, "Condition and filter expressions, operators, and functions in DynamoDB" ("Syntax for
filter and condition expressions"), "Using update expressions in DynamoDB" and "Using projection
expressions in DynamoDB".
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serverless_harness.emulator.dynamodb.expression_evaluation import Arithmetic, Bindings, Comparison
from serverless_harness.emulator.dynamodb.expression_parser import (
    parse_condition,
    parse_projection,
    parse_update,
)

Item = dict[str, Any]
NAMES = {"#n": "name", "#m": "m"}
VALUES = {":s": {"S": "b"}, ":n": {"N": "2"}, ":t": {"S": "S"}}
BINDINGS = Bindings(NAMES, VALUES)


@dataclass(frozen=True)
class Sentence:
    """A text of the grammar and what it comes to for an item; None is no value."""

    text: str
    meaning: Callable[[Item], Any]


paths = st.sampled_from(
    [
        Sentence("a", lambda item: item.get("a")),
        Sentence("#n", lambda item: item.get("name")),
        Sentence("#m.x", lambda item: item.get("m", {"M": {}})["M"].get("x")),
        Sentence("l[1]", lambda item: dict(enumerate(item.get("l", {"L": []})["L"])).get(1)),
    ]
)
values = st.sampled_from([Sentence(":s", lambda _: VALUES[":s"]), Sentence(":n", lambda _: VALUES[":n"])])


def size_of(path: Sentence) -> Sentence:
    def size(item: Item) -> Any:
        value = path.meaning(item)
        return {"N": str(len(value["S"]))} if value and "S" in value else None

    return Sentence(f"size({path.text})", size)


def in_parentheses(sentence: Sentence) -> Sentence:
    return Sentence(f"({sentence.text})", sentence.meaning)


plain_operands = paths | values | paths.map(size_of)
operands = plain_operands | plain_operands.map(in_parentheses)
spaces = st.sampled_from([" ", "  ", "\n", "\t "])
cases = st.sampled_from([str.upper, str.lower])


def ordered(left: Any, right: Any, holds: Callable[[Any, Any], bool]) -> bool:
    if left is None or right is None or left.keys() != right.keys():
        return False
    (kind,) = left
    return (kind == "S" and holds(left["S"], right["S"])) or (
        kind == "N" and holds(float(left["N"]), float(right["N"]))
    )


COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left is not None and left == right,
    "<>": lambda left, right: left is None or left != right,
    "<": lambda left, right: ordered(left, right, lambda a, b: a < b),
    "<=": lambda left, right: ordered(left, right, lambda a, b: a <= b),
    ">": lambda left, right: ordered(left, right, lambda a, b: a > b),
    ">=": lambda left, right: ordered(left, right, lambda a, b: a >= b),
}


@st.composite
def relations(draw: Any) -> Sentence:
    left, right, third = draw(operands), draw(operands), draw(operands)
    kind = draw(st.sampled_from([*COMPARATORS, "BETWEEN", "IN"]))
    if kind == "BETWEEN":
        return Sentence(
            f"{left.text} {draw(cases)('between')} {right.text} {draw(cases)('and')} {third.text}",
            lambda item: (
                COMPARATORS["<="](right.meaning(item), left.meaning(item))
                and COMPARATORS["<="](left.meaning(item), third.meaning(item))
            ),
        )
    if kind == "IN":
        return Sentence(
            f"{left.text} {draw(cases)('in')} ({right.text},{third.text})",
            lambda item: any(
                COMPARATORS["="](left.meaning(item), each.meaning(item)) for each in (right, third)
            ),
        )
    gap = draw(st.sampled_from(["", " "]))
    return Sentence(
        f"{left.text}{gap}{kind}{gap}{right.text}",
        lambda item: COMPARATORS[kind](left.meaning(item), right.meaning(item)),
    )


@st.composite
def functions(draw: Any) -> Sentence:
    path = draw(paths)
    name = draw(
        st.sampled_from(
            ["attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"]
        )
    )
    argument = {"attribute_type": ":t", "begins_with": ":s", "contains": ":s"}.get(name)
    text = f"{name}({path.text}, {argument})" if argument else f"{name} ( {path.text} )"

    def meaning(item: Item) -> bool:
        value = path.meaning(item)
        match name:
            case "attribute_exists":
                return value is not None
            case "attribute_not_exists":
                return value is None
        text_value = (value or {}).get("S")
        if name == "attribute_type" or text_value is None:
            return text_value is not None
        return bool(text_value.startswith("b") if name == "begins_with" else "b" in text_value)

    return Sentence(text, meaning)


def is_enclosed(text: str) -> bool:
    """Whether a first parenthesis is closed by the last character: parentheses around it are redundant."""
    depth = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return character == ")" and position == len(text) - 1
    return False


@st.composite
def combined(draw: Any, inner: st.SearchStrategy[Sentence]) -> Sentence:
    """Combinations, in parentheses where precedence would read them otherwise."""
    left, right, space = draw(inner), draw(inner), draw(spaces)

    def enclosed(sentence: Sentence) -> str:
        return sentence.text if is_enclosed(sentence.text) else f"({sentence.text})"

    match draw(st.sampled_from(["AND", "OR", "NOT", "()"])):
        case "AND":
            word = draw(cases)("and")
            text = f"{enclosed(left)}{space}{word}{space}{enclosed(right)}"
            return Sentence(text, lambda item: left.meaning(item) and right.meaning(item))
        case "OR":
            word = draw(cases)("or")
            text = f"{enclosed(left)}{space}{word}{space}{enclosed(right)}"
            return Sentence(text, lambda item: left.meaning(item) or right.meaning(item))
        case "NOT":
            return Sentence(
                f"{draw(cases)('not')}{space}{enclosed(left)}", lambda item: not left.meaning(item)
            )
    return Sentence(enclosed(left), left.meaning)


conditions = st.recursive(relations() | functions(), combined, max_leaves=12)
attributes = st.sampled_from([{"S": "b"}, {"S": "bc"}, {"S": "a"}, {"N": "2"}, {"N": "1"}, {"BOOL": True}])
items = st.fixed_dictionaries(
    {},
    optional={
        "a": attributes,
        "name": attributes,
        "m": st.fixed_dictionaries({}, optional={"x": attributes}).map(lambda members: {"M": members}),
        "l": st.lists(attributes, max_size=3).map(lambda members: {"L": members}),
    },
)


@given(conditions, items)
@settings(max_examples=300, deadline=None)
def test_conditions_of_the_grammar_mean_what_they_say(condition: Sentence, item: Item) -> None:
    tree = parse_condition(condition.text)
    assert tree.root.holds(item, BINDINGS) == bool(condition.meaning(item)), condition.text


set_operands = st.recursive(
    st.sampled_from(["a", "#n", "#m.x", "l[0]", ":n"]),
    lambda inner: st.one_of(
        inner.map(lambda text: f"if_not_exists(b, {text})"),
        st.tuples(inner, inner).map(lambda pair: f"list_append({pair[0]},{pair[1]})"),
        inner.map(lambda text: text if is_enclosed(text) else f"({text})"),
    ),
    max_leaves=4,
)


@st.composite
def updates(draw: Any) -> tuple[str, int]:
    """Update expressions and the number of their actions: each clause at most once, in any order."""
    clauses, actions = [], 0
    for clause in draw(
        st.lists(st.sampled_from(["SET", "REMOVE", "ADD", "DELETE"]), min_size=1, unique=True)
    ):
        count = draw(st.integers(1, 3))
        actions += count
        targets = [f"{clause.lower()}{number}" for number in range(count)]
        if clause == "SET":
            parts = [f"{target} = {draw(set_values())}" for target in targets]
        elif clause == "REMOVE":
            parts = targets
        else:
            parts = [f"{target} :n" for target in targets]
        clauses.append(f"{draw(cases)(clause)} {', '.join(parts)}")
    return " ".join(clauses), actions


@st.composite
def set_values(draw: Any) -> str:
    left, right = draw(set_operands), draw(set_operands)
    text = draw(st.sampled_from([left, f"{left} + {right}", f"{left}-{right}"]))
    return f"({text})" if draw(st.booleans()) and not is_enclosed(text) else text


@given(updates())
@settings(max_examples=300, deadline=None)
def test_updates_of_the_grammar_are_parsed(update: tuple[str, int]) -> None:
    text, actions = update
    assert len(parse_update(text).roots) == actions


@given(
    st.lists(st.sampled_from(["a", "#n", "b.c", "d[0]", "d[10].#m", "e[1][2].f"]), min_size=1, unique=True)
)
def test_projections_of_the_grammar_are_parsed(texts: list[str]) -> None:
    assert len(parse_projection(" , ".join(texts)).roots) == len(texts)


@pytest.mark.parametrize("expression", ["(c - :n)", "(if_not_exists(c, :n) + :n)", "(c) - (:n)"])
def test_parentheses_around_arithmetic(expression: str) -> None:
    (action,) = parse_update(f"SET c = {expression}").roots
    assert isinstance(action.operand, Arithmetic)  # type: ignore[union-attr]


def test_deepest_legal_conditions() -> None:
    """300 operators are allowed; each opens a level of its own."""
    negated = parse_condition("NOT (" * 299 + "a = :s" + ")" * 299)
    assert not negated.root.holds({"a": {"S": "b"}}, BINDINGS)
    mixed = "".join(f"a = :s {random.Random(level).choice(['AND', 'OR'])} (" for level in range(149))
    nested = parse_condition(f"{mixed}a = :s{')' * 149}")
    assert nested.root.holds({"a": {"S": "b"}}, BINDINGS)
    assert not nested.root.holds({}, BINDINGS)
    assert sum(isinstance(node, Comparison) for node in nested.nodes) == 150
