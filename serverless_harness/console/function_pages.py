"""A function's page: code, configuration, role, triggers, environments, and its test events."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from werkzeug import Request

from serverless_harness.console.debugger_part import DebuggerPart
from serverless_harness.console.function_code import Packages, read_code
from serverless_harness.console.overview import ENVIRONMENTS_PATH, Overview
from serverless_harness.console.source import Source, Unknown, known, message_of, whole_number
from serverless_harness.console.view import View
from serverless_harness.errors import HarnessError
from serverless_harness.functions.debugging import DEFAULT_PORT
from serverless_harness.functions.iam_report import RoleReport, read_decisions, read_policies, report_role
from serverless_harness.functions.invoke import InvokeOutcome, event_files, invoke
from serverless_harness.functions.logs import log_group_of
from serverless_harness.json_files import finite_float, parse_json
from serverless_harness.timing.coldness import LOCAL_DELAY_S, configure

SHOWN_INVOKES = 12
WARMTHS = {
    "any": "cold or warm, as it happens",
    "cold": "cold: in a new execution environment",
    "warm": "warm: invoked a second time if the first start is cold",
}


@dataclass(frozen=True)
class TestRun:
    """What became of a test event; `runs` is how often the function was invoked for it.

    `outcome` is None where it could not be invoked, and `problem` says why.
    """

    event: str
    warmth: str
    outcome: InvokeOutcome | None = None
    runs: int = 0
    problem: str = ""


class FunctionPages:
    """The page of one function, and what is done there."""

    def __init__(self, source: Source, overview: Overview) -> None:
        self.source, self.overview, self._packages = source, overview, Packages(source)
        self.debugger = DebuggerPart(source)

    def page(self, request: Request, region: str, name: str) -> View:
        """Show it."""
        client = self.source.client("lambda", region)
        function = client.get_function(FunctionName=name)
        configuration = function["Configuration"]
        run = self.source.kept(request.args.get("run"))
        files = event_files(self.source.project, name)
        events = {event: file.read_text(errors="replace") for event, file in files.items()}
        chosen = request.args.get("event", "")
        activities = known(self.overview.activities)
        activity = None if isinstance(activities, Unknown) else activities.get(name)
        # A refresh replaces only what changes by itself: the rest isn't asked for again.
        once = _left_out if "X-Refresh" in request.headers else known
        values = {
            "region": region,
            "name": name,
            "configuration": configuration,
            "code": once(lambda: read_code(self._packages, function, request.args.get("file", ""))),
            "activity": activity,
            "latest": list(reversed(activity.invokes[-SHOWN_INVOKES:])) if activity else [],
            "role": known(lambda: self._role(configuration["Role"])),
            "triggers": once(lambda: self._triggers(client, name)),
            "destinations": once(lambda: _destinations(client, configuration)),
            "url": once(lambda: _function_url(client, name)),
            "environments": known(lambda: self._environments(region, name)),
            "debugged": known(lambda: self.debugger.show(configuration)),
            "debugger_port": DEFAULT_PORT,
            "log_group": log_group_of(configuration),
            "events": list(events),
            "event": run.event if isinstance(run, TestRun) else events.get(chosen, "{}"),
            "chosen_event": chosen,
            "run": run if isinstance(run, TestRun) else None,
            "warmths": WARMTHS,
        }
        return View("function", values, name)

    def configure(self, request: Request, region: str, name: str) -> str:
        """Change memory and timeout, and wait until that is in force; gives what is said of it."""
        memory_mb = whole_number(request, "memory_mb", "The memory")
        timeout_s = whole_number(request, "timeout_s", "The timeout")
        client = self.source.client("lambda", region)
        configure(client, name, LOCAL_DELAY_S, MemorySize=memory_mb, Timeout=timeout_s)
        return f"{name} now has {memory_mb} MB and a timeout of {timeout_s} s, until the next deployment."

    def test(self, request: Request, region: str, name: str) -> str:
        """Invoke the function with a test event; gives the id of the outcome."""
        text, warmth = request.form.get("event", ""), request.form.get("warmth", "any")
        try:
            outcome, runs = self._invoke(region, name, parse_json(text, "the event", finite_float), warmth)
            run = TestRun(text, warmth, outcome, runs)
        except (HarnessError, ClientError, BotoCoreError) as error:
            run = TestRun(text, warmth, problem=message_of(error))
        return self.source.keep(run)

    def _invoke(self, region: str, name: str, event: object, warmth: str) -> tuple[InvokeOutcome, int]:
        """Invoke the function; gives the outcome, and how often it was invoked."""
        if warmth == "cold":
            # LocalStack retires the environments at each update, also at one that changes nothing.
            configure(self.source.client("lambda", region), name, LOCAL_DELAY_S)
        outcome = invoke(self.source.deployment, name, event)
        if warmth == "warm" and outcome.report and outcome.report.is_cold:
            return invoke(self.source.deployment, name, event), 2
        return outcome, 1

    def _role(self, role_arn: str) -> tuple[RoleReport, str]:
        """Give what a role may do and used, and why use isn't known where it isn't."""
        policies = read_policies(self.source.client("iam"), role_arn.rpartition("/")[2])
        decisions = known(lambda: read_decisions(self.source.local))
        if isinstance(decisions, Unknown):
            return report_role(role_arn, policies, []), decisions.reason
        return report_role(role_arn, policies, decisions), ""

    def _triggers(self, client: Any, name: str) -> list[Mapping[str, str]]:  # noqa: ANN401 (boto3)
        """List what may invoke the function by its policy, and the sources that Lambda reads for it."""
        found: list[Mapping[str, str]] = [
            {"kind": "permission", "who": _principal(each), "source": _source_of(each), "state": ""}
            for each in _policy_statements(client, name)
        ]
        pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=name)
        found += [
            {
                "kind": "event source mapping",
                "who": f"batches of {each.get('BatchSize', 1)}",
                "source": each.get("EventSourceArn", "self-managed"),
                "state": each["State"],
            }
            for page in pages
            for each in page["EventSourceMappings"]
        ]
        return found

    def _environments(self, region: str, name: str) -> Sequence[Mapping[str, Any]]:
        found = self.source.control("GET", ENVIRONMENTS_PATH)["environments"]
        return [each for each in found if (each["region"], each["function_name"]) == (region, name)]


def _left_out(_read: Callable[[], object]) -> Unknown:
    return Unknown("a refresh doesn't read this again")


def _policy_statements(client: Any, name: str) -> list[Mapping[str, Any]]:  # noqa: ANN401 (boto3)
    try:
        policy = json.loads(client.get_policy(FunctionName=name)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return []
    statements: list[Mapping[str, Any]] = policy["Statement"]
    return statements


def _principal(statement: Mapping[str, Any]) -> str:
    principal = statement.get("Principal", "*")
    return ", ".join(map(str, principal.values())) if isinstance(principal, dict) else str(principal)


def _source_of(statement: Mapping[str, Any]) -> str:
    conditions: Mapping[str, Any] = statement.get("Condition", {})
    return ", ".join(str(value) for each in conditions.values() for value in each.values()) or "any"


def _destinations(client: Any, configuration: Mapping[str, Any]) -> list[tuple[str, str]]:  # noqa: ANN401 (boto3)
    """List where events go that were handled or failed: pairs of when, and an ARN."""
    found = []
    if dead_letters := configuration.get("DeadLetterConfig", {}).get("TargetArn"):
        found.append(("after the last retry (DeadLetterConfig)", dead_letters))
    pages = client.get_paginator("list_function_event_invoke_configs")
    for page in pages.paginate(FunctionName=configuration["FunctionName"]):
        for config in page["FunctionEventInvokeConfigs"]:
            retries = config.get("MaximumRetryAttempts", 2)
            for when, key in (
                ("on success", "OnSuccess"),
                (f"on failure, after {retries} retries", "OnFailure"),
            ):
                if arn := config.get("DestinationConfig", {}).get(key, {}).get("Destination"):
                    found.append((when, arn))
    return found


def _function_url(client: Any, name: str) -> str:  # noqa: ANN401 (boto3)
    found = client.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]
    return str(found[0]["FunctionUrl"]) if found else ""
