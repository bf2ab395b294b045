"""A PartiQL statement's conditions and paths as the expressions of the operation that it becomes."""

from collections.abc import Mapping, Sequence
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

Request = dict[str, Any]


@dataclass(slots=True)
class Expression:
    """The names and values of the expressions that a statement becomes."""

    values: Mapping[str, Any]
    names: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def parameters(self) -> Request:
        values = {name: value for name, value in self.values.items() if name in self.used}
        found: Request = {"ExpressionAttributeValues": values} if values else {}
        if self.names:
            found["ExpressionAttributeNames"] = {text: name for name, text in self.names.items()}
        return found

    def operand(self, operand: Operand) -> str:
        match operand:
            case Placeholder(name):
                self.used.add(name)
                return name
            case Size(inner):
                return f"size({self.operand(inner)})"
            case Path(steps):
                texts = [f"[{step}]" if isinstance(step, int) else f".{self._name(step)}" for step in steps]
                return "".join(texts).removeprefix(".")

    def _name(self, name: str) -> str:
        return self.names.setdefault(name, f"#n{len(self.names)}")

    def condition(self, node: Condition) -> str:
        """Return a condition as an expression, without superfluous parentheses."""
        match node:
            case And(terms) | Or(terms):
                word = " AND " if isinstance(node, And) else " OR "
                return word.join(self._enclosed(term) for term in terms)
            case Not(term):
                return f"NOT {self._enclosed(term)}"
            case Comparison(operator, left, right):
                return f"{self.operand(left)} {operator} {self.operand(right)}"
            case Between(operand, lower, upper):
                return f"{self.operand(operand)} BETWEEN {self.operand(lower)} AND {self.operand(upper)}"
            case In(operand, choices):
                return f"{self.operand(operand)} IN ({', '.join(map(self.operand, choices))})"
            case Function(name, arguments):
                return f"{name}({', '.join(map(self.operand, arguments))})"
        raise ValidationError("Unsupported condition in the WHERE clause")

    def _enclosed(self, node: Condition) -> str:
        text = self.condition(node)
        return f"({text})" if isinstance(node, And | Or | Not) else text

    def all_of(self, nodes: Sequence[Condition]) -> str:
        return self.condition(And(tuple(nodes))) if len(nodes) > 1 else self.condition(nodes[0])
