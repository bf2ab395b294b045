"""Requests that AWS takes, or refuses, and moto ends in an exception for.

Route 53's CreateHostedZone without a comment; Config's list of all conformance packs; SWF's two filters at
once and its lists in reverse order; Redshift's tags without a value; ACM's ExportCertificate of a certificate
that nobody made for exports; the value of a secret's replica; API Gateway's UpdateUsagePlan with a rate that
isn't a whole number, or of a plan that had no limits.
"""

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from moto.acm.models import AWSCertificateManagerBackend
from moto.apigateway.models import UsagePlan
from moto.config.models import ConfigBackend
from moto.redshift.models import RedshiftBackend
from moto.route53.responses import Route53
from moto.secretsmanager.models import ReplicaSecret
from moto.swf.exceptions import SWFValidationException
from moto.swf.models import SWFBackend
from moto.swf.responses import SWFResponse

from serverless_harness.emulator.patches import replace, wrap

RATE_LIMIT = "/throttle/rateLimit"

PATCHED: list[object] = [
    Route53.create_hosted_zone,
    AWSCertificateManagerBackend.export_certificate,
    ConfigBackend.describe_organization_conformance_packs,
    SWFResponse._check_exclusivity,
    SWFBackend.list_open_workflow_executions,
    SWFBackend.list_closed_workflow_executions,
    RedshiftBackend._describe_tags_for_resources,
    ReplicaSecret,
    UsagePlan.apply_patch_operations,
]


def apply() -> None:
    """Give each what it looks for."""
    wrap(Route53.create_hosted_zone, _create_hosted_zone)
    wrap(ConfigBackend.describe_organization_conformance_packs, _describe_packs)
    wrap(SWFResponse._check_exclusivity, _check_exclusivity)
    wrap(SWFBackend.list_open_workflow_executions, _list_executions)
    wrap(SWFBackend.list_closed_workflow_executions, _list_executions)
    replace(RedshiftBackend, "_describe_tags_for_resources", staticmethod(_tags_of))
    wrap(AWSCertificateManagerBackend.export_certificate, _export_certificate)
    wrap(UsagePlan.apply_patch_operations, _update_usage_plan)
    for name in ("account_id", "kms_key_id"):
        setattr(ReplicaSecret, name, property(operator.attrgetter(f"source.{name}")))


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
    fn: Callable[..., dict[str, Any]], self: ConfigBackend, names: list[str] | None
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


def _update_usage_plan(
    fn: Callable[[UsagePlan, list[dict[str, Any]]], None],
    self: UsagePlan,
    patch_operations: list[dict[str, Any]],
) -> None:
    self.quota, self.throttle = self.quota or {}, self.throttle or {}
    rates = [each for each in patch_operations if each["path"] == RATE_LIMIT and each["op"] != "remove"]
    fn(self, [each for each in patch_operations if each not in rates])
    for each in rates:
        self.throttle["rateLimit"] = float(each["value"])
