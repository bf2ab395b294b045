"""Refuses what isn't emulated, or says so once in the log, before a service sees a call."""

import logging
import re
from collections.abc import Iterable
from typing import Any

from localstack.aws.api import RequestContext

from serverless_harness.emulator.coverage import PAGE
from serverless_harness.emulator.coverage.errors import not_emulated
from serverless_harness.emulator.coverage.rules import RULES, Rule
from serverless_harness.emulator.first_uses import FirstUses

LOG = logging.getLogger(__name__)

EVERY_OPERATION = "*"
_READS = re.compile(r"(Describe|List|Get|Search|Batch(Get|Describe))[A-Z].*")


class SayWhatIsNotEmulated:
    """A request handler. What is only warned of is said once for each rule."""

    def __init__(self, first_uses: FirstUses, rules: Iterable[Rule] = RULES) -> None:
        """`first_uses` is told of each service that is called."""
        self._first_uses = first_uses
        self._by_operation: dict[tuple[str, str], list[Rule]] = {}
        self._of_changes: dict[str, list[Rule]] = {}
        self._said: set[Rule] = set()
        for rule in rules:
            for name in rule.names:
                self._by_operation.setdefault((rule.service, name), []).append(rule)
            if not rule.names:
                self._of_changes.setdefault(rule.service, []).append(rule)

    def __call__(self, chain: object, context: RequestContext, response: object) -> None:
        """Let a call pass, or raise the error that says why not."""
        if context.service is None or context.operation is None:
            return
        service, operation = context.service.service_name, context.operation.name
        self._first_uses.prepare(service)
        parameters: Any = context.service_request or {}
        for rule in self._rules_for(service, operation):
            if not rule.applies(parameters):
                continue
            if rule.refused:
                raise not_emulated(rule.message)
            if rule not in self._said:
                self._said.add(rule)
                LOG.warning("%s.%s: %s (%s)", service, operation, rule.message, PAGE)

    def _rules_for(self, service: str, operation: str) -> list[Rule]:
        found = [
            *self._by_operation.get((service, EVERY_OPERATION), ()),
            *self._by_operation.get((service, operation), ()),
        ]
        if service in self._of_changes and not _READS.fullmatch(operation):
            found += self._of_changes[service]
        return found
