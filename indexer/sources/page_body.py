"""The running text of a saved page, without its surroundings.

Owns which blocks are not text of the article, and the use of trafilatura. Knows nothing of other fields.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import trafilatura
from lxml import etree
from lxml import html as lxml_html

from indexer.sources import page_dates
from indexer.sources.html_document import inner_text
from indexer.text import folding, markup

_WORD = re.compile(r"\w+")
_AROUND = re.compile(
    r"(?:.*[-_])?(?:related?|lien-?quan|doc-?them|xem-?them|doc-?nhieu|tin-?moi|box-?tinlienquan|binh-?luan|comments?"
    r"|cookies?|consent|breadcrumbs?|shar(?:e|ing)|social|tags?|newsletter|subscribe|sidebar|widget|advert|ads|quang-?cao"
    r"|banner|author|byline|tac-?gia|meta|date|datetime|rating|footer|menu|navbar|pagination)"
    r"(?:[-_](?:box|list|block|wrap|wrapper|info|area|news|posts|section|name|buttons?))?",
    re.IGNORECASE,
)
_TAGS_AROUND = frozenset("script style noscript template nav aside footer form iframe button svg select".split())
_CAPTION = re.compile(
    r"(?:.*[-_])?(?:caption|image-?desc|photo-?note|pic-?note|chu-?thich)(?:[-_]text)?", re.IGNORECASE
)
_MOST_OF_TEXT = 0.4
_CELL_WORDS = 60
_SOURCE = re.compile(r"(?:nguồn|link gốc|bản quyền|copyright)\b|©", re.IGNORECASE)
_SOURCE_WORDS = 15
_LONGEST_DATELINE = 60
_LETTERS = re.compile(r"[^\W\d_]+")
_INLINE = frozenset("a b br em i span strong sub sup u".split())


def tokens(element: lxml_html.HtmlElement) -> list[str]:
    """Return the classes and the id of an element."""
    return f"{element.get('class') or ''} {element.get('id') or ''}".split()


def has_class(element: lxml_html.HtmlElement, match: Callable[[str], object]) -> bool:
    """Return whether a class or the id matches a pattern.

    :param match: `fullmatch` of the pattern, since `search` would take quadratic time.
    """
    return any(match(token) for token in tokens(element))


def _is_caption(element: lxml_html.HtmlElement) -> bool:
    return element.tag == "figcaption" or has_class(element, _CAPTION.fullmatch)


def captions(root: lxml_html.HtmlElement) -> list[str]:
    """Return the captions of the page's pictures."""
    found = [inner_text(e) for e in root.iter() if isinstance(e.tag, str) and _is_caption(e)]
    return list(dict.fromkeys(filter(None, found)))


def extract_body(root: lxml_html.HtmlElement, apart: Collection[str]) -> str:
    """Return the paragraphs of the article, a line each.

    :param apart: Other fields, such as title and lead, folded. A paragraph equal to one of them is left out.
    """
    tree = copy.deepcopy(root)
    whole = max(1, len(inner_text(tree)))
    _drop(tree, lambda e: e.tag in _TAGS_AROUND or _is_caption(e) or has_class(e, _AROUND.fullmatch), whole)
    _unfold_layout_tables(tree)
    found = _by_trafilatura(tree)
    lines = [line for line in folding.clean(found).split("\n") if _is_own(line, apart)]
    while lines and _SOURCE.match(lines[-1]) and len(lines[-1].split()) <= _SOURCE_WORDS:
        lines.pop()
    return "\n".join(lines)


def _is_own(line: str, apart: Collection[str]) -> bool:
    folded = folding.fold(line).strip(" .…")
    is_time = (
        len(line) <= _LONGEST_DATELINE and page_dates.to_iso(line) is not None and len(_LETTERS.findall(line)) <= 5
    )
    return bool(_WORD.search(line)) and folded not in apart and not is_time


def _unfold_layout_tables(tree: lxml_html.HtmlElement) -> None:
    """Turn layout tables into blocks: tables that hold tables, or running text in a cell."""
    for table in list(tree.iter("table")):
        cells = list(table.iter("td", "th"))
        if table.find(".//table") is None and not any(len(inner_text(cell).split()) > _CELL_WORDS for cell in cells):
            continue
        for part in [table, *table.iter("tbody", "tr", "td", "th")]:
            nested = next((up for up in part.iterancestors("table", "section")), table)
            if part is table or nested is table:
                part.tag = "div"
    etree.strip_tags(tree, "font", "center")  # lxml's `drop_tag` searches all siblings for its place
    for block in list(tree.iter("div")):
        _split_at_breaks(block)


def _split_at_breaks(block: lxml_html.HtmlElement) -> None:
    """Split a block that holds only text into paragraphs at double breaks."""
    if len(block.findall("br")) < 2 or any(child.tag not in _INLINE for child in block):
        return
    parts = re.split(r"(?:<br\s*+/?>\s*+){2,}+", lxml_html.tostring(block, encoding="unicode", with_tail=False))
    if len(parts) > 1:
        plain = [markup.html_to_text(part) for part in parts]
        for child in list(block):
            child.drop_tree()
        block.text = None
        for paragraph in filter(None, plain):
            etree.SubElement(block, "p").text = paragraph


def _drop(tree: lxml_html.HtmlElement, around: Callable[[lxml_html.HtmlElement], bool], whole: int) -> None:
    """Remove blocks from a tree, except a block with most of the text, whatever its name."""
    doomed = [e for e in tree.iter() if isinstance(e.tag, str) and e.tag not in {"html", "body", "head"} and around(e)]
    gone: set[lxml_html.HtmlElement] = set()
    for element in doomed:
        parent = element.getparent()
        if parent is None or parent in gone:
            gone.add(element)
            continue
        unseen = element.tag in {"script", "style", "template", "noscript"}
        if not unseen and len(inner_text(element)) > _MOST_OF_TEXT * whole:
            continue
        element.drop_tree()
        gone.add(element)


def _by_trafilatura(tree: lxml_html.HtmlElement) -> str:
    try:
        found = trafilatura.extract(
            tree,
            favor_precision=True,
            include_comments=False,
            include_tables=True,
            include_formatting=False,
            include_links=False,
            deduplicate=False,
            with_metadata=False,
        )
    except (ValueError, RecursionError, AttributeError, TypeError):
        return ""
    return found or ""


def agreed(extracted: str, stated: str) -> str:
    """Return the body, from the extracted text and the text that the page's metadata states.

    The stated text has no boilerplate, but often no paragraphs, and may be cut. If it is cut, or much shorter, return
    the extracted text. Otherwise return the extracted lines that also occur in it, if they cover it, or else the stated
    text.
    """
    if "<" in stated:
        stated = markup.html_to_text(stated)
    stated = folding.clean(stated)
    known, found = _counted(stated), _counted(extracted)
    if not known or stated.endswith(("...", "…", "[…]")) or known.total() * 2 < found.total():
        return extracted
    lines = [line for line in extracted.split("\n") if _share(_counted(line), known) > 0.9]
    covered = _share(known, _counted("\n".join(lines)))
    return "\n".join(lines) if covered > 0.95 and ("\n" not in stated or covered == 1) else stated


def _counted(content: str) -> Counter[str]:
    return Counter(_WORD.findall(folding.fold(content)))


def _share(part: Counter[str], whole: Counter[str]) -> float:
    return (part & whole).total() / max(1, part.total())


def index_share(root: lxml_html.HtmlElement, body: Sequence[str]) -> float:
    """Return the share of the body's words that are in teasers: headings that link elsewhere, and text beside them."""
    teasers: set[str] = set()
    for heading in root.iter("h2", "h3", "h4"):
        if heading.find(".//a[@href]") is None and next(heading.iterancestors("a"), None) is None:
            continue
        teasers.add(folding.fold(inner_text(heading)))
        beside = [e for e in heading.itersiblings() if isinstance(e.tag, str)]
        if len(beside) <= 4:
            teasers.update(folding.fold(inner_text(e)) for e in beside)
    words = [(len(line.split()), folding.fold(line) in teasers) for line in body]
    return sum(count for count, known in words if known) / max(1, sum(count for count, _ in words))
