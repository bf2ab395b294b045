"""The entry point of the provider that `PROVIDER_OVERRIDE_SQS=checked_attributes` chooses."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="sqs", name="checked_attributes")  # type: ignore[untyped-decorator]
def sqs_checked_attributes() -> Service:
    """Return LocalStack's service object for SQS; imported only when it is chosen."""
    from serverless_harness.emulator.sqs.provider import CheckedAttributesProvider

    return Service.for_provider(CheckedAttributesProvider())
