"""Requests that AWS takes, or refuses, and moto ends in an exception for.

Route 53's CreateHostedZone without a comment; Config's list of all conformance packs; SWF's two filters at
once and its lists in reverse order; Redshift's tags without a value; ACM's ExportCertificate of a certificate
that nobody made for exports; the value of a secret's replica.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from pkgutil import resolve_name
from typing import Any

from moto.acm.models import AWSCertificateManagerBackend
from moto.route53.responses import Route53
from moto.swf.exceptions import SWFValidationException
from moto.swf.models import SWFBackend
from moto.swf.responses import SWFResponse

from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    Route53.create_hosted_zone,
    AWSCertificateManagerBackend.export_certificate,
    SWFResponse._check_exclusivity,
    SWFBackend.list_open_workflow_executions,
    SWFBackend.list_closed_workflow_executions,
]


def apply() -> None:
    """Give each what it looks for; see `FIRST_USES` for the others."""
    wrap(Route53.create_hosted_zone, _create_hosted_zone)
    wrap(SWFResponse._check_exclusivity, _check_exclusivity)
    wrap(SWFBackend.list_open_workflow_executions, _list_executions)
    wrap(SWFBackend.list_closed_workflow_executions, _list_executions)
    wrap(AWSCertificateManagerBackend.export_certificate, _export_certificate)


def _secrets() -> None:
    for name in ("account_id", "kms_key_id"):
        value = property(operator.attrgetter(f"source.{name}"))
        setattr(resolve_name("moto.secretsmanager.models:ReplicaSecret"), name, value)


FIRST_USES: Mapping[str, Callable[[], None]] = {
    "config": lambda: wrap(
        resolve_name("moto.config.models:ConfigBackend.describe_organization_conformance_packs"),
        _describe_packs,
    ),
    "redshift": lambda: replace(
        resolve_name("moto.redshift.models:RedshiftBackend"),
        "_describe_tags_for_resources",
        staticmethod(_tags_of),
    ),
    "secretsmanager": _secrets,
}
"""What to call before a service is used for the first time: the import of Redshift's code takes 0.3 s."""


def _create_hosted_zone(fn: Callable[[Route53], Any], self: Route53) -> Any:  # noqa: ANN401
    body = re.sub(r"<HostedZoneConfig\s*/>", "<HostedZoneConfig></HostedZoneConfig>", str(self.body))
    if "<Comment" not in body:
        body = body.replace("<HostedZoneConfig>", "<HostedZoneConfig><Comment></Comment>")
    self.body = body
    return fn(self)


def _export_certificate(
    fn: Callable[..., Any], self: AWSCertificateManagerBackend, certificate_arn: str, passphrase: str
) -> Any:  # noqa: ANN401
    self.get_certificate(certificate_arn).cert_options.setdefault("Export", "DISABLED")
    return fn(self, certificate_arn, passphrase)


def _describe_packs(
    fn: Callable[..., dict[str, Any]],
    self: Any,  # noqa: ANN401
    names: list[str] | None,
) -> dict[str, Any]:
    return fn(self, names if names is not None else list(self.organization_conformance_packs))


def _check_exclusivity(fn: Callable[..., None], self: SWFResponse, **filters: object) -> None:
    try:
        fn(self, **filters)
    except TypeError:
        raise SWFValidationException(f"Cannot specify both a {' and a '.join(filters)}") from None


def _list_executions(
    fn: Callable[..., list[Any]],
    self: SWFBackend,
    *,
    maximum_page_size: int,
    reverse_order: bool,
    **named: object,
) -> list[Any]:
    found = fn(self, maximum_page_size=None, reverse_order=None, **named)
    return (found[::-1] if reverse_order else found)[:maximum_page_size]


def _tags_of(resources: Iterable[Any]) -> list[dict[str, Any]]:
    return [
        {
            "ResourceName": resource.arn,
            "ResourceType": resource.resource_type,
            "Tag": {"Key": tag["Key"], "Value": tag.get("Value", "")},
        }
        for resource in resources
        for tag in resource.tags
    ]
