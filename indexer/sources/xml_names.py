"""Names of XML elements, including those in broken files."""

from __future__ import annotations

from lxml import etree


def split_name(element: etree._Element) -> tuple[str, str]:
    """Return the namespace of an element, or an empty string, and its local name. lxml's function refuses odd names."""
    namespace, _, name = str(element.tag).rpartition("}")
    return namespace.removeprefix("{"), name
