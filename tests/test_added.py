"""An archive that is added to, segment by segment, against the same archive written anew."""

import json
import shutil
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.archive import Archive
from indexer.building import growth
from indexer.building.build import BuildOptions, build
from indexer.errors import SnapshotError
from indexer.index.lexical_query import LexicalQuery, Term
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import read_manifest
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import verify
from indexer.sources import SourceOptions
from models.hashing import HashingEncoder

PLACES = "lũng vài suối vàng xóm hòa bản đèn khe tối".split()
WARES = "gốm chè cam lúa ngô tre mây lụa".split()
SAID = (
    "thợ cả kể rằng lò phải đỏ lửa suốt đêm để kịp giao nghìn chiếc bình cho phiên chợ đầu tháng dù mưa lớn làm sạt "
    "con đường độc nhất lên bản và trai làng phải gùi đất qua suối từ lúc gà chưa gáy"
)


def line(number, **fields):
    place, ware = PLACES[number % len(PLACES)], WARES[number % len(WARES)]
    body = f"{SAID} của {ware} số {number} " + " ".join(f"{ware}{number % 5}" for _ in range(number % 7))
    day = f"2023-10-{number % 28 + 1:02}"
    return {"id": f"a{number}", "title": f"{ware} {place} {number}", "body": body, "published_at": day, **fields}


@pytest.fixture
def home_of(tmp_path):
    """Return a function that makes a home, empty or a copy of another, and one that indexes lines into it."""
    numbers = count()

    def make(of=None, **options):
        home = Home(tmp_path / f"home{next(numbers)}")
        if of is not None:
            shutil.copytree(of.path, home.path)

        def index(lines, whole=False, **more):
            source = tmp_path / "lines.jsonl"
            source.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
            given = BuildOptions(whole=whole, allow_shrink=True, keep=50, source=SourceOptions(), **options | more)
            return build(home, [str(source)], HashingEncoder, given)

        return home, index

    return make


def opened(home):
    return closing(Archive(Snapshot(home.directory(home.current()))))


def segments(home):
    return [(e.name, e.articles, e.deleted) for e in read_manifest(home.directory(home.current())).segments]


def alive(archive):
    return archive.public(np.iinfo(np.int64).max - 1)[0]


def test_new_articles_make_a_segment_of_their_own_and_share_the_rest(home_of):
    home, index = home_of(added_to=0)
    first = index(map(line, range(40)))
    second = index([line(40), line(3, title="mới"), line(7)])
    assert segments(home) == [("segment-0", 40, 1), ("segment-1", 2, 0)]
    assert (second.added, second.updated, second.unchanged, second.articles) == (1, 1, 39, 41)
    before, after = (home.directory(report.snapshot) for report in (first, second))
    for path in before.rglob("*"):
        name = path.relative_to(before)
        rewritten = {"manifest.json", "words/meta.json", "words/.managed.json"}
        if path.is_file() and str(name) not in rewritten and not path.name.endswith(".lock"):
            assert (after / name).samefile(path), name
    verify(after)
    verify(before)  # adding to the word index has left the shared files as they were
    with closing(Archive(Snapshot(before))) as archive:
        assert len(archive.having([Term("exact", "gốm")])) == 5


def test_the_last_segments_are_merged_where_they_are_not_twice_as_large(home_of):
    home, index = home_of(added_to=0)
    index(map(line, range(140)))
    sizes = []
    for number in range(140, 153):
        index([line(number)])
        sizes.append([articles for _, articles, _ in segments(home)])
    assert sizes[:4] == [[140, 1], [140, 2], [140, 2, 1], [140, 4]]
    assert all(len(held) <= 5 for held in sizes)
    assert sizes[-1][0] == 140
    assert sum(sizes[-1]) == 153


def test_all_is_written_anew_once_it_has_grown_by_a_tenth(home_of):
    home, index = home_of(added_to=0)
    index(map(line, range(50)))
    index(map(line, range(50, 55)))
    assert len(segments(home)) == 2
    index([line(55)])
    assert segments(home) == [("segment-0", 56, 0)]


def test_small_archives_are_written_anew_and_all_can_be(home_of):
    home, index = home_of()
    index(map(line, range(40)))
    index([line(40)])
    assert segments(home) == [("segment-0", 41, 0)]
    for changed in ([line(40)], [line(39)]):
        home, index = home_of(added_to=0)
        index(map(line, range(39)))
        index([line(39)])
        assert len(segments(home)) == 2
        index(changed, rewrite=True)
        assert len(segments(home)) == 1
    assert index([line(39)], rewrite=True).snapshot is None  # nothing to do


def test_a_segment_with_many_dead_is_written_anew(home_of):
    home, index = home_of(added_to=0)
    index(map(line, range(100)))
    index(map(line, range(100, 108)))
    gone = {100, 101, 102}
    index((line(n) for n in range(108) if n not in gone), whole=True)
    assert segments(home) == [("segment-0", 100, 0), ("segment-1", 5, 0)]
    with opened(home) as archive:
        assert [one.id for one in archive.articles(range(100, 105))] == [f"a{n}" for n in range(103, 108)]
        rows = archive.having([Term("exact", "107")])
        assert rows.tolist() == [104]
        assert archive.having([Term("exact", "101")]).tolist() == []


def test_what_is_removed_from_an_added_segment_is_gone(home_of):
    home, index = home_of(added_to=0)
    index(map(line, range(100)))
    index(map(line, range(100, 108)))
    index((line(n) for n in range(108) if n not in {5, 104}), whole=True)
    assert segments(home) == [("segment-0", 100, 1), ("segment-1", 8, 1)]
    with opened(home) as archive:
        assert archive.find("a5", alive(archive)) is archive.find("a104", alive(archive)) is None
        assert archive.find("a105", alive(archive)) == 105


def test_an_added_segment_that_dies_whole_leaves_no_rows_behind(home_of):
    home, index = home_of(added_to=0)
    index(map(line, range(100)))
    index(map(line, range(100, 103)))
    index(map(line, range(100)), whole=True)
    assert segments(home) == [("segment-0", 100, 0)]
    with opened(home) as archive:
        assert archive.having([Term("exact", "101")]).tolist() == []
        words = LexicalQuery((((Term("exact", "gốm"),),),))
        assert archive.matching(words, 100, alive(archive))[0].max() < archive.count == 100
    index([line(101)])
    with opened(home) as archive:
        assert archive.having([Term("exact", "101")]).tolist() == [100]


def test_word_rows_beyond_the_articles_are_never_published(home_of, monkeypatch):
    home, index = home_of(added_to=0)
    index(map(line, range(40)))
    before = home.current()
    monkeypatch.setattr(growth, "word_rows", lambda *_: np.arange(1, 42, dtype=np.int32))
    with pytest.raises(SnapshotError, match=r"read back.* word_rows\.npy: row 41: expected one below 41"):
        index([line(40)])
    assert home.ids() == [home.current()] == [before]


def test_an_article_added_under_embargo_has_its_words_when_it_comes_out(home_of):
    ways = home_of(added_to=0), home_of(rewrite=True)
    vectors = []
    for home, index in ways:
        index(map(line, range(60)))
        index([line(60, published_at="2999-01-01"), line(61, published_at="2999-01-02")])
        with opened(home) as archive:
            vectors.append(archive.term_vector(60))
            shared = archive.shared_terms(archive.term_vector(60), np.arange(60))
            assert shared.max() > 0.1
    assert set(vectors[0].tokens.tolist()) >= set(vectors[1].tokens.tolist())


def test_what_was_written_over_does_not_pile_up_in_the_word_index(home_of):
    home, index = home_of(added_to=0)
    index([*map(line, range(60)), line(60, body="bão lũ"), line(61, body="bão lũ")])
    words = LexicalQuery((((Term("exact", "bão"),),),))
    with opened(home) as archive:
        at_first = archive.chance(words).whole
    for version in range(40):
        index([line(61, body=f"bão lũ {version}")])
        with opened(home) as archive:
            assert archive._words.count <= 62 / (1 - growth.MAX_TOMBSTONES) + 2
            assert archive.chance(words).whole > 0.4 * at_first
            assert alive(archive)[archive.having([Term("exact", "bão")])].sum() == 2


def test_titles_of_what_was_written_over_do_not_stand_in_the_way(home_of):
    home, index = home_of(added_to=0)
    index([line(n, title="gốm suối vàng") for n in range(60)])
    index([line(n, title=f"cam {n}") for n in range(5)])
    with opened(home) as archive:
        assert len(archive.title_starts(["gom", "suoi"], 55)) == 55


def test_a_name_of_added_articles_counts(home_of):
    home, index = home_of(added_to=0)
    told = [line(n, title=f"gặp Trần Gốm lần {n}") for n in range(3)]
    index([*told, *map(line, range(3, 60))])
    index([{**one, "body": one["body"] + " rồi về"} for one in told])
    with opened(home) as archive:
        place = [name.text for name in archive.knowledge.names].index("Trần Gốm")
        assert archive.named_later(alive(archive))[place] == 3
        assert archive.named_later(np.zeros(archive.count, dtype=np.bool_))[place] == 0


def test_vectors_of_known_texts_are_taken_over(home_of):
    home, index = home_of(added_to=0)
    index(map(line, range(40)))
    report = index([line(3, section="Nghề"), line(50, title=line(4)["title"], body=line(4)["body"]), line(51)])
    assert (report.encoded, report.reused) == (1, 2)
    with opened(home) as archive:
        rows = np.array([archive.find(name, alive(archive)) for name in ("a4", "a50", "a51")])
        texts = archive.texts(rows).tolist()
        assert texts[0] == texts[1] != texts[2]
        assert archive.groups[rows[1]] == archive.groups[rows[0]] == rows[0]  # told as one across the segments


def test_a_reprint_of_an_earlier_article_joins_its_group_and_no_other(home_of):
    home, index = home_of(added_to=0)
    long = " ".join(f"{SAID} lần {n} ở {PLACES[n % 10]}" for n in range(4))
    index([*map(line, range(40)), line(40, title="lò lũng vài đỏ lửa", body=long)])
    index(
        [
            line(41, title="lũng vài đỏ lửa", body=long + " chợ đông"),
            line(42, title="trai làng", body=long + " chợ đông"),
        ]
    )
    with opened(home) as archive:
        rows = np.array([40, 41, 42])
        assert archive.groups[rows].tolist() == [40, 40, 40]
        assert archive.groups_of(rows[1:]).tolist() == [41, 41]  # the one that stands for them is not among them
        assert archive.near_duplicates(41, np.array([40, 42, 3])).tolist() == [True, True, False]
        assert archive.copies([42]).tolist() == [40, 41, 42]


operations = st.lists(
    st.tuples(
        st.booleans(),  # the sources are the whole archive
        st.dictionaries(st.integers(0, 30), st.integers(0, 2), min_size=1, max_size=8),  # id: version
    ),
    min_size=1,
    max_size=5,
)


@pytest.fixture
def begun(home_of):
    home, index = home_of()
    index(map(line, range(31, 61)))
    return home


@given(operations)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_archive_added_to_is_the_archive_written_anew(home_of, begun, operations):
    ways = home_of(begun, added_to=0), home_of(begun, rewrite=True)
    builds_of = [index for _, index in ways]
    for whole, read in operations:
        lines = [line(n, **({"title": f"bản {version}"} if version else {})) for n, version in read.items()]
        lines += map(line, range(31, 61)) if whole else []
        reports = [index(lines, whole) for index in builds_of]
        one, other = [(r.added, r.updated, r.removed, r.unchanged, r.articles) for r in reports]
        assert one == other
    with opened(ways[0][0]) as added, opened(ways[1][0]) as anew:
        held = [articles_of(archive) for archive in (added, anew)]
        assert {name: one for name, (_, one) in held[0].items()} == {name: one for name, (_, one) in held[1].items()}
        for token in ("gốm", "bản", "1", "a3", *map(str, range(31, 36))):
            words = LexicalQuery((((Term("exact", token),),),))
            found = [archive.matching(words, 100, alive(archive))[0] for archive in (added, anew)]
            assert named(added, found[0]) == named(anew, found[1])
        for name in list(held[0])[:6]:
            (row, _), (other, _) = held[0][name], held[1][name]
            query = added.vectors_of(np.array([row]))[0]
            assert query == pytest.approx(anew.vectors_of(np.array([other]))[0])
            first, second = (archive.nearest(query, 100, alive(archive)) for archive in (added, anew))
            assert dict(zip(ids(added, first[0]), first[1], strict=True)) == pytest.approx(
                dict(zip(ids(anew, second[0]), second[1], strict=True)), abs=1e-5
            )
            assert row in added.neighbours(row).rows


def articles_of(archive):
    """Return row and article of what is alive, by id."""
    rows = np.flatnonzero(alive(archive)).tolist()
    return {one.id: (row, one) for row, one in zip(rows, archive.articles(rows), strict=True)}


def ids(archive, rows):
    return [one.id for one in archive.articles(rows)]


def named(archive, rows):
    return sorted(ids(archive, rows))


def test_words_weigh_the_same_in_every_segment(home_of):
    """Statistics are of the whole index, so that scores of old and new articles may be compared."""
    homes = [home_of(added_to=0), home_of(rewrite=True)]
    scores = []
    for home, index in homes:
        index(map(line, range(60)))
        index(map(line, range(60, 64)))
        with opened(home) as archive:
            words = LexicalQuery((((Term("exact", "gốm"),),), ((Term("exact", "lũng"),),)))
            rows, found = archive.matching(words, 100, alive(archive))
            scores.append(dict(zip(ids(archive, rows), found.tolist(), strict=True)))
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)


def test_a_builder_killed_while_adding_leaves_the_snapshot_as_it_was(home_of, monkeypatch):
    home, index = home_of(added_to=0)
    index(map(line, range(40)))
    current = home.current()
    monkeypatch.setattr(growth, "word_rows", lambda *given: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        index([line(40)])
    assert home.current() == current
    verify(home.directory(current))
    assert [path.name for path in Path(home.snapshots).iterdir()] == [current]
