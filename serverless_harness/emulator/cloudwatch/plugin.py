"""The entry point of the provider that `PROVIDER_OVERRIDE_CLOUDWATCH=tagged_alarms` chooses."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="cloudwatch", name="tagged_alarms")  # type: ignore[untyped-decorator]
def cloudwatch_tagged_alarms() -> Service:
    """Return LocalStack's service object for CloudWatch; imported only when it is chosen."""
    from serverless_harness.emulator.cloudwatch.provider import TaggedAlarmsProvider

    return Service.for_provider(TaggedAlarmsProvider())  # type: ignore[no-untyped-call]
