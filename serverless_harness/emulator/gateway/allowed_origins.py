"""Which web pages may call AWS services: this machine's own, and those that a setting names.

A browser sends requests of any page to any address, without the page's being able to read the answer: a form,
an image's address or a POST without a preflight is enough to run a call. So what a browser says of the origin
decides before anything is run: `Origin`, `Sec-Fetch-Site`, `Referer`; and where it says nothing (an image of
a page without referrer, on a name that isn't loopback to the browser), that it is a browser.

Open to all pages, as on AWS, are APIs, function URLs and S3's websites, buckets whose CORS configuration
allows the page, and presigned URLs that are followed. LocalStack's settings hold: origins with commas between
them in `EXTRA_CORS_ALLOWED_ORIGINS`; `DISABLE_CORS_CHECKS=1` ends all checks.
"""

import json
import re
import uuid
from typing import Any
from urllib.parse import urlsplit

from localstack import config
from localstack.aws.api import RequestContext
from localstack.http import Request, Response
from rolo.gateway import HandlerChain
from werkzeug.datastructures import Headers

from serverless_harness.emulator.gateway.allowed_hosts import hostname, is_loopback

SETTING = "EXTRA_CORS_ALLOWED_ORIGINS"
FORBIDDEN = json.dumps({"message": "Forbidden"})
"""What API Gateway answers, with status 403, for an API or a stage that doesn't exist."""

_PUBLIC_HOST = re.compile(r".+\.(execute-api\.|lambda-url\.|s3-website[.-]).+")
_PUBLIC_PATH = re.compile(r"/_aws/(execute-api|lambda-url)(/.*)?|/restapis/(.*/)?_user_request_(/.*)?")
_SIGNATURES = frozenset({"X-Amz-Signature", "Signature"})
_BROWSER = "Mozilla/"


class OriginGuard:
    """A request handler that refuses what web pages send to services; S3's CORS rules have had their say."""

    def __call__(self, chain: HandlerChain[Any], context: RequestContext, response: Response) -> None:
        """Let a request pass, or answer it with status 403."""
        request = context.request
        if is_trusted(request) or is_public(request):
            return
        of_s3 = context.service is not None and context.service.service_name == "s3"
        if of_s3 and ("Access-Control-Allow-Origin" in response.headers or _follows_presigned_url(request)):
            return
        page = request.headers.get("Origin") or request.headers.get("Referer") or "an unknown origin"
        message = f"web pages of {page[:100]} may not call the stack's services: allow them in {SETTING}"
        chain.respond(403, json.dumps({"message": message}), {"Content-Type": "application/json"})


class EndOfPublicRoutes:
    """A request handler after the routes: what is for an API, and found none, goes to no service."""

    def __call__(self, chain: HandlerChain[Any], context: RequestContext, response: object) -> None:
        """Answer such a request as AWS does for an API that doesn't exist."""
        if is_public(context.request):
            chain.respond(403, FORBIDDEN, forbidden_headers())


def forbidden_headers() -> dict[str, str]:
    """Return the headers of API Gateway's answer for an API or a stage that doesn't exist."""
    return {
        "Content-Type": "application/json",
        "x-amzn-ErrorType": "ForbiddenException",
        "x-amzn-RequestId": str(uuid.uuid4()),
    }


def is_public(request: Request) -> bool:
    """Return whether a request is for an API, a function URL or a website, which are anybody's to call."""
    host = request.environ.get("HTTP_HOST", "").lower()
    return bool(_PUBLIC_PATH.fullmatch(request.path) or _PUBLIC_HOST.fullmatch(host))


def is_trusted(request: Request) -> bool:
    """Return whether no web page sent a request, or one that may call services."""
    headers = request.headers
    if config.DISABLE_CORS_CHECKS:
        return True
    if origin := headers.get("Origin"):
        return is_allowed(origin)
    site, referer = headers.get("Sec-Fetch-Site"), headers.get("Referer")
    if site == "none":  # typed in, or a bookmark
        return True
    if site == "same-origin":
        return is_loopback(hostname(request.environ.get("HTTP_HOST", "")))
    if referer:
        return is_allowed(_origin_of(referer))
    return site is None and not _is_browser(headers)


def is_allowed(origin: str) -> bool:
    """Return whether pages of `origin` may call services."""
    extra = [each.strip() for each in config.EXTRA_CORS_ALLOWED_ORIGINS.split(",")]
    if "*" in extra or origin in extra:
        return True
    try:
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "")
    except ValueError:
        return False


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "null"
    return f"{parts.scheme}://{parts.netloc}"


def _is_browser(headers: Headers) -> bool:
    return headers.get("User-Agent", "").startswith(_BROWSER)


def _follows_presigned_url(request: Request) -> bool:
    return request.method in ("GET", "HEAD") and not _SIGNATURES.isdisjoint(request.args)
