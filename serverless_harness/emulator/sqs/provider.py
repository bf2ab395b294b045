"""LocalStack's SQS with the checks that it lacks: of attributes' values, of permissions and of ARNs.

LocalStack keeps any value, and ends every later call of the queue in status 500 for one that is no number.
An empty `RedriveAllowPolicy` it keeps for ever, so that `terraform destroy` waits in vain for it to go away.
"""

import re
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api import sqs as api
from localstack.services.sqs.exceptions import InvalidParameterValueException
from localstack.services.sqs.models import FifoQueue, SqsQueue
from localstack.services.sqs.provider import SqsProvider
from localstack.utils.aws.arns import ARN_PARTITION_REGEX

from serverless_harness.emulator.sqs import attributes as queue_attributes

_QUEUE_ARN = re.compile(rf"{ARN_PARTITION_REGEX}:sqs:([a-z0-9-]+):(\d{{12}}):([\w-]+(?:\.fifo)?)")


class CheckedAttributesProvider(SqsProvider):
    """SQS."""

    def create_queue(
        self,
        context: RequestContext,
        queue_name: api.String,
        attributes: api.QueueAttributeMap | None = None,
        tags: api.TagMap | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.CreateQueueResult:
        """Create a queue; attributes that an empty value takes away are none."""
        given = _by_name(attributes or {})
        fifo = given.get("FifoQueue", "false").lower() == "true"
        queue_attributes.check(given, fifo=fifo, is_fifo=self._is_fifo)
        kept = {name: value for name, value in given.items() if not _is_removed(name, value)}
        return super().create_queue(context, queue_name, kept, tags, **kwargs)  # type: ignore[arg-type]

    def set_queue_attributes(
        self,
        context: RequestContext,
        queue_url: api.String,
        attributes: api.QueueAttributeMap,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Change attributes: all of them, or none."""
        queue: SqsQueue = self._resolve_queue(context, queue_url=queue_url)
        given = _by_name(attributes)
        queue.validate_queue_attributes(given)  # type: ignore[no-untyped-call]
        queue_attributes.check(given, fifo=isinstance(queue, FifoQueue), is_fifo=self._is_fifo)
        kept = {name: value for name, value in given.items() if not _is_removed(name, value)}
        super().set_queue_attributes(context, queue_url, kept, **kwargs)  # type: ignore[arg-type]
        for name in given.keys() - kept.keys():
            queue.attributes.pop(name, None)  # type: ignore[call-overload]

    def delete_queue(self, context: RequestContext, queue_url: api.String, **kwargs: Any) -> None:  # noqa: ANN401
        """Delete a queue that is there."""
        self._resolve_queue(context, queue_url=queue_url)
        super().delete_queue(context, queue_url, **kwargs)

    def add_permission(
        self,
        context: RequestContext,
        queue_url: api.String,
        label: api.String,
        aws_account_ids: api.AWSAccountIdList,
        actions: api.ActionNameList,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Add a statement to the policy; it needs an account and an action."""
        for name, values in (("AWSAccountId", aws_account_ids), ("ActionName", actions)):
            if not values:
                raise _missing(name)
        super().add_permission(context, queue_url, label, aws_account_ids, actions, **kwargs)

    def change_message_visibility_batch(
        self,
        context: RequestContext,
        queue_url: api.String,
        entries: api.ChangeMessageVisibilityBatchRequestEntryList,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.ChangeMessageVisibilityBatchResult:
        """Change visibilities; the model has the timeout as optional, the service asks for it."""
        for entry in entries:
            if entry.get("VisibilityTimeout") is None:
                raise _missing("VisibilityTimeout")
        return super().change_message_visibility_batch(context, queue_url, entries, **kwargs)

    def _require_queue_by_arn(self, context: RequestContext, queue_arn: str) -> SqsQueue:
        """Return a queue; refuse what is no queue's ARN before it is looked for."""
        if not _QUEUE_ARN.fullmatch(queue_arn):
            raise InvalidParameterValueException(  # type: ignore[no-untyped-call]
                "You must use this format to specify the SourceArn: "
                "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
            )
        return super()._require_queue_by_arn(context, queue_arn)

    def _is_fifo(self, queue_arn: str) -> bool | None:
        found = _QUEUE_ARN.fullmatch(queue_arn)
        if found is None:
            return None
        region, account_id, name = found.groups()[-3:]
        queue = self.get_store(account_id, region).queues.get(name)
        return None if queue is None else isinstance(queue, FifoQueue)


def _by_name(attributes: api.QueueAttributeMap) -> dict[str, str]:
    return {str(name): value for name, value in attributes.items()}


def _is_removed(name: str, value: str) -> bool:
    return name in queue_attributes.REMOVED_BY_NOTHING and value == ""


def _missing(name: str) -> CommonServiceException:
    text = f"The request must contain the parameter {name}."
    return CommonServiceException("MissingParameter", text, 400, sender_fault=True)
