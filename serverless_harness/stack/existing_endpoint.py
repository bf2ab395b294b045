"""A stack that somebody else runs: any LocalStack with our plugins that answers at a URL."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.stack.deploying import (
    Providers,
    await_providers,
    deploy_and_seed,
    deploy_if_changed,
    try_out,
)
from serverless_harness.targets import LocalTarget


@dataclass(frozen=True)
class ExistingEndpoint:
    """LocalStack at `endpoint_url`; it is neither started nor stopped from here."""

    endpoint_url: str
    project: Project = field(default_factory=current, repr=False, compare=False)

    @property
    def target(self) -> LocalTarget:
        """Where the project is deployed, when it is deployed there."""
        return LocalTarget(self.endpoint_url, self.state_dir, project=self.project)

    @property
    def options(self) -> str:
        """What leads commands to this stack."""
        return f" --endpoint {self.endpoint_url}"

    @property
    def down_options(self) -> None:
        """None: `down` doesn't end it."""
        return

    @property
    def after_down(self) -> str:
        """Nothing: `down` doesn't end it."""
        return ""

    @property
    def debugger(self) -> None:
        """None: where it could find debugpy isn't known."""
        return

    def prepare(self) -> None:
        """Do nothing: it runs already."""

    def bring_project(self, was_started: bool, providers: Providers) -> Deployment:
        """Deploy what changed, and try it out."""
        deployment = deploy_if_changed(self.target, await_providers(providers))
        try_out(deployment)
        return deployment

    def describe(self) -> str:
        """Tell nothing: its process is somebody else's."""
        return ""

    def settings_in_force(self) -> None:
        """Give None: its settings are somebody else's."""
        return

    def deploy(self) -> Deployment:
        """Deploy what changed."""
        return deploy_and_seed(self.target)

    @property
    def state_dir(self) -> Path:
        return self.project.state / "endpoints" / urlsplit(self.endpoint_url).netloc.replace(":", "-")

    def ensure_running(self) -> bool:
        """Raise UserError unless it answers; gives False, for nothing is started."""
        try:
            httpx.get(
                f"{self.endpoint_url}/_localstack/health", timeout=10, trust_env=False
            ).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UserError(f"no LocalStack answers at {self.endpoint_url}: {error}") from None
        return False

    def detach(self) -> None:
        """Do nothing: it doesn't belong to this process."""

    def abandon(self) -> None:
        """Do nothing: it wasn't started here."""

    def stop(self) -> None:
        """Do nothing: it doesn't belong to this process."""


def parse_endpoint(url: str) -> ExistingEndpoint:
    """Check an endpoint's URL; raises UserError where it is none."""
    try:
        parts = urlsplit(url)
        valid = (
            parts.scheme in ("http", "https") and parts.hostname and parts.port and not parts.path.strip("/")
        )
    except ValueError:
        valid = False
    if not valid:
        raise UserError(f"'{url}' is not an endpoint: give a URL like http://127.0.0.1:4566")
    return ExistingEndpoint(url.rstrip("/"))
