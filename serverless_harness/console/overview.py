"""The first page: what runs, what it did in the last minutes, and what needs a look."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from werkzeug import Request

from serverless_harness.console.function_activity import Activity, LatestInvokes, activity_of, read_counts
from serverless_harness.console.source import Cached, Source, Unknown, known
from serverless_harness.console.view import View
from serverless_harness.functions.iam_report import read_decisions
from serverless_harness.functions.logs import log_group_of
from serverless_harness.resilience.faults import Faults
from serverless_harness.resilience.letter_queues import find_queues

ENVIRONMENTS_PATH = "/_emulator/environments"
SHARED_FOR_S = 1.5
"""How long what was read is shown to every tab: looking costs the stack time."""
SELDOM_CHANGED_S = 5.0
MAX_DENIALS = 10


@dataclass
class Overview:
    """The pages that show what the whole stack did."""

    source: Source
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _started: tuple[object, datetime] | None = None

    def __post_init__(self) -> None:
        self._latest = LatestInvokes(self.source)
        self._functions = Cached(self._read_functions, SELDOM_CHANGED_S)
        self._letter_queues = Cached(self._read_letter_queues, SELDOM_CHANGED_S)
        self._counts = Cached(self._read_counts, SHARED_FOR_S)
        self._parts = Cached(self._read_parts, SHARED_FOR_S)

    def page(self, _request: Request) -> View:
        """Show it."""
        with self._lock:
            return View("overview", self._parts(), "Overview")

    def functions(self) -> list[tuple[str, Mapping[str, Any]]]:
        """List all functions: pairs of region and configuration."""
        return self._functions()

    def activities(self) -> dict[str, Activity]:
        """Tell what each function did in the last minutes, by its name."""
        now_s = time.time()
        functions = self._functions()
        groups = {each["FunctionName"]: (region, log_group_of(each)) for region, each in functions}
        session = str(self.source.info().get("session_id", ""))
        invokes = self._latest.read(groups, session, now_s)
        counts = known(self._counts)
        by_function: dict[str, list[Any]] = {name: [] for name in groups}
        for each in invokes:
            by_function.setdefault(each.function, []).append(each)
        return {
            name: activity_of(own, {} if isinstance(counts, Unknown) else counts.get(name, {}), now_s)
            for name, own in by_function.items()
        }

    def _read_functions(self) -> list[tuple[str, Mapping[str, Any]]]:
        found = self.source.each("lambda", "list_functions", "Functions")
        return sorted(found, key=lambda each: each[1]["FunctionName"].lower())

    def _read_counts(self) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for region in self.source.regions:
            names = [each["FunctionName"] for where, each in self._functions() if where == region]
            counts |= read_counts(self.source, region, names) if names else {}
        return counts

    def _read_letter_queues(self) -> set[str]:
        return {queue.url for queue in find_queues(self.source.deployment)}

    def _read_parts(self) -> dict[str, Any]:
        info = self.source.info()
        return {
            "info": info,
            "since": self._since(info) if "uptime" in info else None,
            "functions": known(self._functions),
            "deploy": self.source.project.command_line("deploy"),
            "activities": known(self.activities),
            "queues": known(lambda: read_queues(self.source)),
            "letter_queues": known(self._letter_queues),
            "faults": known(lambda: Faults.of(self.source.local).current()),
            "denials": known(lambda: latest_denials(self.source)),
            "environments": known(self._environments),
        }

    def _since(self, info: Mapping[str, Any]) -> datetime:
        """Tell when the stack was started; computed once for each run, so that it doesn't vary."""
        session = info.get("session_id")
        if self._started is None or self._started[0] != session:
            self._started = (session, datetime.now().astimezone() - timedelta(seconds=info["uptime"]))
        return self._started[1]

    def _environments(self) -> dict[str, list[Mapping[str, Any]]]:
        by_function: dict[str, list[Mapping[str, Any]]] = {}
        for each in self.source.control("GET", ENVIRONMENTS_PATH)["environments"]:
            by_function.setdefault(each["function_name"], []).append(each)
        return by_function


@dataclass(frozen=True)
class QueueDepth:
    """How many messages a queue holds: to be received, being handled, and delayed."""

    region: str
    url: str
    visible: int
    in_flight: int
    delayed: int

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


def read_queues(source: Source) -> list[QueueDepth]:
    """Read the depths of all queues, in the order of their names."""
    found = []
    for region, url in source.each("sqs", "list_queues", "QueueUrls"):
        names = ("", "NotVisible", "Delayed")
        attributes = source.client("sqs", region).get_queue_attributes(
            QueueUrl=url, AttributeNames=[f"ApproximateNumberOfMessages{name}" for name in names]
        )["Attributes"]
        depths = [int(attributes[f"ApproximateNumberOfMessages{name}"]) for name in names]
        found.append(QueueDepth(region, url, *depths))
    return sorted(found, key=lambda queue: queue.name)


def latest_denials(source: Source) -> list[Mapping[str, Any]]:
    """Give what IAM denied, the latest first; fields as in `functions.iam_report.Decision`."""
    denied = [each for each in read_decisions(source.local) if not each["allowed"]]
    return sorted(denied, key=lambda each: -each["last_at_s"])[:MAX_DENIALS]
