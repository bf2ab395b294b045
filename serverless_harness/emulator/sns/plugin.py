"""The entry point of the provider that `PROVIDER_OVERRIDE_SNS=checked_messages` chooses."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="sns", name="checked_messages")  # type: ignore[untyped-decorator]
def sns_checked_messages() -> Service:
    """Return LocalStack's service object for SNS; imported only when it is chosen."""
    from serverless_harness.emulator.sns.provider import CheckedMessagesProvider

    return Service.for_provider(CheckedMessagesProvider())
