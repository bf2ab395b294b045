"""Finds a deployment's queues of dead letters, and who writes to each."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from serverless_harness.deploy.deployment import Deployment


@dataclass(frozen=True)
class Source:
    """Where letters of a queue come from, and what failed there.

    `kind` is the writer; `arn` is the function's, the queue's, or the subscriber's. `url` is a queue's.
    """

    kind: Literal["sqs", "sns", "lambda"]
    arn: str
    url: str = ""
    topic_arn: str = ""
    subscription_arn: str = ""
    protocol: str = ""

    @property
    def name(self) -> str:
        """The name of the function or queue."""
        return self.arn.split(":")[6] if ":function:" in self.arn else self.arn.rpartition(":")[2]


@dataclass(frozen=True)
class LetterQueue:
    """A queue of dead letters."""

    url: str
    region: str | None = None
    sources: tuple[Source, ...] = ()
    label: str = ""
    """Another name for it, the project's own."""

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def names(self) -> set[str]:
        """The queue's own name and those of its sources."""
        return {self.name, self.label, *(source.name for source in self.sources)} - {""}

    def is_of(self, part: str) -> bool:
        """Tell whether the queue, or what writes to it, has `part` in its name."""
        return any(part in name for name in self.names)


def find_queues(deployment: Deployment) -> list[LetterQueue]:
    """Find all queues that a redrive policy, a DeadLetterConfig or an on-failure destination names."""
    return [
        queue
        for region in deployment.regions or (deployment.target.region,)
        for queue in _queues_in(deployment, region)
    ]


def _queues_in(deployment: Deployment, region: str) -> Iterator[LetterQueue]:
    attributes = {
        url: deployment.client("sqs", region=region).get_queue_attributes(
            QueueUrl=url, AttributeNames=["All"]
        )
        for page in deployment.client("sqs", region=region).get_paginator("list_queues").paginate()
        for url in page.get("QueueUrls", [])
    }
    urls = {answer["Attributes"]["QueueArn"]: url for url, answer in attributes.items()}
    sources: dict[str, list[Source]] = defaultdict(list)
    for url, answer in attributes.items():
        if target := _target_of(answer["Attributes"].get("RedrivePolicy")):
            sources[target].append(Source("sqs", answer["Attributes"]["QueueArn"], url))
    for target, source in (*_of_functions(deployment, region), *_of_subscriptions(deployment, region, urls)):
        sources[target].append(source)
    for arn, found in sorted(sources.items()):
        if arn in urls:
            yield LetterQueue(urls[arn], region, tuple(dict.fromkeys(found)))


def _of_functions(deployment: Deployment, region: str) -> Iterator[tuple[str, Source]]:
    client = deployment.client("lambda", region=region)
    for page in client.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            source = Source("lambda", function["FunctionArn"])
            if target := function.get("DeadLetterConfig", {}).get("TargetArn"):
                yield target, source
            configs = client.get_paginator("list_function_event_invoke_configs")
            for each in configs.paginate(FunctionName=function["FunctionName"]):
                for config in each["FunctionEventInvokeConfigs"]:
                    yield from ((target, source) for target in _on_failure(config))
    for page in client.get_paginator("list_event_source_mappings").paginate():
        for mapping in page["EventSourceMappings"]:
            source = Source("lambda", mapping["FunctionArn"])
            yield from ((target, source) for target in _on_failure(mapping))


def _on_failure(config: dict[str, Any]) -> Iterator[str]:
    destination = (config.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination")
    if destination:
        yield destination


def _of_subscriptions(
    deployment: Deployment, region: str, urls: dict[str, str]
) -> Iterator[tuple[str, Source]]:
    client = deployment.client("sns", region=region)
    for page in client.get_paginator("list_subscriptions").paginate():
        for subscription in page["Subscriptions"]:
            arn = subscription["SubscriptionArn"]
            if not arn.startswith("arn:"):
                continue  # It waits for its confirmation.
            attributes = client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
            if target := _target_of(attributes.get("RedrivePolicy")):
                endpoint = subscription["Endpoint"]
                yield (
                    target,
                    Source(
                        "sns",
                        endpoint,
                        urls.get(endpoint, ""),
                        subscription["TopicArn"],
                        arn,
                        subscription["Protocol"],
                    ),
                )


def _target_of(redrive_policy: str | None) -> str | None:
    return json.loads(redrive_policy).get("deadLetterTargetArn") if redrive_policy else None
