"""Judging: what is kept, how it is merged, in which order articles are shown, what the figures come to, the files."""

import json
import threading

import pytest
from click.testing import CliRunner
from lxml import html

from indexer import metrics
from indexer.backup import backup, restore
from indexer.snapshot.home import Home
from service.cli import main
from service.errors import CannotWrite, NotFound, NotReady
from service.evaluation import evaluate_related, evaluate_search
from service.judging import sittings
from service.judging.judgements import FILE, Judgement, JudgementStore, as_file, merged, query_id
from service.judging.sittings import GivenGrade, Subject, listed, overview, pooled, scores, sitting, take
from service.security.keys import KeyStore
from service.serving.held_encoder import HeldEncoder
from service.wording.judging import JudgingWords

VI, EN = (JudgingWords.in_language(code) for code in ("vi", "en"))

PAGE = "/newsroom/judge"
SCRIPT = "<script>alert('vỡ')</script>"
NAMES = ("men xanh", "nung củi", "bát cổ", "chum sành", "ngói vảy", "ấm trà", "tượng voi", "lọ hoa", "lò mới", "đất")
LINES = [
    {"id": "lo-gom", "title": "Lò gốm Lũng Vài đỏ lửa", "lead": "Tổ thợ gốm nung mẻ đầu tiên.", "section": "Đời sống"},
    {"id": "lua", "title": "Lửa cháy suốt đêm ở xưởng cũ", "body": "Đội thợ dập lửa."},
    {"id": "xau", "title": f"{SCRIPT} lò gốm", "lead": SCRIPT},
    {"id": "mai", "title": "Lò gốm ngày mai", "published_at": "2100-01-01"},
    *({"id": f"mau-{at}", "title": f"gốm {name} và lửa", "section": "Mẫu"} for at, name in enumerate(NAMES)),
]


@pytest.fixture(scope="module")
def made(client_of):
    return client_of(LINES)


@pytest.fixture(scope="module")
def searcher(made):
    return made.application.extensions["lienquan"].searcher()


@pytest.fixture
def client(made):
    home = made.application.config["SETTINGS"].home
    yield made
    for path in home.glob(f"{FILE}*"):
        path.unlink()


@pytest.fixture
def ticking():
    """Return a clock that goes on by a second whenever it is asked."""
    seconds = iter(range(1000, 10_000))
    return lambda: float(next(seconds))


@pytest.fixture
def store(tmp_path, ticking):
    return JudgementStore(tmp_path, ticking)


def grades(store, until=1e12):
    return {(one.judge, one.article): one.grade for one in store.of("search", "gốm", until)}


def post(client, **form):
    headers = {"Accept": "text/html", "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    return client.post(PAGE, data=form, headers=headers)


def tree(response):
    return html.fromstring(response.get_data(as_text=True))


class TestStore:
    def test_nothing_is_made_by_reading(self, store, tmp_path):
        assert store.of("search") == []
        assert store.take_back("search", "gốm", "lan") is None
        assert list(tmp_path.iterdir()) == []

    def test_the_last_grade_of_each_person_counts(self, store):
        for judge, article, grade in (("lan", "a", 1), ("lan", "a", 3), ("minh", "a", 0), ("lan", "b", 2)):
            store.give("search", "gốm", article, judge, grade)
        store.give("search", "lửa", "a", "lan", 2)
        store.give("related", "gốm", "a", "lan", 2)
        assert store.of("search", "gốm") == [
            Judgement("gốm", "a", "lan", 3, 1001.0),
            Judgement("gốm", "a", "minh", 0, 1002.0),
            Judgement("gốm", "b", "lan", 2, 1003.0),
        ]
        assert {one.query for one in store.of("search")} == {"gốm", "lửa"}

    def test_taking_back_goes_back_step_by_step(self, store):
        for article, grade in (("a", 1), ("a", 3), ("b", 2)):
            store.give("search", "gốm", article, "lan", grade)
        store.give("search", "gốm", "a", "minh", 0)
        assert store.take_back("search", "gốm", "lan") == "b"
        assert store.take_back("search", "gốm", "lan") == "a"
        assert grades(store) == {("lan", "a"): 1, ("minh", "a"): 0}
        assert store.take_back("search", "gốm", "lan") == "a"
        assert store.take_back("search", "gốm", "lan") is None
        assert grades(store) == {("minh", "a"): 0}

    def test_as_it_was_at_a_time(self, store):
        store.give("search", "gốm", "a", "lan", 1)  # 1000
        store.give("search", "gốm", "a", "lan", 3)  # 1001
        store.take_back("search", "gốm", "lan")  # 1002
        assert [grades(store, at).get(("lan", "a")) for at in (999, 1000, 1001, 1002)] == [None, 1, 3, 1]

    @pytest.mark.parametrize("grade", [-1, 4])
    def test_there_are_no_other_grades(self, store, grade):
        with pytest.raises(ValueError, match=f"grade: {grade}: expected 0 to 3"):
            store.give("search", "gốm", "a", "lan", grade)

    def test_many_at_once(self, tmp_path):
        def give(judge):
            for at in range(20):
                JudgementStore(tmp_path).give("search", "gốm", f"a{at}", judge, at % 4)

        threads = [threading.Thread(target=give, args=(f"người {n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(JudgementStore(tmp_path).of("search", "gốm")) == 80

    def test_what_is_damaged_is_said(self, tmp_path, store):
        (tmp_path / FILE).write_bytes(b"x" * 5000)
        with pytest.raises(NotReady):
            store.of("search")
        with pytest.raises(CannotWrite):
            store.give("search", "gốm", "a", "lan", 1)

    def test_a_backup_has_them(self, tmp_path, publish):
        home, target = tmp_path / "home", tmp_path / "backup"
        publish(home, LINES)
        JudgementStore(home).give("search", "gốm", "lo-gom", "lan", 3)
        backup(Home(home), target)
        restore(target, Home(tmp_path / "again"))
        assert [one.grade for one in JudgementStore(tmp_path / "again").of("search")] == [3]


class TestMerging:
    @pytest.mark.parametrize(
        ("given", "majority", "latest"),
        [([3], 3, 3), ([3, 3, 0], 3, 0), ([0, 3], 3, 3), ([3, 0], 0, 0), ([1, 2, 2, 1], 1, 1), ([1, 1, 2, 2, 0], 2, 0)],
    )
    def test_several_people(self, given, majority, latest):
        held = [Judgement("gốm", "a", f"người {at}", grade, at) for at, grade in enumerate(given)]
        assert merged(held) == {"gốm": {"a": majority}}
        assert merged(held, "latest") == {"gốm": {"a": latest}}

    def test_files_are_what_evaluate_reads(self, tmp_path):
        held = [Judgement('gốm "cổ"\tmới', "bài 1", "lan", 3, 1.5), Judgement("lửa", "b", "lan", 0, 2.5)]
        for name in ("qrels.tsv", "queries.jsonl", "judgements.jsonl"):
            (tmp_path / name).write_text(as_file(name, "search", held, "majority"), encoding="utf-8")
        first, second = (query_id("search", one.query) for one in held)
        assert metrics.read_qrels(tmp_path / "qrels.tsv") == {first: {"bài 1": 3.0}, second: {"b": 0.0}}
        assert metrics.read_queries(tmp_path / "queries.jsonl") == {first: 'gốm "cổ"\tmới', second: "lửa"}
        line, _ = (tmp_path / "judgements.jsonl").read_text(encoding="utf-8").splitlines()
        expected = {"kind": "search", "id": first, **held[0]._asdict()}
        assert json.loads(line) == expected
        assert as_file("x", "search", held, "majority") is None


class TestPool:
    def test_every_article_once_and_none_that_no_list_has(self, searcher):
        lists = listed(searcher, "search", "gốm lửa")
        ids = [article.id for article in pooled("gốm lửa", lists)]
        assert len(ids) == len(set(ids))
        assert set(ids) == {hit.article.id for hits in lists.values() for hit in hits}

    def test_the_order_is_the_same_each_time_and_no_list_s(self, searcher):
        lists = listed(searcher, "search", "gốm lửa")
        ids = [article.id for article in pooled("gốm lửa", lists)]
        assert ids == [article.id for article in pooled("gốm lửa", dict(reversed(lists.items())))]
        other = [article.id for article in pooled("gốm", lists)]
        assert sorted(other) == sorted(ids)
        assert other != ids  # another query, another order
        for hits in lists.values():
            assert [one for one in ids if one in {hit.article.id for hit in hits}] != [hit.article.id for hit in hits]


class TestFigures:
    def test_by_hand(self):
        held = [Judgement("q", "a", "lan", 3, 0), Judgement("q", "b", "lan", 0, 1), Judgement("q", "c", "lan", 1, 2)]
        found = scores({"one": ["a", "b", "x", "c"], "two": ["x", "y"], "none": []}, held)
        ideal = 7 + 1 / 1.584962500721156
        assert found["one"].ndcg == pytest.approx((7 + 1 / 2.321928094887362) / ideal)
        assert found["one"].judged == 0.75
        assert (found["two"], found["none"]) == ((0.0, 0.0), (0.0, 0.0))

    def test_nothing_relevant_is_not_known(self):
        assert scores({"one": ["a"]}, []) == {"one": (None, 0.0)}
        assert scores({"one": ["a"]}, [Judgement("q", "a", "lan", 0, 0)]) == {"one": (None, 1.0)}

    def test_before_and_now(self, searcher, store):
        store.give("search", "gốm lửa", "lua", "lan", 1)  # at 1000
        store.give("search", "gốm lửa", "mau-0", "minh", 3)
        found = sitting(searcher, store, Subject(q="gốm lửa"), "lan", 1000.5)
        ranked = {
            name: [hit.article.id for hit in hits] for name, hits in listed(searcher, "search", "gốm lửa").items()
        }
        for name, ids in ranked.items():
            assert found.before[name].ndcg == metrics.ndcg(ids, {"lua": 1.0}, 10)
            assert found.now[name].ndcg == metrics.ndcg(ids, {"lua": 1.0, "mau-0": 3.0}, 10)
        own = {item.article.id: item.grade for item in found.items if item.grade is not None}
        assert set(own) <= {"lua"}  # nobody else's
        assert found.done == len(own)

    def test_what_no_list_brings_is_counted(self, searcher, store):
        store.give("search", "gốm", "đã mất", "lan", 3)
        assert sitting(searcher, store, Subject(q="gốm"), "lan", 0).unlisted == 1

    def test_they_are_those_of_evaluate(self, searcher, store, tmp_path):
        for at, (query, article) in enumerate([("gốm lửa", "lua"), ("gốm lửa", "mau-3"), ("lò gốm", "lo-gom")]):
            store.give("search", query, article, "lan", 1 + at)
        held = store.of("search")
        for name in ("qrels.tsv", "queries.jsonl"):
            (tmp_path / name).write_text(as_file(name, "search", held, "majority"), encoding="utf-8")
        qrels = metrics.read_qrels(tmp_path / "qrels.tsv")
        queries = metrics.read_queries(tmp_path / "queries.jsonl")
        found = overview(searcher, store, "search")
        assert [row.query for row in found.rows] == ["lò gốm", "gốm lửa"]
        for mode in sittings.LISTS["search"]:
            measured = evaluate_search(searcher, queries, qrels, "similarity", mode).measures["ndcg@10"]
            assert found.means[mode] == pytest.approx(measured)

    def test_they_are_those_of_evaluate_for_related_lists(self, searcher, store):
        store.give("related", "lo-gom", "mau-1", "lan", 2)
        found = overview(searcher, store, "related")
        assert found.rows[0].title == "Lò gốm Lũng Vài đỏ lửa"
        for ranking in sittings.LISTS["related"]:
            measured = evaluate_related(searcher, {"lo-gom": {"mau-1": 2.0}}, ranking).measures["ndcg@10"]
            assert found.means[ranking] == pytest.approx(measured)

    def test_an_article_that_is_gone_is_said_to_be(self, searcher, store):
        store.give("related", "mai", "mau-1", "lan", 2)
        (row,) = overview(searcher, store, "related").rows
        assert (row.title, row.scores) == ("mai", {})

    def test_pages(self, searcher, store, monkeypatch):
        monkeypatch.setattr(sittings, "PAGE", 2)
        for query in ("một", "hai", "ba"):
            store.give("search", query, "lua", "lan", 1)
        assert [row.query for row in overview(searcher, store, "search").rows] == ["ba", "hai"]
        last = overview(searcher, store, "search", 2)
        assert ([row.query for row in last.rows], last.total, last.judges) == (["một"], 3, {"lan": 3})

    def test_without_the_encoder_the_other_lists_are_judged(self, searcher, monkeypatch):
        monkeypatch.setattr(HeldEncoder, "loaded", False)
        assert set(listed(searcher, "search", "chưa ai hỏi")) == {"lexical", "hybrid"}


class TestTaking:
    def test_only_public_articles(self, searcher, store):
        with pytest.raises(NotFound):
            take(searcher, store, GivenGrade(q="gốm", id="mai", grade=1), "lan")
        with pytest.raises(NotFound):
            take(searcher, store, GivenGrade(article="mai", id="lua", grade=1), "lan")
        assert store.of("search") == store.of("related") == []


class TestPage:
    def test_judging_without_a_script(self, client):
        page = client.get(PAGE, query_string={"q": "gốm lửa"})
        (form, *_) = tree(page).xpath("//form[@class='grades']")
        fields = {one.get("name"): one.get("value") for one in form.xpath(".//input")}
        done = post(client, **fields, grade="2")
        assert done.status_code == 303
        assert done.location.endswith("#place-2")
        again = tree(client.get(done.location))
        assert again.xpath("//li[1]//button[@aria-pressed='true']/@value") == ["2"]
        assert VI.done.format(done=1, all=len(again.xpath("//li[@id]"))) in again.text_content()
        undone = post(client, q="gốm lửa", since=fields["since"], do="undo")
        assert not tree(client.get(undone.location)).xpath("//button[@aria-pressed='true']")

    def test_nothing_gives_the_lists_away(self, client, searcher):
        page = client.get(PAGE, query_string={"q": "gốm lửa"}).get_data(as_text=True)
        (pool,) = html.fromstring(page).xpath("//ol[@class='pool']")
        text = html.tostring(pool, encoding="unicode")
        for name in ("dense", "lexical", "hybrid", "rank", "score", *VI.lists.values()):
            assert name not in text
        assert not html.fromstring(page).xpath("//details[@class='measures']/@open")

    def test_the_figures_are_open_once_all_is_judged(self, client):
        found = tree(client.get(PAGE, query_string={"q": "gốm lửa"}))
        ids = found.xpath("//form[@class='grades']/input[@name='id']/@value")
        for article in ids:
            post(client, q="gốm lửa", id=article, grade="1", at="1", since="0")
        found = tree(client.get(PAGE, query_string={"q": "gốm lửa", "since": "1"}))
        assert found.xpath("//details[@class='measures' and @open]")
        assert VI.all_judged in found.text_content()

    def test_an_article_s_block_leads_there(self, client):
        page = tree(client.get("/newsroom/articles/lo-gom"))
        assert page.xpath("//a[@href='/newsroom/judge?article=lo-gom']")

    def test_an_article_s_related_list(self, client):
        post(client, article="lo-gom", id="mau-1", grade="3", since="0")
        page = client.get(PAGE, query_string={"article": "lo-gom", "lang": "en"})
        assert EN.judging_article.format(query="Lò gốm Lũng Vài đỏ lửa") in page.get_data(as_text=True)
        listed = tree(client.get("/newsroom/judgements?what=related")).text_content()
        assert "Lò gốm Lũng Vài đỏ lửa" in listed

    def test_downloads(self, client):
        post(client, q="gốm lửa", id="lua", grade="3")
        qrels = client.get("/newsroom/judgements/qrels.tsv")
        assert qrels.get_data(as_text=True) == (
            f"query-id\tcorpus-id\tscore\n{query_id('search', 'gốm lửa')}\tlua\t3\n"
        )
        assert qrels.headers["Content-Disposition"] == 'attachment; filename="search-qrels.tsv"'
        assert json.loads(client.get("/newsroom/judgements/queries.jsonl").data)["text"] == "gốm lửa"
        everybody = client.get("/newsroom/judgements/judgements.jsonl?what=related")
        assert (everybody.status_code, everybody.data) == (200, b"")
        assert client.get("/newsroom/judgements/khac.tsv").status_code == 404

    @pytest.mark.parametrize(
        "form",
        [
            {"q": "gốm", "id": "lua", "grade": "4"},
            {"q": "gốm", "id": "lua", "grade": "hai"},
            {"q": "gốm", "id": "lua"},
            {"q": "gốm", "grade": "1"},
            {"q": "gốm", "grade": "1", "do": "undo"},
            {"q": "gốm", "article": "lua", "id": "lua", "grade": "1"},
            {"id": "lua", "grade": "1"},
            {"q": "gốm", "id": "lua", "grade": "1", "khac": "x"},
            {"q": "gốm", "id": "lua", "grade": "1", "since": "nan"},
        ],
    )
    def test_what_is_not_as_expected(self, client, form):
        assert post(client, **form).status_code == 400
        assert client.get("/newsroom/judgements/judgements.jsonl").data == b""

    def test_no_article_of_that_id(self, client):
        assert post(client, q="gốm", id="không có", grade="1").status_code == 404
        assert client.get(PAGE, query_string={"article": "mai"}).status_code == 404

    def test_without_anything_to_judge(self, client):
        assert client.get(PAGE).location == "/newsroom/judgements"
        assert VI.empty in client.get("/newsroom/judgements").get_data(as_text=True)

    def test_another_site_cannot_judge(self, client):
        form = {"q": "gốm", "id": "lua", "grade": "1"}
        assert client.post(PAGE, data=form, headers={"Origin": "https://khac.example"}).status_code == 403

    def test_who_is_signed_in_is_written_down(self, client_of):
        client = client_of(LINES)
        home = client.application.config["SETTINGS"].home
        _, key = KeyStore(home).create("Lan", ["newsroom"])
        own = {"Accept": "text/html", "Origin": "http://localhost"}
        token = tree(client.get("/newsroom/sign-in")).xpath("//input[@name='csrf']/@value")[0]
        client.post("/newsroom/sign-in", data={"key": key, "csrf": token}, headers=own)
        page = tree(client.get(PAGE, query_string={"q": "gốm"}))
        token = page.xpath("//form[@class='grades']/input[@name='csrf']/@value")[0]
        form = {"q": "gốm", "id": "lua", "grade": "1"}
        assert client.post(PAGE, data=form, headers=own).location.startswith("/newsroom/sign-in")
        assert JudgementStore(home).of("search") == []
        client.post(PAGE, data={**form, "csrf": token}, headers=own)
        assert [one.judge for one in JudgementStore(home).of("search")] == ["Lan"]


class TestCommand:
    def test_export(self, tmp_path):
        store = JudgementStore(tmp_path)
        for judge, grade in (("lan", 3), ("minh", 3), ("hà", 0)):
            store.give("search", "gốm", "a", judge, grade)
        asked = ["judgements", "export", "--home", str(tmp_path), "--qrels", str(tmp_path / "q.tsv")]
        files = ["--queries", str(tmp_path / "q.jsonl"), "--everybody", str(tmp_path / "all.jsonl")]
        done = CliRunner().invoke(main, [*asked, *files])
        assert (done.exit_code, done.stderr) == (0, "1 queries, 3 judgements\n")
        name = query_id("search", "gốm")
        assert metrics.read_qrels(tmp_path / "q.tsv") == {name: {"a": 3.0}}
        assert metrics.read_queries(tmp_path / "q.jsonl") == {name: "gốm"}
        assert len((tmp_path / "all.jsonl").read_text(encoding="utf-8").splitlines()) == 3
        CliRunner().invoke(main, [*asked, "--by", "latest"])
        assert metrics.read_qrels(tmp_path / "q.tsv") == {name: {"a": 0.0}}
        CliRunner().invoke(main, [*asked, "--judge", "minh"])
        assert metrics.read_qrels(tmp_path / "q.tsv") == {name: {"a": 3.0}}

    def test_nothing_to_export(self, tmp_path):
        asked = ["judgements", "export", "related", "--home", str(tmp_path), "--qrels", str(tmp_path / "q.tsv")]
        done = CliRunner().invoke(main, asked)
        assert done.exit_code == 1
        assert "no judgements of related" in done.stderr
        assert not (tmp_path / "q.tsv").exists()
