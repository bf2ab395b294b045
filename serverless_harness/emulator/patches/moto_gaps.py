"""Requests that AWS takes and moto ends in an exception for: found by `tests/fuzz`.

Route 53's CreateHostedZone without a comment, and ACM's ExportCertificate of a certificate that nobody made
for exports, which AWS refuses.
"""

import re
from collections.abc import Callable
from typing import Any

from moto.acm.models import AWSCertificateManagerBackend
from moto.route53.responses import Route53

from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [Route53.create_hosted_zone, AWSCertificateManagerBackend.export_certificate]


def apply() -> None:
    """Give both what they look for."""
    wrap(Route53.create_hosted_zone, _create_hosted_zone)
    wrap(AWSCertificateManagerBackend.export_certificate, _export_certificate)


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
