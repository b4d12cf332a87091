"""The searcher against brute force: every stored vector and every word compared here, every rule applied by hand.

What words add to a search is in test_retrieval.py; here search goes by meaning alone, letter by letter.
`now` is handed in wherever time counts. The encoder hashes words, so cosines can be computed here as well.
"""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import log, log1p, sqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from indexer.archive import Archive
from indexer.articles.article import VIETNAM
from indexer.articles.columns import micros
from indexer.building.embedding import embed
from indexer.index import calibration
from indexer.index.calibration import QUERIES, RELATED
from indexer.index.lexical_query import tokens
from indexer.relations.terms import COMMON, PAIR, RARITY, TITLE
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.text.syllables import stream
from models.hashing import HashingEncoder
from service.errors import NotFound, NotReady
from service.options import Options
from service.query.understanding import SHORT
from service.ranking.fusion import BRIEF_TERMS_WEIGHT, ECHO_WEIGHT, TERMS_SCALE, TERMS_WEIGHT
from service.related.seeds import BRIEF
from service.rules.lines import NO_RULES, parse
from service.schemas import RelatedBody, SearchParams
from service.search.retrieval import LEAST_RELATED, NEAREST
from service.searcher import Searcher

ENCODER = HashingEncoder()
NOW = datetime(2024, 5, 1, 12, tzinfo=VIETNAM)
WORDS = (
    "công nhân nhà máy giày dệt may lương tháng cháy kho xưởng đêm bảo hiểm xã hội nghỉ hưu tòa án kiện sa thải "
    "khu trọ điện nước giá thuê giáo viên lọc máu quyên góp trường mầm non bữa ăn ca tăng giờ làm thêm"
).split()
SECTIONS = ("Việc làm", "An toàn", "Pháp luật", "Đời sống")


def no_encoder():
    raise NotReady("the encoder is not needed here")


def searching(archive, **options):
    return Searcher(archive, lambda: ENCODER, Options(**options))


def search(searcher, q, now=NOW, **params):
    return searcher.search(SearchParams.model_validate({"q": q, **params}), now)


def related(searcher, *ids, now=NOW, **body):
    seed = body.pop("seed", {"ids": list(ids)})
    return searcher.related(RelatedBody.model_validate({"seed": seed, **body}), now)


def ids(answer):
    return [hit.article.id for hit in answer.hits]


def random_lines(count):
    """Articles of few words, so that there are many ties; every eighth text has copies; some are not public."""
    chance = random.Random(7)
    lines = []
    for at in range(count):
        title = " ".join(chance.choices(WORDS, k=chance.randint(2, 7)))
        body = " ".join(chance.choices(WORDS, k=chance.choice([0, 5, 30])))
        if at % 8 == 7:
            title, body = lines[at - 3]["title"], lines[at - 3].get("body", "")
        day = NOW - timedelta(days=chance.randint(-20, 300), minutes=at)
        lines.append(
            {
                "id": f"bai-{at}",
                "title": title,
                "body": body,
                "section": chance.choice(SECTIONS),
                "tags": chance.sample(["ca đêm", "hưu trí", "phòng cháy"], chance.randint(0, 2)),
                "published_at": None if at % 9 == 0 else day.isoformat(),
                "unpublish_at": (NOW + timedelta(days=chance.choice([-1, 1]))).isoformat() if at % 11 == 0 else None,
            }
        )
    return lines


@dataclass
class Oracle:
    """The archive by other means: its articles, their vectors and their words, encoded and weighed anew."""

    archive: Archive

    def __post_init__(self):
        self.articles = self.archive.articles(range(self.archive.count))
        self.vectors = embed(ENCODER, [article.views for article in self.articles]).astype(np.float64)
        self.row = {article.id: row for row, article in enumerate(self.articles)}
        texts = {article.views: words_of(article.title, article.body or "") for article in self.articles}
        self.texts = len(texts)
        told = {
            article.views for article in self.articles if article.public_at(datetime.now(UTC))
        }  # when it was indexed
        self.having = Counter(token for views in told for token in texts[views])
        self.words = {article.id: self.weighed(texts[article.views]) for article in self.articles}

    def weighed(self, found):
        """Return each token that another text may have too with its weight; all of a text have unit length."""
        few = self.rarity(max(COMMON * self.texts, 20))
        rare = {token: self.rarity(max(self.having[token], 1)) for token in found}
        length = sqrt(sum((weight * rare[token]) ** 2 for token, weight in found.items()))
        kept = [token for token in found if self.having[token] > 1 and rare[token] >= few]
        return {token: found[token] * rare[token] / length for token in kept}

    def rarity(self, having):
        return log(1 + (max(self.texts - having, 0) + 0.5) / (having + 0.5)) ** RARITY

    def public(self, passes=lambda article: True):
        def seen(article):
            begun = article.published_at is None or article.published_at <= NOW
            return begun and (article.unpublish_at is None or article.unpublish_at > NOW)

        return {article.id for article in self.articles if seen(article) and passes(article)}

    def cosines(self, vector, candidates):
        return {name: float(self.vectors[self.row[name]] @ vector) for name in candidates}

    def centroid(self, *names):
        mean = np.mean([self.vectors[self.row[name]] for name in names], axis=0)
        return mean / np.linalg.norm(mean)

    def copies(self, name):
        text = self.articles[self.row[name]].views
        return {article.id for article in self.articles if article.views == text and article.id != name}

    def z_scores(self, vector, words, candidates, weight=TERMS_WEIGHT):
        """Return each candidate's likeness to a vector and some texts' words: what `ranking.fusion.relate` fuses.

        :param words: Weighed words of the seeds, and what each seed weighs.
        """
        mean, std = self.archive.background.moments(np.asarray(vector, dtype=np.float32))
        fused = {}
        for name, cosine in self.cosines(vector, candidates).items():
            own = self.words[name]
            shared = sum(part * sum(w * own.get(token, 0.0) for token, w in seed.items()) for seed, part in words)
            fused[name] = (cosine - mean) / std + weight * log1p(max(shared, 0.0) / TERMS_SCALE)
        return fused

    def fused(self, vector, words, candidates):
        """Return a vector and what each candidate gets beside it and some texts' words."""
        return vector, self.z_scores(vector, words, candidates)

    def echoed(self, vector, words, candidates):
        """Return the same for a brief draft: what its three nearest have in common counts as well.

        Of a text with several articles each counts. Where the third is hardly nearer than the fourth, there is no
        telling which of the two it is.
        """
        z_scores = self.z_scores(vector, words, candidates, BRIEF_TERMS_WEIGHT)
        best = sorted(z_scores, key=lambda name: (-z_scores[name], self.row[name]))
        assume(z_scores[best[2]] - z_scores[best[3]] > HALF or best[3] in self.copies(best[2]))
        says = np.exp([(z_scores[name] - z_scores[best[0]]) / 2 for name in best[:3]])
        says /= says.sum()
        middle = says @ self.vectors[[self.row[name] for name in best[:3]]]
        middle /= np.linalg.norm(middle)
        heard = [(self.words[name], float(part)) for name, part in zip(best, says, strict=False)]
        echo = self.z_scores(middle, heard, candidates, BRIEF_TERMS_WEIGHT)
        return {name: z_scores[name] + ECHO_WEIGHT * echo[name] for name in z_scores}

    def words_of(self, *names):
        return [(self.words[name], 1 / len(names)) for name in names]


def words_of(title, rest):
    """Return each token of a text with what it weighs before rarity counts."""
    titled, spoken = Counter(tokens(stream(title))), Counter(tokens([*stream(title), "", *stream(rest)]))
    return {
        token: (1 + log(count) + TITLE * titled[token]) * (PAIR if "_" in token else 1)
        for token, count in spoken.items()
    }


def check_nearest(answer, oracle, vector, candidates, curve, limit):
    """Assert that the hits are the candidates nearest to a vector, best first, up to ties, scored as expected."""
    cosines = oracle.cosines(vector, candidates)
    assert len(answer.hits) == min(limit, len(cosines))
    assert answer.total == len(cosines)
    assert not answer.more
    assert len(set(ids(answer))) == len(answer.hits)
    found = [cosines[name] for name in ids(answer)]
    assert found == pytest.approx(sorted(cosines.values(), reverse=True)[:limit], abs=1e-5)
    assert [hit.similarity for hit in answer.hits] == pytest.approx(found, abs=1e-5)
    background = oracle.archive.background
    expected = background.of_z_scores(background.z_scores(np.asarray(vector), np.array(found)), curve)
    assert [hit.relevance for hit in answer.hits] == pytest.approx(list(expected), abs=1e-5)
    assert [hit.score for hit in answer.hits] == [hit.relevance for hit in answer.hits]


def check_related(answer, oracle, vector, z_scores, limit, curve=RELATED):
    """Assert that the hits are the candidates that are likest by meaning and words, best first, up to ties.

    :param z_scores: What each candidate gets.
    """
    cosines = oracle.cosines(vector, z_scores)
    assert (len(answer.hits), answer.total, answer.more) == (min(limit, len(cosines)), len(cosines), False)
    assert len(set(ids(answer))) == len(answer.hits)
    assert [hit.similarity for hit in answer.hits] == pytest.approx([cosines[name] for name in ids(answer)], abs=1e-5)
    found = [z_scores[name] for name in ids(answer)]
    assert found == pytest.approx(sorted(z_scores.values(), reverse=True)[:limit], abs=HALF)
    assert [hit.score for hit in answer.hits] == pytest.approx(found, abs=HALF)
    assert all(first.score >= second.score for first, second in pairwise(answer.hits))
    expected = oracle.archive.background.of_z_scores(np.array([hit.score for hit in answer.hits]), curve)
    assert [hit.relevance for hit in answer.hits] == pytest.approx(list(expected), abs=1e-9)


HALF = 0.02
"""What fused z-scores may be off: weights of words are stored in half precision."""


@pytest.fixture(scope="module")
def oracle(archive_of):
    return Oracle(archive_of(random_lines(400)))


@pytest.fixture(scope="module")
def searcher(oracle):
    return searching(oracle.archive)


@pytest.fixture(scope="module")
def few(archive_of):
    """Return an archive in which every article is near enough to any other to be looked at (`pool.MEANT`)."""
    return Oracle(archive_of(random_lines(200)))


@pytest.fixture(scope="module")
def relating(few):
    return searching(few.archive)


PHRASES = st.lists(st.sampled_from([*WORDS, "bóng", "đá"]), min_size=1, max_size=8).map(" ".join)
LONG = st.lists(st.sampled_from(WORDS), min_size=BRIEF, max_size=60).map(" ".join)
SENTENCES = st.lists(st.sampled_from([*WORDS, "bóng", "đá"]), min_size=SHORT + 1, max_size=10).map(" ".join)
"""Too long for feedback, so that the order is that of the cosines."""
LIMITS = st.integers(1, 50)
BY_MEANING = {"mode": "dense", "literal": True}


class TestAgainstBruteForce:
    def test_stored_vectors_are_the_encoder_s(self, oracle):
        stored = oracle.archive.vectors_of(np.arange(oracle.archive.count))
        assert stored == pytest.approx(oracle.vectors, abs=1e-6)

    @settings(max_examples=40)
    @given(q=SENTENCES, limit=LIMITS)
    def test_search(self, oracle, searcher, q, limit):
        answer = search(searcher, q, limit=limit, ranking="similarity", **BY_MEANING)
        check_nearest(answer, oracle, ENCODER.encode_queries([q])[0], oracle.public(), QUERIES, limit)

    @settings(max_examples=25)
    @given(q=PHRASES, limit=LIMITS, mode=st.sampled_from(["dense", "hybrid"]))
    def test_search_gives_each_hit_its_own_cosine(self, oracle, searcher, q, limit, mode):
        answer = search(searcher, q, limit=limit, ranking="similarity", mode=mode, literal=True)
        cosines = oracle.cosines(ENCODER.encode_queries([q])[0], oracle.public())
        assert (len(set(ids(answer))), answer.total) == (limit, len(cosines))
        assert [hit.similarity for hit in answer.hits] == pytest.approx([cosines[n] for n in ids(answer)], abs=1e-5)

    @settings(max_examples=40)
    @given(seed=st.integers(0, 199), limit=LIMITS)
    def test_related_by_id(self, few, seed, limit):
        name = few.articles[seed].id
        if name not in few.public() or few.copies(name):
            return
        answer = related(Searcher(few.archive, no_encoder), name, limit=limit, ranking="similarity")
        check_related(answer, few, *few.fused(few.vectors[seed], few.words_of(name), few.public() - {name}), limit)

    def test_related_by_id_holds_copies_of_the_seed(self, few):
        name = next(name for name in sorted(few.public()) if few.copies(name) & few.public())
        vector, others = few.vectors[few.row[name]], few.public() - {name}
        expected = few.z_scores(vector, few.words_of(name), others)
        for copy in few.copies(name) & others:  # all of its words are shared, whether or not a third text has them
            expected[copy] = few.z_scores(vector, [], {copy})[copy] + TERMS_WEIGHT * np.log1p(1 / TERMS_SCALE)
        for limit in (1, 5, 50):
            answer = related(Searcher(few.archive, no_encoder), name, limit=limit, ranking="similarity")
            check_related(answer, few, vector, expected, limit)

    @settings(max_examples=30)
    @given(data=st.data(), limit=LIMITS)
    def test_related_by_several(self, few, data, limit):
        seeds = data.draw(st.lists(st.sampled_from(sorted(few.public())), min_size=2, max_size=5, unique=True))
        answer = related(Searcher(few.archive, no_encoder), *seeds, limit=limit, ranking="similarity")
        words = few.words_of(*seeds)
        check_related(answer, few, *few.fused(few.centroid(*seeds), words, few.public() - set(seeds)), limit)

    @settings(max_examples=30)
    @given(title=PHRASES, body=LONG, limit=LIMITS)
    def test_related_to_a_draft(self, few, relating, title, body, limit):
        draft = {"title": title, "body": body}
        answer = related(relating, seed={"article": draft}, limit=limit, ranking="similarity")
        vector = embed(ENCODER, [(f"{title}\n{body}", title)])[0]
        words = [(few.weighed(words_of(title, body)), 1.0)]
        check_related(answer, few, *few.fused(vector, words, few.public()), limit)

    @settings(max_examples=30)
    @given(title=PHRASES, body=st.just("") | PHRASES, limit=LIMITS)
    def test_related_to_a_brief_draft(self, few, relating, title, body, limit):
        answer = related(relating, seed={"article": {"title": title, "body": body}}, limit=limit, ranking="similarity")
        vector = ENCODER.encode_queries([f"{title}\n{body}".strip()])[0]
        words = [(few.weighed(words_of(title, body)), 1.0)]
        check_related(answer, few, vector, few.echoed(vector, words, few.public()), limit, calibration.BRIEF)

    def test_related_to_a_draft_and_an_article_together(self, few, relating):
        name = min(few.public())
        title = "công nhân lọc máu"
        answer = related(relating, seed={"ids": [name], "article": {"title": title}}, ranking="similarity", limit=20)
        mean = few.vectors[few.row[name]] + embed(ENCODER, [(title,)])[0]
        words = [(few.words[name], 0.5), (few.weighed(words_of(title, "")), 0.5)]
        check_related(answer, few, *few.fused(mean / np.linalg.norm(mean), words, few.public() - {name}), 20)

    @settings(max_examples=20)
    @given(data=st.data(), limit=LIMITS)
    def test_related_by_one_and_less_like_others(self, few, data, limit):
        names = data.draw(st.lists(st.sampled_from(sorted(few.public())), min_size=2, max_size=4, unique=True))
        seed, *unlike = names
        answer = related(
            Searcher(few.archive, no_encoder),
            seed={"ids": [seed], "negative_ids": unlike},
            limit=limit,
            ranking="similarity",
        )
        vector = few.centroid(seed) - 0.5 * few.centroid(*unlike)
        words = [(few.words[seed], 1.0), *((few.words[name], -0.5 / len(unlike)) for name in unlike)]
        vector /= np.linalg.norm(vector)
        check_related(answer, few, *few.fused(vector, words, few.public() - set(names)), limit)

    @settings(max_examples=40)
    @given(q=SENTENCES, limit=LIMITS)
    def test_relevance_shows_each_text_once(self, oracle, searcher, q, limit):
        answer = search(searcher, q, limit=100, **BY_MEANING)
        newest = {}
        for article in oracle.articles:
            if article.id in oracle.public():
                held = newest.get(article.views)
                if held is None or (article.published_at is not None and later(article, held)):
                    newest[article.views] = article
        vector = ENCODER.encode_queries([q])[0]
        cosines = oracle.cosines(vector, {article.id for article in newest.values()})
        every = sorted(oracle.cosines(vector, oracle.public()).values(), reverse=True)
        background = oracle.archive.background
        z_scores = background.z_scores(np.asarray(vector), np.array(list(cosines.values())))
        related = dict(zip(cosines, background.of_z_scores(z_scores, QUERIES), strict=True))
        surely = {name for name, relevance in related.items() if relevance > LEAST_RELATED + 1e-5}
        surely |= {name for name, cosine in cosines.items() if cosine > every[NEAREST - 1] + 1e-5}
        perhaps = {name for name, relevance in related.items() if relevance > LEAST_RELATED - 1e-5}
        perhaps |= {name for name, cosine in cosines.items() if cosine > every[NEAREST - 1] - 1e-5}
        assert len(surely) <= answer.total <= len(perhaps)
        assert len(answer.hits) == min(100, answer.total)
        names = ids(answer)
        assert set(names) <= perhaps
        assert set(names) >= surely or answer.total > 100
        found = [cosines[name] for name in names]
        assert found == pytest.approx(sorted(cosines.values(), reverse=True)[: len(found)], abs=1e-5)
        assert ids(search(searcher, q, limit=limit, **BY_MEANING)) == names[:limit]


def later(article, other):
    return other.published_at is None or article.published_at > other.published_at


FILTERS = {
    "one section": ({"section": ["An toàn"]}, lambda a: a.section == "An toàn"),
    "case and blanks aside": ({"section": ["  an  TOÀN"]}, lambda a: a.section == "An toàn"),
    "two sections": ({"section": ["An toàn", "Đời sống"]}, lambda a: a.section in {"An toàn", "Đời sống"}),
    "tag": ({"tag": ["ca đêm"]}, lambda a: "ca đêm" in a.tags),
    "section and tag": (
        {"section": ["Việc làm"], "tag": ["hưu trí"]},
        lambda a: a.section == "Việc làm" and "hưu trí" in a.tags,
    ),
    "from a day on": (
        {"published_from": "2024-03-01"},
        lambda a: a.published_at is not None and a.published_at >= datetime(2024, 3, 1, tzinfo=VIETNAM),
    ),
    "to a day, all of it": (
        {"published_to": "2024-03-01"},
        lambda a: a.published_at is not None and a.published_at < datetime(2024, 3, 2, tzinfo=VIETNAM),
    ),
    "to a time in UTC": (
        {"published_to": "2024-03-01T00:00:00Z"},
        lambda a: a.published_at is not None and a.published_at <= datetime(2024, 3, 1, 7, tzinfo=VIETNAM),
    ),
    "no such section": ({"section": ["Thể thao"]}, lambda a: False),
}


class TestFilters:
    @pytest.mark.parametrize(("filters", "passes"), FILTERS.values(), ids=FILTERS)
    def test_search(self, oracle, searcher, filters, passes):
        q = "công nhân nhà máy giày dệt"
        answer = search(searcher, q, limit=25, ranking="similarity", **BY_MEANING, **filters)
        check_nearest(answer, oracle, ENCODER.encode_queries([q])[0], oracle.public(passes), QUERIES, 25)

    @pytest.mark.parametrize(("filters", "passes"), FILTERS.values(), ids=FILTERS)
    def test_related(self, few, relating, filters, passes):
        seed = "bai-1"
        answer = related(relating, seed, limit=25, ranking="similarity", filters=filters)
        check_related(answer, few, *few.fused(few.centroid(seed), few.words_of(seed), few.public(passes) - {seed}), 25)


@pytest.fixture(scope="module")
def large(archive_of):
    """10,000 articles: one of section `Rất hiếm`, twelve of `Hiếm`, one with its own tag, the rest common."""

    def section(at):
        return "Rất hiếm" if at == 4321 else "Hiếm" if at % 800 == 5 and at < 9600 else "Thường"

    return searching(
        archive_of(
            {
                "id": f"tin-{at}",
                "title": f"tin số {at} phường {at % 37} {WORDS[at % len(WORDS)]}",
                "section": section(at),
                "tags": ["một mình"] if at == 9876 else [],
                "published_at": (NOW - timedelta(hours=at)).isoformat(),
            }
            for at in range(10_000)
        )
    )


class TestAmongTenThousand:
    @pytest.mark.parametrize("sort", ["relevance", "newest"])
    @pytest.mark.parametrize("ranking", ["relevance", "similarity"])
    def test_one_article_in_ten_thousand_is_found(self, large, ranking, sort):
        for filters, expected in (({"section": ["Rất hiếm"]}, "tin-4321"), ({"tag": ["một mình"]}, "tin-9876")):
            answer = search(large, "phường", ranking=ranking, sort=sort, **filters)
            assert (ids(answer), answer.total, answer.more) == ([expected], 1, False)

    @pytest.mark.parametrize("ranking", ["relevance", "similarity"])
    def test_limit_is_filled_whenever_that_many_match(self, large, ranking):
        answer = search(large, "tin phường", limit=10, section=["Hiếm"], ranking=ranking)
        assert (len(answer.hits), answer.total) == (10, 12)
        assert {hit.article.section for hit in answer.hits} == {"Hiếm"}
        answer = related(large, "tin-5000", limit=12, filters={"section": ["Hiếm"]}, ranking=ranking)
        assert (len(answer.hits), answer.total) == (12, 12)
        answer = related(large, "tin-5", limit=12, filters={"section": ["Hiếm"]}, ranking=ranking)
        assert (len(answer.hits), answer.total) == (11, 11)
        answer = related(large, "tin-5000", filters={"section": ["Rất hiếm"]}, ranking=ranking)
        assert ids(answer) == ["tin-4321"]

    def test_paging_reaches_a_thousand_and_all_are_counted(self, large):
        answer = search(large, "phường", limit=10, offset=990)
        assert (len(answer.hits), answer.total, answer.more) == (10, 10_000, False)
        answer = search(large, "phường", limit=10, section=["Thường", "Hiếm"], published_to="2023-05-01")
        assert (len(answer.hits), answer.total, answer.more) == (10, 1227, False)

    @pytest.mark.parametrize("ranking", ["relevance", "similarity"])
    def test_pages_of_many_ties_neither_repeat_nor_miss(self, large, ranking):
        # Hundreds of titles share the query's words and no others: the same cosine to the last bit.
        whole = ids(search(large, "phường 3", limit=100, ranking=ranking))
        for size in (1, 7, 30):
            pages = [search(large, "phường 3", limit=size, offset=at, ranking=ranking) for at in range(0, 100, size)]
            assert [name for page in pages for name in ids(page)][:100] == whole, size


class TestPaging:
    @pytest.mark.parametrize("sort", ["relevance", "newest"])
    @pytest.mark.parametrize("ranking", ["relevance", "similarity"])
    @pytest.mark.parametrize("size", [1, 3, 10, 64])
    def test_pages_together_are_the_whole_list(self, searcher, size, ranking, sort):
        def page(offset, limit):
            return search(searcher, "công nhân lương", offset=offset, limit=limit, ranking=ranking, sort=sort)

        total = page(0, 1).total
        assert 40 < total <= 400
        whole = [name for at in range(0, total, 100) for name in ids(page(at, 100))]
        assert (len(whole), len(set(whole))) == (total, total)
        reach = min(total, 20 * size)
        pages = [page(at, size) for at in range(0, reach, size)]
        assert [name for one in pages for name in ids(one)][:reach] == whole[:reach]
        assert {one.total for one in pages} == {total}

    def test_the_last_page_is_short_and_beyond_it_there_is_nothing(self, searcher):
        total = search(searcher, "lương").total
        assert len(search(searcher, "lương", offset=total - 3, limit=10).hits) == 3
        beyond = search(searcher, "lương", offset=total, limit=10)
        assert (beyond.hits, beyond.total) == ([], total)


class TestNewest:
    LINES = [
        {"id": "a", "title": "giá điện", "published_at": "2024-01-01"},
        {"id": "b", "title": "giá điện tăng", "published_at": "2024-03-01"},
        {"id": "c", "title": "giá điện khu trọ"},
        {"id": "d", "title": "bữa ăn ca", "published_at": "2024-04-30"},
        {"id": "e", "title": "giá điện", "published_at": "2024-02-01"},
    ]

    def test_newest_first_undated_last_copies_collapsed(self, archive_of):
        searcher = searching(archive_of(self.LINES))
        assert ids(search(searcher, "giá điện", sort="newest")) == ["d", "b", "e", "c"]
        assert ids(search(searcher, "giá điện", sort="newest", ranking="similarity")) == ["d", "b", "e", "a", "c"]

    def test_each_hit_keeps_its_own_score(self, archive_of):
        searcher = searching(archive_of(self.LINES))
        for ranking in ("relevance", "similarity"):
            by_score, by_date = (
                {hit.article.id: (hit.score, hit.relevance, hit.similarity) for hit in answer.hits}
                for answer in (
                    search(searcher, "giá điện", ranking=ranking),
                    search(searcher, "giá điện", ranking=ranking, sort="newest"),
                )
            )
            assert len(set(by_score.values())) > 2
            assert by_date == by_score

    def test_what_is_less_relevant_than_asked_is_left_out_in_every_order(self, archive_of):
        searcher = searching(archive_of(self.LINES))
        by_id = {hit.article.id: hit.relevance for hit in search(searcher, "giá điện").hits}
        least = min(relevance for name, relevance in by_id.items() if name != "d")
        assert least > by_id["d"]
        answer = search(searcher, "giá điện", sort="newest", min_relevance=least)
        assert (ids(answer), answer.total) == (["b", "e", "c"], 3)
        assert ids(search(searcher, "giá điện", sort="newest", limit=1, offset=1, min_relevance=least)) == ["e"]
        assert search(searcher, "giá điện", min_relevance=least).total == 3
        assert search(searcher, "giá điện").total == 4


class TestPublicOnly:
    LINES = [
        {"id": "nay", "title": "tòa án sa thải"},
        {"id": "mai", "title": "tòa án sa thải công nhân", "published_at": "2024-05-01T12:00:01+07:00"},
        {"id": "dung-gio", "title": "tòa án sa thải giáo viên", "published_at": "2024-05-01T05:00:00Z"},
        {"id": "da-go", "title": "tòa án sa thải hôm qua", "unpublish_at": "2024-05-01T12:00:00"},
        {"id": "sap-go", "title": "tòa án sa thải hôm nay", "unpublish_at": "2024-05-01T12:00:01"},
    ]
    AT_NOON = {"nay", "dung-gio", "sap-go"}

    @pytest.fixture(scope="class")
    @classmethod
    def searcher(cls, archive_of):
        return searching(archive_of(cls.LINES))

    @pytest.mark.parametrize("sort", ["relevance", "newest"])
    @pytest.mark.parametrize("ranking", ["relevance", "similarity"])
    def test_search_at_noon(self, searcher, ranking, sort):
        answer = search(searcher, "tòa án", ranking=ranking, sort=sort)
        assert (set(ids(answer)), answer.total) == (self.AT_NOON, 3)

    def test_related_at_noon(self, searcher):
        answer = related(searcher, "nay")
        assert (set(ids(answer)), answer.total) == (self.AT_NOON - {"nay"}, 2)

    @pytest.mark.parametrize("hidden", ["mai", "da-go"])
    def test_what_is_not_public_answers_to_nothing(self, searcher, hidden):
        with pytest.raises(NotFound, match=hidden) as caught:
            searcher.article(hidden, NOW)
        assert caught.value.errors[0].field == "id"
        with pytest.raises(NotFound) as caught:
            related(searcher, "nay", hidden)
        assert caught.value.errors[0].field == "seed.ids.1"

    def test_time_goes_on_and_back(self, searcher):
        second = timedelta(seconds=1)
        expected = [
            (NOW - second, {"nay", "da-go", "sap-go"}),
            (NOW, self.AT_NOON),
            (NOW + timedelta(microseconds=999_999), self.AT_NOON),
            (NOW + second, {"nay", "mai", "dung-gio"}),
            (NOW, self.AT_NOON),
            (NOW - second, {"nay", "da-go", "sap-go"}),
        ]
        for now, public in expected:
            assert set(ids(search(searcher, "tòa án", now=now))) == public, now

    def test_without_a_time_the_clock_counts(self, archive_of):
        clock = datetime.now(VIETNAM)
        searcher = searching(
            archive_of(
                [
                    {"id": "qua", "title": "lương", "published_at": (clock - timedelta(hours=1)).isoformat()},
                    {"id": "toi", "title": "lương", "published_at": (clock + timedelta(hours=1)).isoformat()},
                ]
            )
        )
        assert ids(search(searcher, "lương", now=None, ranking="similarity")) == ["qua"]

    def test_an_embargoed_copy_neither_hides_nor_counts(self, archive_of):
        searcher = searching(
            archive_of(
                [
                    {"id": "cu", "title": "điện nước", "published_at": "2024-01-01"},
                    {"id": "moi", "title": "điện nước", "published_at": "2030-01-01"},
                ]
            )
        )
        answer = search(searcher, "điện nước")
        assert (ids(answer), answer.total) == (["cu"], 1)


class TestCopies:
    LINES = [
        {"id": "goc", "title": "cháy kho xưởng đêm", "published_at": "2024-01-01", "section": "An toàn"},
        {"id": "in-lai", "title": "cháy kho xưởng đêm", "published_at": "2024-01-03", "section": "Đời sống"},
        {"id": "khong-ngay", "title": "cháy kho xưởng đêm", "section": "Pháp luật"},
        {"id": "gan", "title": "cháy kho", "published_at": "2024-01-02"},
        {"id": "xa", "title": "giáo viên lọc máu", "published_at": "2024-01-02"},
    ]

    @pytest.fixture(scope="class")
    @classmethod
    def searcher(cls, archive_of):
        return searching(archive_of(cls.LINES))

    def test_search_shows_the_newest_copy_once(self, searcher):
        answer = search(searcher, "cháy kho xưởng đêm")
        assert (ids(answer)[:2], answer.total) == (["in-lai", "gan"], 3)

    def test_a_filter_is_applied_before_copies_collapse(self, searcher):
        assert ids(search(searcher, "cháy kho xưởng đêm", section=["An toàn", "Pháp luật"])) == ["goc"]

    def test_similarity_keeps_every_copy(self, searcher):
        answer = search(searcher, "cháy kho xưởng đêm", ranking="similarity")
        assert (set(ids(answer)[:3]), answer.total) == ({"goc", "in-lai", "khong-ngay"}, 5)
        assert [hit.similarity for hit in answer.hits[:3]] == pytest.approx([1, 1, 1], abs=1e-5)

    def test_related_leaves_out_copies_of_the_seed(self, searcher):
        answer = related(searcher, "goc")
        assert (ids(answer), answer.total) == (["gan", "xa"], 2)
        answer = related(searcher, "goc", "gan")
        assert (ids(answer), answer.total) == (["xa"], 1)

    def test_copies_of_the_seed_take_no_place_from_others(self, searcher):
        answer = related(searcher, "goc", limit=1)
        assert (ids(answer), answer.total) == (["gan"], 2)

    def test_related_by_similarity_keeps_copies_but_never_the_seed(self, searcher):
        answer = related(searcher, "goc", ranking="similarity")
        assert (set(ids(answer)), ids(answer)[-1], answer.total) == ({"in-lai", "khong-ngay", "gan", "xa"}, "xa", 4)
        copies = {hit.article.id for hit in answer.hits if hit.similarity == pytest.approx(1, abs=1e-5)}
        assert copies == {"in-lai", "khong-ngay"}

    def test_totals_hold_when_a_filter_leaves_no_copy(self, searcher):
        answer = related(searcher, "goc", filters={"published_to": "2024-01-02"})
        assert (ids(answer), answer.total) == (["gan", "xa"], 2)

    def test_the_seed_is_never_in_its_own_list(self, oracle):
        searcher = Searcher(oracle.archive, no_encoder)
        for name in sorted(oracle.public())[::7]:
            article = oracle.articles[oracle.row[name]]
            alike = {one.id for one in oracle.articles if one.views == article.views}
            for ranking in ("relevance", "similarity"):
                answer = related(searcher, name, limit=50, ranking=ranking)
                assert name not in ids(answer)
                if ranking == "relevance":
                    assert not alike & set(ids(answer))


class TestSeeds:
    LINES = [
        {
            "id": "bai-moi",
            "title": "bảo hiểm xã hội nghỉ hưu",
            "url": "https://baoden.example/chinh-sach/bai-moi.html?trang=2&muc=a",
            "aliases": ["bai-cu", "http://cu.baoden.example/p/77"],
        },
        {"id": "khac", "title": "bảo hiểm", "url": "https://baoden.example/khac"},
        {"id": "xa", "title": "bữa ăn ca mầm non", "aliases": ["khac"]},
        {"id": "ban-1", "title": "giá thuê", "url": "https://baoden.example/trung", "published_at": "2024-01-01"},
        {"id": "ban-2", "title": "giá thuê trọ", "url": "https://baoden.example/trung", "published_at": "2024-02-01"},
        {"id": "ban-3", "title": "giá nước", "url": "https://baoden.example/trung", "published_at": "2030-01-01"},
    ]

    @pytest.fixture(scope="class")
    @classmethod
    def searcher(cls, archive_of):
        return Searcher(archive_of(cls.LINES), no_encoder)

    @pytest.mark.parametrize(
        "url",
        [
            "https://baoden.example/chinh-sach/bai-moi.html?trang=2&muc=a",
            "http://www.baoden.example/chinh-sach/bai-moi.html?trang=2&muc=a#binh-luan",
            "https://BAODEN.example:443/chinh-sach/bai-moi.html/?muc=a&trang=2",
            "baoden.example/chinh-sach/bai-moi.html?trang=2&muc=a&utm_source=zalo&fbclid=x",
            "//baoden.example/chinh-sach/bai-moi.html?muc=a&trang=2",
            "https://cu.baoden.example/p/77",
        ],
    )
    def test_variants_of_an_address_are_one_seed(self, searcher, url):
        by_url = related(searcher, seed={"urls": [url]})
        assert [vars(hit) for hit in by_url.hits] == [vars(hit) for hit in related(searcher, "bai-moi").hits]
        assert "bai-moi" not in ids(by_url)

    def test_an_alias_is_its_article(self, searcher):
        assert ids(related(searcher, "bai-cu")) == ids(related(searcher, "bai-moi"))
        assert searcher.article("bai-cu", NOW).id == "bai-moi"

    def test_an_id_goes_before_an_alias(self, searcher):
        assert searcher.article("khac", NOW).id == "khac"

    def test_of_several_articles_at_one_address_the_newest_public_one_answers(self, searcher):
        answer = related(searcher, seed={"urls": ["https://baoden.example/trung"]}, limit=50)
        assert "ban-2" not in ids(answer)
        assert {"ban-1", "bai-moi"} <= set(ids(answer))

    def test_an_article_named_twice_counts_once(self, searcher):
        twice = related(searcher, "bai-moi", "khac", "bai-cu")
        once = related(searcher, "bai-moi", "khac")
        assert [vars(hit) for hit in twice.hits] == [vars(hit) for hit in once.hits]

    def test_ids_and_addresses_together(self, searcher):
        mixed = related(searcher, seed={"ids": ["bai-moi"], "urls": ["baoden.example/khac"]})
        assert ids(mixed) == ids(related(searcher, "bai-moi", "khac"))

    @pytest.mark.parametrize(
        ("seed", "field", "value"),
        [
            ({"ids": ["bai-moi", "khong-co"]}, "seed.ids.1", "khong-co"),
            ({"urls": ["https://baoden.example/khac?b=1"]}, "seed.urls.0", "khac"),
            ({"urls": ["https://baoden.example/Khac"]}, "seed.urls.0", "Khac"),
            ({"ids": ["BAI-MOI"]}, "seed.ids.0", "BAI-MOI"),
        ],
    )
    def test_an_unknown_seed_is_named(self, searcher, seed, field, value):
        with pytest.raises(NotFound, match=value) as caught:
            related(searcher, seed=seed)
        assert [error.field for error in caught.value.errors] == [field]

    @pytest.mark.parametrize("ranking", ["relevance", "similarity"])
    def test_excluded_by_id_or_alias_and_unknown_ones_do_no_harm(self, searcher, ranking):
        everything = related(searcher, "ban-1", ranking=ranking)
        left = related(searcher, "ban-1", ranking=ranking, exclude_ids=["bai-cu", "khong-co", "ban-3", "ban-1"])
        assert "bai-moi" in ids(everything)
        assert ids(left) == [name for name in ids(everything) if name != "bai-moi"]
        assert left.total == everything.total - 1

    def test_excluding_everything_leaves_an_empty_list(self, searcher):
        answer = related(searcher, "bai-moi", exclude_ids=["khac", "xa", "ban-1", "ban-2"])
        assert (answer.hits, answer.total, answer.more) == ([], 0, False)

    def test_a_draft_needs_the_encoder(self, searcher):
        with pytest.raises(NotReady, match="not needed here"):
            related(searcher, seed={"article": {"title": "giá thuê"}})

    def test_a_draft_in_html_is_the_same_draft(self, oracle):
        searcher = searching(oracle.archive)
        plain = related(searcher, seed={"article": {"title": "giá thuê", "body": "khu trọ\nđiện nước"}})
        marked = {"title": "giá  thuê", "body_html": "<p>khu trọ<p>điện <b>nước</b><script>x()</script>"}
        assert [vars(hit) for hit in plain.hits] == [
            vars(hit) for hit in related(searcher, seed={"article": marked}).hits
        ]


class TestRules:
    LINES = [
        {"id": "a", "title": "tòa án sa thải"},
        {"id": "b", "title": "tòa án sa thải công nhân", "published_at": "2024-05-01T12:30:00"},
        {"id": "c", "title": "tòa án", "unpublish_at": "2024-05-01T14:00:00"},
    ]

    @pytest.fixture
    def held(self):
        return [NO_RULES]

    @pytest.fixture
    def searcher(self, archive_of, held):
        return searching(archive_of(self.LINES), rules=lambda: held[0])

    def test_they_are_looked_up_once_until_they_change(self, searcher, held):
        first = searcher.rules()
        assert searcher.rules() is first
        held[0] = parse(b'{"kind": "block", "article": "c"}', "rules")
        assert searcher.rules() is not first
        assert searcher.rules().rules is held[0]

    def test_a_list_obeys_those_of_now(self, searcher, held):
        assert ids(related(searcher, "a")) == ["c"]
        held[0] = parse(b'{"kind": "block", "article": "c"}', "rules")
        assert ids(related(searcher, "a")) == []
        assert ids(related(searcher, "a", ranking="similarity")) == ["c"]
        held[0] = NO_RULES
        assert ids(related(searcher, "a")) == ["c"]

    def test_a_rule_holds_from_its_first_moment_to_its_last(self, searcher, held):
        line = b'{"kind": "block", "article": "c", "from": "2024-05-01T12:00:10", "until": "2024-05-01T12:00:20"}'
        held[0] = parse(line, "rules")
        shown = [ids(related(searcher, "a", now=NOW + timedelta(seconds=at))) for at in (9, 10, 20, 20.000001)]
        assert shown == [["c"], [], [], ["c"]]

    def test_what_lists_depend_on(self, searcher, held):
        revision, until = searcher.changes(NOW)
        assert until == micros(NOW + timedelta(minutes=30))
        assert searcher.changes(NOW + timedelta(hours=1))[1] == micros(NOW + timedelta(hours=2))
        assert searcher.changes(NOW + timedelta(hours=2))[1] == np.iinfo(np.int64).max
        held[0] = parse(b'{"kind": "block", "article": "c", "from": "2024-05-01T12:10:00"}', "rules")
        now_revision, until = searcher.changes(NOW)
        assert now_revision == revision.replace(NO_RULES.revision, held[0].revision) != revision
        assert until == micros(NOW + timedelta(minutes=10))


def test_removed_articles_are_gone_though_their_files_are_shared(publish, tmp_path):
    lines = [{"id": f"so-{at}", "title": f"lương tháng {at}", "aliases": [f"cu-{at}"]} for at in range(10)]
    publish(tmp_path, lines)
    name = publish(tmp_path, lines[:8]).snapshot
    archive = Archive(Snapshot(Home(tmp_path).directory(name)))
    assert (archive.manifest.segments[0].deleted, archive.count) == (2, 10)
    searcher = searching(archive)
    for ranking in ("relevance", "similarity"):
        answer = search(searcher, "lương tháng 9", ranking=ranking)
        assert (set(ids(answer)), answer.total) == ({f"so-{at}" for at in range(8)}, 8)
    for gone in ("so-9", "cu-9"):
        with pytest.raises(NotFound):
            searcher.article(gone, NOW)
    archive.close()


def test_text_is_asked_in_its_composed_form(archive_of):
    searcher = searching(archive_of([{"id": "a", "title": "tòa án"}, {"id": "b", "title": "giày dệt"}]))
    decomposed = "to\N{COMBINING GRAVE ACCENT}a  a\N{COMBINING ACUTE ACCENT}n\N{ZERO WIDTH SPACE}"
    answer = search(searcher, decomposed)
    assert ids(answer)[0] == "a"
    assert answer.hits[0].similarity == pytest.approx(1, abs=1e-5)
    assert [reason.code for reason in answer.hits[0].reasons] == ["title", "words", "meaning"]
