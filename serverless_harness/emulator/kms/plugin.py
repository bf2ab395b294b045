"""The entry point of the KMS provider, chosen by `PROVIDER_OVERRIDE_KMS=standard_algorithms`."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="kms", name="standard_algorithms")  # type: ignore[untyped-decorator]
def kms_standard_algorithms() -> Service:
    """Return LocalStack's service object for KMS with our cryptography; imported only when it is chosen."""
    from serverless_harness.emulator.kms.provider import StandardAlgorithmsKmsProvider

    return Service.for_provider(StandardAlgorithmsKmsProvider())
