"""Where the shop is deployed: a local endpoint (embedded stack, compose or another LocalStack) or AWS."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from harness import paths
from harness.errors import UserError

DEFAULT_REGION = "us-east-1"
LOCAL_ACCOUNT_ID = "000000000000"
CLIENT_CONFIG = Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=50)


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

    def client(self, service: str) -> Any:
        """Give a boto3 client for `service`."""

    def terraform_environ(self) -> Mapping[str, str]:
        """Give what Terraform needs in its environment to reach this place."""

    def invoke_url(self, outputs: Mapping[str, Any]) -> str:
        """Give the address that cash registers POST to."""


@dataclass(frozen=True)
class LocalTarget:
    """LocalStack at `endpoint_url`, whoever runs it; needs no DNS and no credentials."""

    endpoint_url: str
    state_dir: Path
    is_local: bool = True

    @property
    def name(self) -> str:
        return self.endpoint_url

    @property
    def region(self) -> str:
        return os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION

    @functools.cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=self.region)

    def client(self, service: str) -> Any:
        return self._session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint_url,
            config=CLIENT_CONFIG.merge(Config(s3={"addressing_style": "path"}, proxies={})),
        )

    def terraform_environ(self) -> Mapping[str, str]:
        host = urlsplit(self.endpoint_url).hostname or ""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "S3_HOSTNAME": host,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            # The provider's own 25 attempts would hide an error of the emulator's for many minutes.
            "AWS_MAX_ATTEMPTS": "5",
            "NO_PROXY": host,
        }

    def invoke_url(self, outputs: Mapping[str, Any]) -> str:
        return f"{self.endpoint_url}/_aws/execute-api/{outputs['api_id']}/{outputs['stage']}/shop"


@dataclass(frozen=True)
class AwsTarget:
    """The AWS account and region that the caller's own configuration points at."""

    account_id: str
    region: str
    is_local: bool = False

    @classmethod
    def from_configuration(cls) -> "AwsTarget":
        """Find account and region as every AWS tool does; raises UserError where there are none."""
        session = boto3.Session()
        if not session.region_name:
            raise UserError("no AWS region is configured: set AWS_REGION, or AWS_PROFILE with a region")
        try:
            account_id = session.client("sts", config=CLIENT_CONFIG).get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise UserError(f"AWS does not take the configured credentials: {error}") from None
        return cls(account_id, session.region_name)

    @property
    def name(self) -> str:
        return f"AWS account {self.account_id}, {self.region}"

    @property
    def state_dir(self) -> Path:
        return paths.STATE / "aws" / f"{self.account_id}-{self.region}"

    def client(self, service: str) -> Any:
        session = boto3.Session(region_name=self.region)
        return session.client(service, config=CLIENT_CONFIG)  # type: ignore[call-overload]

    def terraform_environ(self) -> Mapping[str, str]:
        return {"AWS_REGION": self.region}

    def invoke_url(self, outputs: Mapping[str, Any]) -> str:
        return str(outputs["invoke_url"])
