"""What API Gateway ended in exceptions for, with the patch applied."""

import io
from types import SimpleNamespace

import pytest
from localstack.aws.api.apigateway import BadRequestException, NotFoundException
from localstack.services.apigateway.legacy.provider import ApigatewayProvider
from moto.apigateway.models import APIGatewayBackend

POLICY = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture(autouse=True)
def patched(applied):
    applied("apigateway_gaps")


@pytest.fixture
def backend():
    return APIGatewayBackend("us-east-1", "000000000000")


@pytest.mark.parametrize("policy", ["x", "5", "[]", '{"a": '])
def test_a_policy_that_is_no_json_object_is_refused_and_not_stored(backend, policy):
    with pytest.raises(BadRequestException, match="Invalid policy document"):
        backend.create_rest_api("a", "", policy=policy)
    assert backend.list_apis() == []

    api = backend.create_rest_api("a", "", policy=POLICY)
    operation = {"op": "replace", "path": "/policy", "value": policy}
    with pytest.raises(BadRequestException, match="Invalid policy document"):
        backend.update_rest_api(api.id, [operation])
    assert api.policy == POLICY


def test_a_key_has_a_name_and_no_unknown_members(backend):
    key = backend.create_api_key({"unknown": 1})
    assert key.to_json()["name"] == ""
    assert "unknown" not in key.to_json()


@pytest.mark.parametrize("body", [b"blob", b"5", b"{}", b'{"info": 1}', b"\xff"])
def test_a_definition_that_is_no_openapi_document_is_refused(body):
    with pytest.raises(BadRequestException, match="Invalid OpenAPI input"):
        ApigatewayProvider.import_rest_api(None, None, body=io.BytesIO(body))


def test_a_path_without_an_apis_id_names_no_api():
    context = SimpleNamespace(request=SimpleNamespace(path="/restapis/"))
    with pytest.raises(NotFoundException):
        ApigatewayProvider.get_rest_apis(None, context)
