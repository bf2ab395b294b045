"""Requests that AWS takes, or refuses, and moto ends in an exception for.

Route 53's CreateHostedZone without a comment, its health checks without a port, and texts that XML has to
escape; ACM's ExportCertificate of a certificate that nobody made for
exports; the value of a secret's replica; API Gateway's UpdateUsagePlan with a rate that isn't a whole number,
or of a plan that had no limits.
"""

import functools
import operator
import re
from collections.abc import Callable
from typing import Any

from jinja2 import Template
from markupsafe import Markup
from moto.acm.models import AWSCertificateManagerBackend
from moto.apigateway.models import UsagePlan
from moto.route53 import models, responses
from moto.route53.models import HealthCheck, QueryLoggingConfig
from moto.route53.responses import Route53
from moto.secretsmanager.models import ReplicaSecret

from serverless_harness.emulator.patches import replace, wrap

_NOT_OF_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
RATE_LIMIT = "/throttle/rateLimit"

PATCHED: list[object] = [
    Route53.create_hosted_zone,
    HealthCheck.to_xml,
    QueryLoggingConfig.to_xml,
    AWSCertificateManagerBackend.export_certificate,
    ReplicaSecret,
    UsagePlan.apply_patch_operations,
]


def apply() -> None:
    """Give each what it looks for."""
    wrap(Route53.create_hosted_zone, _create_hosted_zone)
    for module in (models, responses):
        replace(module, "Template", functools.partial(Template, autoescape=True, finalize=_of_xml))
    wrap(HealthCheck.to_xml, _as_markup)
    wrap(QueryLoggingConfig.to_xml, _as_markup)
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


def _of_xml(value: Any) -> Any:  # noqa: ANN401
    """Leave out the characters that XML 1.0 can't have, however they are written."""
    return type(value)(_NOT_OF_XML.sub("", value)) if isinstance(value, str) else value


def _as_markup(fn: Callable[[Any], str], self: object) -> Markup:
    """Return XML that is part of other XML, without the elements that have no value."""
    return Markup(re.sub(r"<(\w+)>None</\1>", "", fn(self)))


def _export_certificate(
    fn: Callable[..., Any], self: AWSCertificateManagerBackend, certificate_arn: str, passphrase: str
) -> Any:  # noqa: ANN401
    self.get_certificate(certificate_arn).cert_options.setdefault("Export", "DISABLED")
    return fn(self, certificate_arn, passphrase)


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
