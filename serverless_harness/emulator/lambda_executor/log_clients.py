"""Clients of CloudWatch Logs with the roles of functions, of whose sessions each is used for a while."""

import time
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from localstack.aws.connect import connect_to

from serverless_harness.emulator.gateway import direct_calls

CLIENT_LIFETIME_S = 45 * 60
"""Shorter than the hour for which AssumeRole's credentials hold."""

CLIENT_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10)
"""One attempt: the writer itself retries, without holding up other streams."""


@dataclass(frozen=True)
class RoleSession:
    """With whose credentials a function's logs are written."""

    role_arn: str
    region: str
    session_name: str


class RoleClients:
    """CloudWatch Logs clients by role session, each kept until shortly before its credentials expire."""

    def __init__(self) -> None:
        self._clients: dict[RoleSession, tuple[float, Any]] = {}

    def client_of(self, session: RoleSession, renew: bool) -> Any:  # noqa: ANN401 (boto3 clients are untyped)
        """Return a client; `renew` replaces one whose credentials were refused."""
        expires_at, client = self._clients.get(session, (0.0, None))
        if renew or time.monotonic() >= expires_at:
            client = self._create(session)
            now = time.monotonic()
            self._clients = {role: kept for role, kept in self._clients.items() if now < kept[0]}
            self._clients[session] = (now + CLIENT_LIFETIME_S, client)
        return client

    @staticmethod
    def _create(session: RoleSession) -> "RoleClient":
        _, partition, _, _, account_id, _ = session.role_arn.split(":", 5)
        function_arn = f"arn:{partition}:lambda:{session.region}:{account_id}:function:{session.session_name}"
        own: Any = connect_to(region_name=session.region, config=CLIENT_CONFIG)
        sts = own.sts.request_metadata(service_principal="lambda", source_arn=function_arn)
        made = sts.assume_role(RoleArn=session.role_arn, RoleSessionName=session.session_name)["Credentials"]
        credentials = ReadOnlyCredentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        return RoleClient(session.region, credentials)


class RoleClient:
    """A client of CloudWatch Logs that puts events by a direct call, as every order has some."""

    def __init__(self, region_name: str, credentials: ReadOnlyCredentials) -> None:
        clients: Any = connect_to(
            region_name=region_name,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token,
            config=CLIENT_CONFIG,
        )
        self._region_name = region_name
        self._credentials = credentials
        self._client = clients.logs

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (boto3 clients are untyped)
        return getattr(self._client, name)

    def put_log_events(self, **request: Any) -> None:  # noqa: ANN401 (the operation's parameters)
        """Put events; raises ClientError."""
        direct_calls.put_log_events(request, self._region_name, self._credentials)
