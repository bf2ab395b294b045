"""LocalStack's Step Functions with tags of activities, without which Terraform can't create one.

LocalStack answers ResourceNotFound for them. Source: Step Functions API reference, TagResource: "Tags can be
applied to state machines and activities".
"""

from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api import stepfunctions as api
from localstack.services.stepfunctions.backend.activity import Activity
from localstack.services.stepfunctions.backend.state_machine import TagManager
from localstack.services.stepfunctions.provider import StepFunctionsProvider


class TaggedActivitiesProvider(StepFunctionsProvider):
    """Step Functions."""

    def create_activity(
        self,
        context: RequestContext,
        name: api.Name,
        tags: api.TagList | None = None,
        encryption_configuration: api.EncryptionConfiguration | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.CreateActivityOutput:
        """Create an activity with its tags; one that is there already keeps its own."""
        before = set(self.get_store(context).activities)
        output: api.CreateActivityOutput = super().create_activity(
            context,
            name,
            tags or [],
            encryption_configuration,  # type: ignore[arg-type]
            **kwargs,
        )
        if tags and output["activityArn"] not in before:
            self.tag_resource(context, output["activityArn"], tags)
        return output

    def tag_resource(
        self,
        context: RequestContext,
        resource_arn: api.Arn,
        tags: api.TagList,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.TagResourceOutput:
        """Add tags."""
        activity_tags = self._activity_tags(context, resource_arn)
        if activity_tags is None:
            return super().tag_resource(context, resource_arn, tags, **kwargs)
        activity_tags.add_all(tags)
        return api.TagResourceOutput()

    def untag_resource(
        self,
        context: RequestContext,
        resource_arn: api.Arn,
        tag_keys: api.TagKeyList,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.UntagResourceOutput:
        """Take tags away."""
        activity_tags = self._activity_tags(context, resource_arn)
        if activity_tags is None:
            return super().untag_resource(context, resource_arn, tag_keys, **kwargs)
        activity_tags.remove_all(tag_keys)
        return api.UntagResourceOutput()

    def list_tags_for_resource(
        self,
        context: RequestContext,
        resource_arn: api.Arn,
        **kwargs: Any,  # noqa: ANN401
    ) -> api.ListTagsForResourceOutput:
        """List tags."""
        activity_tags = self._activity_tags(context, resource_arn)
        if activity_tags is None:
            return super().list_tags_for_resource(context, resource_arn, **kwargs)
        return api.ListTagsForResourceOutput(tags=activity_tags.to_tag_list())

    def _activity_tags(self, context: RequestContext, arn: api.Arn) -> TagManager | None:
        """Return an activity's tags, kept with it; None where the ARN is no activity's."""
        activity: Activity | None = self.get_store(context).activities.get(arn)
        if activity is None:
            return None
        tags: TagManager = vars(activity).setdefault("tag_manager", TagManager())  # type: ignore[no-untyped-call]
        return tags
