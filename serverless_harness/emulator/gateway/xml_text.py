"""The text of an XML answer, as `xml.etree.ElementTree.tostring` writes it, without its layers of streams."""

from xml.etree import ElementTree

DECLARATION = "<?xml version='1.0' encoding='utf-8'?>\n"


def to_bytes(element: ElementTree.Element) -> bytes:
    """Return an element as a document in UTF-8, with its declaration."""
    text = ElementTree.tostring(element, encoding="unicode")
    return (DECLARATION + text).encode("utf-8", "xmlcharrefreplace")
