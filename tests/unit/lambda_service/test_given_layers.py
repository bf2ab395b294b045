"""Layers of other accounts are those that the stack's owner gave; others are refused in words that help."""

from types import SimpleNamespace

import pytest
from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.services.lambda_.invocation import lambda_models
from localstack.services.lambda_.invocation.models import lambda_stores
from werkzeug.exceptions import BadRequest

from serverless_harness.emulator.lambda_service import given_layers
from serverless_harness.emulator.lambda_service.layer_routes import LayersResource

ARN = "arn:aws:lambda:eu-west-1:017000801446:layer:texts:18"


@pytest.fixture
def layers(monkeypatch):
    """The resource, of a Lambda whose archives are kept nowhere."""

    def store(archive, name, region, account):
        if archive == b"no zip":
            raise InvalidParameterValueException("Could not unzip uploaded file.", Type="User")
        return SimpleNamespace(code_sha256=f"sha256 of {archive.decode()}")

    monkeypatch.setattr(given_layers, "store_lambda_archive", store)
    lambda_stores["017000801446"]["eu-west-1"].layers.pop("texts", None)
    yield LayersResource()
    lambda_stores["017000801446"]["eu-west-1"].layers.pop("texts", None)


def put(layers, arn, archive):
    return layers.on_put(SimpleNamespace(get_data=lambda: archive), arn)


def test_a_given_layer_is_the_version_that_its_arn_says(layers):
    assert put(layers, ARN, b"one") == {"CodeSha256": "sha256 of one"}
    put(layers, ARN.replace(":18", ":3"), b"three")
    put(layers, ARN, b"two")

    assert layers.on_get(None) == {ARN: "sha256 of two", ARN.replace(":18", ":3"): "sha256 of three"}
    layer = lambda_stores["017000801446"]["eu-west-1"].layers["texts"]
    assert layer.arn == ARN.removesuffix(":18")
    assert layer.next_version == 19
    assert layer.layer_versions["18"].layer_version_arn == ARN


def test_a_published_layer_is_not_among_the_given_ones(layers):
    put(layers, ARN, b"one")
    [version] = lambda_stores["017000801446"]["eu-west-1"].layers["texts"].layer_versions.values()
    assert isinstance(version, lambda_models.LayerVersion)
    version.description = "published"
    assert layers.on_get(None) == {}


@pytest.mark.parametrize(
    "arn",
    ["texts", ARN.removesuffix(":18"), f"{ARN}x", f"{ARN}\n", "arn:aws:lambda:eu-west-1:1:layer:texts:1"],
)
def test_what_is_no_layers_version_is_refused(layers, arn):
    with pytest.raises(BadRequest, match="is not the ARN of a layer's version"):
        put(layers, arn, b"one")


def test_what_lambda_would_not_take_is_refused_with_its_reason(layers):
    with pytest.raises(BadRequest, match="texts:18: Could not unzip"):
        put(layers, ARN, b"no zip")


def test_a_layer_that_was_not_given_is_refused_by_the_name_of_the_setting(monkeypatch):
    provider = SimpleNamespace(layer_fetcher=None)
    monkeypatch.setattr(given_layers.activation, "is_chosen", lambda: False)
    given_layers.refuse_other_layers(provider)
    assert provider.layer_fetcher is None

    monkeypatch.setattr(given_layers.activation, "is_chosen", lambda: True)
    given_layers.refuse_other_layers(provider)
    with pytest.raises(InvalidParameterValueException, match=rf"{ARN}.*the setting 'layers'"):
        provider.layer_fetcher.fetch_layer(ARN)
