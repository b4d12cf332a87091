"""Summaries come back as they were written, row by row, from files that are only mapped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.article import Article, validate
from indexer.articles.prepared import PreparedArticle
from indexer.articles.summaries import SUMMARIES, Summaries, Summary, SummaryWriter

FULL = {
    "id": "gom",
    "title": "Lớp gốm “Lũng Vài” 🏺\u2028",
    "lead": 'Mở "đầu".\nHai.',
    "body": "Thân bài không có ở đây.",
    "url": "https://lungvai.example/gom",
    "section": "Nghề",
    "author": "Chả",
    "source": "Báo A",
    "tags": ["gốm"],
    "published_at": "2023-11-07T17:04:00.000001+07:00",
    "image_url": "https://lungvai.example/1.jpg",
}


def article(**fields):
    found = validate({"id": "a", "title": "Tin", **fields})
    assert not isinstance(found, list)
    return found


def summary_of(found):
    return Summary(*(getattr(found, name) for name in Summary._fields))


@pytest.fixture
def written(tmp_path):
    def write(*articles):
        writer = SummaryWriter(tmp_path)
        for one in articles:
            writer.add(PreparedArticle.of(one))
        writer.close()
        return Summaries(tmp_path)

    return write


def test_every_field_comes_back(written):
    found = written(article(**FULL)).of(0)
    assert found == summary_of(article(**FULL))
    assert found.published_at.isoformat() == "2023-11-07T17:04:00.000001+07:00"


def test_what_is_absent_is_none(written):
    assert written(article()).of(0) == Summary("a", "Tin", *[None] * 7)


def test_rows_count_in_the_order_written(written):
    found = written(*(article(id=f"a{row}", lead="x" * row) for row in range(300)))
    assert [found.of(row).id for row in (299, 0, 7, 7)] == ["a299", "a0", "a7", "a7"]
    assert found.of(np.int64(12)).lead == "x" * 12


def test_the_text_is_not_there(written, tmp_path):
    written(article(**FULL))
    assert "Thân bài" not in (tmp_path / SUMMARIES).read_text(encoding="utf-8")


def test_the_fields_are_those_of_an_article():
    assert set(Summary._fields) <= set(Article.model_fields)


def test_of_no_articles(written):
    with pytest.raises(IndexError):
        written().of(0)


def test_lines_that_were_cut_are_refused(written, tmp_path):
    written(article(**FULL), article())
    path = tmp_path / SUMMARIES
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"summaries\.jsonl: \d+ bytes: expected \d+"):
        Summaries(tmp_path)


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=8))
def test_any_letters(texts, tmp_path_factory):
    directory = tmp_path_factory.mktemp("summaries")
    articles = [article(id=f"a{row}", lead=text, section=text[:3]) for row, text in enumerate(texts)]
    writer = SummaryWriter(directory)
    for one in articles:
        writer.add(PreparedArticle.of(one))
    writer.close()
    found = Summaries(directory)
    assert [found.of(row) for row in range(len(articles))] == [summary_of(one) for one in articles]
