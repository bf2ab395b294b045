"""Requests that moto serves at the same time don't change each other's answers."""

import pytest
from moto.ecs.responses import EC2ContainerServiceResponse


@pytest.mark.parametrize("change", ["_include_in_response", "_exclude_from_response"])
def test_a_field_is_changed_in_one_answer_alone(applied, change):
    applied("moto_response_fields")
    own = dict(EC2ContainerServiceResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER)
    changed, other = (EC2ContainerServiceResponse.__new__(EC2ContainerServiceResponse) for _ in range(2))

    getattr(changed, change)("Own.Tags")

    assert changed.RESPONSE_KEY_PATH_TO_TRANSFORMER.keys() == {*own, "Own.Tags"}
    assert own == other.RESPONSE_KEY_PATH_TO_TRANSFORMER
