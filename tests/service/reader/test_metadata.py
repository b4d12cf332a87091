"""OpenGraph and JSON-LD of an article."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from indexer.articles.article import validate
from service.reader import metadata

WHERE = "https://bao.example/lo-gom"
FULL = {
    "id": "lo-gom",
    "title": "Lò gốm Lũng Vài đỏ lửa trở lại",
    "lead": "Sau hai năm tắt lò.",
    "body": "Sáng sớm, khói lên.",
    "section": "Đời sống",
    "author": "Giàng Mí Lử",
    "source": "Báo Lũng Vài",
    "tags": ["gốm", "làng nghề"],
    "published_at": "2023-11-07T17:04:00",
    "updated_at": "2023-11-08T08:00:00",
    "image_url": "https://anh.bao.example/lo.jpg",
}


def test_json_ld_of_a_full_article():
    assert json.loads(metadata.json_ld(validate(FULL), WHERE)) == {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": "Lò gốm Lũng Vài đỏ lửa trở lại",
        "description": "Sau hai năm tắt lò.",
        "inLanguage": "vi",
        "mainEntityOfPage": WHERE,
        "url": WHERE,
        "datePublished": "2023-11-07T17:04:00+07:00",
        "dateModified": "2023-11-08T08:00:00+07:00",
        "author": {"@type": "Person", "name": "Giàng Mí Lử"},
        "publisher": {"@type": "NewsMediaOrganization", "name": "Báo Lũng Vài"},
        "articleSection": "Đời sống",
        "keywords": ["gốm", "làng nghề"],
        "image": ["https://anh.bao.example/lo.jpg"],
    }


def test_what_is_unknown_is_left_out():
    bare = validate({"id": "a", "title": "Lò gốm", "image_url": "javascript:alert(1)"})
    assert json.loads(metadata.json_ld(bare, WHERE)) == {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": "Lò gốm",
        "description": "Lò gốm",
        "inLanguage": "vi",
        "mainEntityOfPage": WHERE,
        "url": WHERE,
    }
    assert metadata.open_graph(bare, WHERE) == [
        ("og:type", "article"),
        ("og:title", "Lò gốm"),
        ("og:description", "Lò gốm"),
        ("og:url", WHERE),
        ("og:locale", "vi_VN"),
    ]


def test_open_graph_of_a_full_article():
    assert metadata.open_graph(validate(FULL), WHERE)[5:] == [
        ("og:image", "https://anh.bao.example/lo.jpg"),
        ("article:published_time", "2023-11-07T17:04:00+07:00"),
        ("article:modified_time", "2023-11-08T08:00:00+07:00"),
        ("article:section", "Đời sống"),
        ("article:tag", "gốm"),
        ("article:tag", "làng nghề"),
    ]


def test_an_address_that_is_not_known_is_left_out():
    bare = validate({"id": "a", "title": "Lò gốm"})
    assert {"url", "mainEntityOfPage"}.isdisjoint(json.loads(metadata.json_ld(bare, None)))
    assert [name for name, _ in metadata.open_graph(bare, None)] == [
        "og:type",
        "og:title",
        "og:description",
        "og:locale",
    ]


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "&lt;/script&gt;",
    "a\u2028b",
    '"},{"',
    "\\u003c",
]


@pytest.mark.parametrize("title", HOSTILE)
def test_no_title_ends_the_element(title):
    check(title)


@given(st.text(st.sampled_from("</script><!--&;\\\"'\u2028 a>"), min_size=1).map(lambda text: f"a{text}z"))
def test_nothing_that_is_written_ends_the_element(title):
    check(title)


def check(title):
    article = validate({"id": "a", "title": title})
    page = html.fromstring(
        f'<head><script type="application/ld+json">{metadata.json_ld(article, WHERE)}</script><title>Hết</title></head>'
    )
    (script,) = page.xpath("//script")
    assert json.loads(script.text)["headline"] == article.title
    assert page.xpath("//title")[0].text == "Hết"
