"""Writes XML answers in one piece: ElementTree's streams cost more than the elements of a small answer.

The bytes are the same. Answers in JSON, which LocalStack makes of the XML, are left to it.
"""

from collections.abc import Callable
from xml.etree.ElementTree import Element

from localstack.aws.protocol.serializer import BaseXMLResponseSerializer
from localstack.constants import APPLICATION_JSON

from serverless_harness.emulator.gateway import xml_text
from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [BaseXMLResponseSerializer._node_to_string]

type Write = Callable[[BaseXMLResponseSerializer, Element | None, str], str | bytes | None]


def apply() -> None:
    """Write elements here."""
    wrap(BaseXMLResponseSerializer._node_to_string, _node_to_string)


def _node_to_string(
    fn: Write, self: BaseXMLResponseSerializer, root: Element | None, mime_type: str
) -> str | bytes | None:
    if root is None or mime_type == APPLICATION_JSON:
        return fn(self, root, mime_type)
    return xml_text.to_bytes(root)
