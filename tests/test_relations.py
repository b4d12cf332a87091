"""What relates a segment's articles: groups, series and classes by row, term vectors and neighbours by text."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import relations
from indexer.columns import ABSENT
from indexer.content_classes import ContentClass

FOUR = [[1, 0], [0.6, 0.8], [0, 1], [-1, 0]]
WORDS = (
    "lò gốm lũng vài đỏ lửa suốt đêm để kịp giao nghìn chiếc bình cho phiên chợ đầu tháng dù mưa lớn làm sạt con đường "
    "độc nhất lên bản và thợ cả trần thị gốm phải nhờ trai làng gùi đất qua suối từ lúc gà chưa gáy"
).split()
FIRE = (
    "kho chỉ của xưởng dệt suối vàng bốc cháy lúc rạng sáng không ai bị thương nhưng bảy trăm cuộn sợi thành tro bụi "
    "trong chưa đầy một giờ theo lời kể của bảo vệ lê văn lụa người đã gọi đội chữa cháy khi thấy khói bay"
).split()


def text(words):
    return " ".join(words)


def published(day):
    return (datetime(2023, 10, 1, 8, tzinfo=UTC) + timedelta(days=day)).isoformat()


def test_near_duplicates_are_of_one_group(segment_of):
    lines = [
        {"title": "Lò gốm đỏ lửa", "body": text(WORDS), "published_at": published(1)},
        {"title": "Kho chỉ cháy", "body": text(FIRE)},
        {"title": "Phiên chợ chờ bình", "body": text([*WORDS[:40], "hôm", "qua", *WORDS[40:]])},
    ]
    groups = segment_of(lines, [0, 1, 2], FOUR[:3]).relations.groups
    assert groups.dtype == np.int32
    assert groups[0] == groups[2] != groups[1] == 1


def test_articles_of_one_text_are_of_one_group_whatever_their_words(segment_of):
    segment = segment_of([{"title": "Gốm"}, {"title": "Cam"}, {"title": "Mây"}], [1, 0, 1], FOUR[:2])
    assert segment.relations.groups[0] == segment.relations.groups[2] != segment.relations.groups[1]


def test_a_vector_without_an_article(segment_of):
    segment = segment_of([{"title": "Lò gốm"}, {"title": "Lò gốm đỏ"}], [3, 1], FOUR)
    held = segment.relations
    assert held.terms.count == 4
    assert [len(held.terms.of(text).tokens) > 0 for text in range(4)] == [False, True, False, True]
    assert held.neighbours.of(3).texts.tolist() == [2, 1, 0]
    assert held.groups.tolist() == [0, 1]


def test_series_and_classes_are_by_row(segment_of):
    series = [
        {"title": f"Giá gốm hôm nay {day}/10: tăng", "source": "Báo Lũng", "published_at": published(day - 1)}
        for day in range(1, 8)
    ]
    paid = {"title": "[Quảng cáo] Bình gốm nhà Trần"}
    segment = segment_of([paid, *series, {"title": "Mưa lớn"}], [0] * 9, FOUR[:1])
    assert segment.relations.series.codes.tolist() == [-1, *[0] * 7, -1]
    assert segment.relations.classes.tolist() == [ContentClass.SPONSORED, *[ContentClass.NONE] * 8]


def test_an_empty_segment(segment_of):
    held = segment_of([], [], np.empty((0, 2))).relations
    assert (held.terms.count, len(held.groups), len(held.classes), len(held.series.codes)) == (0, 0, 0, 0)


class TestArticles:
    """From the neighbours of texts to those of articles."""

    def test_by_hand(self):
        # Texts 0, 1, 2; articles 0 and 2 own 1, article 1 owns 0, article 3 owns 2.
        owners = np.array([[0, 1], [1, 0], [1, 2], [2, 3]], dtype=np.int32)
        texts = np.array([[1, 2], [0, -1], [1, 0]], dtype=np.int32)
        assert relations._articles(texts, owners).tolist() == [[1, -1], [0, 3], [1, -1], [0, 1]]

    def test_a_neighbour_that_nobody_owns_is_none(self):
        owners = np.array([[0, 0], [2, 1]], dtype=np.int32)
        texts = np.array([[1, 2], [0, 2], [0, 1]], dtype=np.int32)
        assert relations._articles(texts, owners).tolist() == [[-1, 1], [0, -1]]


class TestGroups:
    """From near-duplicate pairs of articles to groups, in which all of one text are together."""

    OWNERS = np.array([[0, 1], [1, 0], [1, 4], [2, 2], [3, 3], [4, 5]], dtype=np.int32)
    TIMES = np.arange(6, dtype=np.int64) * 1000

    def groups(self, *pairs, published=TIMES):
        return relations._groups(self.OWNERS, np.array(pairs, dtype=np.int64).reshape(-1, 2), published).tolist()

    def test_of_no_pairs(self):
        assert self.groups() == [0, 1, 2, 3, 0, 5]

    def test_a_text_stays_together_where_its_first_owner_is_a_member_of_another_group(self):
        # 2 has most near-duplicates and takes 0, whose text 4 has as well.
        assert self.groups((0, 2), (1, 2), (2, 3)) == [2, 2, 2, 2, 2, 5]

    def test_either_owner_of_a_text_may_be_the_near_duplicate(self):
        assert self.groups((2, 4)) == self.groups((0, 2))
        assert len({self.groups((2, 4))[row] for row in (0, 2, 4)}) == 1

    def test_of_equals_the_text_with_the_newest_owner_stands_for_all(self):
        assert self.groups((0, 2))[2] == 0  # 4 is newer than 2
        assert self.groups((0, 2), published=self.TIMES[::-1].copy())[2] == 0  # so is 0, the other way round
        older = np.array([10, ABSENT, 30, ABSENT, 20, ABSENT], dtype=np.int64)
        assert self.groups((0, 2), published=older)[0] == 2

    @given(
        owned=st.lists(st.integers(0, 4), min_size=1, max_size=9),
        pairs=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12),
        times=st.lists(st.sampled_from([ABSENT, 10, 20, 30]), min_size=9, max_size=9),
    )
    def test_all_of_one_text_are_of_one_group(self, owned, pairs, times):
        rows = sorted(range(len(owned)), key=lambda row: (owned[row], row))
        owners = np.array([(owned[row], row) for row in rows], dtype=np.int32)
        held = sorted({(min(p), max(p)) for p in pairs if p[0] != p[1] and max(p) < len(owned)})
        published = np.array(times[: len(owned)], dtype=np.int64)
        groups = relations._groups(owners, np.array(held, dtype=np.int64).reshape(-1, 2), published)
        assert groups.dtype == np.int32
        alike = {(owned[left], owned[right]) for left, right in held}
        for row, head in enumerate(groups):
            assert groups[head] == head
            together = (owned[row], owned[head])
            assert together[0] == together[1] or together in alike or together[::-1] in alike
            assert all(groups[other] == head for other in range(len(owned)) if owned[other] == owned[row])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=10))
@settings(max_examples=25)
def test_groups_join_all_of_one_text_and_name_a_member(segment_of, owned):
    texts = sorted(set(owned))
    lines = [{"title": f"Tin {spot}"} for spot in owned]
    groups = segment_of(lines, [texts.index(spot) for spot in owned], [FOUR[spot] for spot in texts]).relations.groups
    for row, head in enumerate(groups):
        assert groups[head] == head
        assert owned[head] == owned[row]
