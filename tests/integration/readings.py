"""All that the APIs of a stack tell of it: each operation that reads, with whatever it can be asked about."""

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from serverless_harness.stack.embedded import EmbeddedStack

READS = re.compile(r"(?:List|Describe|Get)[A-Z]")
NOT_ASKED = re.compile(
    r"DescribeVpcEndpointServices$|GetRecords$|GetShardIterator$|GetActivityTask$|.*Token$|GetRandomPassword$"
)
"""They read on, wait, make something new, or tell of nothing that was made, in any order."""
VALUES = 6
"""How many values of a parameter are asked about at most."""
COMBINATIONS = 12
READERS = 4
CONFIG = Config(retries={"total_max_attempts": 1}, read_timeout=60)
LEFT_OUT = ("ResponseMetadata",)
"""It is of the call."""


@dataclass(frozen=True)
class Question:
    """A call that reads; `parameters` as JSON."""

    service: str
    operation: str
    parameters: str


class Reader:
    """Asks a stack. What is asked about is found in earlier answers, by the parameters' names."""

    def __init__(self, stack: EmbeddedStack) -> None:
        health = httpx.get(f"{stack.endpoint_url}/_localstack/health", trust_env=False).json()
        services = sorted(name for name, status in health["services"].items() if status == "running")
        self.clients = {name: stack.target.client(name, CONFIG) for name in services}

    def questions(self) -> list[Question]:
        """Find what can be asked and is answered otherwise than by an error."""
        answers = self.answers(list(self._questions({})))
        known = _values(answers.values())
        answers |= self.answers([each for each in self._questions(known) if each not in answers])
        return [question for question, answer in answers.items() if not isinstance(answer, str)]

    def answers(self, questions: list[Question]) -> dict[Question, Any]:
        """Ask; an error's code is an answer, too."""
        with ThreadPoolExecutor(READERS) as pool:
            return dict(zip(questions, pool.map(self._ask, questions), strict=True))

    def _questions(self, known: Mapping[str, list[str]]) -> Iterator[Question]:
        for service, client in self.clients.items():
            model = client.meta.service_model
            for name in model.operation_names:
                if not READS.match(name) or NOT_ASKED.match(name):
                    continue
                shape = model.operation_model(name).input_shape
                required = shape.required_members if shape else []
                values = [
                    [
                        value
                        for value in known.get(member.lower(), ())
                        if shape.members[member].type_name == "string"
                    ]
                    for member in required
                ]
                for combination in itertools.islice(itertools.product(*values), COMBINATIONS):
                    parameters = dict(zip(required, combination, strict=True))
                    yield Question(service, name, json.dumps(parameters))

    def _ask(self, question: Question) -> Any:
        client = self.clients[question.service]
        try:
            answer = client._make_api_call(question.operation, json.loads(question.parameters))
        except ClientError as error:
            return error.response["Error"]["Code"]
        except BotoCoreError as error:
            return type(error).__name__
        return _plain(answer)


def _plain(value: Any) -> Any:
    if hasattr(value, "read"):
        return value.read()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if name not in LEFT_OUT}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _values(answers: Any) -> dict[str, list[str]]:
    """Give the texts of all answers by the names under which they stand, a list's by the singular."""
    found: dict[str, dict[str, None]] = defaultdict(dict)

    def look(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for inner, each in value.items():
                look(inner, each)
                if inner.lower() in ("name", "arn", "id"):
                    look(f"{name}{inner}", each)
                if inner == "Name":
                    look(name, each)
        elif isinstance(value, list):
            for each in value:
                look(name.removesuffix("s"), each)
        elif isinstance(value, str) and value and len(found[name.lower()]) < VALUES:
            found[name.lower()][value] = None

    for answer in answers:
        look("", answer)
    return {name: list(values) for name, values in found.items()}
