"""Gives running functions their new code when their sources change.

Packages of the settings are built anew; others get their sources' files as they are (`watched_code`).
The sources are looked at, again and again: in a bind mount not every system tells of changes.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from serverless_harness.deploy import inputs
from serverless_harness.deploy.deployment import Deployment
from serverless_harness.deploy.packaging import build_packages, package_sources, source_files
from serverless_harness.deploy.watched_code import watched_code
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
        """Find what there is to watch; raises UserError where the setting `watch` can't be so."""
        self._deployment = deployment
        self._report = report
        self._project = project or deployment.target.project
        self._others = watched_code(deployment, self._project)
        self._others_sent = {code.function: code.package() for code in self._others}
        self._seen: Fingerprint = frozenset()
        self._obstacle = ""

    @property
    def functions(self) -> list[str]:
        """The names of the functions whose sources are watched."""
        return [*package_sources(self._project), *(code.function for code in self._others)]

    def look(self) -> None:
        """Update the functions whose packages differ, if any source was touched since the last look.

        What the emulator refuses is tried again at the next look.
        """
        try:
            found = self._fingerprint()
            if found == self._seen:
                return
            with tempfile.TemporaryDirectory() as folder:
                self._update(build_packages(self._project, Path(folder)))
            self._update_others()
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
            if deployed.exists() and code != deployed.read_bytes():
                self._put(function, code)
                deployed.write_bytes(code)
                self._report(f"{function} runs its changed code")

    def _update_others(self) -> None:
        for watched in self._others:
            code = watched.package()
            if code != self._others_sent[watched.function]:
                self._put(watched.function, code)
                self._others_sent[watched.function] = code
                self._report(f"{watched.function} runs its changed code")

    def _put(self, function: str, code: bytes) -> None:
        name = self._deployment.function_name(function)
        client = self._deployment.client_for(name, "lambda")
        inputs.record_watched(self._deployment.target, function)
        client.update_function_code(FunctionName=name, ZipFile=code)
        client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAITER)

    def _fingerprint(self) -> Fingerprint:
        packed = (
            file
            for sources in package_sources(self._project).values()
            for source in sources
            for file in source_files(source)
        )
        others = (file for code in self._others for file in code.files().values())
        return frozenset(
            (str(file), status.st_mtime_ns, status.st_size)
            for file in (*packed, *others)
            for status in [file.stat()]
        )
