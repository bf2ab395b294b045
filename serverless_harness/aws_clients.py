"""What `targets` makes clients with. It is imported with the first client: boto3 takes 0.25 s to import."""

import os
import threading

from botocore.config import Config
from botocore.session import Session

CLIENT_CONFIG = Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=50)
NO_OTHER_ENDPOINT = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg]
"""AWS is AWS, not where AWS_ENDPOINT_URL or a profile's `endpoint_url` leads."""
MAKING_CLIENT = threading.Lock()
"""A boto3 session makes clients for one thread at a time; the clients themselves are for many."""


def isolated_session(setting: str) -> Session:
    """Make a session that reads no AWS_* variables of the caller's, except one setting's, and no files."""
    defaults = {
        name: (None, None, default, conversion)
        for name, (_, _, default, conversion) in Session.SESSION_VARIABLES.items()
        if name != setting
    }
    session = Session(session_vars=defaults)
    for name in ("config_file", "credentials_file"):
        session.set_config_variable(name, os.devnull)
    return session


def dns_suffix(region: str) -> str:
    """Give what the names of AWS's endpoints in a region end with: `amazonaws.com`."""
    session = Session()
    suffixes = session.get_component("endpoint_resolver")
    return str(suffixes.get_partition_dns_suffix(session.get_partition_for_region(region)))
