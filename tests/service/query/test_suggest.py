"""Suggestions: what fits what was typed so far, in which order, and nothing that the public has not."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from indexer.archive import Archive
from indexer.articles.article import VIETNAM, validate
from indexer.building.ingest import Ingester, newest
from indexer.changes.changes import Put
from indexer.changes.journal import Journal
from indexer.language.lexicon import Abbreviation
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from models.hashing import HashingEncoder
from service.query import suggest
from service.query.suggest import Suggester, Suggestion
from service.searcher import Searcher

NOW = datetime(2024, 6, 1, tzinfo=VIETNAM)

LINES = [
    {
        "id": "bao-hiem",
        "title": "Bảo hiểm về làng",
        "lead": "Quỹ bảo hiểm xã hội (BHXH) mở quầy.",
        "tags": ["Bảo hiểm xã hội"],
    },
    {"id": "bao-so-3", "title": "Bão số ba vào bờ", "section": "Báo động", "tags": ["bão"]},
    {"id": "hiem", "title": "Hiểm họa bên sông", "lead": "BHXH vào cuộc.", "published_at": "2024-01-01"},
    {"id": "da-nang", "title": "Chợ cá Đà Nẵng mở sớm", "lead": "Tin từ Đà Nẵng.", "tags": ["Đà Nẵng"]},
    {"id": "da-nang-2", "title": "Bãi đá Đà Nẵng", "lead": "Ở Đà Nẵng, thợ đá nghỉ.", "published_at": "2024-02-02"},
]
SECRET = {
    "title": "Bảo mật Hố Giang",
    "lead": "Ông Lò Văn Mật ở Hố Giang nói về bảo hiểm mật (BHM). Bảo hiểm mật (BHM) của Hố Giang.",
    "section": "Bảo kín",
    "tags": ["Bảo vệ"],
}


def names(archive):
    return {name.text for name in archive.knowledge.names}


@pytest.fixture(scope="module")
def searcher(archive_of):
    return Searcher(archive_of(LINES), HashingEncoder)


def found(searcher, typed, limit=20, now=NOW):
    return [(one.kind, one.text) for one in searcher.suggest(typed, limit, now)]


class TestWhatElseIsMeant:
    @pytest.mark.parametrize(
        ("typed", "first"),
        [
            ("bao hieem", "Bảo hiểm xã hội"),  # Telex, begun and whole
            ("bao hieemr xax", "Bảo hiểm xã hội"),
            ("ddaf nawng", "Đà Nẵng"),
            ("d9a2 na8ng4", "Đà Nẵng"),  # VNI
            ("bảo hiểm sã", "Bảo hiểm xã hội"),  # s for x
            ("bão xố", "Bão số ba vào bờ"),
            ("trợ cá", "Chợ cá Đà Nẵng mở sớm"),
            ("đà lẵng", "Đà Nẵng"),
            ("social insur", "Bảo hiểm xã hội"),  # English, begun and whole
            ("storm", "bão"),
        ],
    )
    def test_where_nothing_begins_as_it_was_typed(self, searcher, typed, first):
        assert first in [text for _, text in found(searcher, typed)][:2]

    def test_what_begins_as_it_was_typed_stands_alone(self, searcher):
        assert found(searcher, "hiểm họa") == [("title", "Hiểm họa bên sông")]

    @pytest.mark.parametrize("typed", ["xzxz", "qwerty 12", "w", "8", "hoàng hôn"])
    def test_nothing_is_suggested_for_what_means_nothing(self, searcher, typed):
        assert found(searcher, typed) == []

    def test_what_is_not_public_is_not_found_so_either(self, archive_of):
        hidden = {**SECRET, "id": "mat", "published_at": "2031-01-01"}
        searcher = Searcher(archive_of([*LINES, hidden]), HashingEncoder)
        for typed in ("bar mat", "bảo mặc", "hố dang", "bar vej"):
            assert {"Bảo mật Hố Giang", "Bảo kín", "Bảo vệ", "Hố Giang"}.isdisjoint(
                text for _, text in found(searcher, typed)
            )


class TestWhatFits:
    def test_a_title_by_words_that_follow_each_other_the_last_one_begun(self, searcher):
        assert found(searcher, "về là") == [("title", "Bảo hiểm về làng")]
        assert found(searcher, "bảo về") == []

    def test_a_title_has_its_article_and_nothing_else_has(self, searcher):
        suggestions = searcher.suggest("bao", 20, NOW)
        assert {one.id for one in suggestions if one.kind == "title"} == {"bao-hiem", "bao-so-3"}
        assert {one.id for one in suggestions if one.kind != "title"} == {None}

    @pytest.mark.parametrize("typed", ["Đà Nẵng", "đà nẵ", "da nang", "DA NANG", "  da   n", "đa nang"])
    def test_with_and_without_diacritics(self, searcher, typed):
        kinds = {kind for kind, text in found(searcher, typed) if text == "Đà Nẵng"}
        assert kinds == {"name"}  # the tag of the same text is not said twice
        assert ("title", "Chợ cá Đà Nẵng mở sớm") in found(searcher, typed)

    def test_an_abbreviation_by_its_letters_and_by_its_full_form(self, searcher):
        shown = ("abbreviation", "BHXH – bảo hiểm xã hội")
        for typed in ("bh", "BHXH", "bảo hiểm", "bao hiem xa"):
            assert shown in found(searcher, typed), typed
        assert shown not in found(searcher, "xã hội")

    def test_an_abbreviation_that_the_archive_has_not_is_none(self, searcher):
        assert [text for kind, text in found(searcher, "ubnd") if kind == "abbreviation"] == []

    @pytest.mark.parametrize("typed", ["!!!", "…", "zzz", "\N{COMBINING GRAVE ACCENT}"])
    def test_nothing_fits(self, searcher, typed):
        assert found(searcher, typed) == []


class TestOrder:
    def test_diacritics_that_were_typed_bind(self, searcher):
        assert found(searcher, "bão")[:2] == [("tag", "bão"), ("title", "Bão số ba vào bờ")]
        assert found(searcher, "bảo")[0] == ("abbreviation", "BHXH – bảo hiểm xã hội")
        texts = [text for _, text in found(searcher, "bão")]
        assert texts.index("Bão số ba vào bờ") < texts.index("Bảo hiểm về làng")

    def test_what_is_not_typed_to_its_end_binds_as_far_as_it_goes(self, searcher):
        for typed in ("bảo hiê", "bảo hie", "bảo hiểm"):
            assert found(searcher, typed)[1] == ("tag", "Bảo hiểm xã hội"), typed

    def test_the_start_comes_before_the_middle(self, searcher):
        assert found(searcher, "hiem") == [
            ("title", "Hiểm họa bên sông"),
            ("tag", "Bảo hiểm xã hội"),
            ("title", "Bảo hiểm về làng"),
        ]

    def test_newer_titles_come_first(self, searcher):
        titles = [text for kind, text in found(searcher, "đà nẵng") if kind == "title"]
        assert titles == ["Bãi đá Đà Nẵng", "Chợ cá Đà Nẵng mở sớm"]

    def test_no_kind_crowds_out_the_others(self, archive_of):
        tags = [f"gốm {word}" for word in ("ba", "bảy", "chín", "hai", "mười")]
        searcher = Searcher(
            archive_of([{"id": "a", "title": "Gốm đỏ", "section": "Gốm sứ", "tags": tags}]), HashingEncoder
        )
        four = found(searcher, "gốm", 5)
        assert [kind for kind, _ in four] == ["section", "tag", "tag", "tag", "title"]
        assert len(found(searcher, "gốm", 20)) == 7

    def test_a_word_twice_in_one_text(self, archive_of):
        searcher = Searcher(archive_of([{"id": "a", "title": "x", "tags": ["Gà gáy gà gật gà"]}]), HashingEncoder)
        assert found(searcher, "gà") == [("tag", "Gà gáy gà gật gà")]

    def test_limit(self, searcher):
        for limit in range(1, 6):
            assert found(searcher, "b", limit) == sorted(found(searcher, "b", limit), key=found(searcher, "b").index)
            assert len(found(searcher, "b", limit)) == limit

    def test_reprints_are_one_suggestion(self, archive_of):
        lines = [{"id": f"b{at}", "title": "Lò gốm đỏ lửa", "published_at": f"2024-01-0{at}"} for at in (1, 2)]
        assert Searcher(archive_of(lines), HashingEncoder).suggest("lò", 8, NOW) == [
            Suggestion("Lò gốm đỏ lửa", "title", "b2")
        ]


AHEAD = {"published_at": (datetime.now(VIETNAM) + timedelta(days=30)).isoformat()}
GONE = {"unpublish_at": "2024-01-01"}
LATER = {"unpublish_at": (datetime.now(VIETNAM) + timedelta(days=30)).isoformat()}
TYPED = ["b", "bảo", "bao", "ho", "Hố Giang", "mật", "lò", "bhm", "bảo hiểm m", "bảo vệ", "bảo kín", "g"]


def told(searcher, now):
    """Return whatever is suggested that only the secret article has."""
    words = ("mật", "BHM", "Hố Giang", "kín", "vệ", "Lò Văn")
    shown = {one.text for typed in TYPED for one in searcher.suggest(typed, 20, now)}
    return {text for text in shown if any(word in text for word in words)}


class TestOnlyThePublicKnows:
    @pytest.mark.parametrize("when", [AHEAD, GONE], ids=["embargo", "unpublished"])
    def test_nothing_of_what_is_not_public(self, archive_of, when):
        searcher = Searcher(archive_of([*LINES, {"id": "mật", **SECRET, **when}]), HashingEncoder)
        assert told(searcher, datetime.now(VIETNAM)) == set()

    def test_it_goes_when_the_article_goes(self, archive_of):
        again = {"title": "Bảo kín Hố Giang", "lead": "Chuyện ở Hố Giang."}
        lines = [*LINES, {"id": "mật", **SECRET, **LATER}, {"id": "mật 2", **again, **LATER}]
        searcher = Searcher(archive_of(lines), HashingEncoder)
        assert "Hố Giang" in names(searcher.archive)
        now = datetime.now(VIETNAM)
        shown = told(searcher, now)
        assert {"Bảo mật Hố Giang", "Hố Giang", "Bảo kín", "Bảo vệ", "BHM – bảo hiểm mật"} <= shown
        assert told(searcher, now + timedelta(days=31)) == set()
        assert told(searcher, now) == shown

    def test_a_tag_is_spelt_as_the_public_spells_it(self, archive_of):
        lines = [{"id": "a", "title": "x", "tags": ["gốm sứ"]}]
        lines += [{"id": f"h{at}", "title": "y", "tags": ["GỐM SỨ"], **GONE} for at in range(3)]
        assert found(Searcher(archive_of(lines), HashingEncoder), "gốm") == [("tag", "gốm sứ")]

    def test_a_name_stays_where_another_article_has_it(self, archive_of):
        lines = [{"id": "mật", **SECRET, **LATER}, {"id": "b", "title": "Chợ Hố Giang", "lead": "Tin từ Hố Giang."}]
        searcher = Searcher(archive_of(lines), HashingEncoder)
        after = told(searcher, datetime.now(VIETNAM) + timedelta(days=31))
        assert after == {"Hố Giang", "Chợ Hố Giang"}

    def test_hidden_titles_do_not_stand_in_the_way(self, archive_of):
        hidden = [{"id": f"h{at}", "title": f"Gốm mật {at}", **GONE} for at in range(300)]
        searcher = Searcher(archive_of([*hidden, {"id": "a", "title": "Gốm đỏ"}]), HashingEncoder)
        assert found(searcher, "gốm") == [("title", "Gốm đỏ")]

    def test_nothing_where_nothing_is_public(self, archive_of):
        archive = archive_of(LINES)
        suggester = Suggester(archive, [Abbreviation("BHXH", "bảo hiểm xã hội")])
        nobody = np.zeros(archive.count, dtype=np.bool_)
        assert [suggester.suggest(typed, 8, nobody) for typed in ("b", "bhxh", "đà nẵng")] == [[], [], []]


@pytest.mark.parametrize("most", [256, 1])
def test_after_a_change_the_same_is_suggested_as_if_all_were_made_anew(publish, tmp_path, monkeypatch, most):
    """Keys are taken over, and tags and sections that came since are among them, until too many have come."""
    monkeypatch.setattr(suggest, "_ADDED", most)
    lines = [
        {"id": f"a{n}", "title": f"Công nhân {n} nhận lương", "tags": [f"thẻ {n % 5}", "bão"], "section": "Đời sống"}
        for n in range(12)
    ]
    lines.append({"id": "a12", "title": "UBND họp", "lead": "Ủy ban nhân dân xã họp bàn."})
    publish(tmp_path, lines)
    home, journal = Home(tmp_path), Journal(tmp_path)
    ingester, searcher = Ingester(home, HashingEncoder), None
    written = [
        {"id": "b1", "title": "Lũ lớn", "tags": ["bão", "Bão lụt", "an toàn"], "section": "Thời sự"},
        {"id": "b2", "title": "Lũ nhỏ", "tags": ["bão"]},
        {"id": "b1", "title": "Lũ lớn", "tags": ["Áp thấp"], "section": "Đời sống"},
    ]
    taken_over = []
    for one in [None, *written]:
        if one is not None:
            journal.write([Put(validate(one))])
            ingester.step()
        place = newest(home)
        before = searcher.archive.snapshot if searcher else None
        archive = Archive(Snapshot(place.directory(place.current()), before))
        searcher = Searcher(archive, HashingEncoder, before=searcher)
        anew = Searcher(archive, HashingEncoder)
        for typed in ("b", "bao", "t", "the", "thẻ 3", "a", "ap", "an", "đ", "thoi", "l", "z", "cong nhan", "ubnd"):
            assert searcher.suggest(typed, 20) == anew.suggest(typed, 20), (one, typed)
        taken_over.append(searcher._suggester())
    assert taken_over[1]._keyed is not taken_over[0]._keyed
    assert (taken_over[2]._keyed is taken_over[1]._keyed) == (most > 1)  # nothing new was in it
    assert [found.text for found in searcher.suggest("áp", 5)] == ["Áp thấp"]
    assert "abbreviation" in {found.kind for found in searcher.suggest("ubnd", 5)}
    assert searcher.suggest("bão l", 5) == []  # whose last article is gone
