"""Layers of other accounts, whose contents the stack's owner gives: LocalStack can't fetch them from AWS."""

from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.services.lambda_ import api_utils
from localstack.services.lambda_.hooks import inject_layer_fetcher
from localstack.services.lambda_.invocation.lambda_models import Layer, LayerVersion
from localstack.services.lambda_.invocation.lambda_service import store_lambda_archive
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.layerfetcher.layer_fetcher import LayerFetcher
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator import activation

GIVEN = "given to the emulator by its owner"
"""The description of such a layer: by it they are told from those that were published."""


def hashes() -> dict[str, str]:
    """Return the CodeSha256 of each layer that was given, by its ARN."""
    return {
        version.layer_version_arn: version.code.code_sha256
        for _, _, store in lambda_stores.iter_stores()
        for layer in store.layers.values()
        for version in layer.layer_versions.values()
        if version.description == GIVEN and version.code
    }


def give(arn: str, archive: bytes) -> str:
    """Keep a layer's contents, in the place of what was given before; returns their CodeSha256.

    Raises ValueError where the ARN is not that of a layer's version, ServiceException where the
    archive isn't one that Lambda takes.
    """
    match = api_utils.LAYER_VERSION_ARN_PATTERN.fullmatch(arn)
    if match is None or not match["layer_version"]:
        raise ValueError(f"{arn} is not the ARN of a layer's version")
    region, account, name, number = api_utils.parse_layer_arn(arn)
    code = store_lambda_archive(archive, name, region, account)
    layer_arn = arn.rpartition(":")[0]
    layer = lambda_stores[account][region].layers.setdefault(name, Layer(arn=layer_arn))
    with layer.next_version_lock:
        layer.next_version = max(layer.next_version, int(number) + 1)
        layer.layer_versions[number] = LayerVersion(
            layer_version_arn=arn,
            layer_arn=layer_arn,
            version=int(number),
            code=code,
            license_info=None,
            compatible_runtimes=None,
            compatible_architectures=None,
            created=api_utils.generate_lambda_date(),
            description=GIVEN,
        )
    return str(code.code_sha256)


class NoOtherLayers(LayerFetcher):
    """Refuses the layers that weren't given, in words that say how to give them."""

    def fetch_layer(self, layer_version_arn: str) -> Layer | None:
        """Raise InvalidParameterValueException: nothing is fetched."""
        message = (
            f"the contents of {layer_version_arn}, a layer of another account, aren't known here: "
            "name a folder, a zip or a requirement for it in the setting 'layers'"
        )
        raise InvalidParameterValueException(message, Type="User")


@inject_layer_fetcher()  # type: ignore[untyped-decorator]
def refuse_other_layers(provider: LambdaProvider) -> None:
    """Have Lambda ask for layers here, in a LocalStack whose settings chose this emulator."""
    if activation.is_chosen():
        provider.layer_fetcher = NoOtherLayers()
