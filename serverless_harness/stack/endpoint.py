"""A stack that somebody else runs: any LocalStack with our plugins that answers at a URL."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from serverless_harness import paths
from serverless_harness.errors import UserError
from serverless_harness.targets import LocalTarget


@dataclass(frozen=True)
class ExistingEndpoint:
    """LocalStack at `endpoint_url`; it is neither started nor stopped from here."""

    endpoint_url: str

    @property
    def target(self) -> LocalTarget:
        """Where the shop is deployed, when it is deployed there."""
        return LocalTarget(self.endpoint_url, self.state_dir)

    @property
    def state_dir(self) -> Path:
        return paths.STATE / "endpoints" / urlsplit(self.endpoint_url).netloc.replace(":", "-")

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
        raise UserError(f"'{url}' is no endpoint: give one like http://127.0.0.1:4566")
    return ExistingEndpoint(url.rstrip("/"))
