"""A home opened from Python: the README's own block, and each call against what the searcher holds."""

import builtins
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import indexer
from indexer.archive import Archive
from indexer.building.build import build
from indexer.errors import SnapshotError
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from models.errors import ModelError
from models.hashing import HashingEncoder
from service import notebook
from service.errors import BadRequest, NotFound
from service.notebook import COLUMNS, OpenHome
from service.schemas import SearchParams
from service.searcher import Searcher
from tests.test_readme import blocks

SAMPLE = Path(indexer.__file__).parent / "sample" / "articles.jsonl"
LINES = [
    {"id": "b", "title": "Công nhân đòi lương", "lead": "Chậm ba tháng", "section": "Đời sống", "tags": ["lương"]},
    {"id": "a", "title": "Công nhân đòi thưởng Tết", "section": "Kinh tế", "published_at": "2023-11-07T17:04"},
    {"id": "d", "title": "Công nhân đòi lương", "lead": "Chậm ba tháng", "section": "Pháp luật"},
    {"id": "c", "title": "Bão số chín", "aliases": ["c-cu"], "extra": {"page": 3}},
    {"id": "ahead", "title": "Công nhân đòi lương sắp tới", "published_at": "2999-01-01"},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory, publish):
    home = tmp_path_factory.mktemp("home")
    publish(home, LINES)
    return home


@pytest.fixture
def home(place):
    with OpenHome(place, model="hashing") as opened:
        yield opened


class Frame(dict):
    """Stands in for a library's data frame: its columns."""


@pytest.fixture
def frames(monkeypatch):
    """Return a function that says which libraries of data frames are installed."""

    def install(*names):
        for name in ("pandas", "polars"):
            found = SimpleNamespace(DataFrame=type(f"{name}Frame", (Frame,), {})) if name in names else None
            monkeypatch.setitem(sys.modules, name, found)  # None there makes the import fail

    return install


def test_the_block_of_the_readme_runs(tmp_path, monkeypatch, frames, capsys):
    build(Home(tmp_path / "var" / "home"), [str(SAMPLE)], HashingEncoder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIENQUAN_MODEL", "hashing")
    if find_spec("pandas") is None and find_spec("polars") is None:
        frames("pandas")
    (code,) = (content for language, content in blocks("README.md") if language == "python")
    assert len(code.splitlines()) <= 12
    said = {}
    exec(compile(code, "README.md", "exec"), said)
    assert len(capsys.readouterr().out.splitlines()) == len(said["found"].hits) == 5
    assert len(said["block"].hits) == 6
    assert 1 <= len(said["draft"].hits) <= 3
    assert said["vectors"].shape == (len(said["ids"]), 64)
    assert len(said["ids"]) > 150
    assert list(said["frame"]["id"]) == said["ids"]


class TestAsking:
    def test_search_answers_as_the_searcher_does(self, place, home):
        found = home.search("công nhân đòi thưởng")
        with closing(Archive(Snapshot(Home(place).directory(home.snapshot)))) as archive:
            expected = Searcher(archive, HashingEncoder).search(SearchParams(q="công nhân đòi thưởng"))
        assert (found.hits, found.total) == (expected.hits, expected.total)
        assert (found.hits[0].article.id, found.total) == ("a", 3)  # b and d have one text

    def test_options_are_those_of_the_api(self, home):
        assert [hit.article.id for hit in home.search("công nhân", section="Kinh tế").hits] == ["a"]
        assert [hit.article.id for hit in home.search("công nhân", section=["Kinh tế"], mode="lexical").hits] == ["a"]
        assert home.search(section=("Kinh tế", "Pháp luật"), sort="newest").total == 2
        assert home.search("công nhân", limit=1).total == 3
        assert home.search("công nhân", published_from=None, tag=[]).total == 3

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"query": "x", "limits": 3}, "limits"),
            ({"query": "x", "limit": 0}, "limit"),
            ({"query": "x", "mode": "both"}, "mode"),
            ({}, "q"),
        ],
    )
    def test_a_wrong_option_is_named(self, home, options, named):
        with pytest.raises(BadRequest, match=named):
            home.search(**options)

    def test_related_by_id_loads_no_model(self, place):
        with OpenHome(place, model="no-such-model") as home:
            shown = home.related("b", limit=2)
            assert "a" in {hit.article.id for hit in shown.hits}
            assert "b" not in {hit.article.id for hit in shown.hits}
            with pytest.raises(ModelError, match="no-such-model"):
                home.search("công nhân")

    def test_related_of_a_draft(self, home):
        draft = {"title": "Công nhân đòi thưởng", "lead": None}
        assert home.related(draft, ranking="similarity").hits[0].article.id == "a"
        filtered = home.related(draft, section="Đời sống", ranking="similarity")
        assert [hit.article.id for hit in filtered.hits] == ["b"]

    @pytest.mark.parametrize("draft", [{}, {"titel": "x"}, {"title": 3}])
    def test_a_draft_that_is_none(self, home, draft):
        with pytest.raises(BadRequest, match=r"title|titel"):
            home.related(draft)

    def test_what_is_under_embargo_is_not_there(self, home):
        assert home.count == 4
        for ask in (home.related, home.article, lambda one: home.vectors([one])):
            with pytest.raises(NotFound, match="ahead"):
                ask("ahead")

    def test_an_archive_of_another_model_is_refused(self, place, monkeypatch):
        monkeypatch.setattr("models.sentence_transformer.load", lambda *_: HashingEncoder(32))
        with OpenHome(place, model="hashing") as home, pytest.raises(SnapshotError, match="made with"):
            home.search("công nhân", mode="dense")


class TestReading:
    def test_an_article_by_id_and_by_alias(self, home):
        assert home.article("b").lead == "Chậm ba tháng"
        assert home.article("c-cu").id == "c"

    def test_articles_come_in_the_order_of_their_ids(self, home, monkeypatch):
        monkeypatch.setattr(notebook, "_AT_ONCE", 3)
        assert [article.id for article in home.articles()] == ["a", "b", "c", "d"]

    def test_vectors_are_what_the_encoder_made(self, home):
        ids, vectors = home.vectors()
        assert ids == ["a", "b", "c", "d"]
        assert (vectors.dtype, vectors.shape) == (np.float32, (4, 64))
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        np.testing.assert_array_equal(vectors[1], vectors[3])  # of one text
        made = HashingEncoder().encode_documents(["Bão số chín"])[0]
        np.testing.assert_allclose(vectors[2], made, atol=1e-6)

    def test_vectors_of_some_in_the_order_asked_for(self, home):
        every = dict(zip(*home.vectors(), strict=True))
        ids, vectors = home.vectors(["d", "a"])
        assert ids == ["d", "a"]
        np.testing.assert_array_equal(vectors, [every["d"], every["a"]])
        assert home.vectors([]).vectors.shape == (0, 64)

    def test_what_was_returned_outlives_the_home(self, place):
        home = OpenHome(place, model="hashing")
        _, vectors = home.vectors()
        home.close()
        home.close()
        assert vectors.sum() != 0
        for ask in (lambda: home.search("x"), home.vectors, lambda: home.snapshot, lambda: list(home.articles())):
            with pytest.raises(ValueError, match="closed"):
                ask()


class TestFrames:
    def test_a_row_an_article(self, home, frames):
        frames("pandas", "polars")
        frame = home.frame()
        assert type(frame).__name__ == "pandasFrame"
        assert tuple(frame) == COLUMNS
        assert frame["id"] == ["a", "b", "c", "d"]
        assert frame["tags"] == [[], ["lương"], [], []]
        assert frame["published_at"][0].isoformat() == "2023-11-07T17:04:00+07:00"
        assert frame["published_at"][1:] == [None] * 3

    def test_polars_where_there_is_no_pandas(self, home, frames):
        frames("polars")
        assert type(home.frame(["id"])).__name__ == "polarsFrame"
        assert list(home.frame(["id", "title"])) == ["id", "title"]

    def test_without_either_both_are_named(self, home, frames):
        frames()
        with pytest.raises(ImportError, match="pandas or polars"):
            home.frame()

    def test_an_unknown_column_is_named(self, home):
        with pytest.raises(ValueError, match=r"columns: 'titel': expected one of id, title"):
            home.frame(["titel"])

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_a_library_that_is_here(self, home, monkeypatch, library):
        found = pytest.importorskip(library)
        monkeypatch.setattr(notebook, "_FRAMES", (library,))
        frame = home.frame()
        assert isinstance(frame, found.DataFrame)
        assert list(frame["id"]) == ["a", "b", "c", "d"]
        assert frame.shape == (4, len(COLUMNS))


def test_an_empty_home_says_what_to_do(tmp_path):
    with pytest.raises(SnapshotError, match="run `lienquan index`"):
        OpenHome(tmp_path)


def test_neither_library_is_imported_unasked(home, monkeypatch):
    real, met = builtins.__import__, []
    monkeypatch.setattr(builtins, "__import__", lambda name, *rest: (met.append(name), real(name, *rest))[1])
    home.search("công nhân")
    assert not {"pandas", "polars"} & set(met)
