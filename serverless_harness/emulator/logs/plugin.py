"""The entry point of the CloudWatch Logs provider, chosen by `PROVIDER_OVERRIDE_LOGS=filtering`."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="logs", name="filtering")  # type: ignore[untyped-decorator]
def logs_filtering() -> Service:
    """Return LocalStack's service object for CloudWatch Logs; imported only when it is chosen."""
    from localstack.services.moto import MotoFallbackDispatcher

    from serverless_harness.emulator.logs.provider import FilteringLogsProvider

    return Service.for_provider(FilteringLogsProvider(), dispatch_table_factory=MotoFallbackDispatcher)
