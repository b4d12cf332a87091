"""What the benchmarks of search and related articles ask of the product is still there."""

import numpy as np
import pytest

from benchmarks import related, search
from models.hashing import HashingEncoder
from service.options import Options
from service.schemas import SearchParams
from service.searcher import Searcher
from service.settings import Settings

LINES = [
    {"id": f"b{at}", "title": f"Ngập ở {place}", "body": f"Mưa lớn làm ngập nhiều đường ở {place} trong đêm {at}."}
    for at, place in enumerate(("Chợ Bến", "Gò Mả", "Đồng Sậy", "Cầu Ván"))
]


@pytest.fixture
def found(archive_of):
    return Searcher(archive_of(LINES), lambda: HashingEncoder(), Options.of(Settings()))


@pytest.mark.parametrize("part", search.ABLATIONS)
def test_each_part_can_be_taken_out(found, part):
    with search.ABLATIONS[part]():
        answer = found.search(SearchParams(q="ngap o Dong Say dem", ranking="similarity"))
    assert {hit.article.id for hit in answer.hits} == {line["id"] for line in LINES}


def test_without_restoration_a_query_stays_as_typed(found):
    with search.ABLATIONS["no restoration"]():
        assert found.search(SearchParams(q="ngap dong say")).query.restored is None
    assert found.search(SearchParams(q="ngap dong say")).query.restored == "ngập đồng sậy"


def test_a_set_is_measured_in_every_mode(found):
    given = [(line["id"], line["title"]) for line in LINES]
    row = search.row("titles", found, given, {name: {name: 1} for name, _ in given})
    assert row["lexical"] == row["hybrid"] == 1.0
    assert row["queries"] == len(LINES)


def test_candidates_of_a_judged_article_are_those_that_a_list_has(found, monkeypatch):
    monkeypatch.setattr(related, "encoder", lambda: HashingEncoder())
    candidates = related.candidates(found, {"b0": {"b1": 1}})["b0"]
    assert set(candidates.ids) == {"b1", "b2", "b3"}
    assert np.isfinite(candidates.meaning).all()
