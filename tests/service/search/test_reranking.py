"""The second look at a search's first hits: by a stub whose order is worked by hand, and by a tiny cross-encoder."""

import hashlib
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import catalogue
from models.errors import ModelError
from models.hashing import HashingEncoder
from service.app import create_app
from service.commands.common import open_searcher
from service.errors import NotReady
from service.live import Live
from service.reader import front_page
from service.schemas import SearchParams
from service.search import reranking
from service.search.ranked_hits import STRONG
from service.searcher import Searcher
from service.serving import deadline
from service.serving.held_reranker import HeldReranker
from service.settings import Settings
from service.upkeep import doctor
from service.wording import strings
from service.wording.query import QueryWords
from tests import tiny_cross_encoder
from tests.conftest import wait_for
from tests.paths import ROOT

ENCODER = HashingEncoder()
SECTIONS = ("Việc làm", "Pháp luật", "Đời sống")
MANY = [
    {
        "id": f"bai-{at}",
        "title": f"lương công nhân {'nhà máy ' * (at % 4)}số {at}",
        "lead": f"đoạn dẫn {at}",
        "section": SECTIONS[at % 3],
        "published_at": f"2024-03-{at % 28 + 1:02}",
    }
    for at in range(75)
]


class Stub:
    """Scores by what a function says of a passage."""

    name = "stub"

    def __init__(self, score):
        self.seen = []
        self._score = score

    def score(self, query, passages):
        self.seen += [(query, passage) for passage in passages]
        return np.array([float(self._score(passage)) for passage in passages])


def held(reranker):
    made = HeldReranker(lambda: reranker)
    made.load(threading.Event())
    return made


def chance(passage):
    """Return a number that is anybody's guess, with ties."""
    return hashlib.sha256(passage.encode()).digest()[0] % 16


def searching(archive, reranker=None):
    return Searcher(archive, lambda: ENCODER, reranker=None if reranker is None else held(reranker))


def search(searcher, q="lương công nhân", **params):
    return searcher.search(SearchParams.model_validate({"q": q, **params}))


def ids(answer):
    return [hit.article.id for hit in answer.hits]


@pytest.fixture(scope="module")
def many(archive_of):
    return archive_of(MANY)


class TestOrder:
    def test_by_hand(self):
        lifted = np.array([True, True, False, False, False])
        assert reranking.order(lifted, np.array([1.0, 2.0, 3.0, 9.0, 3.0])).tolist() == [1, 0, 3, 2, 4]

    def test_a_search(self, archive_of):
        archive = archive_of(
            [
                {"id": "a", "title": "lương công nhân tăng", "lead": "một"},
                {"id": "b", "title": "lương công nhân giảm", "lead": "hai"},
                {"id": "c", "title": "lương công nhân giữ nguyên", "lead": "ba"},
            ]
        )
        before = search(searching(archive))
        wanted = {"một": 0.5, "hai": -1.0, "ba": 7.0}
        stub = Stub(lambda passage: wanted[passage.split("\n")[1]])
        after = search(searching(archive, stub))
        assert ids(after) == ["c", "a", "b"]
        assert [hit.second for hit in after.hits] == [7.0, 0.5, -1.0]
        assert [hit.relevance for hit in after.hits] == [
            hit.relevance for hit in before.hits
        ]  # it stays with the place
        assert {hit.article.id: hit.spreads for hit in after.hits} == {
            hit.article.id: hit.spreads for hit in before.hits
        }
        assert [hit.second for hit in before.hits] == [None] * 3
        assert after.degraded == ()
        assert set(stub.seen) == {
            ("lương công nhân", "lương công nhân tăng\nmột"),
            ("lương công nhân", "lương công nhân giảm\nhai"),
            ("lương công nhân", "lương công nhân giữ nguyên\nba"),
        }

    def test_the_very_title_that_was_typed_stays_first(self, archive_of):
        archive = archive_of(
            [
                {"id": "x", "title": "lương công nhân"},
                *({"id": f"y{at}", "title": f"lương công nhân {at}"} for at in "123"),
            ]
        )
        assert ids(search(searching(archive, Stub(len))))[0] == "x"  # though its passage is the shortest

    def test_without_a_lead_the_best_passage_of_the_body_is_read(self, archive_of):
        body = "Mở đầu dài dòng. " * 40 + "Cuộc đình công kết thúc sau ba ngày. " + "Kết dài dòng. " * 40
        stub = Stub(len)
        search(searching(archive_of([{"id": "a", "title": "tin", "body": body}, *MANY[:2]]), stub), "đình công")
        (read,) = [passage for _, passage in stub.seen if passage.startswith("tin\n")]
        assert "đình công" in read
        assert len(read) < 400


class TestResultSet:
    @settings(max_examples=25)
    @given(limit=st.integers(1, 80), section=st.sampled_from([None, *SECTIONS]))
    def test_pages_of_any_size_hold_each_hit_once(self, many, limit, section):
        asked = {} if section is None else {"section": [section]}
        searcher = searching(many, Stub(chance))
        plain = search(searching(many), limit=100, **asked)
        whole = search(searcher, limit=100, **asked)
        pages = [search(searcher, limit=limit, offset=at, **asked) for at in range(0, whole.total, limit)]
        assert [one for page in pages for one in ids(page)] == ids(whole)
        assert sorted(ids(whole)) == sorted(ids(plain))
        assert sorted(ids(whole)[:30]) == sorted(ids(plain)[:30])
        assert ids(whole)[30:] == ids(plain)[30:]
        assert ids(whole) != ids(plain)
        for answer in (whole, *pages):
            told = (answer.total, answer.strong, answer.more, answer.facets, answer.degraded)
            assert told == (plain.total, plain.strong, plain.more, plain.facets, ())
        relevances = [hit.relevance for page in pages for hit in page.hits]
        assert relevances == [hit.relevance for hit in plain.hits]
        assert [one >= STRONG for one in relevances] == [at < plain.strong for at in range(plain.total)]
        scores = [hit.second for hit in whole.hits]
        assert [one is not None for one in scores] == [at < 30 for at in range(whole.total)]

    def test_all_pages_together_are_scored_once(self, many):
        stub = Stub(chance)
        searcher = searching(many, stub)
        for offset in range(0, 75, 10):
            search(searcher, offset=offset)
        assert len(stub.seen) == 30

    @pytest.mark.parametrize(
        "params",
        [
            {"ranking": "similarity"},
            {"sort": "newest"},
            {"mode": "lexical"},
            {"mode": "dense"},
            {"offset": 30},
            {"q": None, "sort": "newest"},
            {"q": "lương công nhân số 7 nhà máy 19 không đâu có", "min_relevance": 1.0},
        ],
    )
    def test_what_is_left_alone(self, many, params):
        stub = Stub(chance)
        asked = {"q": "lương công nhân", **params}
        answer, plain = (searching(many, one).search(SearchParams.model_validate(asked)) for one in (stub, None))
        assert (ids(answer), answer.degraded, stub.seen) == (ids(plain), (), [])

    def test_by_words_alone_where_the_encoder_does_not_answer(self, many):
        def none():
            raise NotReady("no encoder")

        answer = search(Searcher(many, none, reranker=held(Stub(chance))))
        assert answer.degraded == ("encoder",)
        assert [hit.second for hit in answer.hits] == sorted((hit.second for hit in answer.hits), reverse=True)


class TestSkipped:
    def test_while_it_is_loaded(self, many):
        answer = search(Searcher(many, lambda: ENCODER, reranker=HeldReranker(lambda: Stub(chance))))
        assert (ids(answer), answer.degraded) == (ids(search(searching(many))), ("reranker",))

    def test_where_it_fails(self, many):
        answer = search(searching(many, Stub(lambda _: 1 / 0)))
        assert (ids(answer), answer.degraded) == (ids(search(searching(many))), ("reranker",))

    def test_where_too_little_time_is_left(self, many, monkeypatch):
        monkeypatch.setattr("service.serving.held_reranker.SHARE", 1.0)  # never is all of it left
        stub = Stub(chance)
        with deadline.within(60):
            answer = search(searching(many, stub))
        assert (ids(answer), answer.degraded, stub.seen) == (ids(search(searching(many))), ("reranker",), [])

    def test_the_front_page_tries_its_searches_without_it(self, many):
        stub = Stub(chance)
        searcher = searching(many, stub)
        front_page.working_searches(searcher, searcher.public())
        assert stub.seen == []


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_cross_encoder.write(tmp_path_factory.mktemp("source") / "tiny")


class TestService:
    @pytest.fixture
    def client_with(self, publish, tmp_path):
        """Return a function that serves some articles with a reranker, and its Live."""
        started = []

        def make(load_reranker):
            publish(tmp_path, MANY[:40])
            made = Settings(home=tmp_path, model="hashing", open_newsroom=True)
            live = Live(tmp_path, HashingEncoder, load_reranker=load_reranker).start()
            started.append(live)
            return create_app(made, live).test_client(), live

        yield make
        for live in started:
            live.stop()

    def test_it_answers_before_the_reranker_is_there_and_then_with_it(self, client_with):
        go = threading.Event()

        def load():
            assert go.wait(10)
            return Stub(chance)

        client, live = client_with(load)
        wait_for(lambda: live.not_ready() is None)
        early = client.get("/api/v1/search?q=lương").json
        assert early["degraded"] == ["reranker"]
        assert client.get("/readyz").json["degraded"] == "the reranker is being loaded"
        page = client.get("/search?q=lương", headers={"Accept": "text/html"}).get_data(as_text=True)
        assert strings.language(None).degraded not in page  # meaning is not out of order
        go.set()
        wait_for(lambda: client.get("/readyz").json["degraded"] is None)
        late = client.get("/api/v1/search?q=lương").json
        assert (late["degraded"], late["total"], late["strong"]) == ([], early["total"], early["strong"])
        assert [hit["id"] for hit in late["hits"]] != [hit["id"] for hit in early["hits"]]

    def test_one_that_cannot_be_loaded_leaves_it_ready_and_is_told(self, client_with):
        def load():
            raise ModelError("no weights there")

        client, live = client_with(load)
        wait_for(lambda: client.get("/readyz").status_code == 200)
        wait_for(lambda: "no weights" in (live.degraded or ""))
        ready = client.get("/readyz")
        assert ready.json["degraded"] == "the reranker cannot be loaded: no weights there"
        assert client.get("/api/v1/search?q=lương").json["degraded"] == ["reranker"]

    def test_the_newsrooms_page_on_a_query_shows_its_score(self, client_with):
        client, live = client_with(lambda: Stub(lambda _: 4.25))
        wait_for(lambda: live.not_ready() is None and live.degraded is None)
        shown = client.get("/newsroom/query?q=lương&lang=en", headers={"Accept": "text/html"}).get_data(as_text=True)
        assert f"{QueryWords.in_language('en').second} 4.25" in shown


def test_a_tiny_cross_encoder_named_by_the_setting_reorders_searches_of_the_command_line(
    publish, tmp_path, tiny, monkeypatch
):
    publish(tmp_path / "home", MANY[:12])
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(tmp_path / "models"))
    plain = search(open_searcher(tmp_path / "home", HashingEncoder))
    monkeypatch.setenv("LIENQUAN_RERANKER", str(tiny))
    answer = search(open_searcher(tmp_path / "home", HashingEncoder))
    scores = [hit.second for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) > 1
    assert (answer.total, answer.degraded) == (plain.total, ())
    monkeypatch.setenv("LIENQUAN_RERANKER", "nowhere")
    with pytest.raises(ModelError, match="reranker"):
        open_searcher(tmp_path / "home", HashingEncoder)


class TestDoctor:
    @pytest.fixture
    def found(self, tmp_path, monkeypatch):
        for name, value in {"HOME": tmp_path, "MODEL": "hashing", "MODELS": tmp_path / "models"}.items():
            monkeypatch.setenv(f"LIENQUAN_{name}", str(value))
        return lambda: {finding.subject: finding for finding in doctor.examine()}

    def test_none_is_not_told_of(self, found):
        assert "reranker" not in found()

    def test_one_that_scores(self, found, tiny, monkeypatch):
        monkeypatch.setenv("LIENQUAN_RERANKER", str(tiny))
        assert found()["reranker"].status == "ok"
        assert "scores 30 short passages in" in found()["reranker"].found

    @pytest.mark.parametrize(
        ("name", "status", "told"),
        [
            ("nowhere", "problem", "expected"),
            ("nobody/nothing-of-that-name@" + "0" * 40, "warning", "not fetched yet"),
        ],
    )
    def test_one_that_is_not_there(self, found, monkeypatch, name, status, told):
        monkeypatch.setenv("LIENQUAN_RERANKER", name)
        assert (found()["reranker"].status, told in found()["reranker"].found) == (status, True)


def test_off_it_imports_no_model_library(publish, tmp_path):
    publish(tmp_path, MANY[:5])
    code = f"""
import sys
from pathlib import Path
from service.app import create_app
from service.live import Live
from service.settings import Settings
from models.hashing import HashingEncoder
live = Live(Path({str(tmp_path)!r}), HashingEncoder).start()
client = create_app(Settings(home={str(tmp_path)!r}, model="hashing"), live).test_client()
assert client.get("/api/v1/search?q=lương").json["total"] == 5
print(sorted({{"sentence_transformers", "torch", "transformers"}} & set(sys.modules)))
live.stop()
"""
    root = ROOT
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "[]\n"
