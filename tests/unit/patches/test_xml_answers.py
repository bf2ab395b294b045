"""What moto's templates make of a caller's texts, with the patch applied."""

from xml.etree import ElementTree

import pytest
from moto.route53.models import HealthCheck, QueryLoggingConfig
from moto.route53.responses import Route53


@pytest.fixture(autouse=True)
def patched(applied):
    applied("xml_answers")


def test_texts_in_answers_are_escaped_and_can_be_in_xml():
    source = "<Set><Reference>{{ text }}</Reference></Set>"
    made = Route53().response_template(source).render(text="a & <b>\x01")
    assert ElementTree.fromstring(made).findtext("Reference") == "a & <b>"


def test_a_health_check_without_an_address_has_none():
    check = HealthCheck("id", "a & b", {"type": "HTTP", "fqdn": "a&b.example"})
    made = ElementTree.fromstring(check.to_xml())
    assert made.findtext("CallerReference") == "a & b"
    assert made.find("HealthCheckConfig/IPAddress") is None


def test_xml_that_is_part_of_other_xml_is_not_escaped_again():
    part = QueryLoggingConfig("id", "zone&", "arn").to_xml()
    made = Route53().response_template("<All>{{ part }}</All>").render(part=part)
    assert ElementTree.fromstring(made).findtext("QueryLoggingConfig/HostedZoneId") == "zone&"
