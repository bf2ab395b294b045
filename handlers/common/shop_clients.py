"""AWS clients for functions that start cold and end after three seconds."""

from typing import Any

import botocore.session
from botocore.config import Config

CONNECT_TIMEOUT_S = 0.5
MAX_ATTEMPTS = 2  # the second is for a connection that died while the environment was frozen


def create_client(service_name: str, read_timeout_s: float) -> Any:
    """Make a client of the AWS service `service_name` that gives up before its function is cut off.

    botocore waits at most one second between the two attempts. From botocore itself because `import boto3`
    adds its resource layer, which no function here uses, to every cold start.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": MAX_ATTEMPTS, "mode": "standard"},
    )
    return botocore.session.get_session().create_client(service_name, config=config)
