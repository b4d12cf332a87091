"""Takedowns: gone at once, recorded, kept out, and on request no byte of the text left."""

import json
from contextlib import closing

import pytest
from click.testing import CliRunner

from indexer.article import validate
from indexer.build import BuildOptions, build
from indexer.changes import Put
from indexer.errors import BuildRefused
from indexer.ingest import Ingester, live_home
from indexer.journal import Journal
from indexer.snapshot import Home, Snapshot
from indexer.takedown import holders, purge
from models.hashing import HashingEncoder
from service.cli import main

SECRET = "Quánh-Xạ-không-ai-được-biết"
LINES = [
    {"id": "a1", "title": "Công nhân mỏ than đình công đòi lương", "section": "Mỏ"},
    {
        "id": "a2",
        "title": f"Công nhân mỏ than đình công {SECRET}",
        "body": f"{SECRET} ở phần thân bài",
        "section": "Mỏ",
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
    told = json.loads(run("articles", "takedown", "a9", "--home", home, "--why", "x", "--json").output)
    assert (told["snapshots"], told["lists"]) == ([], [])
    publish(home, [*LINES, {"id": "a9", "title": "Chín"}])
    assert "Chín" not in run("search", "Chín", "--home", home, "--ranking", "similarity", "--json").output


def test_wrong_use(home):
    assert "--why" in run("articles", "takedown", "a2", "--home", home, status=2).output
    assert "expected a reason" in run("articles", "takedown", "a2", "--home", home, "--why", " ", status=2).output
    run("articles", "takedown", "a2", "--home", home, "--why", "x")
    again = run("articles", "takedown", "a2", "--home", home, "--why", "x", status=1)
    assert "id: 'a2': taken down already" in again.output
    assert "expected an article that is taken down" in run("articles", "lift", "a1", "--home", home, status=1).output


def test_nothing_was_ever_taken_down(home):
    assert run("articles", "takedowns", "--home", home).output == ""


class TestPurge:
    def found(self, home, text=SECRET):
        """Return the files that hold a text, as JSON or as it is."""
        wanted = [text.encode(), json.dumps(text)[1:-1].encode()]
        return [p for p in home.rglob("*") if p.is_file() and any(one in p.read_bytes() for one in wanted)]

    @pytest.fixture
    def full(self, home, publish):
        """Have the text in several snapshots, a live one, the journal, and as a tombstone."""
        publish(home, [*LINES, {"id": "a4", "title": "Bốn"}])
        with closing(Journal(home)) as journal:
            journal.write(
                [Put(validate(LINES[1] | {"lead": "sửa qua API"})), Put(validate({"id": "b1", "title": "Năm"}))]
            )
        ingester = Ingester(Home(home), HashingEncoder)
        while ingester.step():
            pass
        assert len(self.found(home)) > 6
        return home

    def test_no_file_holds_the_text_afterwards(self, full):
        told = run("articles", "takedown", "a2", "--home", full, "--why", "x", "--purge", "--json")
        assert len(json.loads(told.output)["purged"]) == 2
        assert self.found(full) == []
        place = Home(full)
        assert len(place.ids()) == 1
        snapshot = Snapshot(place.directory(place.current()))
        assert [segment.alive.all() for segment in snapshot.segments] == [True]
        assert sum(segment.count for segment in snapshot.segments) == 4
        snapshot.close()

    def test_later_than_the_takedown(self, full):
        run("articles", "takedown", "a2", "--home", full, "--why", "x")
        build(Home(full), [], HashingEncoder, BuildOptions(whole=False, added_to=0))
        assert holders(Home(full), "a2")
        purge(Home(full), "a2", HashingEncoder)
        assert self.found(full) == []

    def test_a_process_that_ingests_and_does_not_let_go_is_told(self, full):
        run("articles", "takedown", "a2", "--home", full, "--why", "x")
        with live_home(Home(full)).lock(), pytest.raises(BuildRefused, match="held by process"):
            purge(Home(full), "a2", HashingEncoder, wait=0.2)


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
