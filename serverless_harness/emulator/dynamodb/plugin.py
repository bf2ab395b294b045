"""The entry points of the `moto` providers of DynamoDB and its streams.

They are chosen by `PROVIDER_OVERRIDE_DYNAMODB=moto` and `PROVIDER_OVERRIDE_DYNAMODBSTREAMS=moto`.
"""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="dynamodb", name="moto")  # type: ignore[untyped-decorator]
def dynamodb_moto() -> Service:
    """Return LocalStack's service object for DynamoDB over moto; imported only when it is chosen."""
    from serverless_harness.emulator.dynamodb.provider import DynamoDbMotoProvider

    provider = DynamoDbMotoProvider()
    return Service.for_provider(provider, dispatch_table_factory=lambda _: provider.dispatch_table())


@aws_provider(api="dynamodbstreams", name="moto")  # type: ignore[untyped-decorator]
def dynamodbstreams_moto() -> Service:
    """Return LocalStack's service object for the streams of `dynamodb_moto`'s tables."""
    from serverless_harness.emulator.dynamodb.streams_provider import DynamoDbStreamsProvider

    provider = DynamoDbStreamsProvider()
    return Service.for_provider(provider, dispatch_table_factory=lambda _: provider.dispatch_table())
