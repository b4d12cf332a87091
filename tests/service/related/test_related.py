"""Related lists over an invented newsroom: each step by hand, then what must hold of every list that can be asked for.

The encoder hashes words; `now` is handed in wherever time counts.
"""

import json
import random
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.archive import Archive
from indexer.articles.article import validate
from indexer.articles.columns import micros
from indexer.building.embedding import embed
from indexer.relations import content_classes
from indexer.relations.content_classes import ContentClass
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from models.hashing import HashingEncoder
from service.errors import NotFound, NotReady
from service.options import Options
from service.ranking.freshness import FADINGS, freshness
from service.ranking.presets import PRESETS, Defaults
from service.related import pool
from service.related import relating as related_module
from service.rules.lines import NO_RULES, parse
from service.schemas import RelatedBody
from service.searcher import Searcher
from tests.conftest import Part
from tests.newsroom import NOW, SECTIONS, SOURCES, article, at, newsroom, reprint, written

ENCODER = HashingEncoder()
FLOOR = 0.06


class Desk:
    """A searcher whose rules may be changed, and the archive behind it.

    :param rules: Fields of rules, their ids given in order.
    """

    def __init__(self, archive, encoder=lambda: ENCODER, fallbacks=("same_section_newest",), floor=FLOOR):
        self.archive = archive
        self.said = NO_RULES
        defaults = Defaults(floor, fallbacks)
        self.searcher = Searcher(archive, encoder, Options(rules=lambda: self.said, related=defaults))
        articles = archive.articles(range(archive.count))
        self.row = {one.id: row for row, one in enumerate(articles)}
        self.article = {one.id: one for one in articles}
        self.public = archive.public(micros(NOW))[0]
        self.ids = [one.id for row, one in enumerate(articles) if self.public[row]]

    def rules(self, *rules):
        lines = [json.dumps({"id": f"r{at}", **rule}) for at, rule in enumerate(rules)]
        self.said = parse("\n".join(lines).encode(), "rules")
        assert self.said.problems == ()

    def ask(self, *ids, now=NOW, **body):
        seed = body.pop("seed", {"ids": list(ids)})
        return self.searcher.related(RelatedBody.model_validate({"seed": seed, **body}), now)

    def list(self, *ids, **body):
        return [hit.article.id for hit in self.ask(*ids, **body).hits]

    def fate(self, article_id, *ids, **body):
        found = self.ask(*ids, explain_id=article_id, **body).fate
        return found.step, found.detail

    def group(self, article_id):
        return int(self.archive.groups[self.row[article_id]])


def opened(publish, home, lines):
    return Archive(Snapshot(Home(home).directory(publish(home, lines).snapshot)))


@pytest.fixture(scope="module")
def house(publish, tmp_path_factory):
    """Return the newsroom's desk; two articles were deleted lately."""
    home, lines = tmp_path_factory.mktemp("home"), newsroom()
    publish(home, lines)
    archive = opened(publish, home, [line for line in lines if line["id"] not in ("bai-12", "bai-81")])
    assert archive.count == len(lines)
    yield Desk(archive)
    archive.close()


@pytest.fixture
def desk(house):
    yield house
    house.said = NO_RULES


def small_lines():
    """Return a story of a seed and six more, newest first, with what may go wrong beside it, and other stories."""
    chance = random.Random(5)
    n = iter(range(1000))

    def story(number, **more):
        return article(
            chance, next(n), number, **{"section": "Làng nghề", "source": "Báo Lũng", "author": None, **more}
        )

    lines = [story(0, id="seed", published_at=at(1), url="https://www.lung.example/seed?utm_source=x")]
    lines += [story(0, id=f"r{day}", published_at=at(day)) for day in (2, 3, 5, 8, 13, 21)]
    lines += [
        reprint(chance, 0, lines[0], id="copy-of-seed", published_at=at(0.5)),
        reprint(chance, 0, lines[2], id="copy-of-r3", published_at=at(2.5)),
        story(0, id="paid", title="[Quảng cáo] " + " ".join(written(chance, 0, 6)), published_at=at(4)),
        story(0, id="undated", published_at=None),
        story(0, id="ahead", published_at=at(-2)),
        story(0, id="gone", unpublish_at=at(2)),
        story(0, id="market", section="Chợ phiên", source="Báo Đèn", author="Lê Thị Lụa", published_at=at(6)),
    ]
    for day in range(8):
        when = NOW - timedelta(days=day, hours=6)
        lines.append(
            story(
                0,
                id=f"price-{day}",
                title=f"Giá klam hôm nay {when.day}/{when.month}: " + " ".join(written(chance, 0, 5)),
                published_at=when.isoformat(),
            )
        )
    for number in range(60):
        lines.append(
            story(1 + number % 9, id=f"other-{number}", section=SECTIONS[number % 4], published_at=at(3 + number))
        )
    return lines


@pytest.fixture(scope="module")
def small_house(archive_of):
    return Desk(archive_of(small_lines()), fallbacks=())


@pytest.fixture
def small(small_house):
    yield small_house
    small_house.said = NO_RULES


STORY = {"r2", "r3", "r5", "r8", "r13", "r21", "copy-of-r3", "undated", "market"}
PLAIN = {"freshness": "none", "diversity": 1.0, "max_per_event": 50, "limit": 30}
"""As little as may be beside relevance."""


class TestSmall:
    def test_the_story_and_of_its_reprints_one(self, small):
        found = small.ask("seed", **PLAIN)
        assert {hit.article.id for hit in found.hits} == STORY - {"r3"}
        assert {hit.article.id: hit.copies for hit in found.hits if hit.copies} == {"copy-of-r3": 1}
        assert found.total == len(found.hits)

    @pytest.mark.parametrize(("rule", "shown"), [("newest", "copy-of-r3"), ("oldest", "r3")])
    def test_which_reprint_is_shown(self, small, rule, shown):
        found = small.list("seed", duplicates=rule, **PLAIN)
        assert {"r3", "copy-of-r3"} & set(found) == {shown}

    def test_the_best_reprint_is_the_one_most_like_the_seed(self, small):
        alone = small.ask("seed", ranking="similarity", limit=30)
        order = [hit.article.id for hit in alone.hits]
        best = min(("r3", "copy-of-r3"), key=order.index)
        assert {"r3", "copy-of-r3"} & set(small.list("seed", duplicates="best", **PLAIN)) == {best}

    def test_by_relevance_alone_the_list_is_by_score(self, small):
        scores = [hit.score for hit in small.ask("seed", **PLAIN).hits]
        assert scores == sorted(scores, reverse=True)

    def test_an_address_and_an_id_are_one_seed(self, small):
        by_url = {"urls": ["http://m.lung.example/seed/?fbclid=1"]}
        assert small.list(seed=by_url) == small.list("seed")

    def test_paid_texts_are_kept_apart_unless_asked_for(self, small):
        assert "paid" not in small.list("seed", **PLAIN)
        assert "paid" in small.list("seed", include_classes=["sponsored"], **PLAIN)
        assert "paid" not in small.list("seed", include_classes=["obituary", "minor"], **PLAIN)

    def test_undated_articles_keep_their_score(self, small):
        hits = {hit.article.id: hit for hit in small.ask("seed", explain=True, limit=30).hits}
        assert hits["undated"].numbers.freshness == 1.0
        assert hits["undated"].score == hits["undated"].relevance
        assert hits["r21"].score < hits["r21"].relevance

    def test_an_unknown_seed_is_named(self, small):
        with pytest.raises(NotFound) as refused:
            small.ask("seed", "nowhere")
        assert "seed.ids.1" in str(refused.value) + repr(vars(refused.value))
        for hidden in ("ahead", "gone"):
            with pytest.raises(NotFound):
                small.ask(hidden)

    def test_a_published_seed_needs_no_encoder(self, small_house):
        def none():
            raise NotReady("no encoder here")

        asleep = Desk(small_house.archive, none, fallbacks=())
        assert asleep.list("seed") == small_house.list("seed")
        assert asleep.list("seed", "r5", seed={"ids": ["seed", "r5"], "negative_ids": ["other-1"]})
        with pytest.raises(NotReady):
            asleep.ask(seed={"article": {"title": "lò gốm"}})


class TestSeries:
    def test_under_other_news_no_instalment_stands(self, small):
        assert not [name for name in small.list("seed", **PLAIN) if name.startswith("price")]

    def test_under_its_own_kind_the_latest_stands(self, small):
        found = small.list("price-4", **PLAIN)
        assert [name for name in found if name.startswith("price")] == ["price-0"]
        assert [name for name in small.list("price-0", **PLAIN) if name.startswith("price")] == ["price-1"]

    def test_what_becomes_of_the_latest_is_told_though_it_was_not_near(self, small, monkeypatch):
        rows = np.array([small.row["r2"]])
        monkeypatch.setattr(pool, "near", lambda *_: pool.NearArticles(rows, np.zeros(1)))
        assert small.fate("price-0", "price-4", min_relevance=1.0) == ("below_min_relevance", "")
        assert small.fate("price-0", "price-4")[0] == "listed"

    def test_of_those_that_are_allowed(self, small):
        found = small.list("price-4", exclude_ids=["price-0", "price-1"], **PLAIN)
        assert [name for name in found if name.startswith("price")] == ["price-2"]

    def test_measured_likeness_knows_no_series(self, small):
        found = small.list("seed", ranking="similarity", limit=50)
        assert len([name for name in found if name.startswith("price")]) == 8


class TestExplainId:
    """One test for each step at which an article can fall out."""

    def test_listed(self, small):
        found = small.list("seed", limit=30)
        assert [small.fate(name, "seed", limit=30) for name in found] == [
            ("listed", str(place)) for place in range(1, len(found) + 1)
        ]

    @pytest.mark.parametrize("name", ["ahead", "gone", "nowhere"])
    def test_not_public(self, small, name):
        found = small.ask("seed", explain_id=name).fate
        assert (found.step, found.numbers) == ("not_public", None)

    def test_filtered(self, small):
        assert small.fate("r2", "seed", filters={"section": ["Chợ phiên"]}) == ("filtered", "")

    def test_seed(self, small):
        assert small.fate("seed", "seed") == ("seed", "")
        assert small.fate("r2", seed={"ids": ["seed"], "negative_ids": ["r2"]}) == ("seed", "")

    def test_excluded(self, small):
        assert small.fate("r2", "seed", exclude_ids=["r5", "r2"]) == ("excluded", "")

    def test_content_class(self, small):
        assert small.fate("paid", "seed") == ("content_class", "")

    def test_blocked(self, small):
        small.rules({"kind": "block", "article": "r2"})
        assert small.fate("r2", "seed") == ("blocked", "")
        assert small.fate("r5", "seed", limit=30)[0] == "listed"

    def test_not_near(self, desk):
        classes = desk.archive.classes(content_classes.NO_RULES)
        for seed in desk.ids[:40]:
            near = set(desk.archive.neighbours(desk.row[seed]).rows.tolist())
            far = [name for name in desk.ids if desk.row[name] not in near and name != seed]
            plain = [name for name in far if not classes[desk.row[name]]]
            if plain:
                assert desk.fate(plain[0], seed) == ("not_near", "")
                return
        pytest.fail("every article is near to every other")

    def test_series(self, small):
        assert small.fate("price-0", "seed") == ("series", "")
        assert small.fate("price-3", "price-4") == ("series", "")

    def test_copy_of_seed(self, small):
        assert small.fate("copy-of-seed", "seed") == ("copy_of_seed", "")

    def test_below_min_relevance(self, small):
        assert small.fate("other-0", "seed") == ("below_min_relevance", "")
        assert small.fate("r2", "seed", min_relevance=1.0) == ("below_min_relevance", "")

    def test_duplicate(self, small):
        assert small.fate("r3", "seed", limit=30) == ("duplicate", "")

    def test_beyond_the_best(self, small, monkeypatch):
        order = small.list("seed", **PLAIN)
        monkeypatch.setattr(related_module, "LOOKED_AT", 3)
        assert small.fate(order[4], "seed", **{**PLAIN, "limit": 1}) == ("beyond_the_best", "")

    def test_twice_as_many_are_looked_at_as_are_asked_for(self, small, monkeypatch):
        order = small.list("seed", **PLAIN)
        monkeypatch.setattr(related_module, "LOOKED_AT", 3)
        assert small.fate(order[5], "seed", **{**PLAIN, "limit": 3}) == ("beyond_limit", "")
        assert small.fate(order[6], "seed", **{**PLAIN, "limit": 3}) == ("beyond_the_best", "")

    def test_the_best_are_those_of_the_best_score(self, small, monkeypatch):
        body = {**PLAIN, "freshness": "standard"}
        order = small.list("seed", **body)
        assert order != small.list("seed", **PLAIN)
        monkeypatch.setattr(related_module, "LOOKED_AT", 1)
        assert [small.list("seed", **{**body, "limit": limit}) for limit in (1, 3)] == [order[:1], order[:3]]

    def test_cap(self, small):
        order = small.list("seed", **PLAIN)
        second = [name for name in order if small.article[name].section == "Làng nghề"][1]
        assert small.fate(second, "seed", max_per_section=1, **PLAIN) == ("cap", "section")

    def test_beyond_limit(self, small):
        order = small.list("seed", **PLAIN)
        assert small.fate(order[3], "seed", **{**PLAIN, "limit": 2}) == ("beyond_limit", "")
        assert small.fate(order[3], "seed", ranking="similarity", limit=1)[0] == "beyond_limit"

    def test_the_numbers_are_told_wherever_it_fell_out(self, small):
        listed = {hit.article.id: hit.numbers for hit in small.ask("seed", explain=True, **PLAIN).hits}
        found = small.ask("seed", explain_id="r8", exclude_ids=["r8"], **PLAIN).fate
        assert (found.step, found.numbers.cosine) == ("excluded", pytest.approx(listed["r8"].cosine))
        assert found.numbers.relevance == pytest.approx(listed["r8"].relevance, rel=1e-3)

    def test_asking_changes_nothing(self, desk):
        for seed in desk.ids[:10]:
            assert desk.list(seed, explain_id="bai-2", explain=True) == desk.list(seed)


class TestExplain:
    def test_the_numbers_multiply_to_the_score(self, desk):
        desk.rules(
            {"kind": "boost", "source": SOURCES[0], "factor": 1.5},
            {"kind": "boost", "section": SECTIONS[1], "factor": 0.5},
        )
        boosts = set()
        for seed in desk.ids[:30]:
            for hit in desk.ask(seed, explain=True, fallbacks=["newest"]).hits:
                numbers = hit.numbers
                assert numbers.relevance * numbers.freshness * numbers.boost == pytest.approx(hit.score)
                assert hit.relevance == numbers.relevance
                assert hit.similarity == numbers.cosine
                boosts.add(numbers.boost)
                expected = ("r0",) * (hit.article.source == SOURCES[0]) + ("r1",) * (hit.article.section == SECTIONS[1])
                assert numbers.rules == expected
        assert boosts == {0.5, 0.75, 1.0, 1.5}

    def test_what_was_not_chosen_for_being_related_repeats_nothing(self, small):
        small.rules({"kind": "pin", "article": "other-7", "position": 3})
        hits = small.ask("seed", fallbacks=["newest"], limit=30, explain=True).hits
        fallen = [hit for hit in hits if hit.reasons[0].code in ("pinned", "newest")]
        assert len(fallen) > 5
        assert {hit.numbers.repeated for hit in fallen} == {0.0}

    def test_what_repeats_is_said(self, small):
        hits = small.ask("seed", explain=True, limit=30).hits
        assert hits[0].numbers.repeated == 0
        assert all(0 < hit.numbers.repeated <= 1 for hit in hits[1:])

    def test_numbers_only_where_they_were_asked_for(self, small):
        assert {hit.numbers for hit in small.ask("seed").hits} == {None}
        assert small.ask("seed").fate is None


class TestRules:
    def test_a_pin_stands_where_it_is_to_stand(self, small):
        small.rules({"kind": "pin", "article": "other-7", "position": 2})
        before = small.list("seed", limit=5)
        assert before[1] == "other-7"
        small.rules()
        assert [name for name in before if name != "other-7"] == small.list("seed", limit=4)
        small.rules({"kind": "pin", "article": "other-7", "position": 2})
        hit = small.ask("seed", limit=5).hits[1]
        assert hit.reasons[0].code == "pinned"

    def test_pins_that_would_be_listed_leave_their_places_to_others(self, small):
        order = small.list("seed", limit=6)
        small.rules(*({"kind": "pin", "article": order[at], "position": 6} for at in (0, 1)))
        assert small.list("seed", limit=6)[5] == order[0]
        assert order[1] not in small.list("seed", limit=6)  # it has the seventh place
        assert small.list("seed", limit=7)[5:] == order[:2]
        assert small.fate(order[1], "seed", limit=6) == ("beyond_limit", "")
        assert small.fate(order[1], "seed", limit=7) == ("listed", "7")

    def test_a_pin_that_may_not_be_shown_is_reported(self, small):
        small.rules(
            {"kind": "pin", "article": "gone", "position": 1},
            {"kind": "pin", "article": "r2", "position": 2},
            {"kind": "block", "article": "r2"},
            {"kind": "pin", "article": "r5", "position": 3},
        )
        found = small.ask("seed", exclude_ids=["r5"])
        assert not {"gone", "r2", "r5"} & {hit.article.id for hit in found.hits}
        assert [(missing.article, missing.reason) for missing in found.missing] == [
            ("gone", "not public"),
            ("r2", "blocked"),
            ("r5", "filtered out"),
        ]

    def test_a_pin_says_so_though_a_fallback_would_have_brought_it(self, small):
        small.rules({"kind": "pin", "article": "other-0", "position": 1})
        hit = small.ask("seed", fallbacks=["newest"], limit=30).hits[0]
        assert (hit.article.id, hit.reasons[0].code) == ("other-0", "pinned")

    def test_no_reprint_of_what_is_pinned(self, small):
        small.rules({"kind": "pin", "article": "r3", "position": 1})
        found = small.list("seed", fallbacks=["newest"], limit=50)
        assert found[0] == "r3"
        assert "copy-of-r3" not in found
        assert small.fate("copy-of-r3", "seed", limit=50) == ("duplicate", "")

    def test_boosts_reorder(self, small):
        order = small.list("seed", **PLAIN)
        small.rules({"kind": "boost", "article": order[-1], "factor": 9.0})
        assert small.list("seed", **PLAIN)[0] == order[-1]

    def test_likeness_knows_no_rules(self, small):
        plain = small.list("seed", ranking="similarity")
        small.rules(
            {"kind": "pin", "article": "other-7", "position": 1},
            {"kind": "block", "article": plain[0]},
            {"kind": "boost", "article": plain[-1], "factor": 9.0},
        )
        found = small.ask("seed", ranking="similarity")
        assert [hit.article.id for hit in found.hits] == plain
        assert found.missing == ()


class TestFallbacks:
    ALONE = {"min_relevance": 1.0, "limit": 8}
    """Nothing is related."""

    def test_without_any_the_list_is_short(self, small):
        assert small.list("seed", **self.ALONE) == []
        assert small.list("seed", fallbacks=[], **self.ALONE) == []
        assert small.list("seed", fallbacks=["none", "newest"], **self.ALONE) == []

    def newest(self, desk, passes):
        names = [name for name in desk.ids if passes(desk.article[name])]
        return sorted(names, key=lambda name: -int(desk.archive.published[desk.row[name]]))

    def test_in_turn_and_by_name(self, small):
        market = self.newest(small, lambda one: one.section == "Chợ phiên")
        found = small.ask("market", fallbacks=["same_section_newest", "newest"], min_relevance=1.0, limit=20)
        named = [(hit.article.id, [reason.code for reason in hit.reasons]) for hit in found.hits]
        assert len(named) == 20
        of_section = [name for name, codes in named if codes == ["same_section_newest"]]
        assert of_section == [name for name in market if name != "market"][: len(of_section)]
        assert named[len(of_section) :] == [(name, ["newest"]) for name, _ in named[len(of_section) :]]
        times = [small.archive.published[small.row[name]] for name, codes in named if codes == ["newest"]]
        assert times == sorted(times, reverse=True)
        assert len(set(small.list("market", fallbacks=["newest", "same_section_newest"], **self.ALONE))) == 8

    def test_only_what_is_missing(self, small):
        related = small.list("seed", limit=30)
        found = small.ask("seed", limit=len(related) + 2, fallbacks=["newest"])
        assert [hit.article.id for hit in found.hits][: len(related)] == related
        assert [[r.code for r in hit.reasons] for hit in found.hits[len(related) :]] == [["newest"]] * 2

    def test_no_reprint_of_seed_or_list_and_no_series(self, small):
        found = small.list("seed", fallbacks=["newest"], limit=50)
        assert "copy-of-seed" not in found
        assert len({"r3", "copy-of-r3"} & set(found)) == 1
        assert not [name for name in found if name.startswith("price")]

    def test_filters_and_rules_hold(self, small):
        small.rules({"kind": "block", "article": "other-4"})
        found = small.ask(
            "seed", fallbacks=["newest"], filters={"section": ["Làng nghề"]}, exclude_ids=["other-0"], limit=50
        )
        names = [hit.article.id for hit in found.hits]
        assert {small.article[name].section for name in names} == {"Làng nghề"}
        assert not {"other-4", "other-0", "paid", "seed", "ahead", "gone"} & set(names)
        assert {"other-8", "other-12"} <= set(names)

    def test_a_draft_falls_back_to_its_own_section(self, small):
        draft = {"title": "zzz", "section": "Chợ phiên"}
        found = small.ask(seed={"article": draft}, fallbacks=["same_section_newest"], min_relevance=1.0)
        assert {hit.article.section for hit in found.hits} == {"Chợ phiên"}
        without = small.ask(seed={"article": {"title": "zzz"}}, fallbacks=["same_section_newest"], min_relevance=1.0)
        assert without.hits == []

    def test_of_several_seeds_every_section(self, small):
        def sections(**seed):
            found = small.ask(seed=seed, fallbacks=["same_section_newest"], min_relevance=1.0, limit=50).hits
            return {hit.article.section for hit in found}

        draft = {"title": "zzz", "section": "chợ phiên"}
        first, second = small.article["other-1"].section, small.article["other-2"].section
        assert first != second
        assert sections(ids=["other-1", "other-2"]) == {first, second}
        assert sections(ids=["seed", "market"]) == {"Làng nghề", "Chợ phiên"}
        assert sections(ids=["seed"], article=draft) == {"Làng nghề", "Chợ phiên"}

    def test_what_the_service_is_set_to(self, house, small_house):
        assert small_house.list("seed", min_relevance=1.0) == []
        found = house.ask(house.ids[0], min_relevance=1.0)
        assert {reason.code for hit in found.hits for reason in hit.reasons} == {"same_section_newest"}

    def test_of_a_section_full_of_a_series(self, archive_of):
        chance = random.Random(6)
        lines = [article(chance, n, n % 10, section="Làng nghề", published_at=at(100 + n)) for n in range(40)]
        for day in range(40):
            when = NOW - timedelta(days=day, hours=6)
            title = f"Giá klam hôm nay {when.day}/{when.month}: " + " ".join(written(chance, 3, 5))
            lines.append(article(chance, 40 + day, 3, title=title, source="Báo Lũng", section="Chợ phiên"))
            lines[-1]["published_at"] = when.isoformat()
        desk = Desk(archive_of(lines), fallbacks=())
        assert (desk.archive.series.kinds >= 0).sum() == 40
        found = desk.list("bai-0", fallbacks=["newest"], min_relevance=1.0, limit=5)
        assert found == [f"bai-{n}" for n in range(1, 6)]

    def test_caps_hold(self, small):
        for field in ("section", "source", "author"):
            found = small.ask("seed", fallbacks=["newest"], limit=12, **{f"max_per_{field}": 1})
            counted = Counter(getattr(hit.article, field) for hit in found.hits if getattr(hit.article, field))
            assert max(counted.values()) == 1


class TestPresets:
    @pytest.mark.parametrize("seed", ["seed", "other-5", "market"])
    def test_the_newest_of_the_section_are_a_plain_sort(self, small, seed):
        section = small.article[seed].section
        names = [name for name in small.ids if small.article[name].section == section and name not in (seed, "paid")]
        names.sort(key=lambda name: (-int(small.archive.published[small.row[name]]), small.row[name]))
        found = small.ask(seed, preset="same-section-newest", limit=50)
        assert [hit.article.id for hit in found.hits] == names[:50]
        assert {reason.code for hit in found.hits for reason in hit.reasons} <= {"same_section_newest"}

    def test_how_long_each_is(self, desk):
        assert len(desk.list("bai-0")) == len(desk.list("bai-0", preset="same-section-newest")) == 6
        assert len(desk.list("bai-0", preset="inline-teasers")) == 3
        assert len(desk.list("bai-0", preset="headlines")) == 5

    def test_within_a_text_nothing_unrelated_stands(self, small):
        assert small.list("seed", preset="inline-teasers", filters={"section": ["Đường sá"]}) == []
        assert all(hit.relevance >= 0.5 for hit in small.ask("seed", preset="inline-teasers").hits)

    def test_headlines_fill_up_with_the_days_news(self, small):
        found = small.ask("seed", preset="headlines", filters={"section": ["Đường sá"]}).hits
        assert [[reason.code for reason in hit.reasons] for hit in found] == [["newest"]] * 5

    def test_a_request_overrules_its_preset(self, small):
        assert len(small.list("seed", preset="headlines", limit=2)) == 2
        assert small.list("seed", preset="headlines", fallbacks=[], filters={"section": ["Đường sá"]}) == []


class TestTime:
    def test_now_moves_freshness_only(self, small):
        later = (NOW + timedelta(days=900)).isoformat()
        asked = {"explain": True, "limit": 30, "max_per_event": 30}
        hits = {hit.article.id: hit for hit in small.ask("seed", now=NOW, **asked).hits}
        moved = {
            hit.article.id: hit
            for hit in small.searcher.related(
                RelatedBody.model_validate({"seed": {"ids": ["seed"]}, "now": later, **asked}), NOW
            ).hits
        }
        assert moved.keys() == hits.keys()  # neither embargo nor taking down has moved
        for name, hit in moved.items():
            assert hit.relevance == hits[name].relevance
            if name != "undated":
                assert hit.numbers.freshness == pytest.approx(FADINGS["standard"].floor, abs=1e-3)

    def test_around_an_old_seed_its_own_time_counts(self, small):
        hits = small.ask("r13", reference="seed", explain=True, limit=30, freshness="breaking", max_per_event=30).hits
        came = int(small.archive.published[small.row["r13"]])
        for hit in hits:
            published = small.archive.published[[small.row[hit.article.id]]]
            expected = freshness(published, came, FADINGS["breaking"], both_ways=True)[0]
            assert hit.numbers.freshness == pytest.approx(expected)
        names = [hit.article.id for hit in hits]
        assert names.index("r8") < names.index("r2")  # beside now it is the other way round

    def test_around_an_undated_seed_now_counts(self, small):
        assert small.list("undated", reference="seed") == small.list("undated")

    @pytest.mark.parametrize("name", ["breaking", "standard", "evergreen", "none"])
    def test_each_fades_as_it_says(self, small, name):
        for hit in small.ask("seed", freshness=name, explain=True, limit=30).hits:
            published = small.archive.published[[small.row[hit.article.id]]]
            assert hit.numbers.freshness == pytest.approx(freshness(published, micros(NOW), FADINGS[name])[0])


class TestSeveralSeeds:
    def test_lists_lie_between_them(self, small):
        found = small.list(seed={"ids": ["r2", "other-0"]}, **PLAIN)
        assert {"r5", "r8"} <= set(found)
        assert "other-9" in found  # of the other's story

    def test_the_order_of_seeds_does_not_count(self, desk):
        assert desk.list("bai-0", "bai-40") == desk.list("bai-40", "bai-0")
        assert desk.list("bai-0", "bai-0") == desk.list("bai-0")

    def test_what_is_unlike_moves_up(self, desk):
        nearness: list[tuple[float, float]] = []
        for seed in desk.ids[:30]:
            plain = [hit.article.id for hit in desk.ask(seed, ranking="similarity", limit=40).hits]
            away = plain[0]
            moved = desk.list(seed={"ids": [seed], "negative_ids": [away]}, ranking="similarity", limit=40)
            assert away not in moved
            vectors = {n: desk.archive.vectors_of(np.array([desk.row[n]]))[0] for n in {*plain, *moved}}
            before = np.mean([vectors[n] @ vectors[away] for n in plain[1:11]])
            after = np.mean([vectors[n] @ vectors[away] for n in moved[:10]])
            nearness.append((before, after))
            assert after <= before + 0.02
        before, after = np.mean(nearness, axis=0)
        assert after < before

    def test_of_two_stories_the_one_that_is_not_wanted_fades(self, small):
        both = {"ids": ["r5", "other-0"]}
        story = {f"other-{number}" for number in range(0, 60, 9)}
        plain = small.list(seed=both, limit=10, ranking="similarity")
        moved = small.list(seed={**both, "negative_ids": ["other-9"]}, limit=10, ranking="similarity")
        assert len(story & set(moved)) < len((story - {"other-9"}) & set(plain))

    def test_a_draft_beside_a_published_seed(self, small):
        draft = {"title": small.article["r5"].title, "body": small.article["r5"].body}
        found = small.ask(seed={"ids": ["seed"], "article": draft}, **PLAIN)
        names = [hit.article.id for hit in found.hits]
        assert not {"seed", "copy-of-seed", "r5"} & set(names)
        assert [one.id for one in found.published] == ["r5"]


class TestDraft:
    def draft(self, small, name, **more):
        one = small.article[name]
        return {"article": {"title": one.title, "lead": one.lead, "body": one.body, **more}}

    def test_its_published_readings_are_reported_and_not_listed(self, small):
        found = small.ask(seed=self.draft(small, "seed"), **PLAIN)
        assert {one.id for one in found.published} == {"seed", "copy-of-seed"}
        assert not {"seed", "copy-of-seed"} & {hit.article.id for hit in found.hits}

    def test_it_is_listed_as_its_published_reading_is(self, small):
        assert small.list(seed=self.draft(small, "seed"), **PLAIN) == small.list("seed", **PLAIN)

    def test_reprints_of_its_published_reading_are_readings_too(self, small, monkeypatch):
        row = small.row["r3"]
        monkeypatch.setattr(small.archive, "duplicates_of", lambda title, text, rows: rows == row)
        found = small.ask(seed=self.draft(small, "r3"), **PLAIN)
        assert {one.id for one in found.published} == {"r3", "copy-of-r3"}
        assert "copy-of-r3" not in {hit.article.id for hit in found.hits}

    def test_markup_does_not_count(self, small):
        one = small.article["seed"]
        html = {"title": one.title, "lead": one.lead, "body": None, "body_html": f"<p>{one.body}</p>"}
        assert small.list(seed={"article": html}, **PLAIN) == small.list(seed=self.draft(small, "seed"), **PLAIN)

    def test_another_title_is_the_same_text(self, small):
        found = small.ask(seed=self.draft(small, "seed", title="Chưa đặt"), **PLAIN)
        assert "seed" in {one.id for one in found.published}

    def test_the_title_alone(self, small):
        found = small.list(seed={"article": {"title": small.article["seed"].title}}, limit=5)
        assert len(found) == 5
        assert {"seed", "copy-of-seed"} & set(found)  # a title is no copy of the text

    def test_measured_likeness_keeps_its_published_reading(self, small):
        found = small.ask(seed=self.draft(small, "seed"), ranking="similarity", limit=2)
        assert "seed" in {hit.article.id for hit in found.hits}

    def test_fallbacks_do_not_bring_its_published_reading_back(self, small):
        found = small.list(seed=self.draft(small, "seed", section="Làng nghề"), fallbacks=["newest"], limit=50)
        assert not {"seed", "copy-of-seed"} & set(found)


class TestDiversity:
    def test_caps(self, desk):
        for seed in desk.ids[:20]:
            hits = desk.ask(seed, max_per_section=2, max_per_source=3, max_per_author=1, fallbacks=[], limit=9).hits
            for field, most in (("section", 2), ("source", 3), ("author", 1)):
                counted = Counter(getattr(hit.article, field) for hit in hits if getattr(hit.article, field))
                assert max(counted.values(), default=0) <= most

    def test_as_long_as_was_asked_for(self, archive_of):
        chance = random.Random(3)
        lines = [article(chance, number, 0, published_at=at(number)) for number in range(70)]
        lines += [article(chance, 70 + number, 1 + number % 9) for number in range(40)]
        desk = Desk(archive_of(lines), fallbacks=())
        found = desk.list("bai-0", limit=50, max_per_event=50, min_relevance=0.0)
        assert len(found) == 50

    def test_a_cap_looks_past_what_is_full(self, archive_of):
        chance = random.Random(4)
        lines = [article(chance, n, 0, published_at=at(1), section="Làng nghề") for n in range(60)]
        lines += [article(chance, 60 + n, 0, published_at=at(390), section="Chợ phiên") for n in range(3)]
        lines += [article(chance, 70 + n, 1 + n % 9) for n in range(40)]
        desk = Desk(archive_of(lines), fallbacks=())
        found = desk.ask("bai-0", max_per_section=1, max_per_event=50)
        assert {hit.article.section for hit in found.hits} >= {"Làng nghề", "Chợ phiên"}


class TestExcluded:
    def test_no_reprint_of_what_stands_in_another_block(self, small):
        for one, other in (("r3", "copy-of-r3"), ("copy-of-r3", "r3")):
            found = small.list("seed", exclude_ids=[one], fallbacks=["newest"], limit=50)
            assert not {one, other} & set(found)
            assert small.fate(other, "seed", exclude_ids=[one]) == ("excluded", "")

    def test_by_measured_likeness_only_itself(self, small):
        found = small.list("seed", exclude_ids=["copy-of-r3"], ranking="similarity", limit=50)
        assert "r3" in found
        assert "copy-of-r3" not in found

    def test_unknown_ids_exclude_nothing(self, small):
        assert small.list("seed", exclude_ids=["nowhere", "ahead"]) == small.list("seed")


class TestFilters:
    def test_what_is_related_is_found_however_narrow_the_filter(self, desk):
        for seed in desk.ids[:25]:
            wide = desk.ask(seed, freshness="none", diversity=1.0, max_per_event=50, limit=12, fallbacks=[])
            for hit in wide.hits:
                narrow = {"section": [hit.article.section], "source": [hit.article.source]}
                narrow["published_from"] = narrow["published_to"] = (
                    None if hit.article.published_at is None else hit.article.published_at.date().isoformat()
                )
                found = desk.list(seed, filters=narrow, freshness="none", fallbacks=[])
                assert hit.article.id in found or hit.copies


def split(archive, archive_over, cuts):
    """Return the archive's articles in several segments, under the same background."""
    articles = archive.articles(range(archive.count))
    vectors = embed(ENCODER, [one.views for one in articles])
    bounds = [0, *cuts, len(articles)]
    parts = []
    for start, end in pairwise(bounds):
        lines = [
            {"id": one.id, "title": one.title, "lead": one.lead, "body": one.body, "section": one.section}
            | {"source": one.source, "author": one.author}
            | {"published_at": None if one.published_at is None else one.published_at.isoformat()}
            for one in articles[start:end]
        ]
        assert not [found for found in map(validate, lines) if isinstance(found, list)]
        parts.append(Part(lines, range(len(lines)), vectors[start:end]))
    return archive_over(*parts, manifest=archive.manifest, background=archive.background, now=NOW)


@pytest.fixture(scope="module")
def both(archive_of, archive_over):
    """Return the desk of an archive of one segment, and that of the same articles in three."""
    chance = random.Random(8)
    one = archive_of(article(chance, number, number % 10, published_at=at(number / 3)) for number in range(160))
    return Desk(one, fallbacks=("newest",)), Desk(split(one, archive_over, [70, 110]), fallbacks=("newest",))


class TestSegments:
    def test_by_meaning_they_measure_the_same(self, both):
        for seed in both[0].ids[:20]:
            one, several = (desk.ask(seed, ranking="similarity", limit=50) for desk in both)
            ours = {hit.article.id: hit.similarity for hit in one.hits}
            theirs = {hit.article.id: hit.similarity for hit in several.hits}
            met = ours.keys() & theirs.keys()
            assert {n: ours[n] for n in met} == pytest.approx({n: theirs[n] for n in met}, abs=1e-5)
            assert len(met) >= 40

    def test_lists_are_nearly_the_same(self, both):
        """What is rare in a segment's words differs from what is rare in all, so that near ties may change places."""
        shared = [len(set(both[0].list(seed)) & set(both[1].list(seed))) / 6 for seed in both[0].ids]
        assert np.mean(shared) >= 0.85

    def test_fallbacks_are_the_same(self, both):
        for seed in both[0].ids[:10]:
            assert both[0].list(seed, min_relevance=1.0) == both[1].list(seed, min_relevance=1.0)


def shuffled(lines, seed):
    return random.Random(seed).sample(lines, len(lines))


class TestOrderOfInput:
    def test_the_order_of_the_archive_does_not_count(self, publish, tmp_path_factory):
        desks = [
            Desk(opened(publish, tmp_path_factory.mktemp("home"), lines))
            for lines in (newsroom(), shuffled(newsroom(), 1), newsroom()[::-1])
        ]
        for seed in desks[0].ids[:60]:
            for body in ({}, {"ranking": "similarity"}, {"freshness": "none", "diversity": 1.0, "limit": 20}):
                one, *others = [desk.list(seed, **body) for desk in desks]
                assert others == [one, one], (seed, body)
        for desk in desks:
            desk.archive.close()


# Whatever is asked for

SEEDS = [line["id"] for line in newsroom()]
NAMES = st.sampled_from(SEEDS)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "section": st.lists(st.sampled_from(SECTIONS), min_size=1, max_size=3),
        "source": st.lists(st.sampled_from(SOURCES), min_size=1, max_size=2),
        "published_from": st.sampled_from([at(300)[:10], at(60)[:10]]),
        "published_to": st.sampled_from([at(20)[:10]]),
    },
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(1, 20),
        "preset": st.sampled_from(["standard", "same-section-newest", "inline-teasers", "headlines"]),
        "freshness": st.sampled_from(list(FADINGS)),
        "reference": st.sampled_from(["now", "seed"]),
        "diversity": st.sampled_from([0.0, 0.3, 0.7, 1.0]),
        "max_per_section": st.integers(1, 4),
        "max_per_event": st.integers(1, 4),
        "duplicates": st.sampled_from(["newest", "oldest", "best"]),
        "include_classes": st.lists(st.sampled_from(["sponsored", "obituary"]), unique=True),
        "min_relevance": st.sampled_from([0.0, 0.5, 0.95, 1.0]),
        "fallbacks": st.lists(st.sampled_from(["same_section_newest", "newest", "none"]), max_size=2),
        "exclude_ids": st.lists(NAMES, max_size=6),
        "filters": FILTERS,
        "ranking": st.sampled_from(["relevance", "relevance", "similarity"]),
        "explain": st.booleans(),
        "explain_id": NAMES,
    },
)
BLOCKS = st.one_of(
    st.fixed_dictionaries({"kind": st.just("block"), "article": NAMES}),
    st.fixed_dictionaries({"kind": st.just("block"), "source": st.sampled_from(SOURCES)}),
    st.fixed_dictionaries({"kind": st.just("section"), "never": st.just([SECTIONS[2]])}),
    st.fixed_dictionaries({"kind": st.just("boost"), "article": NAMES, "factor": st.sampled_from([0.1, 4.0])}),
)
PINS = st.lists(
    st.fixed_dictionaries({"kind": st.just("pin"), "article": NAMES, "position": st.integers(1, 8)}), max_size=3
)


@given(
    seeds=st.lists(NAMES, min_size=1, max_size=3, unique=True),
    negative=st.lists(NAMES, max_size=1),
    body=BODIES,
    rules=st.lists(BLOCKS, max_size=3),
    pins=PINS,
)
@settings(max_examples=200)
def test_no_list_holds_what_it_must_not(house, seeds, negative, body, rules, pins):
    seeds = [name for name in seeds if name in house.ids] or ["bai-0"]
    negative = [name for name in negative if name in house.ids and name not in seeds]
    house.rules(*rules, *pins)
    found = house.ask(seed={"ids": seeds, "negative_ids": negative}, **body)
    names = [hit.article.id for hit in found.hits]
    limit = body.get("limit") or PRESETS[body.get("preset", "standard")].limit
    exact = body.get("ranking") == "similarity"

    assert len(set(names)) == len(names) <= limit
    assert found.total >= len(names)
    assert not {*seeds, *negative, *body.get("exclude_ids", [])} & set(names)
    assert set(names) <= set(house.ids)  # neither embargoed, nor taken down, nor deleted
    filters = body.get("filters", {})
    for hit in found.hits:
        assert hit.article.section in filters.get("section", SECTIONS)
        assert hit.article.source in filters.get("source", SOURCES)
        if "published_from" in filters:
            assert hit.article.published_at.isoformat()[:10] >= filters["published_from"]
        assert 0 <= hit.relevance <= 1
        assert hit.reasons
        assert (hit.numbers is not None) == body.get("explain", False)
    assert (found.fate is not None) == ("explain_id" in body)
    if "explain_id" in body:
        assert (found.fate.step == "listed") == (body["explain_id"] in names)
        if body["explain_id"] in names:
            assert names[int(found.fate.detail) - 1] == body["explain_id"]
    if exact:
        assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)
        return
    blocked = {rule.get("article") for rule in rules if rule["kind"] == "block"}
    assert not blocked & set(names)
    assert not {rule.get("source") for rule in rules if rule["kind"] == "block"} & {
        h.article.source for h in found.hits
    }
    if any(rule["kind"] == "section" for rule in rules):
        assert SECTIONS[2] not in {hit.article.section for hit in found.hits}
    classes = {
        ContentClass(code).name.lower()
        for code in house.archive.classes(content_classes.NO_RULES)[[house.row[n] for n in names]]
    }
    assert classes <= {"none", *body.get("include_classes", [])}
    shown = {pin["article"] for pin in pins} & set(names)
    ranked = [name for name in names if name not in shown]
    if body.get("preset") != "same-section-newest":
        assert not {house.group(name) for name in ranked} & {house.group(name) for name in seeds}
        assert len({house.group(name) for name in ranked}) == len(ranked)
        serial = [int(kind) for kind in house.archive.series.kinds[[house.row[name] for name in ranked]] if kind >= 0]
        assert set(serial) <= {int(house.archive.series.kinds[house.row[name]]) for name in seeds}
        assert len(serial) == len(set(serial))


@given(seed=NAMES, body=BODIES, pins=PINS)
@settings(max_examples=80)
def test_pins_keep_their_position(house, seed, body, pins):
    seed = seed if seed in house.ids else "bai-0"
    plain = {name: value for name, value in body.items() if name not in ("ranking", "filters", "max_per_section")}
    house.rules(*pins)
    found = house.ask(seed, **{**plain, "fallbacks": ["newest"]})
    names = [hit.article.id for hit in found.hits]
    assert len(names) == (body.get("limit") or PRESETS[body.get("preset", "standard")].limit)
    shown = [pin for pin in pins if pin["article"] not in (seed, *(gone.article for gone in found.missing))]
    taken = {}
    first = {pin["article"]: pin for pin in reversed(shown)}  # of two for one article the first counts
    for pin in shown:  # and of two for one position
        if first[pin["article"]] is pin:
            taken.setdefault(pin["position"], pin["article"])
    for position, name in taken.items():
        assert names[position - 1 : position] == ([name] if position <= len(names) else [])
    reasons = {hit.article.id: hit.reasons[0].code for hit in found.hits}
    assert {name for name, code in reasons.items() if code == "pinned"} == {p["article"] for p in shown} & set(names)


@given(seed=NAMES, body=BODIES)
@settings(max_examples=80)
def test_at_one_the_list_is_by_score(house, seed, body):
    house.rules()
    seed = seed if seed in house.ids else "bai-0"
    hits = house.ask(seed, **{**body, "diversity": 1.0}).hits
    own = [hit for hit in hits if not {"same_section_newest", "newest"} & {reason.code for reason in hit.reasons}]
    assert own == hits[: len(own)]
    assert [hit.score for hit in own] == sorted((hit.score for hit in own), reverse=True)
    floor = PRESETS[body.get("preset", "standard")].min_relevance or FLOOR
    if body.get("ranking") != "similarity":
        assert all(hit.relevance >= body.get("min_relevance", floor) for hit in own)


@given(seed=NAMES, body=BODIES, days=st.integers(-400, 4000))
@settings(max_examples=40)
def test_freshness_never_reorders_articles_of_one_time(same_day, seed, body, days):
    seed = seed if seed in same_day.ids else "bai-0"
    plain = {"diversity": 1.0, "limit": 50, "fallbacks": [], "min_relevance": 0.0}
    now = (NOW + timedelta(days=days)).isoformat()
    order = [
        same_day.searcher.related(
            RelatedBody.model_validate({"seed": {"ids": [seed]}, "freshness": name, "now": now, **plain}), NOW
        ).hits
        for name in FADINGS
    ]
    for hits in order:
        assert [hit.article.id for hit in hits] == [hit.article.id for hit in order[0]]


@pytest.fixture(scope="module")
def same_day(archive_of):
    """Return a desk whose articles are all of one time."""
    return Desk(archive_of([{**line, "published_at": at(3)} for line in newsroom()]), fallbacks=())


@given(seed=NAMES, filters=FILTERS)
@settings(max_examples=15)
def test_a_filter_never_empties_a_list(house, seed, filters):
    house.rules()
    seed = seed if seed in house.ids else "bai-0"
    body = {
        "filters": filters,
        "fallbacks": [],
        "freshness": "none",
        "diversity": 1.0,
        "max_per_event": 50,
        "limit": 20,
    }
    found = set(house.list(seed, **body))
    # Against the whole archive, measured one by one:
    own = house.group(seed)
    worthy, classes = set(), house.archive.classes(content_classes.NO_RULES)
    for name in house.ids:
        fate = house.ask(seed, **{**body, "explain_id": name}).fate
        far_enough = house.group(name) != own and house.archive.series.kinds[house.row[name]] < 0
        plain = not classes[house.row[name]]
        if fate.step not in ("filtered", "seed") and far_enough and plain and fate.numbers.relevance >= FLOOR:
            worthy.add(house.group(name))
    assert len({house.group(name) for name in found}) >= min(20, len(worthy) - 1)
    assert bool(found) >= bool(worthy)


def test_measured_likeness_holds_no_floor_collapsing_or_caps(desk):
    for seed in desk.ids[:20]:
        found = desk.ask(
            seed, ranking="similarity", limit=50, min_relevance=1.0, max_per_section=1, fallbacks=["newest"]
        )
        assert len(found.hits) == 50
        assert found.total == len(desk.ids) - 1
        scores = [hit.score for hit in found.hits]
        assert scores == sorted(scores, reverse=True)
        assert max(Counter(hit.article.section for hit in found.hits).values()) > 1
        assert {reason.code for hit in found.hits for reason in hit.reasons}.isdisjoint({"newest", "pinned"})
        assert [found.hits[0].article.id] == desk.list(seed, ranking="similarity", limit=1)
