"""Where the shop is deployed: a local endpoint (embedded stack, compose or another LocalStack) or AWS."""

import functools
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session as BotocoreSession

from serverless_harness import paths
from serverless_harness.errors import UserError

DEFAULT_REGION = "us-east-1"
LOCAL_ACCOUNT_ID = "000000000000"
CLIENT_CONFIG = Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=50)
NO_OTHER_ENDPOINT = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg]
"""AWS is AWS, not where AWS_ENDPOINT_URL or a profile's `endpoint_url` leads."""
OUTPUTS = "outputs.json"
"""Terraform's outputs of the last deployment, in the target's own folder."""
MAX_WORDS = 100_000
"""Characters of a log's end."""
CERTIFICATES = ("ca_bundle", "AWS_CA_BUNDLE")
"""The one setting of the caller's that a local target knows: of whoever signed an endpoint's certificate."""

MAKING_CLIENT = threading.Lock()
"""A boto3 session makes clients for one thread at a time; the clients themselves are for many."""


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

    def client(self, service: str, config: Config = CLIENT_CONFIG) -> Any:
        """Give a boto3 client for `service`."""

    def terraform_environ(self) -> Mapping[str, str]:
        """Give what Terraform needs in its environment to reach this place."""

    def invoke_url(self, outputs: Mapping[str, Any]) -> str:
        """Give the address that cash registers POST to."""


@dataclass(frozen=True)
class LocalTarget:
    """LocalStack at `endpoint_url`, whoever runs it; needs no DNS and nothing of the caller's for AWS."""

    endpoint_url: str
    state_dir: Path
    is_local: bool = True

    @property
    def name(self) -> str:
        return self.endpoint_url

    @property
    def region(self) -> str:
        """The region of what is deployed; before that, AWS_DEFAULT_REGION."""
        return self._deployed_region() or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION

    @property
    def log_file(self) -> Path:
        """The log of an emulator that this checkout started."""
        return self.state_dir / "localstack.log"

    def emulators_words(self) -> str:
        """Give the end of that log, nothing where there is none."""
        try:
            return self.log_file.read_text(errors="replace")[-MAX_WORDS:]
        except OSError:
            return ""

    def _deployed_region(self) -> str | None:
        try:
            outputs = json.loads((self.state_dir / OUTPUTS).read_text())
            return str(outputs["topic_arns"]["to_decrypt"].split(":")[3])
        except (FileNotFoundError, KeyError):
            return None

    @functools.cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name=self.region,
            botocore_session=_isolated_session(),
        )

    @functools.cached_property
    def _clients(self) -> dict[tuple[str, Config], Any]:
        return {}

    def client(self, service: str, config: Config = CLIENT_CONFIG) -> Any:
        """Give the client for `service`, one for all calls and threads: it keeps its connections."""
        with MAKING_CLIENT:
            if (service, config) not in self._clients:
                self._clients[service, config] = self._session.client(
                    service,  # type: ignore[call-overload]
                    endpoint_url=self.endpoint_url,
                    config=config.merge(Config(s3={"addressing_style": "path"}, proxies={})),
                )
            return self._clients[service, config]

    def control_token(self) -> str | None:
        """Give the control token that the place itself tells, None where it doesn't."""
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
            sts = session.client("sts", config=CLIENT_CONFIG.merge(NO_OTHER_ENDPOINT))
            account_id = sts.get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise UserError(f"AWS does not take the configured credentials: {error}") from None
        return cls(account_id, session.region_name)

    @property
    def name(self) -> str:
        return f"AWS account {self.account_id}, {self.region}"

    @property
    def state_dir(self) -> Path:
        return paths.STATE / "aws" / f"{self.account_id}-{self.region}"

    def client(self, service: str, config: Config = CLIENT_CONFIG) -> Any:
        session = boto3.Session(region_name=self.region)
        return session.client(service, config=config.merge(NO_OTHER_ENDPOINT))  # type: ignore[call-overload]

    def terraform_environ(self) -> Mapping[str, str]:
        return {"AWS_REGION": self.region, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}

    def invoke_url(self, outputs: Mapping[str, Any]) -> str:
        return str(outputs["invoke_url"])


def _isolated_session() -> BotocoreSession:
    """Make a session that reads neither the caller's AWS_* variables nor their configuration files."""
    defaults = {
        name: (None, None, default, conversion)
        for name, (_, _, default, conversion) in BotocoreSession.SESSION_VARIABLES.items()
        if name != CERTIFICATES[0]
    }
    session = BotocoreSession(session_vars=defaults)
    for name in ("config_file", "credentials_file"):
        session.set_config_variable(name, os.devnull)
    return session
