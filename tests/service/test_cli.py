"""The console script: what each command prints where, in which form, and how it ends."""

import gzip
import json
import logging
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from indexer.errors import SnapshotError
from indexer.snapshot import snapshot
from indexer.snapshot.home import Home
from models.hashing import HashingEncoder
from service.cli import main
from service.commands.common import open_searcher
from tests import web_server

LINES = [
    {"id": "luong", "title": "công nhân may chờ lương", "section": "Việc làm", "published_at": "2023-11-07"},
    {"id": "dien", "title": "giá điện khu trọ tăng", "section": "Đời sống", "tags": ["giá cả"]},
    {"id": "an-ca", "title": "bữa ăn ca của công nhân may", "author": "Cù Văn Tịnh", "source": "Báo Đèn"},
    {"id": "chay", "title": "cháy kho giấy trong đêm", "published_at": "2023-01-02"},
    {"id": "toa", "title": "tòa xử vụ sa thải công nhân"},
    {"id": "mai", "title": "công nhân may mai sau", "published_at": "2100-01-01"},
]


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Put back what the console script does to logging: it owns its process, here it does not."""
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, ("models", "indexer", "service"))]
    handlers, levels = root.handlers[:], [logger.level for logger in loggers]
    yield
    root.handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def run(home):
    """Return a function that runs a command with the home and the hashing model in the environment."""

    def invoke(*args, status=0, **environment):
        env = {"LIENQUAN_HOME": str(home), "LIENQUAN_MODEL": "hashing", **environment}
        result = CliRunner().invoke(main, [str(arg) for arg in args], env=env)
        assert result.exit_code == status, (result.stdout, result.stderr, result.exception)
        if status:
            assert result.stdout == ""
            assert "Error: " in result.stderr
            assert "Traceback" not in result.stderr
        return result

    return invoke


@pytest.fixture
def archive(tmp_path):
    return write(tmp_path / "articles.jsonl", LINES)


@pytest.fixture
def indexed(run, archive):
    return json.loads(run("index", archive, "--json").stdout)["snapshot"]


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


class TestIndex:
    def test_what_it_says(self, run, archive, home):
        result = run("index", archive)
        first, second = result.stdout.splitlines()
        assert first == (
            "6 lines read, 0 rejected, 0 repeated ids; 6 articles added, 0 updated, 0 removed, 0 unchanged; "
            "6 texts encoded, 0 reused"
        )
        assert second == f"published snapshot {Home(home).current()}: 6 articles"
        assert "reading: 6 of 6" in result.stderr
        assert "encoding: 6 of 6" in result.stderr

    def test_as_json(self, run, archive, home):
        result = run("index", archive, "--json")
        assert json.loads(result.stdout) == {
            **{"lines": 6, "rejected": 0, "repeated": 0, "added": 6, "updated": 0, "removed": 0, "unchanged": 0},
            **{"articles": 6, "encoded": 6, "reused": 0, "snapshot": Home(home).current()},
            **{"foreign": 0, "ahead": 0, "rejects": None, "pruned": []},
        }

    def test_twice_publishes_once(self, run, archive, indexed, home):
        result = run("index", archive)
        assert result.stdout.splitlines()[1] == "nothing changed, nothing published: 6 articles"
        assert json.loads(run("index", archive, "--json").stdout)["snapshot"] is None
        assert Home(home).ids() == [indexed]

    def test_add_and_then_the_whole(self, run, archive, indexed, tmp_path):
        more = write(tmp_path / "more.jsonl", [{"id": "moi", "title": "bài mới"}, LINES[0] | {"title": "lương đã trả"}])
        counts = json.loads(run("index", more, "--add", "--json").stdout)
        assert {name: counts[name] for name in ("added", "updated", "removed", "articles", "encoded", "reused")} == {
            **{"added": 1, "updated": 1, "removed": 0, "articles": 7, "encoded": 2, "reused": 5}
        }
        counts = json.loads(run("index", archive, "--json").stdout)
        assert (counts["removed"], counts["updated"], counts["articles"]) == (1, 1, 6)

    def test_several_sources_are_one_archive(self, run, archive, tmp_path):
        other = write(tmp_path / "other.ndjson", [{"id": "luong", "title": "bản sau"}, {"id": "khac", "title": "khác"}])
        counts = json.loads(run("index", archive, other, "--json").stdout)
        assert (counts["lines"], counts["repeated"], counts["articles"]) == (8, 1, 7)
        assert "bản sau" in run("search", "bản sau").stdout

    def test_bad_lines_are_told_and_kept(self, run, tmp_path):
        path = write(tmp_path / "articles.jsonl", [*LINES, {"id": "a/b", "title": "x"}, {"title": ""}])
        result = run("index", path, "--json")
        counts = json.loads(result.stdout)
        assert (counts["lines"], counts["rejected"], counts["articles"]) == (8, 2, 6)
        assert f"{path}:7: id: 'a/b': expected 1 to 128 characters" in result.stderr
        assert f"{path}:8: id: nothing: required" in result.stderr
        rejects = Path(counts["rejects"]).read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["line"] for line in rejects] == [7, 8]

    def test_of_many_bad_lines_some_are_shown(self, run, tmp_path):
        path = write(tmp_path / "articles.jsonl", [{"id": "a", "title": "a"}, *({"id": at} for at in range(30))])
        result = run("index", path)
        assert result.stderr.count("expected a string") + result.stderr.count("required") == 20
        assert "... and 40 more" in result.stderr
        assert "rejected lines: " in result.stdout

    def test_strict_stops_at_the_first(self, run, tmp_path, home):
        path = write(tmp_path / "articles.jsonl", [LINES[0], {"id": "x"}, LINES[1]])
        assert f"{path}:2: title: nothing: required" in run("index", path, "--strict", status=1).stderr
        assert Home(home).ids() == []

    def test_shrinking_needs_a_word(self, run, indexed, tmp_path, home):
        less = write(tmp_path / "less.jsonl", LINES[:4])
        assert "would remove 2 of 6 articles" in run("index", less, status=1).stderr
        assert Home(home).current() == indexed
        assert json.loads(run("index", less, "--allow-shrink", "--json").stdout)["removed"] == 2

    def test_keep(self, run, archive, tmp_path, home):
        for number in range(4):
            path = write(tmp_path / "articles.jsonl", [*LINES, {"id": "dem", "title": f"số {number}"}])
            run("index", path, "--keep", 2)
        assert len(Home(home).ids()) == 2

    def test_another_encoder_encodes_anew(self, run, archive, indexed):
        # A prompt would be another encoder too; hashing has none, so the archive is unchanged here.
        counts = json.loads(run("index", archive, "--query-prompt", "q: ", "--json").stdout)
        assert (counts["encoded"], counts["snapshot"]) == (0, None)

    @pytest.mark.parametrize(
        ("source", "words"),
        [
            ("no-such.jsonl", "No such file"),
            ("no-such.csv", "No such file"),
            ("a.docx", "expected a folder, or a file"),
        ],
    )
    def test_a_source_that_cannot_be_read(self, run, source, words):
        assert words in run("index", source, status=1).stderr

    def test_a_folder_with_nothing_to_read(self, run, tmp_path):
        assert "expected a file ending in .jsonl" in run("index", tmp_path, status=1).stderr

    def test_standard_input(self, run, archive, home):
        env = {"LIENQUAN_HOME": str(home), "LIENQUAN_MODEL": "hashing"}
        result = CliRunner().invoke(main, ["index", "-", "--json"], env=env, input=gzip.compress(archive.read_bytes()))
        assert json.loads(result.stdout)["articles"] == 6

    def test_a_table_with_names_of_its_own(self, run, tmp_path):
        path = tmp_path / "articles.csv"
        path.write_bytes("Mã;Tên bài;Mục\n1;gốm đỏ;Làng\n2;lụa;\n".encode("utf-16-be"))
        options = ("--map", "title=Tên bài", "--map", "id = mã", "--encoding", "utf-16-be")
        assert json.loads(run("index", path, *options, "--json").stdout)["articles"] == 2
        assert "gốm đỏ" in run("search", "gốm đỏ").stdout
        said = run("index", path, "--encoding", "utf-16-be", "--map", "title=Tựa", status=1).stderr
        assert "title=Tựa: no column of this name: expected one of 'Mã', 'Tên bài', 'Mục'" in said

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--map", "titel=Tên"), "--map: 'titel': expected a field of the archive line: aliases,"),
            (("--map", "extra=Tên"), "--map: 'extra': expected a field"),
            (("--map", "title"), "--map: 'title': expected FIELD=COLUMN"),
            (("--map", "title="), "--map: 'title=': expected FIELD=COLUMN"),
            (("--map", "title=A", "--map", "title=B"), "--map: 'title' stands twice: expected one column"),
            (("--encoding", "utf-99"), "--encoding: 'utf-99': expected an encoding such as windows-1258"),
        ],
    )
    def test_options_of_a_source_that_will_not_do(self, run, archive, home, options, words):
        assert words in run("index", archive, *options, status=2).stderr
        assert not home.exists()

    def test_nothing_to_index(self, run, tmp_path):
        (tmp_path / "empty.jsonl").touch()
        assert "no article to index" in run("index", tmp_path / "empty.jsonl", status=1).stderr

    def test_a_model_that_there_is_not(self, run, archive, home):
        result = run("index", archive, "--model", "no such model", status=1)
        assert "'no such model': expected one of bundled" in result.stderr
        assert Home(home).ids() == []

    def test_held_by_another_build(self, run, archive, home):
        home.mkdir()
        with Home(home).lock():
            assert "held by process" in run("index", archive, status=1).stderr


class TestRemoteSources:
    FEED = (
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        "<item><title>Lò gốm đỏ lửa</title><guid>1</guid><content:encoded>"
        + "khói bay trên mái lò " * 20
        + "</content:encoded></item></channel></rss>"
    )

    @pytest.fixture
    def feed(self):
        with web_server.serve() as site:
            site.pages["/feed"] = self.FEED
            yield site

    def test_a_feed_is_indexed_and_remembered(self, run, feed, home):
        address = feed.url + "/feed"
        counts = json.loads(run("index", address, "--allow-private", "--json").stdout)
        assert (counts["added"], counts["rejected"]) == (1, 0)
        feed.pages["/feed"] = self.FEED.replace("<guid>1", "<guid>2").replace("Lò gốm", "Lò rèn")
        counts = json.loads(run("index", address, "--allow-private", "--json").stdout)
        assert (counts["added"], counts["removed"], counts["articles"]) == (1, 0, 2)
        assert (home / "sources.sqlite").is_file()

    def test_a_private_address_is_refused_unless_allowed(self, run, feed):
        result = run("index", feed.url + "/feed", status=1)
        assert "no article to index" in result.stderr
        assert "expected a public address, found '127.0.0.1' at 127.0.0.1: it is private" in result.stderr
        assert feed.asked == []
        result = CliRunner().invoke(main, ["sources", "check", feed.url + "/feed"])
        assert result.exit_code == 1
        assert "expected a public address, found '127.0.0.1' at 127.0.0.1: it is private" in result.stdout

    def test_check_looks_and_writes_nothing(self, feed, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        listed = tmp_path / "sources.toml"
        listed.write_text(f"[[source]]\ntype='rss'\nurl='{feed.url}/feed'\n")
        result = CliRunner().invoke(main, ["sources", "check", str(listed), "--allow-private"])
        assert result.exit_code == 0
        assert "Lò gốm đỏ lửa" in result.stdout
        assert "1 lines read: 1 articles, 0 rejected lines" in result.stdout
        assert [path.name for path in tmp_path.iterdir()] == ["sources.toml"]


class TestSearch:
    def test_a_line_a_hit(self, run, indexed):
        lines = run("search", "công nhân may chờ lương", "--ranking", "similarity").stdout.splitlines()
        assert len(lines) == 5
        score, day, name, title = lines[0].split(maxsplit=3)
        assert (day, name, title) == ("07/11/2023", "luong", "công nhân may chờ lương")
        assert 0 < float(score) <= 1
        assert [line.split()[1] for line in lines if "khu trọ" in line] == ["-"]

    def test_as_json(self, run, indexed):
        answer = json.loads(run("search", "công nhân", "--json", "--limit", 2, "--ranking", "similarity").stdout)
        assert list(answer) == ["total", "hits", "restored", "corrected", "did_you_mean", "relaxed"]
        assert (answer["total"], len(answer["hits"])) == (5, 2)
        assert (answer["restored"], answer["relaxed"]) == (None, [])
        for hit in answer["hits"]:
            assert list(hit) == ["id", "title", "score", "relevance", "similarity", "reasons"]
        assert "công nhân" in run("search", "công nhân", "--json").stdout

    def test_how_the_query_was_read(self, run, indexed):
        result = run("search", "cong nhan may")
        assert result.stderr == "understood as: công nhân may\n"
        assert "luong" in result.stdout
        assert json.loads(run("search", "cong nhan may", "--json").stdout)["restored"] == "công nhân may"
        assert json.loads(run("search", 'ca "may công"', "--json").stdout)["relaxed"] == ["phrase"]
        misspelt = run("search", "công nhâng may", "--json")
        assert json.loads(misspelt.stdout)["corrected"] == "công nhân may"
        assert run("search", "công nhâng may").stderr == "also searched for: công nhân may\n"
        literal = run("search", "cong nhan may", "--literal", "--json")
        assert (json.loads(literal.stdout)["restored"], literal.stderr) == (None, "")

    def test_by_words_alone(self, run, indexed):
        hits = json.loads(run("search", "sa thải", "--mode", "lexical", "--json").stdout)["hits"]
        assert [(hit["id"], hit["similarity"], hit["reasons"]) for hit in hits] == [("toa", None, ["words"])]
        assert run("search", "bóng đá", "--mode", "lexical").stdout == ""

    def test_what_is_not_relevant_is_left_out_where_it_is_asked(self, run, indexed):
        assert "dien" not in run("search", "công nhân may chờ lương", "--min-relevance", "0.1").stdout
        everything = run("search", "công nhân may chờ lương")
        assert len(everything.stdout.splitlines()) == 5

    def test_what_is_not_published_yet_is_not_found(self, run, indexed):
        assert "mai" not in [hit["id"] for hit in json.loads(run("search", "mai sau", "--json").stdout)["hits"]]

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (("--section", "việc làm"), {"luong"}),
            (("--section", "Việc làm", "--section", "Đời sống"), {"luong", "dien"}),
            (("--tag", "giá cả"), {"dien"}),
            (("--author", "Cù Văn Tịnh", "--source", "Báo Đèn"), {"an-ca"}),
            (("--published-from", "2023-06-01"), {"luong"}),
            (("--published-to", "2023-01-02"), {"chay"}),
        ],
    )
    def test_filters(self, run, indexed, options, expected):
        answer = json.loads(run("search", "công nhân", "--json", "--ranking", "similarity", *options).stdout)
        assert {hit["id"] for hit in answer["hits"]} == expected
        answer = json.loads(run("related", "toa", "--json", "--ranking", "similarity", *options).stdout)
        assert {hit["id"] for hit in answer["hits"]} == expected

    def test_sort_offset_and_ranking(self, run, indexed):
        def ids(*options):
            return [hit["id"] for hit in json.loads(run("search", "cháy", "--json", *options).stdout)["hits"]]

        assert ids("--sort", "newest", "--min-relevance", 0.1) == ["chay"]
        assert ids("--sort", "newest")[:2] == ["luong", "chay"]
        assert ids("--sort", "newest", "--ranking", "similarity")[:2] == ["luong", "chay"]
        assert ids("--ranking", "similarity", "--offset", 1) == ids("--ranking", "similarity")[1:]

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--limit", 0), "limit: '0': expected"),
            (("--limit", 101), "limit: '101': expected"),
            (("--limit", "x"), "not a valid integer"),
            (("--offset", -1), "offset: '-1': expected"),
            (("--sort", "oldest"), "--sort"),
            (("--ranking", "best"), "--ranking"),
            (("--mode", "both"), "--mode"),
            (("--published-from", "mai"), "published_from: 'mai': expected"),
            (("--colour", "red"), "--colour"),
            (("--backend", "tpu"), "--backend"),
        ],
    )
    def test_wrong_use(self, run, indexed, options, words):
        assert words in run("search", "lương", *options, status=2).stderr

    def test_an_empty_query_is_wrong_use(self, run, indexed):
        assert "q: " in run("search", " ", status=2).stderr

    def test_an_empty_home(self, run, home):
        assert "no snapshot is published yet: run `lienquan index`" in run("search", "lương", status=1).stderr

    def test_without_a_home(self, run):
        assert "--home" in run("search", "lương", status=2, LIENQUAN_HOME="").stderr

    def test_with_another_model_than_the_snapshot_s(self, run, indexed, monkeypatch):
        from models.hashing import HashingEncoder

        monkeypatch.setattr("models.hashing.HashingEncoder", lambda: HashingEncoder(32))
        assert "dim=64" in run("search", "lương", status=1).stderr


class TestRelated:
    def test_the_seed_is_left_out_and_no_model_is_loaded(self, run, indexed):
        given = {"LIENQUAN_MODEL": "no such model", "LIENQUAN_MIN_RELATED": "0"}
        answer = json.loads(run("related", "luong", "--json", **given).stdout)
        assert (answer["hits"][0]["id"], answer["total"]) == ("an-ca", 4)
        assert "luong" not in [hit["id"] for hit in answer["hits"]]

    def test_what_is_not_related_is_left_out(self, run, indexed):
        answer = json.loads(run("related", "luong", "--json", LIENQUAN_MIN_RELATED="1").stdout)
        assert (answer["hits"], answer["total"]) == ([], 0)
        assert run("related", "luong", LIENQUAN_MIN_RELATED="1").stdout == ""

    def test_a_line_a_hit(self, run, indexed):
        lines = run("related", "luong", "--limit", 2, LIENQUAN_MIN_RELATED="0").stdout.splitlines()
        assert lines[0].split()[2] == "an-ca"
        assert len(lines) == 2

    @pytest.mark.parametrize("name", ["khong-co", "mai", "", "\udcff"])
    def test_no_such_article(self, run, indexed, name):
        assert "expected the id of a public article" in run("related", "--", name, status=1).stderr

    @pytest.mark.parametrize("options", [("--limit", 51), ("--published-to", "x"), ("--sort", "newest")])
    def test_wrong_use(self, run, indexed, options):
        run("related", "luong", *options, status=2)


class TestRules:
    """What the commands write and refuse is in test_rules_cli.py; here, that a list obeys."""

    def test_a_list_obeys_what_an_editor_wrote(self, run, indexed, tmp_path):
        given = {"LIENQUAN_RULES": str(tmp_path / "rules.jsonl"), "LIENQUAN_MIN_RELATED": "0"}

        def listed():
            return [hit["id"] for hit in json.loads(run("related", "luong", "--json", **given).stdout)["hits"]]

        assert listed()[0] == "an-ca"
        run("rules", "pin", "toa", "--position", 1, **given)
        run("rules", "block", "an-ca", "--for-id", "luong", **given)
        assert listed()[0] == "toa"
        assert "an-ca" not in listed()
        assert run("rules", "check", **given).stdout == "rules: 2, problems: 0\n"
        (blocked,) = (
            row["rule"]["id"]
            for row in json.loads(run("rules", "list", "--json", **given).stdout)["rules"]
            if row["rule"]["kind"] == "block"
        )
        run("rules", "remove", blocked, **given)
        assert "an-ca" in listed()

    @pytest.mark.parametrize("args", [("nothing",), ("pin",), ("pin", "toa"), ("remove",), ("boost", "toa")])
    def test_wrong_use(self, run, tmp_path, args):
        run("rules", *args, status=2, LIENQUAN_RULES=str(tmp_path / "rules.jsonl"))


class TestEvaluate:
    """The lists are worked out by hand: by words shared, `an-ca` is nearest to `luong`, `dien` shares none with it."""

    QRELS = "query-id\tcorpus-id\tscore\nluong\tan-ca\t2\nluong\tdien\t0\n"

    @pytest.fixture
    def qrels(self, tmp_path):
        path = tmp_path / "qrels.tsv"
        path.write_text(self.QRELS, encoding="utf-8")
        return path

    def test_related(self, run, indexed, qrels):
        result = json.loads(run("evaluate", "related", "--qrels", qrels, "--json").stdout)
        measures = {"ndcg@10": 1.0, "recall@10": 1.0, "recall@50": 1.0, "mrr@10": 1.0, "queries": 1.0}
        assert result == {"what": "related", "ranking": "relevance", **measures, "unknown": 0}

    def test_search_writes_a_run(self, run, indexed, tmp_path):
        queries = write(tmp_path / "q.jsonl", [{"id": "q1", "text": "cháy kho giấy"}, {"id": "unused", "text": "x"}])
        qrels = tmp_path / "qrels.tsv"
        qrels.write_text("query-id\tcorpus-id\tscore\nq1\tchay\t1\nq1\tkhong-co\t1\n", encoding="utf-8")
        out = tmp_path / "run.trec"
        args = ("evaluate", "search", "--qrels", qrels, "--queries", queries, "--run-out", out)
        result = json.loads(run(*args, "--json").stdout)
        assert (result["recall@10"], result["mrr@10"], result["queries"]) == (0.5, 1.0, 1.0)
        lines = [line.split() for line in out.read_text(encoding="utf-8").splitlines()]
        assert lines[0][:4] == ["q1", "Q0", "chay", "1"]
        assert [int(line[3]) for line in lines] == list(range(1, 6))
        assert {line[5] for line in lines} == {"lienquan-search-relevance"}
        scores = [float(line[4]) for line in lines]
        assert scores == sorted(scores, reverse=True)
        printed = run(*args).stdout.splitlines()
        assert printed[1].split() == ["recall@10", "0.5000"]
        assert printed[-1].split() == ["queries", "1"]
        run(*args, "--ranking", "relevance")
        assert "lienquan-search-relevance" in out.read_text(encoding="utf-8")

    def test_what_the_archive_does_not_have_counts_as_nothing(self, run, indexed, qrels):
        with qrels.open("a", encoding="utf-8") as file:
            file.write("khong-co\tluong\t1\n")
        result = json.loads(run("evaluate", "related", "--qrels", qrels, "--json").stdout)
        assert (result["ndcg@10"], result["queries"], result["unknown"]) == (0.5, 2.0, 1)
        assert (
            "not in the archive, counted as 0: 1, such as khong-co"
            in run("evaluate", "related", "--qrels", qrels).stderr
        )

    def test_a_judged_query_without_text(self, run, indexed, qrels, tmp_path):
        queries = write(tmp_path / "q.jsonl", [{"id": "other", "text": "x"}])
        result = run("evaluate", "search", "--qrels", qrels, "--queries", queries, status=1)
        assert "'luong'" in result.stderr

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", "expected the header"),
            ("q\td\ts\n", "expected the header"),
            ("query-id\tcorpus-id\tscore\na\tb\n", ":2: "),
            ("query-id\tcorpus-id\tscore\na\tb\tgood\n", ":2: "),
            ("query-id\tcorpus-id\tscore\na\tb\t0\n", "no query with a relevant article"),
        ],
    )
    def test_judgements_that_are_none(self, run, indexed, tmp_path, content, words):
        path = tmp_path / "qrels.tsv"
        path.write_text(content, encoding="utf-8")
        assert words in run("evaluate", "related", "--qrels", path, status=1).stderr

    def test_files_that_are_not_there(self, run, indexed, qrels, tmp_path):
        assert "none.tsv" in run("evaluate", "related", "--qrels", tmp_path / "none.tsv", status=1).stderr
        gone = tmp_path / "none" / "run"
        assert "none" in run("evaluate", "related", "--qrels", qrels, "--run-out", gone, status=1).stderr

    def test_wrong_use(self, run, indexed, qrels):
        assert "needs --queries" in run("evaluate", "search", "--qrels", qrels, status=2).stderr
        assert "--qrels" in run("evaluate", "related", status=2).stderr
        assert "everything" in run("evaluate", "everything", "--qrels", qrels, status=2).stderr


class TestSnapshots:
    @pytest.fixture
    def second(self, run, indexed, tmp_path):
        path = write(tmp_path / "second.jsonl", [{"id": "them", "title": "thêm một bài"}])
        return json.loads(run("index", path, "--add", "--json").stdout)["snapshot"]

    def test_list(self, run, indexed, second):
        rows = json.loads(run("snapshots", "list", "--json").stdout)
        assert [(row["id"], row["current"], row["articles"]) for row in rows] == [
            (indexed, False, 6),
            (second, True, 7),
        ]
        assert list(rows[1]) == ["id", "current", "created_at", "parent", "articles", "vectors", "encoder", "bytes"]
        assert (rows[1]["parent"], rows[1]["vectors"], rows[1]["encoder"]) == (indexed, 7, "hashing@1 fp32")
        lines = run("snapshots", "list").stdout.splitlines()
        assert [line[:2] for line in lines] == ["  ", "* "]
        assert f"{second}  7 articles" in lines[1]

    def test_list_of_an_empty_home(self, run):
        assert run("snapshots", "list").stdout == ""
        assert json.loads(run("snapshots", "list", "--json").stdout) == []

    def test_rollback(self, run, indexed, second, home):
        assert run("snapshots", "rollback").stdout == f"current snapshot: {indexed}\n"
        assert Home(home).current() == indexed
        assert "has no parent" in run("snapshots", "rollback", status=1).stderr
        assert run("snapshots", "rollback", second).stdout == f"current snapshot: {second}\n"
        assert indexed in run("snapshots", "rollback", "nowhere", status=1).stderr
        assert Home(home).current() == second

    def test_verify_and_a_damaged_one(self, run, indexed, second, home):
        for args, name in (((), second), ((indexed,), indexed)):
            assert run("snapshots", "verify", *args).stdout == f"{name}: every file is as it was published\n"
        path = home / "snapshots" / indexed / "segment-0" / "vectors.npy"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        assert "vectors.npy: found blake3" in run("snapshots", "verify", indexed, status=1).stderr
        assert "vectors.npy" in run("snapshots", "rollback", status=1).stderr
        assert Home(home).current() == second

    def test_verify_without_any(self, run):
        assert "no snapshot is published yet" in run("snapshots", "verify", status=1).stderr
        assert "expected one of none" in run("snapshots", "verify", "nowhere", status=1).stderr

    def test_prune(self, run, indexed, second, home):
        assert run("snapshots", "prune").stdout == "nothing to delete\n"
        assert run("snapshots", "prune", "--keep", 1).stdout == f"deleted 1: {indexed}\n"
        assert Home(home).ids() == [second]
        run("snapshots", "prune", "--keep", 0, status=2)

    def test_prune_spares_the_current_one(self, run, indexed, second, home):
        run("snapshots", "rollback")
        assert run("snapshots", "prune", "--keep", 1).stdout == "nothing to delete\n"
        assert Home(home).ids() == [indexed, second]

    def test_a_damaged_manifest_is_told(self, run, indexed, home):
        (home / "snapshots" / indexed / "manifest.json").write_text("{}")
        for args in (("snapshots", "verify"), ("search", "x"), ("related", "luong")):
            assert "manifest.json: found digest" in run(*args, status=1).stderr

    def test_one_that_cannot_be_used_hides_none_of_the_others(self, run, indexed, home, tmp_path):
        more = write(tmp_path / "more.jsonl", [{"id": "moi", "title": "bài mới"}])
        later = json.loads(run("index", more, "--add", "--json").stdout)["snapshot"]
        (home / "snapshots" / indexed / "manifest.json").write_text("{}")
        listed = run("snapshots", "list")
        first, second = listed.stdout.splitlines()
        assert first == f"  {indexed}  cannot be used"
        assert second.startswith(f"* {later}  7 articles")
        assert "manifest.json: found digest" in listed.stderr
        rows = json.loads(run("snapshots", "list", "--json").stdout)
        assert ["problem" in row for row in rows] == [True, False]


class TestModels:
    def test_list(self, run):
        rows = {row["name"]: row for row in json.loads(run("models", "list", "--json").stdout)}
        assert {"bundled", "hashing", "intfloat/multilingual-e5-large"} <= set(rows)
        hub_id, _, commit = rows["intfloat/multilingual-e5-large"]["source"].partition("@")
        assert (hub_id, len(commit)) == ("intfloat/multilingual-e5-large", 40)
        assert rows["bundled"] == {
            **{"name": "bundled", "source": "installed with Lienquan", "max_tokens": 512, "licence": "MIT"},
            **{"query_prompt": "query: ", "document_prompt": "passage: "},
        }
        lines = run("models", "list").stdout.splitlines()
        assert [line.split()[0] for line in lines] == list(rows)

    def test_fetch(self, run):
        assert run("models", "fetch", "--model", "hashing").stdout == "hashing@1: fp32, 64 dimensions\n"
        assert "model: 'no such'" in run("models", "fetch", "--model", "no such", status=1).stderr
        run("models", "fetch", "--model", "hashing", "--max-tokens", 2, status=1)

    def test_check(self, run):
        checks = json.loads(run("models", "check", "--model", "hashing", "--json").stdout)
        assert [check["passed"] for check in checks] == [True]
        assert run("models", "check", "--model", "hashing").stdout.startswith("ok   ")

    def test_check_that_fails_is_exit_status_1(self, run, monkeypatch):
        from models.parity import Check

        failed = Check("invented", 0.5, ">= 0.9", False)
        monkeypatch.setattr("models.sentence_transformer.check", lambda card: [failed])
        for option in ((), ("--json",)):
            result = CliRunner().invoke(main, ["models", "check", "--model", "hashing", *option])
            assert result.exit_code == 1
            assert "invented" in result.stdout


RULES = ("list", "check", "pin", "block", "boost", "section", "remove", "history")


class TestTheScript:
    def test_help_and_version(self, run):
        assert "Semantic search and related news" in run("--help").stdout
        assert run("-h").stdout == run("--help").stdout
        assert run("--version").stdout.startswith("lienquan, version 0.")

    def test_every_command_has_help(self, run):
        commands = ["index", "serve", "search", "related", "evaluate", "compare", "sources", "snapshots", "models"]
        commands += ["rules", "keys", "audit", "merge", "articles", "status", "sync"]
        commands += ["settings", "doctor", "report", "backup", "restore", "export", "judgements", "words"]
        commands += ["verify-backup"]
        nested = [("snapshots", name) for name in ("list", "verify", "prune", "rollback")]
        nested += [("models", name) for name in ("list", "fetch", "check")]
        nested += [("articles", name) for name in ("takedown", "lift", "takedowns")]
        nested += [("keys", name) for name in ("create", "list", "revoke")]
        nested += [("audit", name) for name in ("list", "prune", "verify")]
        nested += [("report", name) for name in ("queries", "clicks")]
        nested += [("export", name) for name in ("articles", "vectors", "related")]
        nested += [("rules", name) for name in RULES]
        assert sorted(main.commands["rules"].commands) == sorted(name for group, name in nested if group == "rules")
        assert sorted(main.commands) == sorted(commands)
        for path in [(name,) for name in commands] + nested:
            assert run(*path, "--help").stdout.startswith(f"Usage: main {' '.join(path)}")

    def test_wrong_use(self, run):
        for args in (
            ("nothing",),
            ("index",),
            ("search",),
            ("--nothing",),
            ("serve", "--port", "65536"),
            ("snapshots", "x"),
        ):
            run(*args, status=2)
        run("serve", "--workers", "0", status=2)

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "bao.example", "10.1.2.3"])
    def test_the_newsroom_is_open_on_this_machine_alone(self, run, tmp_path, monkeypatch, host):
        monkeypatch.setattr("service.serve.serve", lambda *_: pytest.fail("served"))
        refused = run("serve", "--home", str(tmp_path), "--host", host, "--open-newsroom", status=2)
        assert f"--open-newsroom: host is {host!r}: expected a loopback address" in refused.stderr
        monkeypatch.setenv("LIENQUAN_TRUSTED_HOPS", "1")
        refused = run("serve", "--home", str(tmp_path), "--open-newsroom", status=2)
        assert "--open-newsroom: trusted_hops is 1: expected 0" in refused.stderr

    def test_verbose_logs_to_stderr(self, run, archive, monkeypatch):
        def log(*_):
            logging.getLogger("indexer.building.build").debug("cho người vận hành")
            raise ValueError("thôi")

        monkeypatch.setattr("indexer.building.build.build", log)
        assert "DEBUG indexer.building.build: cho người vận hành" in run("-v", "index", archive, status=1).stderr
        assert "cho người vận hành" not in run("index", archive, status=1).stderr

    def test_home_and_model_by_option_go_before_the_environment(self, run, archive, tmp_path):
        other = tmp_path / "other"
        run("index", archive, "--home", other, "--model", "hashing", LIENQUAN_MODEL="no such model")
        assert Home(other).current()
        assert json.loads(run("snapshots", "list", "--json").stdout) == []


def test_a_snapshot_that_is_deleted_while_it_is_opened_is_not_the_newest_any_more(publish, tmp_path, monkeypatch):
    """A service that goes on beside a command deletes live snapshots within seconds."""
    first = publish(tmp_path, [{"id": "a1", "title": "Tin cũ"}]).snapshot
    opened = snapshot.Snapshot

    def overtaken(directory, *rest):
        if directory.name == first and Home(tmp_path).current() == first:
            publish(tmp_path, [{"id": "a1", "title": "Tin mới"}])
            shutil.rmtree(directory)
        return opened(directory, *rest)

    monkeypatch.setattr(snapshot, "Snapshot", overtaken)
    searcher = open_searcher(tmp_path, HashingEncoder)
    assert searcher.article("a1").title == "Tin mới"
    shutil.rmtree(tmp_path / "snapshots" / searcher.archive.id)
    with pytest.raises(SnapshotError, match="expected one of none"):
        open_searcher(tmp_path, HashingEncoder)
