"""Requests that are signed in their query string count as their signer's, as those signed in a header do.

Source: IAM user guide, "Authentication methods: query string". LocalStack looks at the header alone, and
takes such a request for one that nobody signed. S3's presigned URLs are read by S3, and the requests of APIs
and function URLs go on as they came.
"""

from localstack.aws.api import RequestContext
from localstack.http import Request

_ALGORITHM = "AWS4-HMAC-SHA256"
_PARTS = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature")


class TakeSignatureFromQuery:
    """A request handler: the signature is put where all that follows looks for it."""

    def __call__(self, chain: object, context: RequestContext, response: object) -> None:
        """Give the request the header that its query string stands for."""
        if context.service is None or context.service.service_name != "s3":
            sign_as_query(context.request)


def sign_as_query(request: Request) -> None:
    """Add the Authorization header and the session's token; those that are there stay."""
    if not request.query_string:
        return
    credential, signed_headers, signature = (request.args.get(name, "") for name in _PARTS)
    if "Authorization" in request.headers or credential.split("/")[-2:-1] in ([], ["s3"]):
        return
    request.headers["Authorization"] = (
        f"{_ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}"
    )
    token = request.args.get("X-Amz-Security-Token")
    if token and "X-Amz-Security-Token" not in request.headers:
        request.headers["X-Amz-Security-Token"] = token
