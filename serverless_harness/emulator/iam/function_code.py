"""The download that GetFunction's `Code.Location` offers.

LocalStack signs that URL with its internal key; whoever has the URL may use it, as in AWS. Functions can't:
as no signature is verified, they could make it up for any other's code.
"""

import re

from localstack.aws.api import RequestContext

from serverless_harness.emulator.iam import callers
from serverless_harness.emulator.iam.actions import Call

_PRESIGNED = frozenset({"X-Amz-Signature", "Signature"})
"""What a presigned URL has among its arguments, in either signature version."""

_BUCKET = re.compile(r"awslambda-[a-z0-9-]+-tasks")


def downloads_function_code(context: RequestContext, call: Call) -> bool:
    """Return whether a call follows such a URL."""
    if (call.service, call.operation) != ("s3", "GetObject") or callers.comes_from_function(context):
        return False
    return (
        callers.access_key_id(context) == callers.INTERNAL_KEY
        and not _PRESIGNED.isdisjoint(context.request.args)
        and _BUCKET.fullmatch(str(call.parameters.get("Bucket", ""))) is not None
    )
