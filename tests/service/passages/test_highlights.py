"""What a hit shows of what was looked for, and that no more of it is made than is asked for."""

import pytest

from indexer.articles.article import Article
from service.passages import snippets
from service.passages.highlights import Highlights
from service.passages.snippets import NOTHING_WANTED, MarkTargets

KILN = MarkTargets(frozenset({"lò", "gốm"}), frozenset())


def told(lead, body, wanted=KILN):
    shown = Highlights(Article(id="a", title="Lò <gốm>", lead=lead, body=body), wanted)
    return shown.text, shown.lead, shown.passage


def test_a_title_is_escaped_and_marked():
    shown = Highlights(Article(id="a", title="Lò <gốm>"), KILN)
    assert shown.title == "<mark>Lò</mark> &lt;<mark>gốm</mark>&gt;"
    assert (shown.text, shown.lead, shown.passage) == ("", "", "")


@pytest.mark.parametrize(
    ("lead", "body", "expected"),
    [
        ("Bản xa.", "Có gốm.", ("Có <mark>gốm</mark>.", "Bản xa.", "Có <mark>gốm</mark>.")),
        ("Gốm xa.", "Có gốm.", ("Có <mark>gốm</mark>.", "<mark>Gốm</mark> xa.", "")),
        ("Gốm xa.", "Lò gốm.", ("<mark>Lò gốm</mark>.", "<mark>Gốm</mark> xa.", "<mark>Lò gốm</mark>.")),
        ("Gốm xa.", "Bản mở.", ("<mark>Gốm</mark> xa.", "<mark>Gốm</mark> xa.", "")),
        ("Gốm xa.", None, ("<mark>Gốm</mark> xa.", "<mark>Gốm</mark> xa.", "")),
        ("Bản xa.", "Bản mở.", ("Bản xa.", "Bản xa.", "")),
        (None, "Bản mở.", ("Bản mở.", "", "")),
    ],
)
def test_the_body_speaks_where_it_has_the_words(lead, body, expected):
    assert told(lead, body) == expected


def test_nothing_is_marked_where_nothing_is_wanted():
    assert told("Gốm xa.", "Lò gốm.", NOTHING_WANTED) == ("Gốm xa.", "Gốm xa.", "")


def test_parts_are_made_where_they_are_asked_for(monkeypatch):
    read = []

    def noting(name):
        whole = getattr(snippets, name)
        return lambda text, wanted: read.append(text) or whole(text, wanted)

    for name in ("mark", "snippet"):
        monkeypatch.setattr(snippets, name, noting(name))
    shown = Highlights(Article(id="a", title="Lò", lead="Gốm xa.", body="Lò gốm."), KILN)
    assert read == []
    assert (shown.title, shown.text) == ("<mark>Lò</mark>", "<mark>Lò gốm</mark>.")
    assert read == ["Lò", "Lò gốm."]
    assert shown.passage == shown.text
    assert read == ["Lò", "Lò gốm.", "Gốm xa."]
