"""Spares LocalStack's clients of itself what nobody reads: a signature's computation and a built user agent.

botocore signs through the AWS common runtime, and builds its user agent twice a request: a fifth of an
internal call. LocalStack reads account, service and region from the credential's scope and verifies no
signature, so internal clients send the scope with an empty one. Other endpoints, presigned URLs and S3
are signed as ever.
"""

import datetime
from collections.abc import Callable
from typing import Any

import botocore
from botocore.auth import AUTH_TYPE_MAPS, BaseSigner
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from localstack.aws import connect
from localstack.aws.connect import ClientFactory, InternalClientFactory

from serverless_harness.emulator.patches import wrap

PATCHED = [InternalClientFactory, ClientFactory]

SCOPE_ONLY = "scope-only"
USER_AGENT = f"Botocore/{botocore.__version__}"
NO_SIGNATURE = "0" * 64


class ScopeOnlyAuth(BaseSigner):
    """Signature Version 4's `Authorization` header, without a signature."""

    REQUIRES_REGION = True

    def __init__(self, credentials: ReadOnlyCredentials, service_name: str, region_name: str) -> None:
        self.credentials = credentials
        self.scope = f"{region_name}/{service_name}/aws4_request"

    def add_auth(self, request: AWSRequest) -> None:
        """Say who calls, when, which service and where."""
        now = datetime.datetime.now(datetime.UTC)
        headers = {
            "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
            "Authorization": (
                f"AWS4-HMAC-SHA256 Credential={self.credentials.access_key}/{now:%Y%m%d}/{self.scope}, "
                f"SignedHeaders=host;x-amz-date, Signature={NO_SIGNATURE}"
            ),
        }
        if self.credentials.token:
            headers["X-Amz-Security-Token"] = self.credentials.token
        for name, value in headers.items():
            del request.headers[name]
            request.headers[name] = value


def apply() -> None:
    """Have every client that LocalStack makes of itself from now on use `ScopeOnlyAuth` and `USER_AGENT`."""
    connect.connect_to._config = connect.connect_to._config.merge(Config(user_agent=USER_AGENT))
    AUTH_TYPE_MAPS[SCOPE_ONLY] = ScopeOnlyAuth
    wrap(InternalClientFactory._get_client_post_hook, _get_client_post_hook)


def _get_client_post_hook(
    fn: Callable[..., BaseClient], self: InternalClientFactory, client: BaseClient
) -> BaseClient:
    own_url = connect.get_service_endpoint()
    if own_url is not None and client.meta.endpoint_url == own_url:
        client.meta.events.register("choose-signer.*.*", _choose_signer)  # type: ignore[arg-type]
    return fn(self, client)


def _choose_signer(signature_version: str, **_: Any) -> str | None:  # noqa: ANN401
    """Answer botocore's `choose-signer` event; `v4` isn't used by S3, nor for presigned URLs."""
    return SCOPE_ONLY if signature_version == "v4" else None
