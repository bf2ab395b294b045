"""Where a project is deployed: a local endpoint (embedded stack, compose, another LocalStack) or AWS."""

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from serverless_harness.errors import UserError
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.config import Config

DEFAULT_REGION = "us-east-1"
DEPLOYMENT_FILE = "deployment.json"
"""What was last deployed, in the target's own folder: Terraform's outputs, the region, the functions."""
MAX_WORDS = 100_000
"""Characters of a log's end."""
CERTIFICATES = ("ca_bundle", "AWS_CA_BUNDLE")
"""The one setting of the caller's that a local target knows: of whoever signed an endpoint's certificate."""


class Target(Protocol):
    """What deploying, ordering and testing need to know of the place that they do it in."""

    @property
    def name(self) -> str:
        """How a person calls it."""

    @property
    def is_local(self) -> bool:
        """Whether it is an emulation, reached at `endpoint_url`; otherwise it is AWS."""

    @property
    def state_dir(self) -> Path:
        """The folder of Terraform's state, the packages and the deployment's record."""

    @property
    def region(self) -> str: ...

    @property
    def project(self) -> Project:
        """What is deployed there."""

    def client(self, service: str, config: "Config | None" = None, region: str | None = None) -> Any:
        """Give a boto3 client for `service`, in the target's own region or another."""

    def terraform_environ(self) -> Mapping[str, str]:
        """Give what Terraform needs in its environment to reach this place."""

    def api_url(self, api_id: str, stage: str) -> str:
        """Give the address of a stage of a REST API."""


@dataclass(frozen=True)
class LocalTarget:
    """LocalStack at `endpoint_url`, whoever runs it; needs no DNS and nothing of the caller's for AWS."""

    endpoint_url: str
    state_dir: Path
    is_local: bool = True
    project: Project = field(default_factory=current, kw_only=True, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.endpoint_url

    @property
    def region(self) -> str:
        """The region of what is deployed; before that, the project's, else AWS_DEFAULT_REGION."""
        return (
            self._deployed_region()
            or self.project.settings.region
            or os.environ.get("AWS_DEFAULT_REGION")
            or DEFAULT_REGION
        )

    @property
    def log_file(self) -> Path:
        """The log of an emulator that this project started."""
        return self.state_dir / "localstack.log"

    def emulators_words(self) -> str:
        """Give the end of that log, nothing where there is none."""
        try:
            return self.log_file.read_text(errors="replace")[-MAX_WORDS:]
        except OSError:
            return ""

    def _deployed_region(self) -> str | None:
        try:
            return str(json.loads((self.state_dir / DEPLOYMENT_FILE).read_text())["region"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    @functools.cached_property
    def _session(self) -> "Session":
        from boto3 import Session

        from serverless_harness.aws_clients import isolated_session

        return Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",
            botocore_session=isolated_session(CERTIFICATES[0]),
        )

    @functools.cached_property
    def _clients(self) -> dict[tuple[str, str, "Config | None"], Any]:
        return {}

    def client(self, service: str, config: "Config | None" = None, region: str | None = None) -> Any:
        """Give the client for `service`, one for all calls and threads: it keeps its connections."""
        from botocore.config import Config

        from serverless_harness.aws_clients import CLIENT_CONFIG, MAKING_CLIENT

        key = (service, region or self.region, config)
        with MAKING_CLIENT:
            if key not in self._clients:
                self._clients[key] = self._session.client(
                    service,  # type: ignore[call-overload]
                    region_name=key[1],
                    endpoint_url=self.endpoint_url,
                    config=(config or CLIENT_CONFIG).merge(
                        Config(s3={"addressing_style": "path"}, proxies={})
                    ),
                )
            return self._clients[key]

    def control_token(self, renew: bool = False) -> str | None:
        """Give the control token that the place itself tells, None where it doesn't.

        With `renew` it is asked again: a new emulator has another.
        """
        return None

    def terraform_environ(self) -> Mapping[str, str]:
        host = urlsplit(self.endpoint_url).hostname or ""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "S3_HOSTNAME": host,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            # The provider's own 25 attempts would hide an error of the emulator's for many minutes.
            "AWS_MAX_ATTEMPTS": "5",
            "NO_PROXY": host,
        }

    def api_url(self, api_id: str, stage: str) -> str:
        return f"{self.endpoint_url}/_aws/execute-api/{api_id}/{stage}"


@dataclass(frozen=True)
class AwsTarget:
    """The AWS account and region that the caller's own configuration points at."""

    account_id: str
    region: str
    is_local: bool = False
    project: Project = field(default_factory=current, kw_only=True, repr=False, compare=False)

    @classmethod
    def from_configuration(cls) -> "AwsTarget":
        """Find account and region as every AWS tool does; raises UserError where there are none."""
        from boto3 import Session
        from botocore.exceptions import BotoCoreError, ClientError

        from serverless_harness.aws_clients import CLIENT_CONFIG, NO_OTHER_ENDPOINT

        session = Session(region_name=current().settings.region)
        if not session.region_name:
            raise UserError("no AWS region is configured: set AWS_REGION, or AWS_PROFILE with a region")
        try:
            sts = session.client("sts", config=CLIENT_CONFIG.merge(NO_OTHER_ENDPOINT))
            account_id = sts.get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise UserError(f"AWS rejects the configured credentials: {error}") from None
        return cls(account_id, session.region_name)

    @property
    def name(self) -> str:
        return f"AWS account {self.account_id}, {self.region}"

    @property
    def state_dir(self) -> Path:
        return self.project.state / "aws" / f"{self.account_id}-{self.region}"

    def client(self, service: str, config: "Config | None" = None, region: str | None = None) -> Any:
        from boto3 import Session

        from serverless_harness.aws_clients import CLIENT_CONFIG, NO_OTHER_ENDPOINT

        session = Session(region_name=region or self.region)
        config = (config or CLIENT_CONFIG).merge(NO_OTHER_ENDPOINT)
        return session.client(service, config=config)  # type: ignore[call-overload]

    def terraform_environ(self) -> Mapping[str, str]:
        return {"AWS_REGION": self.region, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}

    def api_url(self, api_id: str, stage: str) -> str:
        from serverless_harness.aws_clients import dns_suffix

        return f"https://{api_id}.execute-api.{self.region}.{dns_suffix(self.region)}/{stage}"
