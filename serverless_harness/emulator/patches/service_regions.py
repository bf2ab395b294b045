"""Asks one session for the regions of all services, with the service models that LocalStack loads anyway.

`localstack.utils.aws.aws_stack.get_valid_regions_for_service` makes a session for each service, and each of
them parses botocore's list of endpoints and the service's model anew; moto parses the latter once more. More
than half of the time in which a snapshot is loaded went into that.
"""

import functools

import botocore.session
from localstack.aws.spec import loader
from localstack.services import stores
from localstack.services.stores import RegionBundle
from localstack.utils.aws import aws_stack
from moto.core.base_backend import AccountSpecificBackend

from serverless_harness.emulator.patches import replace

PATCHED = [
    aws_stack.get_valid_regions_for_service,
    RegionBundle.__init__,
    AccountSpecificBackend.get_session,
    AccountSpecificBackend._generate_regions,
]


def apply() -> None:
    """Replace what stores ask, and the session that moto's backends ask."""
    replace(stores, "get_valid_regions_for_service", valid_regions_for_service)
    replace(AccountSpecificBackend, "get_session", staticmethod(_session))


@functools.cache
def valid_regions_for_service(service_name: str) -> list[str]:
    """Return what `get_valid_regions_for_service` does."""
    return [
        *_session().get_available_regions(service_name),
        *_session().get_available_regions("cloudwatch", partition_name="aws-us-gov"),
        *_session().get_available_regions("cloudwatch", partition_name="aws-cn"),
    ]


@functools.cache
def _session() -> botocore.session.Session:
    session = botocore.session.Session()
    session.register_component("data_loader", loader)
    return session
