"""Parameters of an operation, made from its model: such as fit, and such as don't."""

import random
import string
from datetime import UTC, datetime
from typing import Any

ARN = "arn:aws:{service}:us-east-1:000000000000:{name}"
ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "ü☃\U0001f600",
    "a" * 300,
    "x" * 3000,
    "../../etc",
    "a/b:c",
    "*",
    "-1",
    "null",
    "{}",
    "[",
    '{"a": [}',
    '{"Version": "2012-10-17", "Statement": [{}]}',
    '{"Version": "2012-10-17", "Statement": "x"}',
    "arn:aws",
    "arn:aws:::::",
    "arn:aws:iam::000000000000:role/none",
    "line\nbreak",
    "<&>",
    "%",
    "{{x}}",
    "a=b&c",
    "(",
)
ODD_NUMBERS = (-1, 0, 1, 7, 1000, 2**31, -(2**31), 2**63 - 1)
OTHER_TYPES: tuple[Any, ...] = (True, 17, -0.5, "text", "", [], ["x"], [None], {}, {"a": 1}, [[]])
MAX_DEPTH = 5


class Values:
    """Random values of shapes; what earlier answers told of resources is used again."""

    def __init__(self, chance: random.Random, service: str) -> None:
        self.chance = chance
        self.service = service
        self._known: dict[str, list[Any]] = {}

    def learn(self, name: str, value: Any) -> None:
        """Keep the texts of an answer, or of a request that was accepted, by the names of their members."""
        if isinstance(value, dict):
            for key, member in value.items():
                self.learn(key, member)
        elif isinstance(value, list):
            for member in value[:3]:
                self.learn(name, member)
        elif isinstance(value, str) and 0 < len(value) < 400:
            known = self._known.setdefault(name.lower(), [])
            if value not in known:
                known.append(value)
                del known[:-8]

    def fitting(self, shape: Any, name: str = "", depth: int = 0) -> Any:
        """Return a value that the model allows."""
        match shape.type_name:
            case "structure":
                return self._structure(shape, depth)
            case "list":
                count = max(shape.metadata.get("min", 0), self.chance.choice((0, 1, 1, 2)))
                return [self.fitting(shape.member, name, depth + 1) for _ in range(min(count, 10))]
            case "map":
                keys = {
                    self.fitting(shape.key, "key", depth + 1) for _ in range(self.chance.choice((0, 1, 2)))
                }
                return {key: self.fitting(shape.value, "value", depth + 1) for key in keys}
            case "boolean":
                return self.chance.random() < 0.5
            case "integer" | "long":
                low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 1000)
                return self.chance.randint(int(low), max(int(low), int(min(high, low + 1000))))
            case "float" | "double":
                return round(self.chance.uniform(0, 10), 2)
            case "timestamp":
                return datetime.fromtimestamp(self.chance.choice((0, 1_700_000_000, 4_000_000_000)), UTC)
            case "blob":
                return self.chance.choice((b"", b"blob", b'{"a": 1}', b"\xff\x00"))
        return self._text(shape, name)

    def _structure(self, shape: Any, depth: int) -> Any:
        required = set(shape.required_members)
        share = 0.35 if depth < 2 else 0.1
        members = {
            name: self.fitting(member, name, depth + 1)
            for name, member in shape.members.items()
            if name in required or (depth < MAX_DEPTH and self.chance.random() < share)
        }
        if getattr(shape, "is_tagged_union", False) and shape.members:
            name = self.chance.choice(list(shape.members))
            return {name: self.fitting(shape.members[name], name, depth + 1)} if depth < MAX_DEPTH else {}
        return members

    def _text(self, shape: Any, name: str) -> str:
        if shape.enum:
            return str(self.chance.choice(shape.enum))
        known = self._known.get(name.lower())
        if known and self.chance.random() < 0.7:
            return str(self.chance.choice(known))
        lowered = name.lower()
        if lowered.endswith("arn"):
            return self._any_known("arn") or ARN.format(service=self.service, name=self._word())
        if "policy" in lowered or "document" in lowered or "definition" in lowered:
            return self.chance.choice(('{"Version": "2012-10-17", "Statement": []}', "{}", self._word()))
        least = shape.metadata.get("min", 0)
        return self._word().ljust(min(int(least), 2048), "a")

    def _any_known(self, ending: str) -> str:
        found = [text for name, texts in self._known.items() if name.endswith(ending) for text in texts]
        return self.chance.choice(found) if found and self.chance.random() < 0.6 else ""

    def _word(self) -> str:
        return "fuzz" + "".join(self.chance.choices(string.ascii_lowercase + string.digits, k=6))

    # Values that the model doesn't allow

    def spoil(self, value: Any, shape: Any) -> Any:
        """Return the value with one thing changed, somewhere in it, that its model may not allow."""
        if (
            shape.type_name == "structure"
            and isinstance(value, dict)
            and value
            and self.chance.random() < 0.9
        ):
            return self._spoil_member(value, shape)
        if shape.type_name == "list" and value and isinstance(value, list) and self.chance.random() < 0.7:
            index = self.chance.randrange(len(value))
            return [*value[:index], self.spoil(value[index], shape.member), *value[index + 1 :]]
        if shape.type_name == "map" and value and isinstance(value, dict) and self.chance.random() < 0.7:
            key = self.chance.choice(sorted(value, key=str))
            return {**value, key: self.spoil(value[key], shape.value)}
        return self._odd(shape)

    def _spoil_member(self, value: dict[str, Any], shape: Any) -> dict[str, Any]:
        name = self.chance.choice(sorted(value))
        kind = self.chance.random()
        if kind < 0.25:
            return {key: member for key, member in value.items() if key != name}
        if kind < 0.3:
            return {**value, "NoSuchMember": "x"}
        return (
            {**value, name: self.spoil(value[name], shape.members[name])} if name in shape.members else value
        )

    def _odd(self, shape: Any) -> Any:
        if self.chance.random() < 0.35:
            return self.chance.choice(OTHER_TYPES)
        match shape.type_name:
            case "string":
                return self.chance.choice(ODD_TEXTS)
            case "integer" | "long" | "float" | "double":
                return self.chance.choice(ODD_NUMBERS)
            case "list":
                return self.chance.choice(([], [{}], ["x"] * 120))
            case "map" | "structure":
                return self.chance.choice(({}, {"": ""}, {"x": {}}))
            case "timestamp":
                return self.chance.choice(("yesterday", -1, 1e30, ""))
            case "blob":
                return self.chance.choice(("not base 64!", "====", 5))
        return self.chance.choice(OTHER_TYPES)
