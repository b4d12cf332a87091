"""Names of XML elements, as broken files have them too."""

from __future__ import annotations

from lxml import etree


def split_name(element: etree._Element) -> tuple[str, str]:
    """Return the namespace of an element, or nothing, and its name within it; lxml's own way refuses odd ones."""
    namespace, _, name = str(element.tag).rpartition("}")
    return namespace.removeprefix("{"), name
