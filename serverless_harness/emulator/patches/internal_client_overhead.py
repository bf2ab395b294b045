"""Spares LocalStack's clients of itself what nobody reads: a signature's computation and a built user agent.

botocore signs through the AWS common runtime, and builds its user agent twice a request: a fifth of an
internal call. LocalStack reads account, service and region from the credential's scope and verifies no
signature, so internal clients send the scope with an empty one. Other endpoints, presigned URLs and S3
are signed as ever.
"""

from collections.abc import Callable

import botocore
from botocore.auth import AUTH_TYPE_MAPS
from botocore.client import BaseClient
from botocore.config import Config
from localstack.aws import connect
from localstack.aws.connect import ClientFactory, InternalClientFactory

from serverless_harness.emulator.gateway.unsigned_calls import SCOPE_ONLY, ScopeOnlyAuth, leave_unsigned
from serverless_harness.emulator.patches import wrap

PATCHED = [InternalClientFactory, ClientFactory]

USER_AGENT = f"Botocore/{botocore.__version__}"


def apply() -> None:
    """Have every client that LocalStack makes of itself from now on use `ScopeOnlyAuth` and `USER_AGENT`."""
    connect.connect_to._config = connect.connect_to._config.merge(Config(user_agent=USER_AGENT))
    AUTH_TYPE_MAPS[SCOPE_ONLY] = ScopeOnlyAuth
    wrap(InternalClientFactory._get_client_post_hook, _get_client_post_hook)


def _get_client_post_hook(
    fn: Callable[..., BaseClient], self: InternalClientFactory, client: BaseClient
) -> BaseClient:
    leave_unsigned(client)
    return fn(self, client)
