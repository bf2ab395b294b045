"""SNS tries again when the Lambda service fails to take a message (`delivery.sns_to_lambda`).

LocalStack tries once.
"""

from localstack.services.sns.publisher import (
    LambdaTopicPublisher,
    create_sns_message_body,
    store_delivery_log,
)

from serverless_harness.emulator.delivery import sns_to_lambda
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [LambdaTopicPublisher, create_sns_message_body, store_delivery_log]


def apply() -> None:
    """Replace the delivery to Lambda."""
    replace(LambdaTopicPublisher, "_publish", sns_to_lambda.publish)
