"""The console's test events: invokes one function with an event from a file, and shows what came of it.

Event files are JSON. Where AWS has JSON inside a string (`body` of a proxy event, `Message` of an SNS
record), a file may have the value itself. `{"$encrypt_for": "AMIS1", "sales": [...]}` stands for the base64
text of an order that is encrypted with that shop's key; keys differ from stack to stack.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config

from serverless_harness import paths
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.functions.reports import Report, parse_report
from serverless_harness.json_files import finite_float, read_json
from shop.orders import MAX_PLAINTEXT_BYTES
from shop.register import CashRegister

EVENTS = paths.PROJECT / "shop" / "events"
JSON_INSIDE_STRING = ("body", "Message")
INVOKE_CONFIG = Config(read_timeout=910, retries={"total_max_attempts": 1}, tcp_keepalive=True)
"""Once, for as long as a function may run (900 s, Lambda's quotas): a second try would run it again."""


@dataclass(frozen=True)
class Invocation:
    """What an invoke gave: its result as JSON text, the error's kind (None: success), the log's last 4 KB."""

    payload: str
    function_error: str | None
    log_tail: str

    @property
    def report(self) -> Report | None:
        """The invoke's REPORT line, None where the tail doesn't hold it."""
        return next(filter(None, map(parse_report, self.log_tail.splitlines())), None)


def event_names(function: str) -> list[str]:
    """Give the names of the events that ship for a function."""
    return sorted(file.stem for file in (EVENTS / function).glob("*.json"))


def load_event(function: str, name_or_file: str) -> object:
    """Read an event: a file's path, or the name of one that ships; raises UserError where it is neither."""
    file = Path(name_or_file)
    if not file.exists():
        file = EVENTS / function / f"{name_or_file}.json"
    if not file.exists():
        shipped = ", ".join(event_names(function))
        raise UserError(f"there is no event '{name_or_file}': give a file, or one of {shipped}")
    return read_json(file, finite_float)


def invoke(deployment: Deployment, function: str, event: object) -> Invocation:
    """Invoke a function, once, and wait for its result; raises UserError where `event` can't be filled in."""
    try:
        payload = json.dumps(fill_in(deployment, event)).encode()
    except RecursionError:
        raise UserError("the event is nested too deeply") from None
    answer = deployment.client("lambda", INVOKE_CONFIG).invoke(
        FunctionName=deployment.function_name(function),
        Payload=payload,
        LogType="Tail",
    )
    return Invocation(
        payload=answer["Payload"].read().decode(),
        function_error=answer.get("FunctionError"),
        log_tail=base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
    )


def fill_in(deployment: Deployment, value: object) -> object:
    """Put in an event what its file leaves open: encrypted orders, and JSON inside strings.

    Raises UserError where an order can't be encrypted.
    """
    if isinstance(value, list):
        return [fill_in(deployment, element) for element in value]
    if not isinstance(value, dict):
        return value
    if "$encrypt_for" in value:
        return _encrypted(deployment, value)
    filled = {name: fill_in(deployment, element) for name, element in value.items()}
    for name in JSON_INSIDE_STRING:
        if isinstance(filled.get(name), dict | list):
            filled[name] = json.dumps(filled[name])
    return filled


def _encrypted(deployment: Deployment, value: dict[str, Any]) -> str:
    shop_id = value["$encrypt_for"]
    if not isinstance(shop_id, str):
        raise UserError("$encrypt_for is not a shop's id")
    content = {name: element for name, element in value.items() if name != "$encrypt_for"}
    plaintext = json.dumps(content).encode()
    if len(plaintext) > MAX_PLAINTEXT_BYTES:
        raise UserError(
            f"what $encrypt_for is to encrypt has {len(plaintext)} bytes, more than {MAX_PLAINTEXT_BYTES}"
        )
    body = CashRegister(deployment, shop_id).encrypt_bytes(plaintext).body
    return str(json.loads(body)["content_base64"])
