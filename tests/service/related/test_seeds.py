"""Seeds: found by id, alias and URL, put together by hand, and what negative ones and drafts make of them."""

from datetime import UTC, datetime

import numpy as np
import pytest

from indexer.articles.article import validate
from indexer.articles.columns import ABSENT, micros
from indexer.building.embedding import embed
from models.hashing import HashingEncoder
from service.errors import NotFound
from service.related.seeds import BRIEF, NEGATIVE, Seeds, resolve
from service.schemas import Seed

ENCODER = HashingEncoder()
LINES = [
    {"id": "gom", "title": "Lò gốm đỏ lửa", "lead": "Thợ gốm thức đêm", "url": "https://www.lung.example/gom"},
    {"id": "cam", "title": "Vườn cam chín", "published_at": "2026-04-01", "aliases": ["cam-cu"], "section": "Chợ"},
    {"id": "lua", "title": "Lúa chín lò gốm nghỉ", "published_at": "2026-04-03"},
    {"id": "mai", "title": "Lò gốm ngày mai", "published_at": "2999-01-01"},
    {"id": "may", "title": "Mây tre đan lửa đỏ", "body": "Thợ đan thức đêm bên lò gốm"},
]


@pytest.fixture(scope="module")
def archive(archive_of):
    return archive_of(LINES)


@pytest.fixture(scope="module")
def seeds_of(archive):
    public, _ = archive.public(micros(datetime(2026, 4, 16, tzinfo=UTC)))

    def find(**seed):
        return resolve(archive, lambda: ENCODER, Seed.model_validate(seed), public)

    return find


def vectors(*rows):
    return embed(ENCODER, [validate(LINES[row]).views for row in rows])


def unit(vector):
    return vector / np.linalg.norm(vector)


class TestFound:
    def test_by_id_alias_and_address_each_once(self, seeds_of):
        found = seeds_of(
            ids=["lua", "cam-cu", "cam"], urls=["http://m.lung.example/gom/?utm_source=x", "lung.example/gom"]
        )
        assert found.rows == (2, 1, 0)
        assert found.negative == ()

    @pytest.mark.parametrize(
        ("seed", "field"),
        [
            ({"ids": ["gom", "khong"]}, "seed.ids.1"),
            ({"ids": ["mai"]}, "seed.ids.0"),
            ({"urls": ["https://lung.example/khong"]}, "seed.urls.0"),
            ({"ids": ["gom"], "negative_ids": ["cam", "khong"]}, "seed.negative_ids.1"),
        ],
    )
    def test_the_one_that_is_not_public_is_named(self, seeds_of, seed, field):
        with pytest.raises(NotFound) as refused:
            seeds_of(**seed)
        assert field in repr(refused.value) + str(vars(refused.value))

    def test_a_single_one(self, seeds_of):
        assert seeds_of(ids=["cam"]).single == seeds_of(ids=["cam", "cam-cu"]).single == 1
        for seed in (
            {"ids": ["cam", "gom"]},
            {"ids": ["cam"], "negative_ids": ["gom"]},
            {"ids": ["cam"], "article": {"title": "Cam"}},
            {"article": {"title": "Cam"}},
        ):
            assert seeds_of(**seed).single is None

    def test_the_encoder_is_called_for_a_draft_only(self, archive):
        def none():
            raise AssertionError("not needed")

        everything = np.ones(archive.count, dtype=np.bool_)
        resolve(archive, none, Seed(ids=["gom", "mai"], negative_ids=["cam"]), everything)
        with pytest.raises(AssertionError, match="not needed"):
            resolve(archive, none, Seed.model_validate({"article": {"title": "Gốm"}}), everything)


class TestTogether:
    def test_one_seed_is_its_own_vector(self, seeds_of):
        found = seeds_of(ids=["gom"])
        assert found.vector == pytest.approx(vectors(0)[0], abs=1e-6)
        assert found.vector.dtype == np.float32

    def test_several_are_the_direction_of_their_mean(self, seeds_of):
        found = seeds_of(ids=["gom", "cam", "lua"])
        assert found.vector == pytest.approx(unit(vectors(0, 1, 2).mean(axis=0)), abs=1e-6)
        assert [weight for _, weight in found.terms] == pytest.approx([1 / 3] * 3)

    def test_negative_ones_count_half_and_away(self, seeds_of):
        found = seeds_of(ids=["gom"], negative_ids=["cam", "lua", "cam"])
        assert found.negative == (1, 2)
        unlike = unit(vectors(1, 2).mean(axis=0))
        assert found.vector == pytest.approx(unit(vectors(0)[0] - NEGATIVE * unlike), abs=1e-6)
        assert [weight for _, weight in found.terms] == pytest.approx([1, -NEGATIVE / 2, -NEGATIVE / 2])

    def test_a_seed_unlike_itself_still_has_a_direction(self, seeds_of):
        found = seeds_of(ids=["gom"], negative_ids=["gom"])
        assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)

    def test_unrelated_articles_are_those_of_the_background(self, seeds_of, archive):
        found = seeds_of(ids=["gom", "cam"])
        assert found.unrelated == archive.background.moments(found.vector)

    def test_shared_words_add_up_by_weight_and_are_never_less_than_none(self, seeds_of, archive):
        rows = np.arange(archive.count)
        own = [archive.shared_terms(archive.term_vector(row), rows) for row in (0, 1, 4)]
        both = seeds_of(ids=["gom", "cam"]).shared_terms(archive, rows)
        assert both == pytest.approx((own[0] + own[1]) / 2, abs=1e-6)
        less = seeds_of(ids=["cam"], negative_ids=["may"]).shared_terms(archive, rows)
        assert less == pytest.approx(np.maximum(own[1] - NEGATIVE * own[2], 0), abs=1e-6)
        assert less[4] == 0

    def test_when_the_newest_of_them_came_out(self, seeds_of, archive):
        days = archive.published
        assert seeds_of(ids=["cam", "gom", "lua"]).published(archive) == days[2]
        assert seeds_of(ids=["cam"]).published(archive) == days[1] != ABSENT
        assert seeds_of(ids=["gom"]).published(archive) is None
        assert seeds_of(article={"title": "Gốm"}).published(archive) is None


class TestDraft:
    TEXT = " ".join(["Thợ gốm Lũng Vài thức đêm bên lò."] * 9)

    def test_it_is_encoded_as_an_article_is(self, seeds_of):
        said = {"title": "Lò gốm", "lead": "Thợ thức", "body": self.TEXT}
        found = seeds_of(article=said)
        assert not found.brief
        assert found.vector == pytest.approx(embed(ENCODER, [found.article.views])[0], abs=1e-6)
        assert found.rows == found.negative == ()
        assert found.draft[0] == ["lò", "gốm"]
        assert found.draft[1][:2] == ["thợ", "thức"]

    def test_a_few_words_are_brief(self, seeds_of):
        found = seeds_of(article={"title": "Lò gốm đỏ lửa"})
        assert found.brief
        assert found.echo is None
        assert found.vector == pytest.approx(ENCODER.encode_queries(["Lò gốm đỏ lửa"])[0], abs=1e-6)
        words = " ".join(f"w{n}" for n in range(BRIEF))
        assert seeds_of(article={"title": words}).brief
        assert not seeds_of(article={"title": words, "body": "hơn"}).brief

    def test_beside_a_published_seed_nothing_is_brief(self, seeds_of):
        assert not seeds_of(ids=["gom"], article={"title": "Lò gốm"}).brief
        assert not seeds_of(ids=["gom"]).brief

    def test_html_is_read_as_text(self, seeds_of):
        plain = seeds_of(article={"title": "Lò gốm", "body": self.TEXT})
        html = seeds_of(article={"title": "Lò gốm", "body_html": f"<p>{self.TEXT}</p><script>x()</script>"})
        assert html.draft == plain.draft
        assert html.vector == pytest.approx(plain.vector, abs=1e-6)

    def test_without_a_title(self, seeds_of):
        found = seeds_of(article={"body": self.TEXT})
        assert found.draft[0] == []
        assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)

    def test_without_any_word(self, seeds_of, archive):
        found = seeds_of(article={"title": "!!!"})
        assert isinstance(found, Seeds)
        assert found.shared_terms(archive, np.arange(archive.count)).tolist() == [0] * archive.count

    def test_its_words_weigh_as_an_articles_do(self, seeds_of, archive):
        said = {"title": LINES[4]["title"], "body": LINES[4]["body"]}
        (draft, weight), *_ = seeds_of(article=said).terms
        stored = archive.term_vector(4)
        assert weight == 1.0
        assert draft.tokens.tolist() == stored.tokens.tolist()
        assert draft.weights == pytest.approx(stored.weights, abs=2e-3)
