"""The stack that tests run on, as tests ask for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from serverless_harness.deploy.addresses import addresses
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.functions.cpu_waits import with_cpu_waits
from serverless_harness.functions.invoke import InvokeOutcome, invoke
from serverless_harness.functions.logs import now_ms
from serverless_harness.functions.reports import Report
from serverless_harness.targets import LocalTarget, Target


@dataclass(frozen=True)
class StackUnderTest:
    """Where the project is deployed: a local stack, or AWS."""

    deployment: Deployment

    @property
    def is_local(self) -> bool:
        """Whether it is an emulation; otherwise it is AWS."""
        return self.deployment.target.is_local

    @property
    def endpoint_url(self) -> str | None:
        """Where a local stack answers; None on AWS."""
        target = self.deployment.target
        return target.endpoint_url if isinstance(target, LocalTarget) else None

    @property
    def region(self) -> str:
        return self.deployment.target.region

    @cached_property
    def account_id(self) -> str:
        """The account's twelve digits."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Terraform's outputs of the deployment."""
        return self.deployment.outputs

    def client(self, service: str) -> Any:  # noqa: ANN401 (boto3 clients are untyped)
        """Give a boto3 client for `service` here."""
        return self.deployment.client(service)

    def function_name(self, part: str) -> str:
        """Give a function's name in AWS by any part of it that no other has; raises UserError otherwise."""
        return self.deployment.function_name(part)

    def url(self, part: str = "") -> str:
        """Give the address of an API's stage or a function's URL, one that needs no name resolution.

        It is named by any part of its own name that no other has. Raises UserError where none or several are.
        """
        known = addresses(self.deployment)
        found = [url for name, url in known if part in name]
        if len(found) == 1:
            return found[0]
        names = ", ".join(name for name, _ in known) or "none"
        raise UserError(f"'{part}' matches {len(found)} of these addresses: {names}")

    def invoke(self, function: str, event: object) -> "Answer":
        """Invoke a function once and wait for what it gives; raises UserError where there is no such one."""
        since_ms = now_ms()
        return Answer(invoke(self.deployment, function, event), self.deployment.target, since_ms)


@dataclass(frozen=True)
class Answer:
    """What an invoke gave; it was begun at `since_ms`, in milliseconds since the epoch."""

    invocation: InvokeOutcome
    target: Target
    since_ms: int

    @property
    def json(self) -> Any:  # noqa: ANN401 (any JSON)
        """What the function returned; where it failed, its error."""
        return json.loads(self.invocation.payload)

    @property
    def error_type(self) -> str | None:
        """The type of the error that it failed with, such as `Sandbox.Timedout`; None where it succeeded."""
        if self.invocation.function_error is None:
            return None
        return str(self.json.get("errorType", self.invocation.function_error))

    @property
    def log_tail(self) -> str:
        """The last 4 KB of what it logged."""
        return self.invocation.log_tail

    @cached_property
    def report(self) -> Report | None:
        """The numbers of its REPORT line: `duration_ms`, `init_duration_ms`, …; `waited_for_cpu_ms`."""
        report = self.invocation.report
        return with_cpu_waits(self.target, [report], self.since_ms)[0] if report else None

    @property
    def is_cold(self) -> bool:
        """Whether it is the first of its execution environment."""
        report = self.invocation.report
        return bool(report and report.is_cold)
