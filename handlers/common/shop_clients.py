"""AWS clients for functions that start cold and end after three seconds."""

from typing import Any

import botocore.session
from botocore.config import Config

CONNECT_TIMEOUT_S = 0.25
MAX_ATTEMPTS = 2  # the second is for a connection that died while the environment was frozen


def create_client(service_name: str, read_timeout_s: float) -> Any:
    """Make a client of the AWS service `service_name`.

    A call that fails has taken MAX_ATTEMPTS * (CONNECT_TIMEOUT_S + read_timeout_s) seconds at most, and up to
    one more: botocore's pause before a second attempt, be the first refused, throttled or not answered. A
    function that has to answer itself keeps that below its own timeout; Lambda repeats one that SNS called
    and that was cut off.

    From botocore itself because `import boto3` adds its resource layer, which no function here uses, to every
    cold start.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": MAX_ATTEMPTS, "mode": "standard"},
    )
    return botocore.session.get_session().create_client(service_name, config=config)
