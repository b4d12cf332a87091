"""What the editors' rules do to the list under an article, against an archive made by hand and against an oracle."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.archive import Archive
from indexer.articles.columns import micros
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.text.folding import match_key
from service.ranking.pins import place
from service.rules.applied import NOTHING, MissingPin, RulesInArchive
from service.rules.lines import NO_RULES, parse

NOW = datetime(2026, 4, 15, 12, tzinfo=UTC)
LINES = [
    {"id": "a1", "section": "Thời sự", "source": "Báo Đèn", "tags": ["bão", "lũ"], "aliases": ["cũ", "chung"]},
    {"id": "a2", "section": "Thời sự", "author": "Cù Văn Tịnh", "published_at": "2026-04-01", "aliases": ["chung"]},
    {"id": "b1", "section": "Thể thao", "source": "báo đèn", "tags": ["Bão"], "published_at": "2026-03-01"},
    {"id": "b2", "section": "Thể thao", "author": "Cù Văn Tịnh", "tags": ["lũ"]},
    {"id": "c1", "section": "Giải trí", "tags": ["quảng cáo"]},
    {"id": "không", "tags": ["bão"]},
    {"id": "mai", "section": "Thời sự", "published_at": "2026-05-01", "aliases": ["sắp"]},
    {"id": "gỡ", "section": "Giải trí", "unpublish_at": "2026-04-01", "aliases": ["c1"]},
    {"id": "xóa", "section": "Thể thao"},
]
IDS = [line["id"] for line in LINES]


@pytest.fixture(scope="module")
def archive(publish, tmp_path_factory):
    """Return an archive whose last article has been deleted; rows are in the order of LINES."""
    home = tmp_path_factory.mktemp("home")
    lines = [{"title": f"Tin {line['id']}", **line} for line in LINES]
    publish(home, lines)
    name = publish(home, lines[:-1]).snapshot
    opened = Archive(Snapshot(Home(home).directory(name)))
    assert opened.count == len(LINES)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def public(archive):
    mask, _ = archive.public(micros(NOW))
    assert mask.tolist() == [True] * 6 + [False] * 3
    return mask


@pytest.fixture
def applied(archive, public):
    """Return a function that applies rules, given as fields, to the list under some articles."""

    def apply(rules, *seeds, now=NOW, allowed=None, section=None):
        rows = [IDS.index(seed) for seed in seeds]
        sections = [LINES[row].get("section") for row in rows] or [section]
        found = within(archive, *rules).applied(rows, sections, now, public if allowed is None else allowed, public)
        for array in (found.blocked, *found._factors):
            assert array is None or len(array) == archive.count
        return found

    return apply


def within(archive, *rules):
    said = parse("\n".join(json.dumps({"id": f"r{at}", **rule}) for at, rule in enumerate(rules)).encode(), "r")
    assert said.problems == ()
    return RulesInArchive(said, archive)


def pin(article, position=1, **more):
    return {"kind": "pin", "article": article, "position": position, **more}


def under(*ids, sections=()):
    return {"for": {**({"ids": [*ids]} if ids else {}), **({"sections": [*sections]} if sections else {})}}


def pinned(found):
    return [(IDS[pin.row], pin.position) for pin in found.pins]


def blocked(found):
    return [] if found.blocked is None else [IDS[row] for row in np.flatnonzero(found.blocked)]


def boosted(found):
    factors = found.boosts(np.arange(len(IDS)))
    assert factors.dtype == np.float64
    return {IDS[row]: factors[row] for row in np.flatnonzero(factors != 1)}


class TestPins:
    @pytest.mark.parametrize(
        ("rules", "expected"),
        [
            ([], []),
            ([pin("b1", 3), pin("b2", 1)], [("b2", 1), ("b1", 3)]),
            ([pin("b1"), pin("b2")], [("b1", 1), ("b2", 2)]),
            ([pin("a1")], []),  # the seed
            ([pin("cũ")], []),  # the seed by another name
            ([pin("chung")], [("a2", 1)]),  # of two of one alias the newest
            ([pin("c1")], [("c1", 1)]),  # an id goes before an alias
            ([pin("b1", **under("a1"))], [("b1", 1)]),
            ([pin("b1", **under("cũ"))], [("b1", 1)]),
            ([pin("b1", **under("chung"))], []),  # which leads to a2
            ([pin("b1", **under("a2"))], []),
            ([pin("b1", **under(sections=["THỜI  SỰ"]))], [("b1", 1)]),
            ([pin("b1", **under(sections=["Thể thao"]))], []),
            ([pin("b1", **under("a2", sections=["Thời sự"]))], [("b1", 1)]),  # either will do
            ([pin("b1", **under("a1", sections=["Thời sự"]))], [("b1", 1)]),
            # the nearest first: the article's own, its section's, every list's
            (
                [pin("b1"), pin("b2", **under(sections=["Thời sự"])), pin("c1", **under("a1"))],
                [("c1", 1), ("b2", 2), ("b1", 3)],
            ),
            ([pin("b1", 1), pin("b1", 4, **under("a1"))], [("b1", 4)]),
            ([pin("b1", 4), pin("b1", 1)], [("b1", 4)]),  # written first
        ],
    )
    def test_by_hand(self, applied, rules, expected):
        found = applied(rules, "a1")
        assert pinned(found) == expected
        assert found.missing == ()

    def test_a_draft_has_those_of_its_section_and_of_every_list(self, applied):
        rules = [pin("b1"), pin("b2", **under("a1")), pin("c1", **under(sections=["Giải trí"]))]
        assert pinned(applied(rules)) == [("b1", 1)]
        assert pinned(applied(rules, section="Giải trí")) == [("c1", 1), ("b1", 2)]

    def test_several_seeds(self, applied):
        rules = [pin("b1", 1, **under("a1")), pin("b2", 2, **under("c1")), pin("c1", 3)]
        assert pinned(applied(rules, "a1", "c1")) == [("b1", 1), ("b2", 2)]

    @pytest.mark.parametrize(
        ("article", "reason"),
        [
            ("lạ", "no such article"),
            ("mai", "not public"),
            ("sắp", "not public"),
            ("gỡ", "not public"),
            ("xóa", "not public"),
            ("b1", "filtered out"),
            ("c1", "blocked"),
            ("không", "blocked"),
        ],
    )
    def test_what_is_not_shown_is_reported(self, applied, public, article, reason):
        allowed = public & (np.arange(len(IDS)) != IDS.index("b1"))
        rules = [pin(article), {"kind": "block", "section": "giải trí"}, {"kind": "section", "only": ["Thể thao"]}]
        found = applied(rules, "a1", allowed=allowed)
        assert found.pins == ()
        assert found.missing == (MissingPin("r0", article, reason),)

    def test_what_is_not_there_takes_nobodys_place(self, applied):
        assert pinned(applied([pin("mai"), pin("b1"), pin("a1"), pin("b2", 2)], "a1")) == [("b1", 1), ("b2", 2)]


class TestBlocks:
    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            ({"article": "b1"}, ["b1"]),
            ({"article": "cũ"}, ["a1"]),
            ({"article": "chung"}, ["a2"]),
            ({"article": "c1"}, ["c1"]),
            ({"section": "giải trí"}, ["c1", "gỡ"]),
            ({"source": "Báo Đèn"}, ["a1", "b1"]),
            ({"author": "cù văn tịnh"}, ["a2", "b2"]),
            ({"tag": "bão"}, ["a1", "b1", "không"]),
            ({"tag": "chưa có"}, []),
            ({"tag": "bão", **under("a1")}, ["a1", "b1", "không"]),
            ({"tag": "bão", **under("a2")}, []),
        ],
    )
    def test_by_hand(self, applied, rule, expected):
        assert blocked(applied([{"kind": "block", **rule}], "a1")) == expected

    @pytest.mark.parametrize(
        ("rules", "expected"),
        [
            ([{"never": ["thể thao", "Giải trí"]}], ["b1", "b2", "c1", "gỡ", "xóa"]),
            ([{"only": ["thể thao", "Giải trí"]}], ["a1", "a2", "không", "mai"]),
            (
                [{"only": ["Thể thao", "Giải trí"]}, {"only": ["Thời sự", "Giải trí"]}],
                ["a1", "a2", "b1", "b2", "không", "mai", "xóa"],
            ),
            ([{"only": ["Thể thao"], **under(sections=["Thể thao"])}], []),
        ],
    )
    def test_sections(self, applied, rules, expected):
        assert blocked(applied([{"kind": "section", **rule} for rule in rules], "a1")) == expected

    def test_they_add_up_over_the_article_its_section_and_every_list(self, applied):
        rules = [
            {"kind": "block", "article": "b1"},
            {"kind": "block", "article": "b2", **under(sections=["Thời sự"])},
            {"kind": "block", "article": "c1", **under("a1")},
        ]
        assert blocked(applied(rules, "a1")) == ["b1", "b2", "c1"]
        assert blocked(applied(rules, "a2")) == ["b1", "b2"]
        assert blocked(applied(rules, "không")) == ["b1"]

    def test_what_is_kept_cannot_be_written_to(self, applied):
        with pytest.raises(ValueError, match="read-only"):
            applied([{"kind": "block", "article": "b1"}], "a1").blocked[0] = True


class TestBoosts:
    def test_all_that_match_are_multiplied(self, applied):
        rules = [
            {"kind": "boost", "tag": "bão", "factor": 2},
            {"kind": "boost", "article": "b1", "factor": 1.5},
            {"kind": "boost", "section": "Thể thao", "factor": 0.5, **under(sections=["Thời sự"])},
            {"kind": "boost", "tag": "lũ", "factor": 3, **under("a1", sections=["Thời sự"])},
            {"kind": "boost", "tag": "lũ", "factor": 10, **under("a2")},
        ]
        assert boosted(applied(rules, "a1")) == {"a1": 6, "b1": 1.5, "b2": 1.5, "không": 2, "xóa": 0.5}
        assert applied(rules, "a1").boosts(np.array([3, 2, 4])).tolist() == [1.5, 1.5, 1.0]
        assert boosted(applied(rules)) == {"a1": 2, "b1": 3, "không": 2}

    def test_a_rule_that_matches_two_seeds_counts_once(self, applied):
        rule = {"kind": "boost", "article": "c1", "factor": 2, **under("a1", "b1", sections=["Thời sự", "Thể thao"])}
        assert boosted(applied([rule], "a1", "a2", "b1")) == {"c1": 2}


class TestWhatMoved:
    def test_the_rules_that_touch_an_article(self, applied):
        rules = [
            {"kind": "boost", "tag": "bão", "factor": 2},
            pin("b1", **under("a1")),
            {"kind": "block", "source": "Báo Đèn", **under(sections=["Thời sự"])},
            {"kind": "section", "never": ["Thể thao"]},
            {"kind": "section", "only": ["Thể thao"]},
            {"kind": "boost", "tag": "bão", "factor": 2, **under("a2")},
            {"kind": "boost", "tag": "bão", "factor": 2, "until": "2026-04-01"},
        ]
        found = applied(rules, "a1")
        touching = {name: [rule.id for rule in found.touching(IDS.index(name))] for name in ("b1", "b2", "không")}
        assert touching == {"b1": ["r0", "r1", "r2", "r3"], "b2": ["r3"], "không": ["r0", "r4"]}
        assert NOTHING.touching(0) == ()


class TestDates:
    def test_rules_begin_and_end_while_the_archive_is_held(self, archive, public):
        rules = within(
            archive,
            pin("b1", until="2026-04-15"),
            {"kind": "block", "article": "b2", "from": "2026-04-16"},
            {"kind": "boost", "article": "c1", "factor": 2, "from": "2026-04-16", "until": "2026-04-17"},
        )
        day = timedelta(days=1)
        found = [rules.applied([0], ["Thời sự"], NOW + at * day, public, public) for at in (0, 1, 3, 0)]
        assert [pinned(one) for one in found] == [[("b1", 1)], [], [], [("b1", 1)]]
        assert [blocked(one) for one in found] == [[], ["b2"], ["b2"], []]
        assert [boosted(one) for one in found] == [{}, {"c1": 2}, {}, {}]

    def test_when_that_changes_next(self, archive):
        rules = within(archive, pin("b1", until="2026-04-15"), pin("b2", **{"from": "2026-04-18"}))
        first, second = (micros(datetime(2026, 4, day, 17, tzinfo=UTC)) for day in (15, 17))
        assert rules.next_change(NOW) == first
        assert rules.next_change(NOW + timedelta(hours=5)) == second
        assert rules.next_change(NOW + timedelta(days=9)) == np.iinfo(np.int64).max
        assert RulesInArchive(NO_RULES, archive).next_change(NOW) == np.iinfo(np.int64).max

    def test_an_article_that_becomes_public(self, archive, public):
        rules = within(
            archive, pin("mai"), pin("b1", 2, **under("sắp")), {"kind": "boost", "article": "sắp", "factor": 2}
        )
        before = rules.applied([0], ["Thời sự"], NOW, public, public)
        assert (pinned(before), boosted(before)) == ([], {})
        later = NOW + timedelta(days=30)
        then, _ = archive.public(micros(later))
        after = rules.applied([0], ["Thời sự"], later, then, then)
        assert (pinned(after), boosted(after)) == ([("mai", 1)], {"mai": 2})
        assert pinned(rules.applied([IDS.index("mai")], ["Thời sự"], later, then, then)) == [("b1", 2)]

    def test_what_holds_is_worked_out_once(self, archive, public):
        rules = within(archive, {"kind": "block", "article": "b2"}, pin("b1", until="2026-04-15"))
        first, again = (rules.applied([0], [], NOW + timedelta(hours=h), public, public).blocked for h in (0, 4))
        assert first is again
        assert rules.applied([0], [], NOW + timedelta(hours=5), public, public).blocked is not first


class TestMissing:
    def test_every_article_that_a_rule_names(self, archive, public):
        rules = within(
            archive,
            pin("lạ", **under("xóa", "a1")),
            {"kind": "block", "article": "mai"},
            {"kind": "boost", "article": "b1", "factor": 2},
            {"kind": "section", "never": ["lạ"], **under("gỡ")},
        )
        assert rules.missing(public) == [
            MissingPin("r0", "lạ", "no such article"),
            MissingPin("r0", "xóa", "not public"),
            MissingPin("r1", "mai", "not public"),
            MissingPin("r3", "gỡ", "not public"),
        ]

    def test_no_rules(self, archive, public):
        none = RulesInArchive(NO_RULES, archive)
        assert none.applied([0], ["Thời sự"], NOW, public, public) is NOTHING
        assert none.missing(public) == []
        assert NOTHING.boosts(np.array([3, 1])).tolist() == [1.0, 1.0]


names = st.sampled_from([*IDS, "cũ", "chung", "sắp", "lạ"])
sections = st.sampled_from(["Thời sự", "thể thao", "Giải trí", "Lạ"])
days = st.sampled_from(["2026-04-01", "2026-04-15", "2026-04-16"])
scopes = st.fixed_dictionaries(
    {},
    optional={
        "for": st.one_of(
            st.fixed_dictionaries({"ids": st.lists(names, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"sections": st.lists(sections, min_size=1, max_size=2)}),
            st.fixed_dictionaries({"ids": st.just(["a1"]), "sections": st.just(["Thời sự"])}),
        ),
        "from": days,
    },
)
targets = st.one_of(
    names.map(lambda name: {"article": name}),
    sections.map(lambda name: {"section": name}),
    st.sampled_from([{"tag": "bão"}, {"tag": "Lũ"}, {"source": "báo đèn"}, {"author": "Cù Văn Tịnh"}]),
)
whats = st.one_of(
    st.builds(pin, names, st.integers(1, 6)),
    targets.map(lambda target: {"kind": "block", **target}),
    st.tuples(targets, st.sampled_from([0.5, 2, 3])).map(lambda b: {"kind": "boost", **b[0], "factor": b[1]}),
    st.lists(sections, min_size=1, max_size=2).map(lambda some: {"kind": "section", "never": some}),
    st.lists(sections, min_size=1, max_size=2).map(lambda some: {"kind": "section", "only": some}),
)
files = st.lists(st.tuples(whats, scopes).map(lambda parts: {**parts[0], **parts[1]}), max_size=8)


def leads_to(name, public):
    """Return the row that a reader who asks for a name is given, None if none."""
    if name in IDS and public[IDS.index(name)]:
        return IDS.index(name)
    rows = [row for row, line in enumerate(LINES) if name in line.get("aliases", ()) and public[row]]
    return max(rows, key=lambda row: LINES[row].get("published_at", ""), default=None)


def has(row, field, value, public):
    if field == "article":
        return row == leads_to(value, public)
    held = LINES[row].get("tags", []) if field == "tag" else [LINES[row].get(field)]
    return match_key(value) in [match_key(one) for one in held if one]


def holds(rule, seeds, public):
    """Whether a rule is about the list under these rows now."""
    scope = rule.get("for")
    here = scope is None or any(
        seed in [leads_to(name, public) for name in scope.get("ids", ())]
        or any(has(seed, "section", name, public) for name in scope.get("sections", ()))
        for seed in seeds
    )
    return here and rule.get("from", "") <= "2026-04-15"


def keeps_out(rule, row, public):
    if rule["kind"] == "section":
        some = any(has(row, "section", name, public) for name in rule.get("only") or rule["never"])
        return some == ("never" in rule)
    return rule["kind"] == "block" and any(has(row, f, rule[f], public) for f in FIELDS if f in rule)


FIELDS = ("article", "section", "source", "author", "tag")


@settings(max_examples=300)
@given(files, st.sets(st.integers(0, 5), max_size=2), st.sets(st.integers(0, 5)), st.integers(0, 8))
def test_against_an_oracle_and_the_laws_of_a_list(archive, public, file, seeds, passed, limit):
    allowed = public.copy()
    allowed[[row for row in range(6) if row not in passed]] = False
    rules = within(archive, *file)
    found = rules.applied(seeds, [LINES[seed].get("section") for seed in seeds], NOW, allowed, public)
    valid = [rule for rule in file if holds(rule, seeds, public)]
    out = [any(keeps_out(rule, row, public) for rule in valid) for row in range(len(IDS))]
    assert (np.zeros(len(IDS), bool) if found.blocked is None else found.blocked).tolist() == out
    boosts = [rule for rule in valid if rule["kind"] == "boost"]
    expected = [
        np.prod([rule["factor"] for rule in boosts if any(has(row, f, rule[f], public) for f in FIELDS if f in rule)])
        for row in range(len(IDS))
    ]
    np.testing.assert_allclose(found.boosts(np.arange(len(IDS))), expected, rtol=1e-12)

    pins = [(leads_to(rule["article"], public), rule) for rule in valid if rule["kind"] == "pin"]
    good = [row for row, _ in pins if row is not None and allowed[row] and not out[row] and row not in seeds]
    assert {pin.row for pin in found.pins} == set(good)
    assert len(found.missing) == sum(row is None or (row not in good and row not in seeds) for row, _ in pins)

    may = allowed & ~np.array(out)
    may[list(seeds)] = False
    shown = place(np.flatnonzero(may)[::-1].astype(np.int64), found.pins, limit).tolist()
    assert may[shown].all()
    assert len(shown) == len(set(shown)) == min(limit, int(may.sum()))
    for pin in found.pins:
        if pin.position <= min(limit, may.sum() - sum(p.position > pin.position for p in found.pins)):
            assert shown[pin.position - 1] == pin.row


@given(files, st.randoms())
def test_the_order_of_blocks_boosts_and_sections_does_not_matter(archive, public, file, dice):
    file = [rule for rule in file if rule["kind"] != "pin"]
    one, other = (
        within(archive, *order).applied([0], ["Thời sự"], NOW, public, public)
        for order in (file, dice.sample(file, len(file)))
    )
    assert blocked(one) == blocked(other)
    np.testing.assert_allclose(one.boosts(np.arange(9)), other.boosts(np.arange(9)), rtol=1e-12)
