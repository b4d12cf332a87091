"""Takedowns: gone at once, recorded, kept out, and on request no byte of the text left."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from indexer.archive import Archive
from indexer.articles.article import validate
from indexer.building import rejects
from indexer.building.build import BuildOptions, build
from indexer.building.ingest import Ingester, live_home
from indexer.changes.changes import Delete, Put
from indexer.changes.journal import Journal
from indexer.errors import BuildRefused
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.sources.memory import open_memory
from indexer.takedown.takedown import holders
from models.hashing import HashingEncoder
from service.cli import main
from service.clicks.log import ClickLog, ListPosition
from service.judging.judgements import JudgementStore
from service.observing.query_log import QueryLog, read
from tests.torture.remains import remains

SECRET = "Quoánhpư-Xạgôđrẻ-không-ai-được-biết"
WORDS = ("Quoánhpư", "Xạgôđrẻ")
URL = "https://bao.example/mo/cong-nhan-quoanhpu-xagodre-2.html"
LINES = [
    {"id": "a1", "title": "Công nhân mỏ than đình công đòi lương", "section": "Mỏ"},
    {
        "id": "a2",
        "title": f"Công nhân mỏ than đình công {SECRET}",
        "lead": "Lãnh đạo mỏ chưa trả lời",
        "body": f"{SECRET} ở phần thân bài",
        "section": "Mỏ",
        "url": URL,
        "aliases": ["cu-2", "https://bao.example/cu/2"],
    },
    {"id": "a3", "title": "Công nhân mỏ than nhận lương sau đình công", "section": "Mỏ"},
]


def run(*args, status=0):
    result = CliRunner().invoke(main, [str(arg) for arg in args], env={"LIENQUAN_MODEL": "hashing"})
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def home(publish, tmp_path):
    publish(tmp_path, LINES)
    return tmp_path


def test_the_record_says_who_why_and_where_it_stood(home):
    name = Home(home).current()
    told = json.loads(
        run("articles", "takedown", "a2", "--home", home, "--why", "đơn của đương sự", "--who", "Lan", "--json").output
    )
    assert (told["id"], told["who"], told["why"], told["snapshots"]) == ("a2", "Lan", "đơn của đương sự", [name])
    assert set(told["lists"]) == {"related:a1", "related:a3"}
    (line,) = run("articles", "takedowns", "--home", home).output.splitlines()
    assert "a2  by Lan: đơn của đương sự" in line
    assert json.loads(run("articles", "takedowns", "--home", home, "--json").output)[0]["id"] == "a2"


def test_rules_that_name_it_are_told(home, tmp_path, monkeypatch):
    rules = tmp_path / "rules.jsonl"
    rules.write_text('{"id": "ghim", "kind": "pin", "article": "a2", "position": 1}\n{"kind": "block", "tag": "x"}\n')
    monkeypatch.setenv("LIENQUAN_RULES", str(rules))
    told = json.loads(run("articles", "takedown", "a2", "--home", home, "--why", "x", "--json").output)
    assert told["lists"][-1] == "rule:ghim"


def test_gone_from_the_command_line_too_and_back_only_after_it_is_lifted(home, publish):
    run("articles", "takedown", "a2", "--home", home, "--why", "x")
    assert "a2" not in run("search", "đình công", "--home", home, "--ranking", "similarity", "--json").output
    publish(home, LINES)
    assert SECRET not in run("search", "đình công", "--home", home, "--ranking", "similarity", "--json").output
    run("articles", "lift", "a2", "--home", home, "--who", "Hoa")
    assert "lifted" in run("articles", "takedowns", "--home", home).output
    publish(home, LINES)
    assert SECRET in run("search", "đình công", "--home", home, "--ranking", "similarity", "--json").output


def test_one_that_is_not_there_is_kept_out_all_the_same(home, publish):
    told = json.loads(run("articles", "takedown", "a9", "--home", home, "--why", "x", "--in-advance", "--json").output)
    assert (told["snapshots"], told["lists"]) == ([], [])
    publish(home, [*LINES, {"id": "a9", "title": "Chín"}])
    assert "Chín" not in run("search", "Chín", "--home", home, "--ranking", "similarity", "--json").output


def test_wrong_use(home):
    assert "--why" in run("articles", "takedown", "a2", "--home", home, status=2).output
    alone = ("--why", "x", "--certificate", home / "c.json")
    assert "--purge" in run("articles", "takedown", "a2", "--home", home, *alone, status=2).output
    assert "expected a reason" in run("articles", "takedown", "a2", "--home", home, "--why", " ", status=2).output
    run("articles", "takedown", "a2", "--home", home, "--why", "x")
    again = run("articles", "takedown", "a2", "--home", home, "--why", "x", status=1)
    assert "id: 'a2': taken down already" in again.output
    assert "expected an article that is taken down" in run("articles", "lift", "a1", "--home", home, status=1).output


def test_nothing_was_ever_taken_down(home):
    assert run("articles", "takedowns", "--home", home).output == ""


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "a2",
            "cu-2",
            URL,
            "http://www.bao.example/mo/cong-nhan-quoanhpu-xagodre-2.html?utm_source=x",
            "bao.example/cu/2",
        ],
    )
    def test_an_article_is_found_as_the_service_finds_it(self, home, name):
        told = json.loads(run("articles", "takedown", name, "--home", home, "--why", "x", "--json").output)
        assert told["id"] == "a2"
        assert len(told["snapshots"]) == 1

    @pytest.mark.parametrize("name", ["a22", "https://bao.example/mo/khong-co.html", "Công nhân"])
    @pytest.mark.parametrize("more", [(), ("--purge",)])
    def test_what_no_store_knows_is_refused(self, home, name, more):
        said = run("articles", "takedown", name, "--home", home, "--why", "x", *more, status=1).output
        assert f"no article, alias or URL {name!r} in any store" in said
        assert ("the nearest id is 'a2'" in said) == (name == "a22")
        assert run("articles", "takedowns", "--home", home).output == ""
        assert len(Home(home).ids()) == 1

    def test_no_home_is_made_by_a_mistyped_one(self, tmp_path):
        run("articles", "takedown", "a2", "--home", tmp_path / "hme", "--why", "x", status=1)
        assert not (tmp_path / "hme").exists()

    def test_what_waits_in_the_journal_was_rejected_or_is_remembered_of_a_source_is_known(self, home):
        with closing(Journal(home)) as journal:
            journal.write([Put(validate({"id": "b1", "title": "Mới", "url": "https://bao.example/moi"}))])
        with open_memory(home, "feed") as memory:
            memory.put(
                "https://bao.example/nguon", "1", {"id": "s1", "title": "Nguồn", "url": "https://bao.example/nguon"}
            )
            memory.commit()
        (home / "rejects-20231115T000000000000Z.jsonl").write_text('{"raw": {"id": "r1", "title": 5}}\n')
        for name, article_id in (("bao.example/moi", "b1"), ("bao.example/nguon", "s1"), ("r1", "r1")):
            told = json.loads(run("articles", "takedown", name, "--home", home, "--why", "x", "--json").output)
            assert told["id"] == article_id


class TestKeptOut:
    """What comes again under another id is known by its address and its text; others are let in."""

    AGAIN = (
        {
            "id": "khac",
            "title": "Tiêu đề khác hẳn",
            "url": "https://m.bao.example/mo/cong-nhan-quoanhpu-xagodre-2.html",
        },
        {"id": "khac", "title": "Tiêu đề khác hẳn", "aliases": ["a2"]},
        {key: LINES[1][key] for key in ("title", "lead", "body")} | {"id": "u-0123456789abcdef"},
        {"id": "khac", "title": LINES[1]["title"].upper(), "body_html": f"<p>{LINES[1]['body']}</p>"}
        | {"lead": LINES[1]["lead"]},
        {"id": "khac", "title": LINES[1]["title"], "lead": LINES[1]["lead"] + "!"},
    )
    OTHER = (
        {"id": "khac", "title": LINES[1]["title"], "lead": "Một bài khác hẳn nói về chuyện khác của mỏ than"},
        {"id": "khac", "title": "Tiêu đề khác hẳn", "lead": LINES[1]["lead"], "url": "https://bao.example/mo/khac"},
    )

    @pytest.mark.parametrize("line", AGAIN)
    def test_neither_a_source_nor_the_api_brings_it_back(self, home, publish, line):
        run("articles", "takedown", "a2", "--home", home, "--why", "x")
        report = publish(home, [LINES[0], LINES[2], line])
        assert (report.barred, report.articles, report.rejects) == (1, 2, None)
        with closing(Journal(home)) as journal:
            (outcome,) = journal.write([Put(validate(line))])
            assert outcome.taken_down
            assert not outcome.applied
            journal.lift("a2", "Hoa")
            assert journal.write([Put(validate(line))])[0].applied
        assert publish(home, [LINES[0], LINES[2], line]).barred == 0

    @pytest.mark.parametrize("line", OTHER)
    def test_others_are_let_in(self, home, publish, line):
        run("articles", "takedown", "a2", "--home", home, "--why", "x")
        assert publish(home, [LINES[0], LINES[2], line]).articles == 3

    def test_a_line_of_it_that_is_no_article_is_not_kept_as_rejected(self, home, publish, tmp_path):
        run("articles", "takedown", "a2", "--home", home, "--why", "x")
        source = tmp_path / "more.jsonl"
        source.write_text(json.dumps(LINES[1] | {"tags": 5}) + "\n" + json.dumps(LINES[1])[:-30] + "\n" + '{"id": 7}\n')
        report = build(Home(home), [str(source)], HashingEncoder, BuildOptions(whole=False))
        assert (report.barred, report.rejected) == (2, 1)
        assert [len(file.read_text().splitlines()) for file in rejects.files(home)] == [1]

    def test_the_other_of_two_with_one_text_stays(self, tmp_path, publish):
        twin = LINES[1] | {"id": "a4", "url": "https://bao.example/khac/4", "aliases": []}
        publish(tmp_path, [*LINES, twin])
        told = json.loads(run("articles", "takedown", "a2", "--home", tmp_path, "--why", "x", "--json").output)
        assert told["same_text"] == 1
        report = publish(tmp_path, [*LINES, twin])
        assert (report.articles, report.barred) == (3, 1)
        assert json.loads(run("articles", "takedown", "a4", "--home", tmp_path, "--why", "x", "--json").output)
        assert publish(tmp_path, [*LINES, twin]).articles == 2

    def test_a_source_that_is_followed_remembers_only_that_it_is_there(self, home):
        fields = {"id": "u-1", "title": LINES[1]["title"], "url": URL}
        run("articles", "takedown", "a2", "--home", home, "--why", "x", "--purge")
        with open_memory(home, "sitemap") as memory:
            memory.begin()
            memory.put(URL, "2023-11-15", fields)
            memory.commit()
            assert (memory.known(URL).version, memory.known(URL).article) == ("2023-11-15", False)
            assert list(memory.readings()) == []
            memory.begin()
            memory.state["running"] = False
            memory.begin()
            assert memory.unmet() == []  # what is not asked for any more is not asked whether it is gone
        assert remains(home, WORDS) == []
        run("articles", "lift", "a2", "--home", home)
        with open_memory(home, "sitemap") as memory:
            assert memory.known(URL) is None
            memory.put(URL, "2023-11-15", fields)
            assert len(list(memory.readings())) == 1

    def test_a_takedown_counts_while_a_source_is_being_read(self, home):
        with open_memory(home, "sitemap") as memory:
            run("articles", "takedown", "a2", "--home", home, "--why", "x", "--purge")
            memory.put(URL, "2023-11-15", {"id": "u-1", "title": LINES[1]["title"], "url": URL})
            memory.commit()
        assert remains(home, WORDS) == []


class TestPurge:
    @pytest.fixture
    def full(self, home, publish, tmp_path):
        """Have the text in every kind of store."""
        publish(home, [*LINES, {"id": "a4", "title": "Bốn"}])
        with closing(Journal(home)) as journal:
            journal.write(
                [Put(validate(LINES[1] | {"lead": "sửa qua API"})), Put(validate({"id": "b1", "title": "Năm"}))]
            )
        ingester = Ingester(Home(home), HashingEncoder)
        while ingester.step():
            pass
        (home / "rejects-20231115T000000000000Z.jsonl").write_text(
            json.dumps({"raw": {"id": "a2", "title": SECRET}})
            + "\n"
            + json.dumps({"raw": {"id": "z1", "title": "Của bài khác"}})
            + "\n"
            + json.dumps({"raw": json.dumps(LINES[1])[:120]})
            + "\n"
        )
        with open_memory(home, "feed") as memory:
            memory.put(URL, "1", LINES[1])
            memory.put("https://bao.example/khac", "1", {"id": "s1", "title": "Của bài khác"})
            memory.commit()
        for place in (Home(home), live_home(Home(home))):
            left = place.snapshots / ".partial-0123abcd"
            left.mkdir()
            (left / "staging.sqlite").write_text(SECRET)
        keep = (home / "queries.sqlite", 30, 50, lambda n: None)
        log = QueryLog(*keep)
        for query in ("quoanhpu xagodre", "Quoánhpư đình công", "giá vàng", "công nhân mỏ than"):
            for caller in "abcde":
                log.note(query, 1, caller)
        log.write()
        clicks = ClickLog(home / "clicks.sqlite", 30, 50, lambda n: None)
        for seed, article in (("a1", "a2"), ("a2", "a1"), ("a1", "a3")):
            clicks.note(ListPosition(0 if seed == "x" else 2_000_000_000, seed, 1, article, "r"), clicked=False)
        clicks.write()
        judged = JudgementStore(home)
        judged.give("search", "quoánhpư xạgôđrẻ", "a1", "Lan", 1)
        judged.give("search", "giá vàng", "a2", "Lan", 1)
        judged.give("search", "giá vàng", "a1", "Lan", 1)
        judged.give("related", "a2", "a1", "Lan", 1)
        run("export", "articles", "--home", home, "--out", tmp_path / "ra.jsonl")
        assert len(remains(home, WORDS)) > 6
        return home

    def vectors(self, home):
        """Return the bytes of the article's vectors."""
        with closing(Archive(Snapshot(Home(home).directory(Home(home).current())))) as archive:
            return [np.asarray(vector).tobytes() for vector in archive.vectors_of(np.array([archive.row_of("a2")]))]

    def purge(self, home, *more):
        return json.loads(
            run("articles", "takedown", "a2", "--home", home, "--why", "x", "--purge", "--json", *more).output
        )

    def test_no_file_holds_the_text_afterwards(self, full, tmp_path):
        vectors = self.vectors(full)
        assert any("background.npy" in place for place in remains(full, (), vectors))
        told = self.purge(full)
        assert len(told["purged"]) == 2
        assert remains(full, WORDS, vectors) == []
        place = Home(full)
        assert len(place.ids()) == 1
        snapshot = Snapshot(place.directory(place.current()))
        assert [segment.alive.all() for segment in snapshot.segments] == [True]
        assert sum(segment.count for segment in snapshot.segments) == 4
        snapshot.close()
        assert SECRET not in (tmp_path / "ra.jsonl").read_text()
        assert len((tmp_path / "ra.jsonl").read_text().splitlines()) == 4

    def test_what_is_of_others_stays(self, full):
        self.purge(full)
        (file,) = rejects.files(full)
        assert json.loads(file.read_text())["raw"]["id"] == "z1"
        assert {one.query for one in read(full / "queries.sqlite", 30)} == {"gia vang", "cong nhan mo than"}
        assert [(one.query, one.article) for one in JudgementStore(full).of("search")] == [("giá vàng", "a1")]
        with closing(sqlite3.connect(full / "clicks.sqlite")) as clicks:
            assert clicks.execute("SELECT seed, article FROM clicks").fetchall() == [("a1", "a3")]
        with open_memory(full, "feed") as memory:
            assert [reading.fields["id"] for reading in memory.readings()] == ["s1"]

    def test_the_certificate_says_what_was_found_and_holds_no_text(self, full, tmp_path):
        run("backup", tmp_path / "sao-luu", "--home", full)
        written = tmp_path / "c.json"
        (tmp_path / "kho").mkdir()
        run("backup", tmp_path / "kho" / "cu", "--home", full)
        (tmp_path / "kho" / "cu").rename(tmp_path / "kho" / "di-roi")
        told = self.purge(full, "--certificate", written)["certificate"]
        assert json.loads(written.read_text()) == told
        assert told["id_sha256"] == hashlib.sha256(b"a2").hexdigest()
        found = {store["store"]: store["records"] for store in told["stores"]}
        assert found == {
            "rejected lines": 2,
            "what sources gave": 1,
            "state of sources": 0,
            "vectors of an interrupted build": 1,
            "snapshots": 2,
            "unfinished snapshots": 1,
            "live snapshots": 1,
            "journal": 1,
            "queries": 2,
            "clicks": 2,
            "judgements": 3,
            "rules": 0,
            "exports": 1,
        }
        assert {Path(copy["path"]).name: copy["state"] for copy in told["copies"]} == {
            "ra.jsonl": "does not hold it",
            "sao-luu": "holds it",
            "cu": "not looked at: it is not there",
        }
        assert remains(tmp_path / "c.json", WORDS) == []
        assert not any(word in written.read_text() for word in (SECRET, '"a2"'))
        lines = run("articles", "takedown", "a2", "--home", full, "--purge").output.splitlines()
        assert lines[1].startswith("certificate of a purge")
        assert "rejected lines: nothing found" in lines

    def test_later_than_the_takedown(self, full):
        run("articles", "takedown", "a2", "--home", full, "--why", "x")
        build(Home(full), [], HashingEncoder, BuildOptions(whole=False, added_to=0))
        assert holders(Home(full), "a2")
        run("articles", "takedown", URL, "--home", full, "--purge")
        assert remains(full, WORDS) == []

    def test_what_was_left_in_the_word_index_and_in_free_pages(self, home, publish):
        """An article that was added and is gone since is in no store, and its words are in the shared index still."""
        publish(home, [{"id": f"x{at}", "title": f"Bài số {at}"} for at in range(30)])
        options = BuildOptions(whole=False, added_to=0)
        with closing(Journal(home)) as journal:
            journal.write([Put(validate(LINES[1] | {"body": "x " * 9000}))])
            build(Home(home), [], HashingEncoder, options)
            journal.write([Delete("a2")])
            build(Home(home), [], HashingEncoder, options)
        assert remains(home, WORDS)
        self.purge(home)
        assert remains(home, WORDS) == []

    def test_a_snapshot_that_cannot_be_read_is_deleted(self, full, publish):
        first = Home(full).ids()[0]
        (Home(full).directory(first) / "manifest.json").write_text("{")
        for store in Home(full).directory(first).glob("*/articles.sqlite"):
            store.unlink()
            store.write_text(SECRET)
        self.purge(full)
        assert first not in Home(full).ids()
        assert remains(full, WORDS) == []

    def test_it_is_begun_again_where_it_was_broken_off(self, full, monkeypatch):
        from indexer.takedown import purging

        def killed(*_):
            raise BuildRefused("killed")

        with monkeypatch.context() as patched:
            patched.setattr(purging, "build", killed)
            run("articles", "takedown", "a2", "--home", full, "--why", "x", "--purge", status=1)
        assert remains(full, WORDS)
        self.purge(full)
        assert remains(full, WORDS) == []

    def test_a_process_that_ingests_and_does_not_let_go_is_told(self, full, monkeypatch):
        monkeypatch.setattr("service.writes.purging.purge.__defaults__", (None, 0, 0.2))
        with live_home(Home(full)).lock():
            said = run("articles", "takedown", "a2", "--home", full, "--why", "x", "--purge", status=1).output
        assert "held by process" in said

    def test_notes_of_rules_that_quote_it(self, full, tmp_path, monkeypatch):
        rules = tmp_path / "rules.jsonl"
        rules.write_text(
            f"# về {SECRET}\n# chuyện khác\n"
            f'#: {{"at": "2026-04-01T09:30:00+07:00", "by": "Lan", "did": "added", "id": "ghim", "why": "{SECRET}"}}\n'
            f'{{"id": "ghim", "kind": "pin", "article": "a2", "position": 1, "note": "{SECRET}"}}\n'
        )
        monkeypatch.setenv("LIENQUAN_RULES", str(rules))
        self.purge(full)
        assert rules.read_text().splitlines() == [
            "# chuyện khác",
            '#: {"at": "2026-04-01T09:30:00+07:00", "by": "Lan", "did": "added", "id": "ghim"}',
            '{"id": "ghim", "kind": "pin", "article": "a2", "position": 1}',
        ]


def test_what_waits_and_what_was_set_aside_is_shown(home):
    asked = ("articles", "waiting", "--home", home)
    assert run(*asked).output == "0 changes wait, 0 are set aside\n"
    with closing(Journal(home)) as journal:
        journal.write([Put(validate({"id": name, "title": "Tin"})) for name in ("b1", "b2")])
        aside = journal.set_aside(journal.take(0)[0], "ValueError: no such token")
    assert run(*asked).output.splitlines() == [
        "1 changes wait, 1 are set aside",
        f"b1  tried 1 times, again at {aside.again}: ValueError: no such token",
    ]
    told = json.loads(run(*asked, "--json").output)
    assert told == {"changes": 1, "set_aside": [aside._asdict()]}
    assert "1 articles added" in run("merge", "--home", home).output
    assert run(*asked).output.startswith("0 changes wait, 1 are set aside\n")
