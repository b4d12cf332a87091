"""A page's metadata on its article: JSON-LD, microdata, OpenGraph and other <meta> tags.

Owns the place of each field and the order of trust. Judges nothing, and never reads running text.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import html as lxml_html

from indexer.sources.html_document import inner_text
from indexer.text import folding

_AROUND_SCRIPT = re.compile(r"\A\s*+(?://\s*+)?(?:<!\[CDATA\[|<!--)|(?://\s*+)?(?:\]\]>|-->)\s*+\Z")
_ARTICLE = re.compile(r"(?:\w*News)?Article|BlogPosting|Report|LiveBlogPosting|\w+NewsArticle|NewsArticle")
_MOST_NODES = 5000
_HOME = {"trang chu", "home", "homepage", "trang nhat"}

Node = dict[str, Any]


@dataclass
class Metadata:
    """The metadata of one page: values by name, most trusted first."""

    nodes: list[Node] = field(default_factory=list)
    meta: dict[str, list[str]] = field(default_factory=dict)
    crumbs: list[str] = field(default_factory=list)
    site: list[str] = field(default_factory=list)

    @property
    def declared(self) -> bool:
        """Return whether the page calls itself an article."""
        is_article = any(value.lower() == "article" for value in self.meta.get("og:type", []))
        return bool(self.nodes) or is_article or "article:published_time" in self.meta

    def texts(self, node_names: Sequence[str], meta_names: Sequence[str] = ()) -> list[str]:
        """Return the values under these names: of the article's node first, then of <meta> tags."""
        found = [value for name in node_names for node in self.nodes for value in _strings(node.get(name))]
        found += [value for name in meta_names for value in self.meta.get(name, [])]
        return found


def read_metadata(root: lxml_html.HtmlElement) -> Metadata:
    """Return the metadata of a page's tree."""
    graph = list(_graph(root))
    nodes = [node for node in graph if any(_ARTICLE.fullmatch(kind) for kind in _strings(node.get("@type")))]
    meta = _meta(root)
    micro = _microdata(root)
    site = meta.get("og:site_name", []) + [name for node in nodes for name in _strings(node.get("publisher"))]
    crumbs = [node for node in graph if "BreadcrumbList" in _strings(node.get("@type"))]
    return Metadata(nodes + ([micro] if micro else []), meta, _crumbs(crumbs), site)


def _graph(root: lxml_html.HtmlElement) -> Iterator[Node]:
    """Yield every JSON-LD object that stands alone, in an array or in a @graph. Broken blocks are skipped."""
    waiting: list[object] = []
    for script in root.iter("script"):
        if "ld+json" in (script.get("type") or "").lower():
            try:
                waiting.append(json.loads(_bare(script.text or ""), strict=False))
            except (ValueError, RecursionError):
                continue
    waiting.reverse()
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        item = waiting.pop()
        if isinstance(item, list):
            waiting += reversed(item)
        elif isinstance(item, dict):
            yield item
            waiting += [item[key] for key in ("mainEntity", "@graph") if key in item]


def _bare(script: str) -> str:
    return _AROUND_SCRIPT.sub("", script).strip().rstrip(";")


def _strings(value: object, depth: int = 0) -> list[str]:
    """Return the strings of a property: the value itself, or the names or addresses of its objects."""
    if isinstance(value, str):
        bare = folding.clean(html.unescape(value))
        return [bare] if bare else []
    if isinstance(value, list) and depth < 3:
        return [string for item in value for string in _strings(item, depth + 1)]
    if isinstance(value, dict) and depth < 3:
        key = next((key for key in ("name", "url", "contentUrl", "@id") if value.get(key)), None)
        return _strings(value[key], depth + 1) if key else []
    return []


def _meta(root: lxml_html.HtmlElement) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tag in root.iter("meta"):
        name = tag.get("property") or tag.get("name") or tag.get("itemprop") or ""
        content = folding.clean(tag.get("content") or "")
        if name and content:
            found.setdefault(name.strip().lower(), []).append(content)
    return found


_PLAIN_PROPERTIES = frozenset(
    "headline datePublished dateModified author articleSection description image keywords".split()
)


def _microdata(root: lxml_html.HtmlElement) -> Node:
    """Return the itemprops of the first scope that is an article, empty if there is none."""
    kinds = ((scope, (scope.get("itemtype") or "").rstrip("/").rsplit("/", 1)[-1]) for scope in root.iter())
    scope = next((scope for scope, kind in kinds if kind and _ARTICLE.fullmatch(kind)), None)
    node: dict[str, list[str]] = {}
    for tag in scope.iter() if scope is not None else ():
        for name in (tag.get("itemprop") or "").split():
            value = _item_value(tag)
            if name in _PLAIN_PROPERTIES and value:
                node.setdefault(name, []).append(value)
    return node


def _item_value(tag: lxml_html.HtmlElement) -> str:
    named: Iterable[lxml_html.HtmlElement] = (t for t in tag.iter() if "name" in (t.get("itemprop") or "").split())
    inner = next(iter(named), None) if tag.get("itemscope") is not None else None
    tag = tag if inner is None else inner
    is_name = tag.get("itemprop") in {"author", "name", "articleSection"}
    for attribute in ("content", "datetime", "src", *(() if is_name else ("href",))):
        value = tag.get(attribute)
        if value:
            return folding.clean(value)
    return folding.clean(inner_text(tag))


def _crumbs(nodes: Sequence[Node]) -> list[str]:
    """Return the names in the first breadcrumb trail, without the front page."""
    for node in nodes:
        items = node.get("itemListElement")
        names = [_crumb(item) for item in items] if isinstance(items, list) else []
        found = [name for name in names if name and folding.fold(name) not in _HOME]
        if found:
            return found
    return []


def _crumb(item: object) -> str:
    if not isinstance(item, dict):
        return ""
    names = _strings(item.get("name")) or (_strings(item["item"]) if isinstance(item.get("item"), dict) else [])
    return names[0] if names else ""
