"""How long a related list holds, and when its tag is another one; the clock is handed in."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.hashing import HashingEncoder
from service.answers.validity import STEP, Validity
from service.options import Options
from service.rules.lines import Rules, parse
from service.schemas import RelatedBody
from service.searcher import Searcher

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
LINES = [
    {"id": "a", "title": "chợ đêm mở cửa", "published_at": "2024-04-01"},
    {"id": "b", "title": "chợ đêm đông khách", "published_at": "2024-05-01T12:10:00Z"},
    {"id": "c", "title": "chợ đêm vắng", "unpublish_at": "2024-05-01T13:00:00Z"},
]
ASKED = "/related?"


def seconds(count):
    return NOON + timedelta(seconds=count)


def rules(*lines):
    return parse("\n".join(lines).encode(), "rules")


@pytest.fixture(scope="module")
def archive(archive_of):
    return archive_of(LINES)


@pytest.fixture(scope="module")
def searcher(archive):
    return Searcher(archive, HashingEncoder)


def kept(searcher, at=NOON, most=60, **body):
    asked = RelatedBody.model_validate({"seed": {"ids": ["a"]}, **body})
    return Validity.of(searcher, asked, most, at)


def tag(*args, **body):
    return kept(*args, **body).tag(ASKED)


class TestSeconds:
    @pytest.mark.parametrize(
        ("now", "most", "expected"),
        [
            (NOON, 60, 60),
            (NOON, 600, 600),
            (NOON, 601, 600),  # b is published
            (seconds(590.5), 60, 9),
            (seconds(599.999999), 60, 0),
            (seconds(600), 60, 60),
            (seconds(600), 10**6, 3000),  # c goes
            (seconds(3600), 10**6, 10**6),
            (NOON, 0, 0),
        ],
    )
    def test_until_an_article_comes_or_goes(self, searcher, now, most, expected):
        assert kept(searcher, now, most).seconds == expected

    def test_until_a_rule_begins_or_is_over(self, archive):
        line = '{"kind": "block", "tag": "x", "from": "2024-05-01T12:00:30Z", "until": "2024-05-01T12:01:40Z"}'
        held = rules(line)
        searcher = Searcher(archive, HashingEncoder, Options(rules=lambda: held))
        assert [kept(searcher, seconds(at), 10**6).seconds for at in (0, 29, 30, 60, 100, 101)] == [
            30,
            1,
            70,
            40,
            0,
            499,
        ]

    def test_no_rule_that_has_no_end_shortens_anything(self, archive):
        held = rules('{"kind": "block", "tag": "x"}')
        searcher = Searcher(archive, HashingEncoder, Options(rules=lambda: held))
        assert kept(searcher, seconds(3600), 10**6).seconds == 10**6

    @given(at=st.floats(-2000, 9000), most=st.integers(0, 10_000))
    def test_nothing_changes_within_them(self, searcher, at, most):
        found = kept(searcher, seconds(at), most)
        last = seconds(at) + timedelta(seconds=found.seconds) - timedelta(microseconds=1)
        assert 0 <= found.seconds <= most
        if found.seconds:
            assert (searcher.public(seconds(at)) == searcher.public(last)).all()


class TestTag:
    def test_it_can_stand_in_a_header(self, searcher):
        assert len(tag(searcher)) == 24
        assert tag(searcher).isalnum()

    def test_it_is_one_within_a_step_and_another_after_it(self, searcher):
        assert len({tag(searcher, seconds(at)) for at in (0, 1, 100, STEP - 1e-6)}) == 1
        assert tag(searcher, seconds(STEP)) != tag(searcher)

    @pytest.mark.parametrize("body", [{"freshness": "none"}, {"ranking": "similarity"}, {"now": "2024-01-01"}], ids=str)
    def test_where_age_does_not_count_it_stays_until_something_comes(self, searcher, body):
        assert tag(searcher, seconds(STEP), **body) == tag(searcher, **body)
        assert tag(searcher, seconds(600), **body) != tag(searcher, **body)

    def test_a_preset_s_freshness_counts(self, searcher):
        assert tag(searcher, seconds(STEP), preset="headlines") != tag(searcher, preset="headlines")
        none = {"preset": "headlines", "freshness": "none"}
        assert tag(searcher, seconds(STEP), **none) == tag(searcher, **none)

    def test_another_request_or_snapshot_is_another(self, searcher, archive_of):
        other = Searcher(archive_of(LINES), HashingEncoder)
        assert tag(other) != tag(searcher)
        assert kept(searcher).tag("/related?limit=3") != tag(searcher)

    def test_other_rules_are_another_and_the_same_again_the_same(self, archive):
        held = Rules()
        searcher = Searcher(archive, HashingEncoder, Options(rules=lambda: held))
        before = tag(searcher)
        held = rules('{"kind": "block", "tag": "x"}')
        blocked = tag(searcher)
        held = rules('{"kind": "block", "tag": "x"}', '{"kind": "block", "tag": "y"}')
        assert len({before, blocked, tag(searcher)}) == 3
        held = rules('{"kind": "block", "tag": "x"}')
        assert tag(searcher) == blocked

    def test_a_rule_that_begins_makes_another(self, archive):
        held = rules('{"kind": "block", "tag": "x", "from": "2024-05-01T12:00:30Z"}')
        searcher = Searcher(archive, HashingEncoder, Options(rules=lambda: held))
        assert tag(searcher, seconds(29.999999)) == tag(searcher)
        assert tag(searcher, seconds(30)) != tag(searcher)


class TestMoment:
    def test_age_is_counted_to_the_start_of_the_step(self, searcher):
        assert kept(searcher, seconds(STEP + 17)).body.now == seconds(STEP)

    def test_all_who_ask_within_a_step_get_one_list(self, searcher):
        lists = [
            [(hit.article.id, hit.score) for hit in searcher.related(kept(searcher, now).body, now).hits]
            for now in (seconds(3600), seconds(3600 + 299))
        ]
        assert lists[0] == lists[1] != []

    def test_a_moment_that_was_asked_for_stands(self, searcher):
        asked = kept(searcher, now="2024-01-01T00:00:00Z").body
        assert asked.now == datetime(2024, 1, 1, tzinfo=UTC)

    @pytest.mark.parametrize("body", [{"freshness": "none"}, {"ranking": "similarity"}], ids=str)
    def test_nothing_else_of_a_request_is_touched(self, searcher, body):
        asked = RelatedBody.model_validate({"seed": {"ids": ["a"]}, **body})
        assert kept(searcher, **body).body == asked
        aged = kept(searcher, limit=3).body
        assert aged.model_copy(update={"now": None}) == RelatedBody.model_validate({"seed": {"ids": ["a"]}, "limit": 3})
