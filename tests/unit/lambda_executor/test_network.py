"""Which ports a function may connect to."""

import pytest
from localstack import config
from localstack.config import HostAndPort

from serverless_harness.emulator.lambda_executor import network
from serverless_harness.emulator.settings import InvalidSettingError


@pytest.fixture(autouse=True)
def _gateway(monkeypatch):
    monkeypatch.setattr(config, "GATEWAY_LISTEN", [HostAndPort("127.0.0.1", 4600)])
    monkeypatch.delenv(network.VARIABLE, raising=False)


def test_the_gateways_port_is_all():
    assert network.ports({}) == (4600,)


def test_the_setting_names_more(monkeypatch):
    monkeypatch.setenv(network.VARIABLE, "5432, 6379")
    assert network.ports({}) == (4600, 5432, 6379)


def test_any_opens_all(monkeypatch):
    monkeypatch.setenv(network.VARIABLE, "any")
    assert network.ports({}) is None


def test_a_functions_own_endpoints_are_named():
    variables = {
        "AWS_ENDPOINT_URL_SNS": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_S3": "https://minio.test",
        "AWS_ENDPOINT_URL": "http://localhost:4600",
        "AWS_ENDPOINT_URL_SQS": "http://[::1",
        "AWS_ENDPOINT_URL_KMS": "http://localhost:ninety",
        "DATABASE_URL": "postgres://localhost:5432",
    }
    assert network.ports(variables) == (4600, 9, 443)


@pytest.mark.parametrize("text", ["0", "65536", "http", "80 443", "80,,443", "-1", "any,80", "8\u00b2"])
def test_a_setting_that_is_no_list_of_ports_is_refused(monkeypatch, text):
    monkeypatch.setenv(network.VARIABLE, text)
    with pytest.raises(InvalidSettingError, match=rf"{network.VARIABLE} is .*such as 5432,6379, or any"):
        network.ports({})
