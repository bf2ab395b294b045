"""The grammar of DynamoDB's condition, update and projection expressions.

AWS developer guide: "Condition and filter expressions, operators, and functions in DynamoDB",
"Using update expressions", "Using projection expressions". Trees are kept by text: an application sends
the same few expressions again and again.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from serverless_harness.emulator.dynamodb.expression_checks import ConditionTree, ProjectionTree, UpdateTree
from serverless_harness.emulator.dynamodb.expression_evaluation import (
    FUNCTION_ARITY,
    Action,
    And,
    Arithmetic,
    Between,
    Comparison,
    Condition,
    ExpressionError,
    Function,
    IfNotExists,
    In,
    ListAppend,
    MemberAction,
    Not,
    Operand,
    Or,
    Path,
    Placeholder,
    RemoveAction,
    SetAction,
    SetValue,
    Size,
    UpdateOperand,
)

EXPRESSION_MAX_BYTES = 4096
OPERATORS_MAX = 300
PARENTHESES_MAX_DEPTH = OPERATORS_MAX + 1
"""Deeper ones are redundant: each pair of parentheses but the innermost needs an operator of its own."""
IN_OPERANDS_MAX = 100
PATH_MAX_LEVELS = 32
LIST_INDEX_MAX_DIGITS = 8
COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")
_OPERATORS = {*COMPARATORS, "AND", "OR", "NOT", "BETWEEN", "IN", "+", "-"}
_TREES_KEPT = 1024
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<placeholder>[#:][A-Za-z0-9_]+)"
    r"|(?P<number>[0-9]+)"
    r"|(?P<symbol><>|<=|>=|[=<>()\[\],.+\-])"
    r"|(?P<unknown>.)",
    re.ASCII | re.DOTALL,
)


@cache
def reserved_words() -> frozenset[str]:
    """Return DynamoDB's reserved words, in upper case (moto ships the list)."""
    return frozenset(ReservedKeywords.get_reserved_keywords())


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def _tokens(text: str) -> list[_Token]:
    found = [
        _Token(match.lastgroup or "", match.group(), match.start(), match.end())
        for match in _TOKEN.finditer(text)
    ]
    return [token for token in found if token.kind != "space"]


class _Parser:
    """A recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        if not text.strip():
            raise ExpressionError("The expression can not be empty;")
        if len(text.encode()) > EXPRESSION_MAX_BYTES:
            raise ExpressionError(
                "Expression size has exceeded the maximum allowed size; "
                f"expression size: {len(text.encode())}"
            )
        self._text = text
        self._tokens = _tokens(text)
        self._position = 0
        for index, token in enumerate(self._tokens):
            if token.kind == "unknown":
                raise self._syntax_error(index)
        self._check_complexity()

    def _check_complexity(self) -> None:
        """Refuse what has more operators than DynamoDB allows, or is too deep to be read recursively."""
        operators = sum(token.text.upper() in _OPERATORS for token in self._tokens)
        if operators > OPERATORS_MAX:
            raise ExpressionError(f"The expression contains too many operators; operator count: {operators}")
        opened: list[int] = []
        closes: dict[int, int] = {}
        for index, token in enumerate(self._tokens):
            if token.text == "(":
                opened.append(index)
            elif token.text == ")" and opened:
                closes[opened.pop()] = index
            if len(opened) > PARENTHESES_MAX_DEPTH:
                raise self._too_deep(index)
        # `((a = :b))`: a parenthesis that holds nothing but another one; a call's parentheses are its own.
        for start, end in closes.items():
            is_call = start > 0 and self._tokens[start - 1].kind == "name" and self._is_function(start - 1)
            if not is_call and closes.get(start + 1) == end - 1 and self._tokens[start + 1].text == "(":
                raise ExpressionError("The expression has redundant parentheses;")

    def _is_function(self, index: int) -> bool:
        return self._tokens[index].text.upper() not in _OPERATORS

    def _too_deep(self, index: int) -> ExpressionError:
        if all(token.text == "(" for token in self._tokens[:index]):
            return ExpressionError("The expression has redundant parentheses;")
        return self._syntax_error(index)

    # Tokens

    def _peek(self, ahead: int = 0) -> _Token:
        index = self._position + ahead
        if index < len(self._tokens):
            return self._tokens[index]
        return _Token("end", "<EOF>", len(self._text), len(self._text))

    def _next(self) -> _Token:
        token = self._peek()
        self._position += 1
        return token

    def _accept(self, text: str) -> bool:
        if self._peek().text.upper() == text and self._peek().kind in ("symbol", "name"):
            self._position += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._syntax_error(self._position)

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise self._syntax_error(self._position)

    def _syntax_error(self, index: int) -> ExpressionError:
        """Name the token and what stands around it, from the token before to the token after."""
        tokens = self._tokens
        token = tokens[index].text if index < len(tokens) else "<EOF>"
        start = tokens[index - 1].start if index > 0 else 0
        end = tokens[min(index + 1, len(tokens) - 1)].end
        return ExpressionError(f'Syntax error; token: "{token}", near: "{self._text[start:end]}"')

    # Operands

    def path(self) -> Path:
        steps: list[str | int] = [self._path_name()]
        while True:
            if self._accept("."):
                steps.append(self._path_name())
            elif self._accept("["):
                if self._peek().kind != "number":
                    raise self._syntax_error(self._position)
                steps.append(_list_index(self._next().text))
                self._expect("]")
            else:
                if len(steps) > PATH_MAX_LEVELS:
                    raise ExpressionError(
                        f"The document path has too many nesting elements; nesting levels: {len(steps)}"
                    )
                return Path(tuple(steps))

    def projection(self) -> tuple[Path, ...]:
        paths = [self.path()]
        while self._accept(","):
            paths.append(self.path())
        return tuple(paths)

    def _path_name(self) -> str:
        token = self._peek()
        if token.kind == "placeholder" and token.text[0] == "#":
            return self._next().text
        if token.kind != "name":
            raise self._syntax_error(self._position)
        if token.text.upper() in reserved_words():
            raise ExpressionError(f"Attribute name is a reserved keyword; reserved keyword: {token.text}")
        return self._next().text

    def _value_or_path(self) -> Path | Placeholder:
        token = self._peek()
        if token.kind == "placeholder" and token.text[0] == ":":
            return Placeholder(self._next().text)
        return self.path()

    def _at_call(self) -> bool:
        return self._peek().kind == "name" and self._peek(1).text == "("

    def _operand(self) -> Operand:
        if self._accept("("):
            operand = self._operand()
            self._expect(")")
            return operand
        if not self._at_call():
            return self._value_or_path()
        name, arguments = self._call()
        if name == "size":
            return _size(arguments)
        if name in FUNCTION_ARITY:
            raise ExpressionError(_misplaced(name))
        raise ExpressionError(f"Invalid function name; function: {name}")

    def _call(self) -> tuple[str, list[Operand]]:
        name = self._next().text
        self._expect("(")
        arguments = [self._operand()]
        while self._accept(","):
            arguments.append(self._operand())
        self._expect(")")
        return name, arguments

    # Conditions

    def condition(self) -> Condition:
        return self._condition(self._disjunction())

    def _condition(self, node: Condition | Operand) -> Condition:
        """Return what must be a condition; an operand alone lacks its comparison."""
        if isinstance(node, Path | Placeholder | Size):
            raise self._syntax_error(self._position)
        return node

    def _disjunction(self) -> Condition | Operand:
        """Read `term AND term OR …` by precedence without a call for each level of it: NOT binds strongest.

        Within parentheses it may be an operand alone: `(size(a)) = :b`.
        """
        alternatives: list[tuple[Condition, ...]] = []
        terms: list[Condition] = []
        while True:
            negations = 0
            while self._accept("NOT"):
                negations += 1
            node = self._term()
            if (self._peek().kind == "name" and self._peek().text.upper() in ("AND", "OR")) or negations:
                node = self._condition(node)
            elif not terms and not alternatives:
                return node
            term = self._condition(node)
            terms.append(Not(term) if negations % 2 else term)
            if self._accept("AND"):
                continue
            alternatives.append(tuple(terms))
            if not self._accept("OR"):
                break
            terms = []
        conjunctions = tuple(each[0] if len(each) == 1 else And(_flat(And, each)) for each in alternatives)
        return conjunctions[0] if len(conjunctions) == 1 else Or(_flat(Or, conjunctions))

    def _term(self) -> Condition | Operand:
        if self._accept("("):
            node = self._disjunction()
            self._expect(")")
            if not isinstance(node, Path | Placeholder | Size):
                return node
            return self._relation(node)
        if self._at_call() and self._peek().text != "size":
            return self._function()
        return self._relation(self._operand())

    def _function(self) -> Condition:
        name, arguments = self._call()
        if name in ("if_not_exists", "list_append"):
            raise ExpressionError(f"The function is not allowed in a condition expression; function: {name}")
        if name not in FUNCTION_ARITY:
            raise ExpressionError(f"Invalid function name; function: {name}")
        _check_arity(name, arguments, FUNCTION_ARITY[name])
        if FUNCTION_ARITY[name] == 1 and not isinstance(arguments[0], Path):
            raise ExpressionError(_path_required(name))
        if self._peek().text in COMPARATORS:
            raise ExpressionError(_misplaced(name))
        return Function(name, tuple(arguments))

    def _relation(self, left: Operand) -> Condition | Operand:
        """Read the comparison that follows an operand; without one, the operand stands alone."""
        token = self._peek()
        if token.text in COMPARATORS:
            self._next()
            return Comparison(token.text, left, self._operand())
        if self._accept("BETWEEN"):
            lower = self._operand()
            self._expect("AND")
            return Between(left, lower, self._operand())
        if self._accept("IN"):
            self._expect("(")
            choices = [self._operand()]
            while self._accept(","):
                choices.append(self._operand())
            self._expect(")")
            if len(choices) > IN_OPERANDS_MAX:
                raise ExpressionError(
                    f"The IN operator is provided with too many operands; number of operands: {len(choices)}"
                )
            return In(left, tuple(choices))
        return left

    # Updates

    def update(self) -> tuple[Action, ...]:
        actions: list[Action] = []
        seen: set[str] = set()
        while self._peek().kind != "end":
            clause = self._peek().text.upper()
            if clause not in ("SET", "REMOVE", "ADD", "DELETE"):
                raise self._syntax_error(self._position)
            if clause in seen:
                raise ExpressionError(
                    f'The "{clause}" section can only be used once in an update expression;'
                )
            seen.add(clause)
            self._next()
            actions.append(self._action(clause))
            while self._accept(","):
                actions.append(self._action(clause))
        return tuple(actions)

    def _action(self, clause: str) -> Action:
        path = self.path()
        if clause == "SET":
            self._expect("=")
            return SetAction(path, self._set_value())
        if clause == "REMOVE":
            return RemoveAction(path)
        token = self._peek()
        if token.kind != "placeholder" or token.text[0] != ":":
            raise self._syntax_error(self._position)
        return MemberAction(clause, path, Placeholder(self._next().text))

    def _set_value(self) -> SetValue:
        """Read an operand, or a sum or difference of two; parentheses may stand around all of it."""
        if self._accept("("):
            left = self._set_value()
            self._expect(")")
            if isinstance(left, Arithmetic):
                return left
        else:
            left = self._update_operand()
        for operator in ("+", "-"):
            if self._accept(operator):
                return Arithmetic(operator, left, self._update_operand())
        return left

    def _update_operand(self) -> UpdateOperand:
        if self._accept("("):
            operand = self._update_operand()
            self._expect(")")
            return operand
        if not self._at_call():
            return self._value_or_path()
        name = self._next().text
        self._expect("(")
        arguments = [self._update_operand()]
        while self._accept(","):
            arguments.append(self._update_operand())
        self._expect(")")
        return _update_function(name, arguments)


def _flat(kind: type[And] | type[Or], terms: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Return the terms with those of the same kind taken apart: AND and OR are associative."""
    nested = [term.terms if isinstance(term, And | Or) and type(term) is kind else (term,) for term in terms]
    return tuple(term for group in nested for term in group)


def _list_index(digits: str) -> int:
    if len(digits) > LIST_INDEX_MAX_DIGITS:
        raise ExpressionError(f"List index is not within the allowable range; index: [{digits}]")
    return int(digits)


def _update_function(name: str, arguments: list[UpdateOperand]) -> UpdateOperand:
    if name not in ("if_not_exists", "list_append"):
        if name in FUNCTION_ARITY or name == "size":
            raise ExpressionError(f"The function is not allowed in an update expression; function: {name}")
        raise ExpressionError(f"Invalid function name; function: {name}")
    _check_arity(name, arguments, 2)
    first, second = arguments
    if name == "list_append":
        return ListAppend(first, second)
    if not isinstance(first, Path):
        raise ExpressionError(_path_required(name))
    return IfNotExists(first, second)


def _size(arguments: list[Operand]) -> Size:
    _check_arity("size", arguments, 1)
    (operand,) = arguments
    if isinstance(operand, Size):
        raise ExpressionError(_misplaced("size"))
    return Size(operand)


def _check_arity(name: str, arguments: list[Operand] | list[UpdateOperand], expected: int) -> None:
    if len(arguments) != expected:
        raise ExpressionError(
            "Incorrect number of operands for operator or function; "
            f"operator or function: {name}, number of operands: {len(arguments)}"
        )


def _misplaced(name: str) -> str:
    return f"The function is not allowed to be used this way in an expression; function: {name}"


def _path_required(name: str) -> str:
    return f"Operator or function requires a document path; operator or function: {name}"


@lru_cache(maxsize=_TREES_KEPT)
def parse_condition(text: str) -> ConditionTree:
    """Return the tree of a condition, filter or key condition; raise ExpressionError if it has none."""
    parser = _Parser(text)
    root = parser.condition()
    parser.expect_end()
    return ConditionTree(root)


@lru_cache(maxsize=_TREES_KEPT)
def parse_update(text: str) -> UpdateTree:
    """Return the tree of an update expression; raise ExpressionError if it has none."""
    return UpdateTree(_Parser(text).update())


@lru_cache(maxsize=_TREES_KEPT)
def parse_projection(text: str) -> ProjectionTree:
    """Return the tree of a projection expression; raise ExpressionError if it has none."""
    parser = _Parser(text)
    paths = parser.projection()
    parser.expect_end()
    return ProjectionTree(paths)
