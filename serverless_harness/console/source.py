"""Where the console gets what it shows: AWS's APIs of the target, and the emulator's own where it is one."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from werkzeug import Request

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import HarnessError, UserError
from serverless_harness.project.project import Project
from serverless_harness.stack.clock import PATH as CLOCK_PATH
from serverless_harness.stack.control import control
from serverless_harness.stack.up import Stack
from serverless_harness.targets import LocalTarget, Target
from serverless_harness.tls import verification

CONFIG = Config(
    connect_timeout=3, read_timeout=30, retries={"total_max_attempts": 2}, max_pool_connections=16
)
HEALTH_TIMEOUT_S = 3
MAX_KEPT = 50
MAX_READ = 1000
"""Messages of a queue that is shown."""


class StackGoneError(HarnessError):
    """The stack doesn't answer."""


@dataclass(frozen=True)
class Unknown:
    """What could not be read, and why."""

    reason: str


def known[T](read: Callable[[], T]) -> T | Unknown:
    """Read a part of a page; where that fails, the others are shown all the same."""
    try:
        return read()
    except StackGoneError:
        raise
    except (HarnessError, ClientError) as error:
        return Unknown(message_of(error))


def message_of(error: Exception) -> str:
    """Give an error as one line for the page; AWS's with its code, what nobody expected with its class."""
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        return f"{told.get('Code', 'Error')}: {told.get('Message', '')}"
    expected = isinstance(error, HarnessError | BotoCoreError)
    return str(error) if expected else f"{type(error).__name__}: {error}"


def whole_number(request: Request, field: str, what: str) -> int:
    """Read a field of a form; raises UserError where it holds something else."""
    try:
        return int(request.form.get(field, ""))
    except ValueError:
        raise UserError(f"{what} has to be a whole number") from None


@dataclass(eq=False)
class Source:
    """One target; its clients and what was read are shared by all requests."""

    target: Target
    stack: Stack | None = None
    """What serves a local target."""
    _kept: OrderedDict[str, Any] = field(default_factory=OrderedDict, repr=False)
    _aws_clients: dict[tuple[str, str | None], Any] = field(default_factory=dict, repr=False)

    @property
    def project(self) -> Project:
        return self.target.project

    @property
    def is_read_only(self) -> bool:
        """Whether it is AWS: there, nothing is changed from here."""
        return not self.target.is_local

    @property
    def local(self) -> LocalTarget:
        """The target, where it is an emulation; raises UserError for AWS."""
        if not isinstance(self.target, LocalTarget):
            raise UserError("only a local stack can tell this, not AWS")
        return self.target

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 (boto3 clients are untyped)
        """Give a boto3 client; a local target keeps its own, AWS's are kept here."""
        if self.target.is_local:
            return self.target.client(service, CONFIG, region)
        if (service, region) not in self._aws_clients:
            self._aws_clients[service, region] = self.target.client(service, CONFIG, region)
        return self._aws_clients[service, region]

    def control(self, method: str, path: str) -> Any:  # noqa: ANN401 (any JSON)
        """Send a request to the emulator's own API; raises as `stack.control.control` does."""
        return control(self.local, method, path)

    def now_s(self) -> float:
        """Give the time of metrics, in seconds since 1970: a stack's clock may be ahead."""
        told = known(lambda: self.control("GET", CLOCK_PATH)) if self.target.is_local else None
        return time.time() + (told["ahead_s"] if isinstance(told, dict) else 0)

    @property
    def deployment(self) -> Deployment:
        """What is deployed now, or an empty deployment if there is no record of one."""
        return Deployment.find(self.target) or Deployment(self.target, {})

    @property
    def regions(self) -> tuple[str, ...]:
        """Those that the project made anything in, and the target's own."""
        return tuple(dict.fromkeys((self.target.region, *self.deployment.regions)))

    def each(self, service: str, operation: str, key: str, **parameters: object) -> list[tuple[str, Any]]:
        """List everything of a kind in all regions: pairs of region and what the operation lists by `key`."""
        return [
            (region, found)
            for region in self.regions
            for page in self.client(service, region).get_paginator(operation).paginate(**parameters)
            for found in page.get(key, ())
        ]

    def info(self) -> dict[str, Any]:
        """Give what LocalStack says of itself, `version` and `uptime` (s) among it; nothing of AWS.

        Raises StackGoneError where it doesn't answer.
        """
        if not isinstance(self.target, LocalTarget):
            return {}
        try:
            answer = httpx.get(
                f"{self.target.endpoint_url}/_localstack/info",
                timeout=HEALTH_TIMEOUT_S,
                trust_env=False,
                verify=verification(self.target.endpoint_url),
            ).raise_for_status()
            found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise StackGoneError(f"no stack answers at {self.target.name} ({error})") from None
        return found

    def keep(self, value: object) -> str:
        """Keep the outcome of an action for the page after it; gives its id."""
        key = secrets.token_hex(6)
        self._kept[key] = value
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return key

    def kept(self, key: str | None) -> Any:  # noqa: ANN401 (what was kept)
        """Give what was kept; None if so much was kept since that it is gone."""
        return self._kept.get(key or "")


@dataclass
class Cached[T]:
    """A value that is read again once it is older than `max_age_s` seconds; for all requests together."""

    read: Callable[[], T]
    max_age_s: float
    _value: T | None = None
    _read_at: float = -1e9

    def __call__(self) -> T:
        now = time.monotonic()
        if self._value is None or now - self._read_at > self.max_age_s:
            self._value, self._read_at = self.read(), now
        return self._value
