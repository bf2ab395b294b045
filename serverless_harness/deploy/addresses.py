"""Where what is deployed answers: the stages of REST APIs, and function URLs."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from serverless_harness.deploy.deployment import Deployment

LOCAL_HOST = "127.0.0.1"


def addresses(deployment: Deployment) -> list[tuple[str, str]]:
    """Give what each address leads to, and the address, which needs no name resolution."""
    regions = deployment.regions or (deployment.target.region,)
    found = [(_stages(deployment, region), _urls(deployment, region)) for region in regions]
    return [address for stages, urls in found for address in (*stages, *urls)]


def _stages(deployment: Deployment, region: str) -> Iterator[tuple[str, str]]:
    client = deployment.client("apigateway", region=region)
    for page in client.get_paginator("get_rest_apis").paginate():
        for api in page["items"]:
            for stage in client.get_stages(restApiId=api["id"])["item"]:
                name = stage["stageName"]
                yield f"API {api['name']}, stage {name}", deployment.target.api_url(api["id"], name)


def _urls(deployment: Deployment, region: str) -> Iterator[tuple[str, str]]:
    client = deployment.client("lambda", region=region)
    for page in client.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            name = function["FunctionName"]
            try:
                configs = client.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]
            except client.exceptions.ResourceNotFoundException:
                continue  # It was deleted meanwhile.
            for config in configs:
                yield f"function {name}", _resolvable(config["FunctionUrl"])


def _resolvable(url: str) -> str:
    """Give a host below 127.0.0.1, which no resolver knows, as one below localhost (RFC 6761, 6.3)."""
    parts = urlsplit(url)
    host, separator, port = parts.netloc.partition(":")
    if not host.endswith(f".{LOCAL_HOST}"):
        return url
    return urlunsplit(parts._replace(netloc=f"{host.removesuffix(LOCAL_HOST)}localhost{separator}{port}"))
