"""Gives running functions their new code when their sources change.

The sources are looked at, again and again: in a bind mount not every system tells of changes.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from serverless_harness.deploy import inputs
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.packaging import build_packages, package_sources, source_files
from serverless_harness.errors import UserError
from serverless_harness.project.project import Project

WAITER = {"Delay": 0.05, "MaxAttempts": 1200}
"""Seconds, and how often: botocore's own delay would be a good part of the time that an edit takes."""

type Fingerprint = frozenset[tuple[str, int, int]]


class HandlerWatch:
    """Compares a project's sources with the packages of a deployment.

    `report` is told of each function that has got new code, and, once, of what is in the way of that.
    """

    def __init__(
        self, deployment: Deployment, report: Callable[[str], None], project: Project | None = None
    ) -> None:
        self._deployment = deployment
        self._report = report
        self._project = project or deployment.target.project
        self._seen: Fingerprint = frozenset()
        self._obstacle = ""

    def look(self) -> None:
        """Update the functions whose packages differ, if any source was touched since the last look.

        What the emulator refuses is tried again at the next look.
        """
        try:
            found = _fingerprint(self._project)
            if found == self._seen:
                return
            with tempfile.TemporaryDirectory() as folder:
                self._update(build_packages(self._project, Path(folder)))
        except FileNotFoundError:
            return  # Editors replace files: the next look sees the new one.
        except UserError as error:
            self._report(f"The changed sources can't be deployed: {error}")
        except (BotoCoreError, ClientError) as error:
            self._report_obstacle(" ".join(str(error).split()))
            return
        self._seen = found
        self._obstacle = ""

    def _report_obstacle(self, obstacle: str) -> None:
        if obstacle != self._obstacle:
            self._report(f"The changed sources can't be deployed yet: {obstacle}")
        self._obstacle = obstacle

    def _update(self, packages: dict[str, Path]) -> None:
        for function in sorted(packages):
            code = packages[function].read_bytes()
            deployed = self._deployment.target.state_dir / "packages" / f"{function}.zip"
            if not deployed.exists() or code == deployed.read_bytes():
                continue
            name = self._deployment.function_name(function)
            client = self._deployment.client_for(name, "lambda")
            inputs.record_watched(self._deployment.target, function)
            client.update_function_code(FunctionName=name, ZipFile=code)
            client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAITER)
            deployed.write_bytes(code)
            self._report(f"{function} runs its changed code")


def _fingerprint(project: Project) -> Fingerprint:
    return frozenset(
        (str(file), status.st_mtime_ns, status.st_size)
        for sources in package_sources(project).values()
        for source in sources
        for file in source_files(source)
        for status in [file.stat()]
    )
