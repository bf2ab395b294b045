"""What IAM denied while a test ran, for the fixture `iam_denials`; `suite` checks a whole run."""

from collections import Counter
from dataclasses import replace

from serverless_harness.functions.iam_report import Denial, report_roles
from serverless_harness.targets import LocalTarget


class DenialsSince:
    """The calls of a stack's roles that were denied since this was made; for each, how often."""

    def __init__(self, target: LocalTarget) -> None:
        self._target = target
        self._before = Counter({self._key(denial): denial.count for denial in self._all()})

    def __call__(self, role: str = "") -> list[Denial]:
        """Give the denials so far of the roles that have `role` in their ARN; all without it."""
        return [
            replace(denial, count=count)
            for denial in self._all()
            if role in denial.principal and (count := denial.count - self._before[self._key(denial)]) > 0
        ]

    def _all(self) -> list[Denial]:
        return [denial for report in report_roles(self._target) for denial in report.denials]

    @staticmethod
    def _key(denial: Denial) -> tuple[str, ...]:
        return denial.principal, denial.action, denial.resource, denial.call, denial.reason
