"""What web pages may have run: nothing but what is anybody's to call."""

from types import SimpleNamespace

import pytest
from localstack import config
from localstack.aws.handlers import cors
from localstack.aws.handlers.cors import CorsEnforcer
from localstack.http import Request, Response

from serverless_harness.emulator.gateway import allowed_origins
from serverless_harness.emulator.patches import cors_origins

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}
STRANGERS = [
    "http://evil.example",
    "https://app.localstack.cloud",
    "http://app.localstack.cloud",
    "http://page.s3-website.localhost:4566",
    "http://d1.cloudfront.localhost.localstack.cloud:4566",
    "http://localhost.evil.example",
    "http://localhost@evil.example",
    "null",
    "file://",
    "http://[::1",
    "chrome-extension://abc",
]
PUBLIC = [
    "/_aws/execute-api/abc/prod/shop",
    "/_aws/execute-api",
    "/_aws/lambda-url/abc/x",
    "/restapis/abc/prod/_user_request_/shop",
    "/restapis/abc/prod/_user_request_",
    "/restapis/_user_request_",
]


class Chain:
    def __init__(self):
        self.statuses = []

    def respond(self, status, payload, headers):
        self.statuses.append(status)


def refused(headers, method="POST", path="/", query="", host="127.0.0.1:4566", service=None, response=None):
    request = Request(method, path, headers=headers, query_string=query)
    request.environ["HTTP_HOST"] = host
    context = SimpleNamespace(
        request=request, service=SimpleNamespace(service_name=service) if service else None
    )
    chain = Chain()
    allowed_origins.OriginGuard()(chain, context, response or Response())
    return chain.statuses == [403]


@pytest.mark.parametrize("origin", STRANGERS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_strangers_pages(origin, method):
    assert refused(BROWSER | {"Origin": origin}, method)
    assert refused({"Origin": origin}, method), "whatever it calls itself"
    assert refused(BROWSER | {"Origin": origin, "Sec-Fetch-Site": "same-origin"}, method)


@pytest.mark.parametrize("origin", STRANGERS[:-3])
def test_images_and_links_of_strangers_pages(origin):
    """`<img src="http://127.0.0.1:4566/?Action=CreateStack…">` has no `Origin`."""
    for site in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {}):
        assert refused(BROWSER | site | {"Referer": f"{origin}/page"}, "GET")


@pytest.mark.parametrize(
    "headers",
    [
        BROWSER | {"Sec-Fetch-Site": "cross-site"},
        BROWSER | {"Sec-Fetch-Site": "same-site"},
        BROWSER | {"Sec-Fetch-Site": "rubbish"},
        BROWSER,
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_without_a_referrer(headers):
    assert refused(headers, "GET", host="localhost.localstack.cloud:4566")
    assert refused(headers, "GET", service="s3")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"User-Agent": "aws-cli/2.15"},
        BROWSER | {"Sec-Fetch-Site": "none"},
        BROWSER | {"Sec-Fetch-Site": "same-origin"},
        BROWSER | {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
        BROWSER | {"Origin": "http://127.0.0.1:4566", "Sec-Fetch-Site": "same-origin"},
        BROWSER | {"Origin": "http://[::1]:4566"},
        BROWSER | {"Sec-Fetch-Site": "same-site", "Referer": "http://localhost:3000/"},
    ],
)
def test_programs_and_this_machines_pages(headers):
    assert not refused(headers)


def test_a_page_that_s3_serves_is_a_strangers():
    assert refused(
        BROWSER | {"Sec-Fetch-Site": "same-origin"}, host="page.s3.localhost.localstack.cloud:4566"
    )


def test_settings(monkeypatch):
    page = {"Origin": "https://shop.test"}
    monkeypatch.setattr(config, "EXTRA_CORS_ALLOWED_ORIGINS", "http://a.test, https://shop.test")
    assert not refused(page)
    assert refused({"Origin": "http://shop.test"})
    monkeypatch.setattr(config, "EXTRA_CORS_ALLOWED_ORIGINS", "")
    assert refused(page)
    monkeypatch.setattr(config, "DISABLE_CORS_CHECKS", True)
    assert not refused(page)


@pytest.mark.parametrize("path", PUBLIC)
def test_apis_are_anybodys_and_end_at_their_routes(path):
    page = BROWSER | {"Origin": "http://evil.example"}
    assert not refused(page, path=path)
    chain = Chain()
    allowed_origins.EndOfPublicRoutes()(chain, SimpleNamespace(request=Request("POST", path)), None)
    assert chain.statuses == [403]


@pytest.mark.parametrize(
    "host",
    [
        "abc.execute-api.localhost.localstack.cloud:4566",
        "abc.lambda-url.us-east-1.localhost.localstack.cloud:4566",
        "page.s3-website.localhost.localstack.cloud:4566",
    ],
)
def test_so_do_their_names(host):
    assert not refused({"Origin": "http://evil.example"}, host=host)
    request = Request("POST", "/")
    request.environ["HTTP_HOST"] = host
    chain = Chain()
    allowed_origins.EndOfPublicRoutes()(chain, SimpleNamespace(request=request), None)
    assert chain.statuses == [403]


@pytest.mark.parametrize("path", ["/", "/restapis", "/restapis/abc", "/restapis/a/_user_request_s"])
def test_services_paths_are_no_apis(path):
    assert refused({"Origin": "http://evil.example"}, path=path)
    chain = Chain()
    allowed_origins.EndOfPublicRoutes()(chain, SimpleNamespace(request=Request("POST", path)), None)
    assert chain.statuses == []


def test_a_bucket_whose_cors_rules_allow_the_page():
    page, allowed = {"Origin": "https://shop.test"}, Response()
    allowed.headers["Access-Control-Allow-Origin"] = "https://shop.test"
    assert not refused(page, "PUT", "/bucket/key", service="s3", response=allowed)
    assert refused(page, "PUT", "/bucket/key", service="s3")


def test_presigned_urls_are_followed_and_nothing_else_of_s3():
    link = BROWSER | {"Sec-Fetch-Site": "cross-site", "Referer": "https://mail.example/"}
    assert not refused(link, "GET", "/bucket/key", "X-Amz-Signature=0", service="s3")
    assert refused(link, "PUT", "/bucket/key", "X-Amz-Signature=0", service="s3")
    assert refused(link, "GET", "/bucket/key", service="s3")
    assert refused(link, "GET", "/", "X-Amz-Signature=0", service="sqs")


def test_localstacks_own_check_agrees():
    own, own_is_public = CorsEnforcer.__dict__["_is_in_allowed_origins"], cors.is_execute_api_call
    try:
        cors_origins.apply()
        for origin in STRANGERS:
            assert not CorsEnforcer.is_cors_origin_allowed({"origin": origin})
        assert CorsEnforcer.is_cors_origin_allowed({"origin": "http://localhost:3000"})
        for path, enforced in (("/_aws/lambda-url/abc/", False), ("/restapis/abc/_user_request_s", True)):
            context = SimpleNamespace(request=Request("POST", path), service=None)
            assert cors.should_enforce_self_managed_service(context) == enforced
    finally:
        CorsEnforcer._is_in_allowed_origins, cors.is_execute_api_call = own, own_is_public
