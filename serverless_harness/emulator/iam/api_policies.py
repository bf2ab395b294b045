"""The resource policy of an API, which AWS lets leave the API's own ARN out.

Source: API Gateway developer guide, "Control access to a REST API with API Gateway resource policies".
"""

import json
from typing import Any

from serverless_harness.emulator.iam.policy import Policy, PolicyType, parse_policy

_SHORT_RESOURCE = "execute-api:/"
"""What AWS puts the API's own ARN in the place of."""


def parse_resource_policy(text: str | None, arn: str) -> tuple[Policy, ...]:
    """Read an API's resource policy, which may leave the API's own ARN out.

    Raises:
        PolicyError: It isn't supported.
    """
    if not text:
        return ()
    document = _document(text)
    for statement in _listed(document.get("Statement")):
        for name in ("Resource", "NotResource"):
            if name in statement:
                statement[name] = [_expanded(each, arn) for each in _listed(statement[name])]
    return (parse_policy(json.dumps(document), PolicyType.RESOURCE, f"resource policy of {arn}"),)


def _document(text: str) -> dict[str, Any]:
    """Read a policy, which API Gateway also gives out with its quotation marks escaped."""
    try:
        document: dict[str, Any] = json.loads(text)
    except ValueError:
        document = json.loads(text.replace('\\"', '"'))
    return document


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 (a JSON value)
    return value if isinstance(value, list) else [value]


def _expanded(resource: str, arn: str) -> str:
    return (
        arn + resource.removeprefix(_SHORT_RESOURCE[:-1])
        if resource.startswith(_SHORT_RESOURCE)
        else resource
    )
