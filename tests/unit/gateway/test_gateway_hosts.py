"""Names that the gateway answers to, and those of a page that was made to resolve to loopback."""

import json
from types import SimpleNamespace

import pytest
from localstack.http import Request

from serverless_harness.emulator.gateway import allowed_hosts

OURS = [
    "127.0.0.1:4566",
    "127.1.2.3",
    "sqs.eu-central-1.127.0.0.1:4566",
    "[::1]:4566",
    "localhost:4566",
    "LocalHost.",
    "bucket.localhost:4566",
    "localhost.localstack.cloud:4566",
    "abc.execute-api.localhost.localstack.cloud:4566",
    "abc123.lambda-url.eu-central-1.localhost.localstack.cloud:4566",
    "bucket.s3.eu-central-1.amazonaws.com",
    "sqs.cn-north-1.amazonaws.com.cn",
    "172.18.0.2:4566",
]
OTHERS = [
    "evil.example:4566",
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io:4566",
    "notlocalhost",
    "evil-localhost.localstack.cloud",
    "localstack.cloud",
    "amazonaws.com.evil.example",
    "evilamazonaws.com",
    "ec2-1-2-3-4.compute-1.amazonaws.com",
    "x.eu-west-1.elb.amazonaws.com",
    "10.1.2.3:4566",
    "localhost, evil.example",
    "evil.example:80:4566",
    "localhost:4566@evil.example",
    "évil.example",
    "[::1]evil",
    " localhost",
]


@pytest.fixture(autouse=True)
def fresh_cache():
    allowed_hosts.is_ours.cache_clear()
    allowed_hosts._allowed.cache_clear()
    yield
    allowed_hosts.is_ours.cache_clear()
    allowed_hosts._allowed.cache_clear()


class Chain:
    def __init__(self):
        self.answers = []

    def respond(self, status, payload, headers):
        self.answers.append((status, json.loads(payload)["message"]))


def answers(host, local_address="172.18.0.2"):
    request = Request("POST", "/", headers={"Host": host} if host else {})
    request.environ["HTTP_HOST"], request.environ["SERVER_NAME"] = host, local_address
    chain = Chain()
    allowed_hosts.HostGuard()(chain, SimpleNamespace(request=request), None)
    return chain.answers


@pytest.mark.parametrize("host", OURS)
def test_ours(host):
    assert answers(host) == []


@pytest.mark.parametrize("host", OTHERS)
def test_others_are_refused_in_one_line_that_names_the_setting(host):
    [(status, message)] = answers(host)
    assert status == 403
    assert allowed_hosts.VARIABLE in message
    assert "\n" not in message


def test_no_host_as_in_http_1_0():
    assert answers("") == []


def test_names_of_the_setting(monkeypatch):
    monkeypatch.setenv(allowed_hosts.VARIABLE, "localstack, GATEWAY,*.shop.test")
    for host in ("localstack:4566", "gateway", "api.shop.test", "a.b.shop.test:4566"):
        assert answers(host) == []
    for host in ("shop.test", "evilshop.test", "localstack.evil.example"):
        assert answers(host) != []
