"""The expression parser: precedence, limits, and that no text makes it fail but with an ExpressionError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serverless_harness.emulator.dynamodb.expression_evaluation import (
    And,
    Between,
    Comparison,
    ExpressionError,
    Not,
    Or,
    Path,
    Placeholder,
    Size,
)
from serverless_harness.emulator.dynamodb.expression_parser import (
    parse_condition,
    parse_projection,
    parse_update,
)

TOKENS = [
    "a", "b1", "#n", ":v", "0", "7", "(", ")", "[", "]", ",", ".", "=", "<>", "<", ">=", "+", "-", "!", "é",
    " ", "AND", "or", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE",
    "size", "attribute_exists", "begins_with", "if_not_exists", "list_append", "unknown",
]  # fmt: skip


def equals(name: str) -> Comparison:
    return Comparison("=", Path((name,)), Placeholder(":v"))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a = :v OR b = :v AND c = :v", Or((equals("a"), And((equals("b"), equals("c")))))),
        ("(a = :v or b = :v) and c = :v", And((Or((equals("a"), equals("b"))), equals("c")))),
        ("NOT a = :v AND b = :v", And((Not(equals("a")), equals("b")))),
        (
            "a BETWEEN :v AND :w AND b = :v",
            And((Between(Path(("a",)), Placeholder(":v"), Placeholder(":w")), equals("b"))),
        ),
        ("size(a[1].#n) > :v", Comparison(">", Size(Path(("a", 1, "#n"))), Placeholder(":v"))),
        ("((a = :v) AND (b = :v))", And((equals("a"), equals("b")))),
    ],
)
def test_precedence(text: str, tree: object) -> None:
    assert parse_condition(text).root == tree


@given(st.lists(st.sampled_from(TOKENS), max_size=15), st.sampled_from(["", " "]))
def test_any_text_parses_or_is_refused(tokens: list[str], separator: str) -> None:
    for parse in (parse_condition, parse_update, parse_projection):
        try:
            parse(separator.join(tokens))
        except ExpressionError as error:
            assert error.detail


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("a" * 4097, "Expression size has exceeded the maximum allowed size; expression size: 4097"),
        (
            " AND ".join(["a = :v"] * 151),
            "The expression contains too many operators; operator count: 301",
        ),
        (
            "(" * 101 + "a = :v" + ")" * 101,
            "The expression has redundant parentheses;",
        ),
        ("NOT " * 301 + "a = :v", "The expression contains too many operators; operator count: 302"),
    ],
)
def test_limits(text: str, detail: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_condition(text)
    assert caught.value.detail == detail
