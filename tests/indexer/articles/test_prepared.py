"""An article prepared: what follows from its text, and that its HTML is parsed when it is made and not again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.article import Article, validate
from indexer.articles.prepared import PreparedArticle
from indexer.text.syllables import spelt, stream


def prepared(**fields):
    return PreparedArticle.of(validate({"id": "a", "title": "Lớp gốm", **fields}))


def test_text_is_title_lead_and_body():
    assert prepared(lead="Mở.", body_html="<p>Một<p>hai").text == "Lớp gốm\nMở.\nMột\nhai"
    assert prepared(body="Một").text == "Lớp gốm\nMột"
    assert prepared().text == "Lớp gốm"


def test_plain_text_comes_before_html():
    assert prepared(body="Chữ", body_html="<p>khác").body == "Chữ"
    assert prepared(body_html="<script>x</script>").body is None


def test_views_and_fullness_by_hand():
    one = prepared(lead="Lớp", body_html="<p>mở</p>")
    assert one.views == ("Lớp gốm\nLớp\nmở", "Lớp gốm\nLớp")
    assert one.fullness == 7 + 3 + 2
    assert prepared().fullness == 7


def test_words_by_hand():
    one = prepared(title="Hoà Bình", lead="Khoẻ, 08. Lắm")
    assert one.title_words == ["hoà", "bình"]
    assert one.other_words == ["", "khoẻ", "08", "", "lắm"]
    assert one.words == ["hoà", "bình", "", "khoẻ", "08", "", "lắm"]
    assert one.title_syllables == ["hòa", "bình"]
    assert one.syllables == ["hòa", "bình", "", "khỏe", "8", "", "lắm"]


@given(st.text(min_size=1), st.text(), st.text())
def test_words_of_title_and_of_the_rest_are_those_of_the_text(title, lead, body):
    found = validate({"id": "a", "title": title, "lead": lead, "body": body})
    if isinstance(found, Article):
        one = PreparedArticle.of(found)
        assert one.words == stream(one.text)
        assert one.syllables == [spelt(word) for word in stream(one.text)]
        assert one.views == found.views


def test_html_is_parsed_once(monkeypatch):
    bodies = []
    plain = Article.plain_body.fget
    monkeypatch.setattr(Article, "plain_body", property(lambda article: bodies.append(article.id) or plain(article)))
    one = prepared(body_html="<p>Một<p>hai")
    for _ in range(2):
        assert (one.body, one.fullness, one.words[-1]) == ("Một\nhai", 14, "hai")
        assert one.views[0].endswith("hai")
    assert bodies == ["a"]


def test_it_does_not_change():
    with pytest.raises(AttributeError, match="cannot assign"):
        prepared().body = "Khác"
