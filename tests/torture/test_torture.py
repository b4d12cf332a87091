"""The short forms: a few rounds of each harness, and that each harness sees what it is there to see."""

import copy
import json
import random
import tempfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from service.answers import openapi
from service.answers.endpoints import endpoints_of
from tests.torture import __main__ as torture
from tests.torture import damage, deletes, full, kills, ledger, purges, readers, schema, soak, swaps, writes
from tests.torture.damage import Case
from tests.torture.generations import generation, generation_of, line
from tests.torture.remains import remains
from tests.torture.serving import Answered, Load
from tests.torture.soak import Found, Sample
from tests.torture.swaps import Published


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    return damage.homes(tmp_path_factory.mktemp("damaged"))


@pytest.fixture
def memory_path(tmp_path):
    """Return an empty directory in memory where there is one: what is killed here is a process, not the machine."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="lienquan-", dir="/dev/shm") as directory:
        yield Path(directory)


class TestDamage:
    def test_no_damage_is_passed_on(self, memory_path):
        found = damage.run(memory_path, rounds=8, seed=7)
        assert found.wrong == []
        assert sum(found.outcomes.values()) == 8
        print(found)

    def test_every_file_meets_every_kind_and_all_ways(self, damaged):
        chosen = list(damage.cases(damaged["several"], random.Random(1)))
        files = {case.file for case in chosen}
        assert {"manifest.json", "CURRENT", "word_rows.npy", "tombstones-segment-0.npy", "words/meta.json"} <= files
        assert {"segment-0/index.faiss", "segment-1/vectors.npy", "segment-1/articles.sqlite"} <= files
        assert len(files) > 90
        assert {kind: n for kind, n in Counter(case.kind for case in chosen).items() if n != len(files)} == {}
        assert {case.way for case in chosen} == set(damage.WAYS)
        assert len({(case.kind, case.way) for case in chosen}) == len(damage.KINDS) * len(damage.WAYS)

    def test_a_damage_changes_one_bit_or_cuts(self):
        assert Case("x", "header", 1, 0, "swap").damaged(b"abc") == b"acc"
        assert Case("x", "cut by one", 2, None, "swap").damaged(b"abc") == b"ab"
        assert Case("x", "emptied", 0, None, "swap").damaged(b"abc") == b""


class TestKills:
    def test_no_kill_leaves_anything_but_the_old_or_the_new(self, memory_path):
        found = kills.run(memory_path, rounds=4, seed=7, scenarios=kills.SCENARIOS[1:4:2])
        assert found.wrong == []
        assert sum(found.outcomes.values()) == 4
        print(found)


class TestWrites:
    def test_nothing_acknowledged_is_lost_by_a_kill(self, memory_path):
        scenes = [writes.Scene("nothing", "all"), writes.Scene("index", "ingesting"), writes.Scene("purge", "command")]
        found = writes.run(memory_path, rounds=3, seed=7, scenes=scenes)
        assert found.wrong == []
        assert found.acknowledged["put"] > 50
        assert found.acknowledged["deleted"] > 10
        print(found)

    def test_an_article_of_two_versions_is_seen(self):
        good = ledger.article("w1-3", 7)
        assert ledger.version_of(good) == 7
        with pytest.raises(ValueError, match=r"w1-3: of versions \[7, 8\] at once"):
            ledger.version_of(good | {"lead": ledger.article("w1-3", 8)["lead"]})

    def test_what_may_be_is_what_was_acknowledged_or_is_under_way(self):
        known = ledger.Ledger(["nguon-1"])
        known.begin({"w1": 1, "nguon-1": None})
        assert known.may() == {"w1": {None, 1}, "nguon-1": {ledger.ANY, None}}
        assert known.gone() == set()
        known.end({"w1": 1, "nguon-1": None})
        assert known.may() == {"w1": {1}, "nguon-1": {None}}
        ((name, before),) = known.gone()
        assert name == "nguon-1"
        known.begin({"nguon-1": 2})
        known.end({"nguon-1": 2})
        known.begin({"nguon-1": None})
        known.end({"nguon-1": None})
        assert known.gone() == {("nguon-1", before + 2)}  # it was back in between, so it may have been seen


class TestDeletes:
    def test_nothing_is_seen_after_its_removal(self, memory_path):
        found = deletes.run(memory_path, rounds=4 * deletes.TIMES * len(deletes.Doomed("", "", 0).probes()), seed=7)
        assert (found.sightings, found.wrong) == ([], [])
        assert len(found.removals) == 4
        assert len(found.by_worker) == 2
        print(found)


class TestFull:
    def test_a_full_disk_is_told_and_leaves_nothing(self, memory_path):
        found = full.run(memory_path, rounds=4, seed=7, scenarios=kills.SCENARIOS[1:2])
        assert found.wrong == []
        print(found)


class TestPurges:
    def test_nothing_is_left_in_homes_of_any_history(self, memory_path):
        found = purges.run(memory_path, rounds=3, seed=7)
        assert found.wrong == []
        assert found.homes == 3
        assert found.held > 10  # files with the text, before
        print(found)

    def test_what_is_left_is_seen(self, tmp_path):
        (tmp_path / "a").write_bytes(b"\0\0Qu\xc3\xa1nhzx\0")
        (tmp_path / "b.jsonl").write_text('{"x": "Qu\\u00e1nhzx"}')
        (tmp_path / "c").write_text("a quanhzx b")
        np.array([7, zlib.crc32("quánhzx".encode())], dtype=np.uint32).tofile(tmp_path / "tokens.u32")
        assert {place.split(":")[0] for place in remains(tmp_path, ["Quánhzx"])} == {"a", "b.jsonl", "c", "tokens.u32"}
        assert remains(tmp_path, ["Khác"]) == []


class TestSwaps:
    def test_nothing_fails_and_nothing_mixes(self, memory_path):
        found = swaps.run(memory_path, rounds=3, seed=7)
        assert (found.failed, found.mixed, found.late) == ([], [], [])
        assert found.answers > 50
        assert max(found.follow) <= swaps.FOLLOWED
        print(found)

    def test_a_mixture_and_a_late_answer_are_seen(self):
        found, load = swaps.Found(), Load(0, ())
        published = [Published(9.0, 10.0, "one"), Published(19.0, 20.0, "two")]
        load.seconds.append(0.1)
        load.answers += [
            Answered(11.0, 11.1, "/", "one", frozenset({1})),
            Answered(15.0, 15.1, "/", "two", frozenset({1})),  # says two, and is of another snapshot as well
            Answered(21.0, 21.1, "/", "one", frozenset({1})),  # within the time to follow
            Answered(22.5, 22.6, "/", "one", frozenset({1})),
            Answered(23.0, 23.1, "/", "two", frozenset({1, 2})),
            Answered(23.0, 23.1, "/", None, frozenset({1, 2})),
            Answered(23.0, 23.1, "/", "two", frozenset()),
            Answered(18.8, 18.9, "/", "two", frozenset({2})),  # before there was such a one
            Answered(18.9, 19.2, "/", "two", frozenset({2})),  # it is being published
            Answered(19.9, 20.1, "/", "two", frozenset({2})),
            Answered(19.9, 20.1, "/", "none", frozenset({3})),
        ]
        swaps._judge(found, load, {"one": 1, "two": 2, "none": 3}, published)
        assert found.mixed == [load.answers[at] for at in (1, 4, 5, 6)]
        assert found.late == [load.answers[at] for at in (1, 3, 7, 10)]


class TestSoak:
    def test_requests_are_of_every_kind_and_none_is_refused(self, client_of):
        client = client_of(generation(0, 30))
        for (kind, path, body), _ in zip(soak.requests(random.Random(3), 30), range(80), strict=False):
            answer = client.get(path) if body is None else client.post(path, json=body)
            assert answer.status_code == (404 if kind == "odd" else 200), (path, answer.get_data(as_text=True))

    def test_growth_is_counted_after_the_warm_up(self):
        held = [*[10] * 100, *range(1000, 1100)]  # MB
        found = Found([Sample(at, size * 2**20, 0, 2**20 * (60 if at % 2 else 50)) for at, size in enumerate(held)])
        assert found.growth == pytest.approx(0.1)
        assert found.ingesting_growth == pytest.approx(0, abs=0.01)  # up and down with its steps
        assert "+10.0%" in str(found)

    def test_what_was_not_there_yet_counts_for_nothing(self):
        found = Found([Sample(at, 7, 0, 100 if at > 15 else 0) for at in range(21)])
        assert (found.growth, found.ingesting_growth) == (0, 0)


def test_a_soak_in_short(tmp_path, monkeypatch):
    monkeypatch.setattr(soak, "ARTICLES", 60)
    monkeypatch.setattr(soak, "_PUBLICATIONS", 2)
    monkeypatch.setattr(soak, "_WRITE_S", 0.05)
    found = soak.run(tmp_path, 200, 1)
    assert found.failed == []
    assert found.kinds.total() == 400  # half of them to warm up
    assert sum(found.written.values()) > 0
    assert all(sample.private > 0 for sample in found.samples)


def test_what_a_service_warned_of_is_kept(tmp_path):
    log = tmp_path / "log"
    lines = [{"time": at, "level": level, "message": f"{level} {at}"} for at, level in enumerate(("INFO", "ERROR"))]
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + "Traceback\n", encoding="utf-8")
    assert soak._logged(log) == ["1 ERROR 1"]


def test_articles_say_their_generation():
    for number in (0, 7, 12):
        assert generation_of(line(3, number)["title"]) == generation_of(line(3, number)["lead"]) == number
    assert len({json.dumps(one) for one in generation(1, 50)}) == 50


def test_a_part_that_finds_something_wrong_fails(monkeypatch, capsys):
    monkeypatch.setitem(torture.PARTS, "kills", torture.Part(3, lambda *_: ("3 kills", ["lost one"])))
    monkeypatch.setitem(torture.PARTS, "full", torture.Part(3, lambda *_: ("3 builds", [])))
    assert torture.main(["full", "--rounds", "1"]) == 0
    assert torture.main(["full", "kills"]) == 1
    assert "WRONG lost one" in capsys.readouterr().out
    assert all(part.rounds > 0 for name, part in torture.PARTS.items() if name != "damage")


class TestReaders:
    def test_no_document_stops_a_reader(self, memory_path):
        found = readers.run(memory_path, rounds=60, first_seed=7)
        assert found.wrong == []
        assert found.documents.total() == 60
        print(found)

    @pytest.mark.parametrize(
        ("reader", "fault"),
        [("endless", "takes more than 0.5 s"), ("raising", "RecursionError"), ("ending", "exit status -6")],
    )
    def test_a_reader_at_fault_is_seen(self, memory_path, monkeypatch, reader, fault):
        monkeypatch.setenv("LIENQUAN_FUZZ_KEEP", str(memory_path / "kept"))
        found = readers.run(memory_path, 3, 7, f"tests.torture.faulty_readers:{reader}", most=0.5)
        assert len(found.wrong) == 3
        for wrong in found.wrong:
            kept, _, told = wrong.partition(": ")
            assert fault in told
            assert Path(kept).is_file()


class TestSchema:
    def test_the_service_is_as_the_document_says(self, memory_path):
        found = schema.run(memory_path, requests=1, seed=7, examples=5, brief=True)
        assert found.wrong == []
        assert found.requests >= 300
        assert {name.rsplit(" ", 1)[0] for name in found.statuses} == {
            f"{one.method.upper()} {one.path}" for one in endpoints_of()
        }
        print(found)

    def test_a_service_that_is_not_is_found_out(self, memory_path, monkeypatch):
        """A status that is not told of, a value that is not allowed, a key that is not asked for."""
        document = openapi.document()
        less = copy.deepcopy(document)
        del less["paths"]["/api/v1/articles/{id}"]["put"]["responses"]["201"]
        less["components"]["schemas"]["Health"]["properties"]["status"]["const"] = "well"
        less["paths"]["/healthz"]["get"]["security"] = [{"key": ["ingest"]}]
        for path in set(less["paths"]) - {"/api/v1/articles/{id}", "/healthz"}:
            del less["paths"][path]
        for operation in less["paths"]["/api/v1/articles/{id}"].values():
            for answer in operation["responses"].values():
                answer.pop("links", None)
        monkeypatch.setattr(openapi, "document", lambda: less)
        wrong = "".join(schema.run(memory_path, requests=1, seed=7, examples=5, brief=True).wrong)
        assert "Undocumented status code" in wrong
        assert "Response violates schema" in wrong
        assert "API accepts requests without authentication" in wrong
