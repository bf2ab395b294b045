"""The entry point of the `moto` DynamoDB provider, chosen by `PROVIDER_OVERRIDE_DYNAMODB=moto`."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="dynamodb", name="moto")  # type: ignore[untyped-decorator]
def dynamodb_moto() -> Service:
    """Return LocalStack's service object for DynamoDB over moto; imported only when it is chosen."""
    from serverless_harness.emulator.dynamodb.provider import DynamoDbMotoProvider

    provider = DynamoDbMotoProvider()
    return Service.for_provider(provider, dispatch_table_factory=lambda _: provider.dispatch_table())
