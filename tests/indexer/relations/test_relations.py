"""What relates a segment's articles: groups, series and classes by row, term vectors and neighbours by text."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.relations.content_classes import ContentClass

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


@given(st.lists(st.integers(0, 3), min_size=1, max_size=10))
@settings(max_examples=25)
def test_groups_join_all_of_one_text_and_name_a_member(segment_of, owned):
    texts = sorted(set(owned))
    lines = [{"title": f"Tin {spot}"} for spot in owned]
    groups = segment_of(lines, [texts.index(spot) for spot in owned], [FOUR[spot] for spot in texts]).relations.groups
    for row, head in enumerate(groups):
        assert groups[head] == head
        assert owned[head] == owned[row]
