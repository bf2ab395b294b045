"""How a request to an endpoint of a user's own is signed: an API's method, or a function's URL.

Source: IAM user guide, "Elements of an AWS API request signature". Signatures themselves aren't verified:
who has an access key's id is taken for its owner, as in LocalStack's own gateway.
"""

import re
from dataclasses import dataclass

from localstack.aws.api import RequestContext
from localstack.http import Request

from serverless_harness.emulator.iam import callers

_CREDENTIAL = re.compile(r"(?P<key>[^/,\s]+)/\d{8}/[^/]+/(?P<service>[^/]+)/aws4_request")
_SIGNED_WITH = "AWS4-HMAC-SHA256 "


class MalformedSignatureError(ValueError):
    """A request has an Authorization header that isn't one of signature version 4."""


@dataclass(frozen=True)
class Credential:
    """The access key that a request is signed with, and the service that the signature is for."""

    access_key_id: str
    service: str


@dataclass(frozen=True)
class Identity:
    """Who signed a request, as it is told to an integration or a function."""

    access_key_id: str
    account_id: str
    user_id: str
    arn: str


def credential(request: Request) -> Credential | None:
    """Return a request's credential; None for a request that isn't signed.

    Raises:
        MalformedSignatureError: There is an Authorization header of another kind.
    """
    header = request.headers.get("Authorization", "")
    in_query = request.args.get("X-Amz-Credential")
    if not header and not in_query:
        return None
    text = in_query or header.partition("Credential=")[2]
    found = _CREDENTIAL.match(text)
    if found is None or not (in_query or header.startswith(_SIGNED_WITH)):
        raise MalformedSignatureError(header)
    return Credential(found["key"], found["service"])


def signed(request: Request, account_id: str, region: str, partition: str = "aws") -> RequestContext:
    """Return a request as IAM looks at it, made by whoever signed it."""
    context = RequestContext(request)
    context.account_id = account_id
    context.region = region
    context.partition = partition
    return context


def unsigned(request: Request, account_id: str, region: str, partition: str = "aws") -> RequestContext:
    """Return a request as IAM looks at it where nobody asks who signed it: anonymous."""
    headers = {name: value for name, value in request.headers.items() if name != "Authorization"}
    anonymous = Request(
        method=request.method,
        path=request.path,
        headers=headers,
        remote_addr=request.remote_addr or "",
        scheme=request.scheme,
    )
    return signed(anonymous, account_id, region, partition)


def identity(context: RequestContext) -> Identity:
    """Return who made a request; the deployer is the account's root user.

    Raises:
        callers.InvalidTokenError: The credentials are unknown or forged.
    """
    caller = callers.identify(context)
    key_id = callers.access_key_id(context)
    if caller is None:
        arn = f"arn:{context.partition}:iam::{context.account_id}:root"
        return Identity(key_id, context.account_id, context.account_id, arn)
    user_id = caller.context().get("aws:userid", ("",))[0]
    return Identity(key_id, caller.principal.account_id or "", user_id, caller.principal.arn)
