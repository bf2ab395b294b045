"""What an alarm does in its own name when its state changes: it publishes to topics, and invokes functions.

Sources: CloudWatch user guide, "Invoke a Lambda function from an alarm" (asynchronously, as
`lambda.alarms.cloudwatch.amazonaws.com`); SNS developer guide, "Example cases for Amazon SNS access control"
(as `cloudwatch.amazonaws.com`). The alarm is the `aws:SourceArn`. An action that fails changes nothing for
whoever set the alarm's state, nor for the other actions.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from localstack.aws.api.lambda_ import InvocationType
from localstack.aws.connect import connect_to

LOG = logging.getLogger(__name__)

SNS_PRINCIPAL, LAMBDA_PRINCIPAL = "cloudwatch", "lambda.alarms.cloudwatch"

_alarm_arn: ContextVar[str] = ContextVar("alarm_arn", default="")


@contextmanager
def actions_of(alarm_arn: str) -> Iterator[None]:
    """Have what this block does be the alarm's."""
    reset = _alarm_arn.set(alarm_arn)
    try:
        yield
    finally:
        _alarm_arn.reset(reset)


class Clients:
    """Stands for a client factory: its clients of topics and functions act for the alarm."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401
        self._clients: Any = connect_to(**settings)

    @property
    def sns(self) -> "Clients":
        """Where messages are published."""
        return self

    lambda_ = sns

    def publish(self, **parameters: Any) -> None:  # noqa: ANN401
        """Publish, as SNS's client does."""
        self._act(self._clients.sns, SNS_PRINCIPAL, lambda client: client.publish(**parameters))

    def invoke(self, **parameters: Any) -> None:  # noqa: ANN401
        """Invoke asynchronously, as Lambda's client does."""
        parameters["InvocationType"] = InvocationType.Event
        self._act(self._clients.lambda_, LAMBDA_PRINCIPAL, lambda client: client.invoke(**parameters))

    def _act(self, client: Any, principal: str, action: Callable[[Any], object]) -> None:  # noqa: ANN401
        alarm_arn = _alarm_arn.get()
        try:
            action(client.request_metadata(service_principal=principal, source_arn=alarm_arn))
        except Exception as error:  # noqa: BLE001 (the alarm's state has changed all the same)
            LOG.error("Failed to execute an action of %s: %s", alarm_arn, error)
