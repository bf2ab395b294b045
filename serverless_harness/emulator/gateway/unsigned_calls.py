"""LocalStack's calls of itself, without signatures: it reads their scope alone."""

import datetime
from typing import Any

from botocore.auth import BaseSigner
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.credentials import ReadOnlyCredentials
from localstack.aws import connect

SCOPE_ONLY = "scope-only"
NO_SIGNATURE = "0" * 64


class ScopeOnlyAuth(BaseSigner):
    """Signature Version 4's `Authorization` header, without a signature."""

    REQUIRES_REGION = True

    def __init__(self, credentials: ReadOnlyCredentials, service_name: str, region_name: str) -> None:
        self.credentials = credentials
        self.scope = f"{region_name}/{service_name}/aws4_request"

    def add_auth(self, request: AWSRequest) -> None:
        """Say who calls, when, which service and where."""
        for name, value in scope_headers(self.credentials, self.scope).items():
            del request.headers[name]
            request.headers[name] = value


def scope_headers(credentials: ReadOnlyCredentials, scope: str) -> dict[str, str]:
    """Return the headers that say who calls, and when; `scope` is `region/service/aws4_request`."""
    date, _, time = f"{datetime.datetime.now(datetime.UTC):%Y%m%d %H%M%S}".partition(" ")
    headers = {
        "X-Amz-Date": f"{date}T{time}Z",
        "Authorization": (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{date}/{scope}, "
            f"SignedHeaders=host;x-amz-date, Signature={NO_SIGNATURE}"
        ),
    }
    return headers | ({"X-Amz-Security-Token": credentials.token} if credentials.token else {})


def leave_unsigned(client: BaseClient) -> None:
    """Have a client send no signatures if it is one of LocalStack itself."""
    own_url = connect.get_service_endpoint()
    if own_url is not None and client.meta.endpoint_url == own_url:
        client.meta.events.register("choose-signer.*.*", choose_signer)  # type: ignore[arg-type]


def choose_signer(signature_version: str, **_: Any) -> str | None:  # noqa: ANN401
    """Answer botocore's `choose-signer` event; `v4` isn't used by S3, nor for presigned URLs."""
    return SCOPE_ONLY if signature_version == "v4" else None
