"""Which reading of an id wins, and what of the current snapshot stays."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.articles import store
from indexer.articles.article import validate
from indexer.articles.columns import micros
from indexer.articles.prepared import PreparedArticle
from indexer.building.staging import Changes, SegmentContents, Staging

NOTHING = ()


def merged(staging, current, whole):
    """Bring everything together, as for an archive that is written anew, and return what has changed."""
    changes = staging.compare(current, whole)
    staging.gather(staging.gone(whole), 0)
    return changes


def article(article_id, title="Tin", **fields):
    found = validate({"id": article_id, "title": title, **fields})
    assert not isinstance(found, list), found
    return found


@pytest.fixture
def staged(tmp_path):
    opened = []

    def make(*articles, origin="source", derived=False):
        directory = tmp_path / f"{len(opened)}"
        directory.mkdir()
        opened.append(Staging(directory / "staging.sqlite"))
        for one in articles:
            opened[-1].add(one, origin, derived)
        return opened[-1]

    yield make
    for staging in opened:
        staging.close()


@pytest.fixture
def current_of(tmp_path):
    """Return a function that makes a current segment of articles, sources' first, then the API's."""
    numbers = count()

    def make(*articles, api=(), dead=()):
        directory = tmp_path / f"current {next(numbers)}?%"
        directory.mkdir()
        with closing(Staging(directory / "staging.sqlite")) as staging:
            for one in articles:
                staging.add(one, "source", False)
            for one in api:
                staging.add(one, "api", False)
            merged(staging, NOTHING, whole=True)
            rows, texts = staging.count()
            held = ((stored, prepared) for stored, prepared, _ in staging.articles())
            store.write_store(directory / store.FILE, held, staging.texts())
        alive = np.ones(rows, dtype=np.bool_)
        alive[list(dead)] = False
        return [SegmentContents(directory / store.FILE, alive, texts)]

    return make


def titles(staging):
    return {stored.id: stored.article().title for stored, *_ in staging.articles()}


def contents(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def origins(staging):
    return {stored.id: stored.origin for stored, *_ in staging.articles()}


# Within a run


def test_the_last_reading_of_an_id_wins(staged):
    staging = staged()
    assert staging.add(article("a", "Một", body="dài hơn nhiều"), "source", False) is False
    assert staging.add(article("b"), "source", False) is False
    assert staging.add(article("a", "Hai"), "source", False) is True
    merged(staging, NOTHING, whole=True)
    assert titles(staging) == {"a": "Hai", "b": "Tin"}
    assert [stored.id for stored, *_ in staging.articles()] == ["a", "b"]


def test_an_older_line_wins_within_a_run_when_it_is_the_last(staged):
    staging = staged(article("a", "Mới", updated_at="2023-11-08"), article("a", "Cũ", updated_at="2023-11-07"))
    merged(staging, NOTHING, whole=False)
    assert titles(staging) == {"a": "Cũ"}


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ({"lead": "Ngắn"}, {"lead": "Dài hơn"}, "Dài hơn"),
        ({"lead": "Dài hơn"}, {"lead": "Ngắn"}, "Dài hơn"),
        ({"lead": "Trước"}, {"lead": "Sau 1"}, "Trước"),  # equally long: the first stays
    ],
)
def test_of_derived_ids_the_fuller_reading_wins(staged, first, second, kept):
    staging = staged(article("a", **first), article("a", **second), derived=True)
    merged(staging, NOTHING, whole=True)
    ((stored, *_),) = staging.articles()
    assert stored.article().lead == kept


def test_a_true_id_beats_a_derived_one_only_when_it_comes_later(staged):
    staging = staged()
    staging.add(article("a", "Bài dài hơn nhiều"), "source", True)
    staging.add(article("a", "Ngắn"), "source", False)
    staging.add(article("a", "Vừa"), "source", True)
    merged(staging, NOTHING, whole=True)
    assert titles(staging) == {"a": "Ngắn"}


def test_rejecting_what_is_not_stored_adds_nothing(staged):
    staging = staged(article("a"))
    staging.reject("b")
    staging.reject("b")
    assert merged(staging, NOTHING, whole=True) == Changes(added=1, updated=0, removed=0, unchanged=0, current=0)
    assert titles(staging) == {"a": "Tin"}


# Against what is stored

OLD, NEW = "2023-11-07", "2023-11-08"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stored", "read", "wins"),
    [
        (OLD, NEW, "read"),
        (OLD, OLD, "read"),
        (NEW, OLD, "stored"),
        (NEW, None, "read"),  # without updated_at the time of receipt counts
        (None, OLD, "read"),
        (None, None, "read"),
    ],
)
@pytest.mark.parametrize("mode", ["add", "add to api", "whole over api"])
def test_an_older_reading_loses(staged, current_of, stored, read, wins, mode):
    old = article("a", "stored", updated_at=stored)
    current = current_of(old) if mode == "add" else current_of(api=[old])
    staging = staged(article("a", "read", updated_at=read))
    changes = merged(staging, current, whole=mode.startswith("whole"))
    if mode == "whole over api" and (read is None or read == stored):
        wins = "stored"  # a source that is read again does not say that it is newer
    assert titles(staging) == {"a": wins}
    assert origins(staging) == {"a": "api" if wins == "stored" and mode != "add" else "source"}
    assert (changes.updated, changes.unchanged) == ((1, 0) if wins == "read" else (0, 1))


@pytest.mark.parametrize("read", [OLD, None])
@pytest.mark.parametrize("mode", ["add", "add to api", "whole over api"])
@pytest.mark.parametrize(("ahead", "wins"), [(timedelta(days=1), "stored"), (timedelta(days=1, seconds=1), "read")])
def test_a_stored_time_too_far_ahead_counts_for_nothing(staged, current_of, read, mode, ahead, wins):
    old = article("a", "stored", updated_at=(NOW + ahead).isoformat())
    current = current_of(old) if mode == "add" else current_of(api=[old])
    staging = staged(article("a", "read", updated_at=read))
    staging.compare(current, mode.startswith("whole"), NOW)
    staging.gather(staging.gone(mode.startswith("whole")), 0)
    if mode != "whole over api":
        wins = "read" if read is None else wins
    elif read is None:
        wins = "stored"  # a source that is read again does not say that it is newer
    assert titles(staging) == {"a": wins}


def test_what_the_api_forced_counts_whatever_is_stored(staged, current_of):
    stored = current_of(article("a", "cũ", updated_at=NEW), api=[article("b", "cũ", updated_at=NEW)])
    for forced in (False, True):
        staging = staged(article("a", "mới", updated_at=OLD), origin="api")
        staging.withdraw("b", micros(datetime.fromisoformat(f"{OLD}T00:00:00Z")), pending=True)
        if forced:
            staging.force("a")
            staging.force("b")
        merged(staging, stored, whole=False)
        assert titles(staging) == ({"a": "mới"} if forced else {"a": "cũ", "b": "cũ"})


@pytest.mark.parametrize(("stored", "read"), [(NEW, OLD), (None, OLD), (OLD, None)])
def test_the_whole_archive_is_what_the_sources_say_now(staged, current_of, stored, read):
    staging = staged(article("a", "read", updated_at=read))
    merged(staging, current_of(article("a", "stored", updated_at=stored)), whole=True)
    assert titles(staging) == {"a": "read"}


@pytest.mark.parametrize(
    ("lead", "derived", "whole", "wins"),
    [
        ("ngắn", True, False, "vừa phải"),
        ("dài hơn nhiều", True, False, "dài hơn nhiều"),
        ("ngắn", False, False, "ngắn"),
        ("ngắn", True, True, "ngắn"),
    ],
)
def test_a_later_teaser_does_not_replace_a_stored_article(staged, current_of, lead, derived, whole, wins):
    staging = staged(article("a", lead=lead), derived=derived)
    merged(staging, current_of(article("a", lead="vừa phải")), whole=whole)
    ((stored, *_),) = staging.articles()
    assert stored.article().lead == wins


def test_what_sources_no_longer_bring_is_removed_and_what_the_api_wrote_stays(staged, current_of):
    current = current_of(article("a"), article("b"), api=[article("c"), article("d", "cũ", updated_at=OLD)])
    staging = staged(article("b"), article("d", "mới", updated_at=NEW), article("e"))
    assert merged(staging, current, whole=True) == Changes(added=1, updated=1, removed=1, unchanged=2, current=4)
    assert origins(staging) == {"b": "source", "c": "api", "d": "source", "e": "source"}
    assert staging.gone(whole=True).tolist() == [0, 3]


def test_adding_removes_nothing(staged, current_of):
    staging = staged(article("c"))
    changes = merged(staging, current_of(article("a"), api=[article("b")]), whole=False)
    assert changes == Changes(added=1, updated=0, removed=0, unchanged=2, current=2)
    assert origins(staging) == {"a": "source", "b": "api", "c": "source"}


def test_a_rejected_line_keeps_the_stored_article(staged, current_of):
    current = current_of(article("a", "cũ"), article("b", "cũ"), article("c", "cũ"))
    staging = staged(article("b", "mới"))
    staging.reject("a")
    staging.reject("b")
    assert merged(staging, current, whole=True) == Changes(added=0, updated=1, removed=1, unchanged=1, current=3)
    assert titles(staging) == {"a": "cũ", "b": "mới"}


def test_the_same_line_from_another_origin_is_a_change(staged, current_of):
    staging = staged(article("a"))
    changes = merged(staging, current_of(api=[article("a")]), whole=False)
    assert changes == Changes(added=0, updated=1, removed=0, unchanged=0, current=1)


def test_no_change_is_false():
    assert not Changes(added=0, updated=0, removed=0, unchanged=5, current=5)
    for field in ("added", "updated", "removed"):
        assert Changes(**{**dict.fromkeys(["added", "updated", "removed", "unchanged", "current"], 0), field: 1})


@pytest.mark.parametrize("whole", [True, False])
def test_the_dead_stay_dead(staged, current_of, whole):
    current = current_of(article("a"), article("b"), api=[article("c")], dead=[0, 2])
    staging = staged(article("b"))
    staging.reject("a")
    changes = merged(staging, current, whole=whole)
    assert changes == Changes(added=0, updated=0, removed=0, unchanged=1, current=1)
    assert not changes
    assert staging.gone(whole).tolist() == []


def test_what_is_gone_is_what_is_removed_or_replaced(staged, current_of):
    current = current_of(*(article(name) for name in "abcde"), api=[article("f")], dead=[0])
    for whole, gone in ((True, [2, 3]), (False, [2])):
        staging = staged(article("b"), article("c", "mới"), article("g"))
        staging.reject("e")
        staging.compare(current, whole)
        assert staging.gone(whole).tolist() == gone


# Added to the current segments


def test_what_stays_where_it_is_is_not_written(staged, current_of):
    first, second = current_of(article("a"), article("b"), article("c")), current_of(article("d"), article("e"))
    staging = staged(article("f"), article("b"), article("d", "mới"), article("c", "mới"))
    changes = staging.compare([*first, *second], whole=False)
    assert changes == Changes(added=1, updated=2, removed=0, unchanged=3, current=5)
    gone = staging.gone(whole=False)
    assert gone.tolist() == [2, 3]
    assert staging.gather(gone, 2).tolist() == []
    assert titles(staging) == {"f": "Tin", "d": "mới", "c": "mới"}


def test_the_last_segments_are_written_anew_with_what_is_added(staged, current_of):
    first, second = current_of(article("a", "Gốm"), article("b")), current_of(article("d", "Cam"), article("e", "Lúa"))
    staging = staged(article("f", "Gốm"), article("e", "Lúa"), article("b", "mới"))
    staging.compare([*first, *second], whole=True)
    gone = staging.gone(whole=True)
    assert gone.tolist() == [0, 1, 2]
    assert staging.gather(gone, 1).tolist() == [3]
    assert [stored.id for stored, *_ in staging.articles()] == ["e", "f", "b"]
    assert dict(staging.known_vectors()) == {0: 3, 1: 0}  # of the second segment's second text, of a's


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8),
    st.integers(0, 8),
    st.sets(st.sampled_from("abcdefgh")),
    st.dictionaries(st.sampled_from("abcdefghij"), st.booleans(), max_size=6),
    st.booleans(),
    st.integers(0, 2),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_and_what_stays_are_the_archive_to_be(staged, current_of, held, cut, dead, read, whole, first):
    """`read` says of each id whether its article has changed."""
    parts = [held[:cut], held[cut:]]
    current = [
        found
        for part in parts
        for found in current_of(*map(article, part), dead=[row for row, name in enumerate(part) if name in dead])
    ]
    alive = [name for name in held if name not in dead]
    expected = {name: "Tin" for name in alive if not whole}
    expected |= {name: "mới" if changed else "Tin" for name, changed in read.items()}
    staging = staged(*(article(name, "mới" if changed else "Tin") for name, changed in read.items()))
    changes = staging.compare(current, whole)
    assert changes.articles == len(expected)
    gone = staging.gone(whole)
    kept = staging.gather(gone, first)
    stays = {name: "Tin" for row, name in enumerate(held) if name in alive and row not in gone.tolist()}
    stays = {name: title for name, title in stays.items() if held.index(name) < [0, cut, 9][first]}
    written = titles(staging)
    assert not stays.keys() & written.keys()
    assert stays | written == expected
    if first:
        assert [stored.id for stored, *_ in staging.articles()][: len(kept)] == [held[row] for row in kept]


def test_the_dead_may_come_back_even_with_an_older_time(staged, current_of):
    current = current_of(article("a", "cũ", updated_at=NEW), article("b"), dead=[0])
    staging = staged(article("a", "mới", updated_at=OLD))
    assert merged(staging, current, whole=False) == Changes(added=1, updated=0, removed=0, unchanged=1, current=1)
    assert titles(staging) == {"a": "mới", "b": "Tin"}
    assert [stored.id for stored, *_ in staging.articles()] == ["b", "a"]


# Rows and vectors


def test_rows_keep_their_order_and_new_ones_come_last(staged, current_of):
    current = current_of(article("c"), article("a"), article("b"), dead=[1])
    staging = staged(article("z"), article("b", "khác"), article("y"), article("c"))
    merged(staging, current, whole=True)
    assert [stored.id for stored, *_ in staging.articles()] == ["c", "b", "z", "y"]


def test_equal_texts_have_one_vector(staged):
    staging = staged(article("a", "Gốm"), article("b", "Cam"), article("c", "Gốm", section="Nghề"), article("d", "Chè"))
    merged(staging, NOTHING, whole=True)
    assert [(stored.id, vector) for stored, _, vector in staging.articles()] == [("a", 0), ("b", 1), ("c", 0), ("d", 2)]
    assert staging.count() == (4, 3)
    keys = [article("x", title).views for title in ("Gốm", "Cam", "Chè")]
    assert [row for _, row in staging.texts()] == [0, 1, 2]
    assert [found.views for _, found in staging.articles_of([0, 1, 2])] == keys
    assert [key for key, _ in staging.articles_of([2, 0])] == [
        key for key, _ in [list(staging.texts())[r] for r in (2, 0)]
    ]
    assert list(staging.known_vectors()) == []


def test_known_vectors_are_those_of_equal_texts(staged, current_of):
    current = current_of(article("a", "Gốm"), article("b", "Cam"), article("c", "Chè"), dead=[2])
    staging = staged(article("n", "Chè"), article("b", "Lúa"), article("a", "Gốm", author="Chả"))
    merged(staging, current, whole=True)
    order = [(stored.id, vector) for stored, _, vector in staging.articles()]
    assert order == [("a", 0), ("b", 1), ("n", 2)]
    assert list(staging.known_vectors()) == [(0, 0), (2, 2)]  # even a dead article's vector


def test_a_current_snapshot_is_only_read(staged, current_of):
    current = current_of(article("a"))
    before = contents(current[0].store.parent)
    staging = staged(article("b"))
    merged(staging, current, whole=False)
    staging.close()
    assert contents(current[0].store.parent) == before


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"body_html": "<p>Một<p>hai"}, "Một\nhai"),
        ({"body_html": "<script>x</script>"}, None),
        ({"body": "Chữ", "body_html": "<p>khác"}, "Chữ"),
        ({"body": "Chữ"}, "Chữ"),
        ({}, None),
    ],
)
@pytest.mark.parametrize("origin", ["staged", "put", "current"])
def test_articles_come_prepared(staged, current_of, fields, body, origin):
    """Of what is staged the text is kept that was parsed then; what the current snapshot holds is parsed when read."""
    given = article("a", **fields)
    staging = staged(*[given] if origin == "staged" else [])
    if origin == "put":
        staging.put(given, 0, whole=False)
    merged(staging, current_of(given) if origin == "current" else NOTHING, whole=False)
    ((_, prepared, row),) = staging.articles()
    assert prepared == PreparedArticle(given, body)
    assert staging.articles_of([row])[0][1] == prepared


def test_the_body_follows_the_reading_that_wins(staged, current_of):
    current = current_of()
    staging = staged(article("a", body_html="<p>cũ"), article("a", body="chữ"), article("a", body_html="<p>mới"))
    merged(staging, current, whole=True)
    assert [prepared.body for _, prepared, _ in staging.articles()] == ["mới"]
    staging = staged(article("a", body_html="<p>cũ"), article("a", body="chữ"))
    merged(staging, current, whole=True)
    assert [prepared.body for _, prepared, _ in staging.articles()] == ["chữ"]
