"""LocalStack's SNS with the checks of subjects and batches that it lacks, and confirmations as they were.

Sources: SNS API reference, Publish ("must not include line breaks or control characters, and must be less
than 100 characters long"; 100 are taken), PublishBatch, ConfirmSubscription and GetSubscriptionAttributes.
"""

import re
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api import sns as api
from localstack.services.sns.provider import SnsProvider
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

from serverless_harness.emulator.gateway.queue_urls import ANONYMOUS_KEY

SUBJECT_MAX = 100
_KEPT = "AuthenticateOnUnsubscribe"
"""Kept with a subscription: `true` where an unsigned call can't end it (`iam.unsigned_links`)."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_subject(subject: str | None) -> None:
    """Raise InvalidParameterException for a subject that AWS refuses."""
    if subject is not None and (not subject or len(subject) > SUBJECT_MAX or _CONTROL.search(subject)):
        raise api.InvalidParameterException("Invalid parameter: Subject")


class CheckedMessagesProvider(SnsProvider):
    """SNS."""

    def publish(  # type: ignore[override]
        self,
        context: RequestContext,
        message: api.message,
        topic_arn: api.topicARN | None = None,
        target_arn: api.String | None = None,
        phone_number: api.PhoneNumber | None = None,
        subject: api.subject | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.PublishResponse:
        """Publish a message whose subject is one."""
        check_subject(subject)
        return super().publish(context, message, topic_arn, target_arn, phone_number, subject, **kwargs)

    def publish_batch(
        self,
        context: RequestContext,
        topic_arn: api.topicARN,
        publish_batch_request_entries: api.PublishBatchRequestEntryList,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.PublishBatchResponse:
        """Publish a batch that isn't empty, of messages that have a text."""
        if not publish_batch_request_entries:
            raise api.EmptyBatchRequestException("The batch request doesn't contain any entries.")
        for entry in publish_batch_request_entries:
            if not entry.get("Message"):
                raise api.InvalidParameterException("Invalid parameter: Empty message")
            check_subject(entry.get("Subject"))
        return super().publish_batch(context, topic_arn, publish_batch_request_entries, **kwargs)

    def confirm_subscription(
        self,
        context: RequestContext,
        topic_arn: api.topicARN,
        token: api.String,
        authenticate_on_unsubscribe: api.authenticateOnUnsubscribe | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.ConfirmSubscriptionResponse:
        """Confirm a subscription, and keep whether the call was signed, and its end has to be."""
        response: api.ConfirmSubscriptionResponse = super().confirm_subscription(
            context,
            topic_arn,
            token,
            authenticate_on_unsubscribe,  # type: ignore[arg-type]
            **kwargs,
        )
        parts = topic_arn.split(":")
        subscription: Any = self.get_store(parts[4], parts[3]).subscriptions.get(
            response.get("SubscriptionArn") or ""
        )
        if subscription is None or _KEPT in subscription:
            return response
        subscription[_KEPT] = str(authenticate_on_unsubscribe).lower()
        headers: Any = context.request.headers
        if extract_access_key_id_from_auth_header(headers) == ANONYMOUS_KEY:
            subscription["ConfirmationWasAuthenticated"] = "false"
        return response

    def get_subscription_attributes(
        self,
        context: RequestContext,
        subscription_arn: api.subscriptionARN,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.GetSubscriptionAttributesResponse:
        """Tell a subscription's attributes, of which that one is none."""
        response = super().get_subscription_attributes(context, subscription_arn, **kwargs)
        (response.get("Attributes") or {}).pop(_KEPT, None)
        return response
