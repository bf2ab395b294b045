"""The grammar of DynamoDB's PartiQL: select, insert, update, delete, and EXISTS in transactions.

AWS developer guide, "PartiQL reference for Amazon DynamoDB". A statement's conditions are the nodes of
`expression_evaluation`, its literals and parameters values under placeholders.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from serverless_harness.emulator.dynamodb.errors import ValidationError
from serverless_harness.emulator.dynamodb.expression_evaluation import (
    And,
    Between,
    Comparison,
    Condition,
    Function,
    In,
    Not,
    Operand,
    Or,
    Path,
    Placeholder,
    Size,
)
from serverless_harness.emulator.dynamodb.values import AttributeValue

_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*)"
    r"|(?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)"
    r'|(?P<quoted>"(?:[^"]|"")*")'
    r"|(?P<string>'(?:[^']|'')*')"
    r"|(?P<symbol><<|>>|<>|!=|<=|>=|[=<>()\[\]{},.:*?+;-])"
    r"|(?P<unknown>.)",
    re.DOTALL,
)
_COMPARATORS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_KEYWORDS = {
    "AND", "OR", "NOT", "IN", "IS", "BETWEEN", "WHERE", "FROM", "ORDER", "RETURNING", "SET", "REMOVE",
    "SELECT",
}  # fmt: skip
_RETURNING = {
    ("ALL", "OLD"): "ALL_OLD",
    ("ALL", "NEW"): "ALL_NEW",
    ("MODIFIED", "OLD"): "UPDATED_OLD",
    ("MODIFIED", "NEW"): "UPDATED_NEW",
}
_ARITIES = {"attribute_type": 2, "begins_with": 2, "contains": 2}
_EDITS = ("list_append", "set_add", "set_delete", "if_not_exists")


@dataclass(frozen=True, slots=True)
class Edit:
    """The right side of `SET path = …`: an operand, a sum or difference, or a function of two operands."""

    operator: str | None
    operands: tuple[Path | Placeholder, ...]


@dataclass(slots=True)
class Statement:
    """One statement; members that its kind doesn't have stay empty."""

    kind: str
    table: str
    index: str | None = None
    projection: tuple[Path, ...] = ()
    where: Condition | None = None
    order_by: dict[str, bool] = field(default_factory=dict)
    """The keys that ORDER BY names, and whether their order is descending."""
    item: dict[str, AttributeValue] = field(default_factory=dict)
    sets: list[tuple[Path, Edit]] = field(default_factory=list)
    removes: list[Path] = field(default_factory=list)
    returning: str | None = None
    is_exists: bool = False
    values: dict[str, AttributeValue] = field(default_factory=dict)


def malformed(detail: str) -> ValidationError:
    """Return the error of a statement that isn't one of the grammar."""
    return ValidationError(f"Statement wasn't well formed, can't be processed: {detail}")


def parse_statement(text: str, parameters: list[AttributeValue]) -> Statement:
    """Return a statement with its parameters in place; raise ValidationError if it isn't one."""
    parser = _Parser(text, parameters)
    try:
        return parser.statement()
    except RecursionError:
        raise malformed("it is nested too deeply") from None


class _Parser:
    def __init__(self, text: str, parameters: list[AttributeValue]) -> None:
        self._tokens = [
            (match.lastgroup or "", match.group())
            for match in _TOKEN.finditer(text)
            if match.lastgroup != "space"
        ]
        self._position = 0
        self._parameters = parameters
        self._parameters_used = 0
        self._values: dict[str, AttributeValue] = {}

    # Tokens

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        index = self._position + ahead
        return self._tokens[index] if index < len(self._tokens) else ("end", "end of statement")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._position += 1
        return token

    def _accept(self, *texts: str) -> bool:
        """Take tokens if they come next: keywords in any case, and symbols."""
        for ahead, text in enumerate(texts):
            kind, found = self._peek(ahead)
            if kind not in ("word", "symbol") or found.upper() != text:
                return False
        self._position += len(texts)
        return True

    def _expect(self, *texts: str) -> None:
        if not self._accept(*texts):
            raise malformed(f"expected {' '.join(texts)}, found {self._peek()[1]}")

    # Statements

    def statement(self) -> Statement:
        statement = self._statement()
        self._accept(";")
        if self._peek()[0] != "end":
            raise malformed(f"unexpected {self._peek()[1]}")
        if self._parameters_used != len(self._parameters):
            raise ValidationError("Number of parameters in request and statement don't match.")
        statement.values = self._values
        return statement

    def _statement(self) -> Statement:
        if self._accept("EXISTS", "("):
            statement = self._select()
            self._expect(")")
            statement.is_exists = True
            return statement
        readers: dict[str, Callable[[], Statement]] = {
            "SELECT": self._select,
            "INSERT": self._insert,
            "UPDATE": self._update,
            "DELETE": self._delete,
        }
        reader = readers.get(self._peek()[1].upper())
        if reader is None:
            raise malformed(f"unexpected {self._peek()[1]}")
        return reader()

    def _select(self) -> Statement:
        self._expect("SELECT")
        projection: list[Path] = []
        if not self._accept("*"):
            projection.append(self._path())
            while self._accept(","):
                projection.append(self._path())
        self._expect("FROM")
        statement = Statement("SELECT", self._name(), projection=tuple(projection))
        if self._accept("."):
            statement.index = self._name()
        if self._accept("WHERE"):
            statement.where = self._condition()
        if self._accept("ORDER", "BY"):
            self._order(statement)
            while self._accept(","):
                self._order(statement)
        return statement

    def _order(self, statement: Statement) -> None:
        name = self._name()
        statement.order_by[name] = self._accept("DESC")
        if not statement.order_by[name]:
            self._accept("ASC")

    def _insert(self) -> Statement:
        self._expect("INSERT", "INTO")
        statement = Statement("INSERT", self._name())
        self._expect("VALUE")
        value = self._value()
        if "M" not in value:
            raise malformed("the VALUE of an INSERT is a tuple of attributes")
        statement.item = value["M"]
        return statement

    def _update(self) -> Statement:
        self._expect("UPDATE")
        statement = Statement("UPDATE", self._name())
        while not self._accept("WHERE"):
            if self._accept("SET"):
                statement.sets.append(self._assignment())
                while self._accept(","):
                    statement.sets.append(self._assignment())
            else:
                self._expect("REMOVE")
                statement.removes.append(self._path())
                while self._accept(","):
                    statement.removes.append(self._path())
        if not statement.sets and not statement.removes:
            raise malformed("an UPDATE needs SET or REMOVE")
        statement.where = self._condition()
        statement.returning = self._returning()
        return statement

    def _delete(self) -> Statement:
        self._expect("DELETE", "FROM")
        statement = Statement("DELETE", self._name())
        self._expect("WHERE")
        statement.where = self._condition()
        statement.returning = self._returning()
        if statement.returning not in (None, "ALL_OLD"):
            raise malformed("a DELETE returns ALL OLD * or nothing")
        return statement

    def _returning(self) -> str | None:
        if not self._accept("RETURNING"):
            return None
        extent, version = self._next()[1].upper(), self._next()[1].upper()
        self._expect("*")
        if (extent, version) not in _RETURNING:
            raise malformed(f"RETURNING {extent} {version} * is none of its forms")
        return _RETURNING[extent, version]

    def _assignment(self) -> tuple[Path, Edit]:
        path = self._path()
        self._expect("=")
        kind, text = self._peek()
        if kind == "word" and text.lower() in _EDITS and self._peek(1)[1] == "(":
            self._position += 2
            first = self._simple_operand()
            self._expect(",")
            second = self._simple_operand()
            self._expect(")")
            return path, Edit(text.lower(), (first, second))
        left = self._simple_operand()
        for operator in ("+", "-"):
            if self._accept(operator):
                return path, Edit(operator, (left, self._simple_operand()))
        return path, Edit(None, (left,))

    # Names, paths and values

    def _name(self) -> str:
        kind, text = self._next()
        if kind == "quoted":
            return text[1:-1].replace('""', '"')
        if kind != "word" or text.upper() in _KEYWORDS:
            raise malformed(f"expected a name, found {text}")
        return text

    def _path(self) -> Path:
        steps: list[str | int] = [self._name()]
        while True:
            if self._accept("."):
                steps.append(self._name())
            elif self._peek() == ("symbol", "["):
                self._next()
                kind, text = self._next()
                if kind != "number" or not text.isdigit():
                    raise malformed(f"expected the index of a list, found {text}")
                steps.append(int(text))
                self._expect("]")
            else:
                return Path(tuple(steps), literal=True)

    def _placeholder(self, value: AttributeValue) -> Placeholder:
        name = f":v{len(self._values)}"
        self._values[name] = value
        return Placeholder(name)

    def _at_value(self) -> bool:
        kind, text = self._peek()
        if kind == "word":
            return text.upper() in ("TRUE", "FALSE", "NULL")
        return kind in ("number", "string") or text in ("?", "<<", "[", "{", "-", "+")

    def _value(self) -> AttributeValue:
        kind, text = self._next()
        value: AttributeValue | None = None
        if kind == "string":
            value = {"S": text[1:-1].replace("''", "'")}
        elif kind == "number":
            value = {"N": text}
        elif kind == "word":
            value = self._constant(text)
        elif text in ("-", "+") and self._peek()[0] == "number":
            value = {"N": text.removeprefix("+") + self._next()[1]}
        elif text == "?":
            value = self._parameter()
        elif text == "[":
            value = {"L": self._list_of(self._value, "]")}
        elif text == "<<":
            value = self._set()
        elif text == "{":
            value = {"M": dict(self._list_of(self._member, "}"))}
        if value is None:
            raise malformed(f"expected a value, found {text}")
        return value

    def _constant(self, word: str) -> AttributeValue:
        constants: dict[str, AttributeValue] = {
            "TRUE": {"BOOL": True},
            "FALSE": {"BOOL": False},
            "NULL": {"NULL": True},
        }
        if word.upper() not in constants:
            raise malformed(f"expected a value, found {word}")
        return constants[word.upper()]

    def _parameter(self) -> AttributeValue:
        self._parameters_used += 1
        if self._parameters_used > len(self._parameters):
            raise ValidationError("Number of parameters in request and statement don't match.")
        return self._parameters[self._parameters_used - 1]

    def _list_of[T](self, read: Callable[[], T], end: str) -> list[T]:
        found: list[T] = []
        if self._accept(end):
            return found
        found.append(read())
        while self._accept(","):
            found.append(read())
        self._expect(end)
        return found

    def _member(self) -> tuple[str, AttributeValue]:
        kind, text = self._next()
        if kind not in ("string", "quoted"):
            raise malformed(f"expected an attribute name in quotes, found {text}")
        self._expect(":")
        return text[1:-1].replace(text[0] * 2, text[0]), self._value()

    def _set(self) -> AttributeValue:
        members = self._list_of(self._value, ">>")
        kinds = {next(iter(member)) for member in members}
        if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
            raise malformed("a set holds strings, numbers or binaries, of one type")
        (kind,) = kinds
        return {f"{kind}S": [member[kind] for member in members]}

    # Conditions

    def _condition(self) -> Condition:
        terms = [self._conjunction()]
        while self._accept("OR"):
            terms.append(self._conjunction())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _conjunction(self) -> Condition:
        terms = [self._negation()]
        while self._accept("AND"):
            terms.append(self._negation())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _negation(self) -> Condition:
        return Not(self._negation()) if self._accept("NOT") else self._term()

    def _term(self) -> Condition:
        if self._accept("("):
            condition = self._condition()
            self._expect(")")
            return condition
        kind, text = self._peek()
        if kind == "word" and self._peek(1)[1] == "(" and text.lower() in _ARITIES:
            self._position += 2
            arguments = tuple(self._list_of(self._operand, ")"))
            if len(arguments) != _ARITIES[text.lower()]:
                raise malformed(f"{text} takes {_ARITIES[text.lower()]} arguments")
            return Function(text.lower(), arguments)
        return self._relation(self._operand())

    def _relation(self, left: Operand) -> Condition:
        kind, text = self._peek()
        if kind == "symbol" and text in _COMPARATORS:
            self._next()
            return Comparison(_COMPARATORS[text], left, self._operand())
        if self._accept("BETWEEN"):
            lower = self._operand()
            self._expect("AND")
            return Between(left, lower, self._operand())
        negated = self._accept("NOT")
        if self._accept("IN"):
            end = ")" if self._accept("(") else "]"
            if end == "]":
                self._expect("[")
            found: Condition = In(left, tuple(self._list_of(self._operand, end)))
            return Not(found) if negated else found
        self._expect("IS")
        negated = self._accept("NOT")
        if self._accept("MISSING"):
            return Function("attribute_exists" if negated else "attribute_not_exists", (left,))
        self._expect("NULL")
        is_null = Function("attribute_type", (left, self._placeholder({"S": "NULL"})))
        return Not(is_null) if negated else is_null

    def _operand(self) -> Operand:
        if self._accept("SIZE", "("):
            path = self._path()
            self._expect(")")
            return Size(path)
        return self._simple_operand()

    def _simple_operand(self) -> Path | Placeholder:
        return self._placeholder(self._value()) if self._at_value() else self._path()


def conjuncts(condition: Condition | None) -> list[Any]:
    """Return the conditions that must all hold."""
    if condition is None:
        return []
    if isinstance(condition, And):
        return [each for term in condition.terms for each in conjuncts(term)]
    return [condition]
