"""API Gateway's REST APIs: what LocalStack's execution of requests leaves out, as AWS does it."""

from typing import Any

type RestInvocation = Any
"""LocalStack's `RestApiInvocationContext`; which of its parts are there by when, its types don't tell."""
