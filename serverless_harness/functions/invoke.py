"""Test events, as AWS's console has them: invokes one function with an event from a file.

Event files are JSON. Where AWS has JSON inside a string (`body` of a proxy event, `Message` of an SNS
record), a file may have the value itself. A project may complete its events (`Project.event`).
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from botocore.config import Config

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.functions.reports import Report, parse_report
from serverless_harness.json_files import finite_float, read_json
from serverless_harness.project.project import Project

JSON_INSIDE_STRING = ("body", "Message")
INVOKE_CONFIG = Config(read_timeout=910, retries={"total_max_attempts": 1}, tcp_keepalive=True)
"""Once, for as long as a function may run (900 s, Lambda's quotas): a second try would run it again."""


@dataclass(frozen=True)
class InvokeOutcome:
    """What an invoke gave: its result as JSON text, the error's kind (None: success), the log's last 4 KB."""

    payload: str
    function_error: str | None
    log_tail: str

    @property
    def report(self) -> Report | None:
        """The invoke's REPORT line, None where the tail doesn't hold it."""
        return next(filter(None, map(parse_report, self.log_tail.splitlines())), None)


def event_files(project: Project, function: str) -> dict[str, Path]:
    """Give the project's test events for a function, files by name.

    They are in the folder that is called as a part of the function's name, the longest where several are.
    """
    folders = (project.folder / project.settings.events).glob("*/")
    folder = max(
        (each for each in folders if each.name in function), key=lambda each: len(each.name), default=None
    )
    return {file.stem: file for file in sorted(folder.glob("*.json"))} if folder else {}


def load_event(project: Project, function: str, name_or_file: str) -> object:
    """Read an event: a file's path, or the name of one that the project has for the function of this name.

    Raises UserError where it is neither.
    """
    file = Path(name_or_file)
    if not file.exists():
        files = event_files(project, function)
        if name_or_file not in files:
            others = f", or one of {', '.join(files)}" if files else ""
            raise UserError(f"there is no event '{name_or_file}': give a file{others}")
        file = files[name_or_file]
    return read_json(file, finite_float)


def invoke(deployment: Deployment, function: str, event: object) -> InvokeOutcome:
    """Invoke a function, once, and wait for its result; raises UserError where `event` can't be filled in."""
    try:
        payload = complete(deployment, event)
    except RecursionError:
        raise UserError("the event is nested too deeply") from None
    name = deployment.function_name(function)
    answer = deployment.client_for(name, "lambda", INVOKE_CONFIG).invoke(
        FunctionName=name,
        Payload=payload,
        LogType="Tail",
    )
    return InvokeOutcome(
        payload=answer["Payload"].read().decode(),
        function_error=answer.get("FunctionError"),
        log_tail=base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
    )


def complete(deployment: Deployment, event: object) -> bytes:
    """Give the payload that an event's file stands for; raises UserError where the project refuses it."""
    return json.dumps(_with_json_in_strings(deployment.target.project.event(deployment, event))).encode()


def _with_json_in_strings(value: object) -> object:
    if isinstance(value, list):
        return [_with_json_in_strings(element) for element in value]
    if not isinstance(value, dict):
        return value
    filled = {name: _with_json_in_strings(element) for name, element in value.items()}
    for name in JSON_INSIDE_STRING:
        if isinstance(filled.get(name), dict | list):
            filled[name] = json.dumps(filled[name])
    return filled
