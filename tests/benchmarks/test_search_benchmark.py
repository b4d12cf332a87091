"""What the benchmarks of search and related articles ask of the product is still there."""

import numpy as np
import pytest

from benchmarks import related, search
from models import languages
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


QUERIES = [
    "Ngap o Dong Say",
    "ngpa nhieu duong",
    "mưa",
    "UBND",
    "where is the flood in the city",
    "đêm qua bão lớn tràn về nhiều tỉnh miền núi phía bắc",
    LINES[2]["body"],
]


def spreads(found):
    """Return what each query's hits were fused to, asked of a searcher that was asked nothing before."""
    asked = Searcher(found.archive, lambda: TwoLanguages(), Options.of(Settings()))
    params = [SearchParams(q=query, ranking="similarity") for query in QUERIES]
    return [[(hit.article.id, hit.spreads) for hit in asked.search(one).hits] for one in params]


class TwoLanguages(HashingEncoder):
    """Finds translations: what English texts have in common lies apart."""

    def encode_queries(self, texts):
        meant = {english: vietnamese for english, vietnamese in languages.pairs()}
        raw = super().encode_queries([meant.get(text, text) for text in texts])
        raw = raw + np.array([[0.3 * (text in meant)] * raw.shape[1] for text in texts], dtype=np.float32)
        return raw / np.linalg.norm(raw, axis=1, keepdims=True)


@pytest.mark.parametrize("part", search.ABLATIONS)
def test_each_part_that_is_taken_out_was_there(found, part):
    whole = spreads(found)
    with search.ABLATIONS[part]():
        assert (spreads(found) == whole) == (part == "everything")
    assert spreads(found) == whole


def test_without_restoration_a_query_stays_as_typed(found):
    with search.ABLATIONS["no restoration"]():
        assert found.search(SearchParams(q="ngap dong say")).query.restored is None
    assert found.search(SearchParams(q="ngap dong say")).query.restored == "ngập đồng sậy"


def test_queries_are_remembered_each_by_itself(monkeypatch):
    monkeypatch.setattr(search, "encoder", lambda: HashingEncoder())
    remembering = search.Remembering()
    texts = ["gốm", "ngập", "gốm"]
    assert np.array_equal(remembering.encode_queries(texts), HashingEncoder().encode_queries(texts))


def test_a_set_is_measured_in_every_mode(found):
    given = [(line["id"], line["title"]) for line in LINES]
    row = search.row("titles", found, given, {name: {name: 1} for name, _ in given})
    assert row["lexical"] == row["hybrid"] == 1.0
    assert row["queries"] == len(LINES)


def test_candidates_of_a_judged_article_are_those_that_a_list_has(found, monkeypatch):
    monkeypatch.setattr(related, "encoder", lambda: HashingEncoder())
    candidates = related.candidates(found, {"b0": {"b1": 1}})["b0"]
    assert set(candidates.ids) == {"b1", "b2", "b3"}
    assert np.isfinite(candidates.dense).all()
