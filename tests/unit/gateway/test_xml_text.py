"""XML answers have the bytes that ElementTree's own writer gives them."""

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from localstack.aws.protocol.serializer import create_serializer
from localstack.aws.spec import load_service

from serverless_harness.emulator.gateway import xml_text

TEXTS = (
    st.none() | st.text(st.characters(exclude_categories=[]), max_size=8) | st.just("a<b>&\"'\r\n\t\ud800é€𝄞")
)
NAMES = st.sampled_from(["a", "Member", "{http://ns.example/}b", "{urn:c}c", "x.y-z"])


@st.composite
def elements(draw: st.DrawFn, depth: int = 2) -> ElementTree.Element:
    attributes = draw(
        st.dictionaries(
            st.sampled_from(["xmlns", "k", "{urn:c}d"]), TEXTS.filter(lambda t: t is not None), max_size=2
        )
    )
    element = ElementTree.Element(draw(NAMES), attributes)
    element.text, element.tail = draw(TEXTS), draw(TEXTS)
    if depth:
        element.extend(draw(st.lists(elements(depth=depth - 1), max_size=2)))
    return element


@settings(max_examples=60)
@given(elements())
def test_bytes_are_those_of_elementtree(element: ElementTree.Element) -> None:
    assert xml_text.to_bytes(element) == ElementTree.tostring(element, encoding="utf-8", xml_declaration=True)


@pytest.mark.parametrize("service_name", ["sns", "iam", "sts", "s3", "route53"])
def test_answers_of_services_have_the_same_bytes(service_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation of the service, with a value for each text of its answer."""
    service = load_service(service_name)
    serializer = create_serializer(service, service.protocol)
    roots: list[ElementTree.Element] = []
    original = ElementTree.tostring
    monkeypatch.setattr(
        ElementTree, "tostring", lambda element, **how: roots.append(element) or original(element, **how)
    )
    for name in service.operation_names:
        operation = service.operation_model(name)
        shape = operation.output_shape
        members = {} if shape is None else shape.members
        answer = {key: "a&b é" for key, member in members.items() if member.type_name == "string"}
        serializer.serialize_to_response(answer, operation, {}, "id")
    monkeypatch.undo()
    assert roots
    for root in roots:
        assert xml_text.to_bytes(root) == original(root, encoding="utf-8", xml_declaration=True)
