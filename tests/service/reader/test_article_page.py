"""The blocks around an article: which lists are asked for, and what each leaves out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from indexer.articles.article import validate
from service.reader import article_page


class Asked:
    """Stands in for a searcher: remembers what it was asked for, and finds two articles each time."""

    def __init__(self):
        self.bodies = []

    def related(self, body):
        self.bodies.append(body)
        at = len(self.bodies)
        return SimpleNamespace(hits=[SimpleNamespace(article=SimpleNamespace(id=f"{at}{name}")) for name in "ab"])


def article(paragraphs):
    return validate({"id": "x", "title": "Lò gốm", "body": "\n\n".join(f"Đoạn {at}." for at in range(paragraphs))})


def test_each_block_leaves_out_what_stands_in_those_before():
    searcher = Asked()
    found = article_page.blocks(searcher, article(4), 4)
    asked = [(body.preset, body.reference, body.exclude_ids, body.seed.ids) for body in searcher.bodies]
    assert asked == [
        ("inline-teasers", "seed", [], ["x"]),
        ("standard", "seed", ["1a", "1b"], ["x"]),
        ("headlines", "now", ["1a", "1b", "2a", "2b"], ["x"]),
    ]
    shown = [[hit.article.id for hit in block] for block in (found.teasers, found.related, found.headlines)]
    assert shown == [["1a", "1b"], ["2a", "2b"], ["3a", "3b"]]


def test_no_teasers_are_asked_for_in_a_short_text():
    searcher = Asked()
    assert article_page.blocks(searcher, article(3), 3).teasers == []
    assert [body.preset for body in searcher.bodies] == ["standard", "headlines"]


@pytest.mark.parametrize(("count", "before"), [(0, 0), (1, 1), (3, 3), (4, 2), (5, 3), (10, 5)])
def test_teasers_stand_in_the_middle(count, before):
    first, second = article_page.paragraphs(article(count))
    assert [len(first), len(second)] == [before, count - before]
    assert first + second == [f"Đoạn {at}." for at in range(count)]


def test_description_is_the_lead_else_the_text_else_the_title():
    full = {"id": "x", "title": "Tiêu đề", "lead": "Lời dẫn", "body": "Thân bài"}
    for name, expected in (("lead", "Lời dẫn"), ("body", "Thân bài"), ("title", "Tiêu đề")):
        assert article_page.description(validate(full)) == expected
        full.pop(name)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("một\nhai  ba", 20, "một hai ba"), ("một hai, ba bốn", 9, "một hai…"), ("mộthaibabốn", 5, "mộtha…")],
)
def test_shortened(text, limit, expected):
    assert article_page.shortened(text, limit) == expected
