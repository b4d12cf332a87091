"""For how long the text of what was deleted stays on disk: not longer than was said, by a clock that is moved."""

import json
import os
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from indexer.articles.article import validate
from indexer.building import rejects
from indexer.building.build import BuildOptions, build
from indexer.changes.changes import Delete, Put
from indexer.changes.journal import Journal
from indexer.errors import BuildRefused
from indexer.snapshot.home import Home
from indexer.sources.memory import open_memory
from indexer.takedown import retention
from models.hashing import HashingEncoder
from service.cli import main
from tests.torture.remains import remains

WORD = "Quoánhpư"
DELETED = {"id": "x", "title": f"Bài có {WORD}", "body": f"thân {WORD}"}
OTHERS = [{"id": f"b{at}", "title": f"Bài số {at}"} for at in range(9)]
NOW = datetime.now(UTC)


def later(days):
    return NOW + timedelta(days=days)


def merged(home, **options):
    return build(Home(home), [], HashingEncoder, BuildOptions(whole=False, added_to=0, **options)).snapshot


@pytest.fixture
def home(tmp_path, publish):
    """A home whose current snapshot, the one before and a source's memory have what was deleted by the API."""
    publish(tmp_path, [*OTHERS, DELETED])
    with open_memory(tmp_path, "feed") as memory:
        memory.put("https://bao.example/x", "1", DELETED)
        memory.put("https://bao.example/b1", "1", OTHERS[1])
        memory.commit()
    with closing(Journal(tmp_path)) as journal:
        journal.write([Delete("x")])
    merged(tmp_path)
    (tmp_path / "rejects-20231115T000000000000Z.jsonl").write_text(f'{{"raw": "{WORD}"}}\n', encoding="utf-8")
    return tmp_path


def upkeep(home, days, now):
    """Do what a publication does, as of some time."""
    if retention.is_overdue(Home(home), days, now):
        merged(home, rewrite=True)
    return retention.expire(Home(home), days, now)


def test_nothing_goes_before_its_time(home):
    before = remains(home, [WORD])
    assert before
    for days in (0, 14):
        assert not retention.is_due(Home(home), 30, later(days))
        assert upkeep(home, 30, later(days)) == []
    assert remains(home, [WORD]) == before


def test_all_of_it_is_gone_when_the_time_is_up(home):
    first, second = Home(home).ids()
    assert retention.is_due(Home(home), 30, later(15.1))
    # the second is written anew now, which by the clock that is moved is 15.1 days ago
    assert upkeep(home, 30, later(15.1)) == [first, second]
    assert {place.split(":")[0] for place in remains(home, [WORD])} == {
        "rejects-20231115T000000000000Z.jsonl",
        "sources.sqlite",
    }
    assert not retention.is_due(Home(home), 30, later(30.2))
    upkeep(home, 30, later(30.2))
    assert remains(home, [WORD]) == []
    with open_memory(home, "feed") as memory:
        assert [reading.fields["id"] for reading in memory.readings()] == ["b1"]
        assert memory.known("https://bao.example/x").version == "1"  # not fetched over and over


def test_what_is_written_anew_gives_way_for_no_longer_than_the_other_half(home):
    name = Home(home).current()
    (store,) = Home(home).directory(name).glob("*/articles.sqlite")
    os.utime(store, (later(-16).timestamp(),) * 2)  # it was written anew 16 days ago
    assert retention.is_overdue(Home(home), 30)
    assert upkeep(home, 30, later(0)) == []
    assert Home(home).current() != name
    assert name in upkeep(home, 30, later(15.1))


def test_what_a_source_says_anew_stays(home):
    newer = DELETED | {"updated_at": (NOW + timedelta(hours=1)).isoformat()}
    with open_memory(home, "feed") as memory:
        memory.put("https://bao.example/x", "2", newer)
        memory.commit()
    upkeep(home, 30, later(31))
    with open_memory(home, "feed") as memory:
        assert len(list(memory.readings())) == 2


def test_a_takedown_without_purge_is_no_deletion(home):
    """Its text is for whoever took it down to purge, or to lift."""
    with closing(Journal(home)) as journal:
        journal.take_down("b1", "Lan", "x", [], [])
        assert set(journal.deleted_before(later(1))) == {"x"}


def test_the_journal_holds_no_line_once_it_is_replaced_and_published(tmp_path, publish):
    publish(tmp_path, OTHERS)
    with closing(Journal(tmp_path)) as journal:
        journal.write([Put(validate(DELETED | {"body": f"{WORD} " * 3000}))])
        journal.write([Delete("x")])
        merged(tmp_path)
        retention.expire(Home(tmp_path), 30)
        assert [one for one in remains(tmp_path, [WORD]) if one.startswith("changes.sqlite")] == []


def test_an_archive_that_loses_nothing_is_never_written_anew(tmp_path, publish):
    publish(tmp_path, OTHERS)
    assert not retention.is_due(Home(tmp_path), 1, later(3000))
    assert not retention.is_due(Home(tmp_path / "none"), 1, later(3000))


def test_what_was_rolled_back_from_goes_too(tmp_path, publish):
    publish(tmp_path, OTHERS)
    publish(tmp_path, [*OTHERS, DELETED])
    first, second = Home(tmp_path).ids()
    Home(tmp_path).rollback()
    assert Home(tmp_path).superseded(later(14)) == [second]
    assert retention.expire(Home(tmp_path), 30, later(16)) == [second]
    assert Home(tmp_path).ids() == [first]


@pytest.mark.parametrize(
    "command", [("merge",), ("index", "SOURCE"), ("snapshots", "prune"), ("sync", "SOURCE", "--once")]
)
def test_commands_see_to_it(home, tmp_path_factory, command, monkeypatch):
    source = tmp_path_factory.mktemp("s") / "a.jsonl"
    source.write_text(
        "".join(json.dumps(line) + "\n" for line in [*OTHERS, {"id": "c", "title": "Chín"}]), encoding="utf-8"
    )
    told = []

    def expire(place, days):
        told.append(days)
        return []

    monkeypatch.setattr(retention, "expire", expire)
    named = [str(source) if part == "SOURCE" else part for part in command]
    environment = {"LIENQUAN_MODEL": "hashing", "LIENQUAN_DELETED_DAYS": "7"}
    done = CliRunner().invoke(main, [*named, "--home", str(home)], env=environment)
    assert done.exit_code == 0, done.output
    assert told == [7]


def test_a_build_that_holds_the_home_does_it_itself(home, monkeypatch):
    def held(*_):
        raise BuildRefused("held")

    monkeypatch.setattr(retention, "expire", held)
    done = CliRunner().invoke(main, ["merge", "--home", str(home)], env={"LIENQUAN_MODEL": "hashing"})
    assert done.exit_code == 0
    assert len(rejects.files(home)) == 1
