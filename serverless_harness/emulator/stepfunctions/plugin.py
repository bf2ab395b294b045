"""The entry point of the provider that `PROVIDER_OVERRIDE_STEPFUNCTIONS=tagged_activities` chooses."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="stepfunctions", name="tagged_activities")  # type: ignore[untyped-decorator]
def stepfunctions_tagged_activities() -> Service:
    """Return LocalStack's service object for Step Functions; imported only when it is chosen."""
    from serverless_harness.emulator.stepfunctions.provider import TaggedActivitiesProvider

    return Service.for_provider(TaggedActivitiesProvider())
