"""Series: how titles open, what recurs like one, and what only looks so."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import common
from benchmarks.series import judged
from indexer.articles.article import VIETNAM, parse_time
from indexer.relations.series import Pattern, Series, SeriesWriter, TitleHead, head, kind

MARCH = datetime(2026, 3, 1, 7, tzinfo=VIETNAM)
NAMED, WORDED, DATED = 1, 2, 4

Row = tuple[str, str | None, datetime | None]


def day(ahead: float) -> datetime:
    return MARCH + timedelta(days=ahead)


def dated(text: str, days: Iterable[float], source: str = "Lũng Vài") -> list[Row]:
    """Return a row a day, `{}` in the text being the day's own date and `#` what is different every time."""
    rows: list[Row] = []
    for at, ahead in enumerate(days):
        moment = day(ahead)
        title = text.replace("{}", f"{moment.day}-{moment.month}").replace("#", WORDS[at % len(WORDS)])
        rows.append((title, source, moment))
    return rows


WORDS = (
    "tăng nhẹ",
    "bất ngờ đảo chiều",
    "đứng yên cả ngày",
    "người mua thở phào",
    "không ai tin nổi",
    "chợ quê vắng khách",
    "thợ gốm mừng rỡ",
)


def found(rows: Iterable[Row]) -> Series:
    writer = SeriesWriter()
    for title, source, moment in rows:
        writer.add(title, source, moment)
    return writer.found()


class TestHead:
    @pytest.mark.parametrize(
        ("title", "words", "flags", "ahead"),
        [
            ("Giá gốm hôm nay 1-3: tăng", "giá gốm", DATED, 0),
            ("Giá gốm hôm nay 2.3.2026: tăng", "giá gốm", DATED, 1),
            ("Giá gốm ngày 1 tháng 3 - cập nhật", "giá gốm", DATED, 0),
            ("Giá gốm sáng thứ ba, 3/3 tăng", "giá gốm", DATED, 2),
            ("Giá gốm hôm nay tăng", "giá gốm", WORDED, 0),
            ("Điểm tin 17h: Lũ về", "điểm tin", DATED, 0),
            ("Góc bếp: bánh gai", "góc bếp", 0, 0),
            ("Chuyện Lũng Vài tối 1-3: Mưa", "chuyện lũng vài", NAMED | DATED, 0),
            ("Giá gốm Lũng Vài tối 1-3: Mưa", "giá gốm lũng vài", DATED, 0),
            ("GIÁ GỐM VÀ SỨ 1-3: TĂNG", "giá gốm và sứ", DATED, 0),
            ("Hôm nay 2.3 là ngày gì?", "<time> là ngày", DATED, 1),
            ("Thứ bảy ngày 28.2 là ngày gì?", "<time> là ngày", DATED, -1),
            ("Chiến dịch ngày 1.480: Mưa", "chiến dịch", WORDED, 0),
            ("Góc bếp số 12: bánh gai", "góc bếp số <n>", 0, 0),
        ],
    )
    def test_words_flags_and_own_date(self, title, words, flags, ahead):
        assert head(title, date(2026, 3, 1)) == TitleHead(tuple(words.split()), flags, ahead)

    @pytest.mark.parametrize(
        "title",
        [
            "Lũ về trên sông Vài",
            "Đội Lũng Vài thắng 3-2",  # a score: 3 February is a month ago
            "Một tiêu đề dài hơn tám tiếng thì không phải là tên mục: đúng vậy",
            "Hôm nay, 1-3, mưa to",
            "Hôm nay mưa to",
            "Mưa: to",
            ": mưa",
            "",
        ],
    )
    def test_no_head(self, title):
        assert head(title, date(2026, 3, 1)) is None

    def test_a_date_over_new_year_is_near(self):
        assert head("Giá gốm 1-1: tăng", date(2025, 12, 31)) == TitleHead(("giá", "gốm"), DATED, 1)
        assert head("Giá gốm 31-12: tăng", date(2026, 1, 1)) == TitleHead(("giá", "gốm"), DATED, -1)

    def test_a_day_that_no_month_has_is_no_date(self):
        assert head("Giá gốm 30-2: tăng", date(2026, 3, 1)) == TitleHead(("giá", "gốm", "<n>", "<n>"), 0)

    @given(st.text(max_size=40), st.dates(date(1990, 1, 1), date(2050, 1, 1)))
    def test_any_title_will_do(self, title, published):
        opening = head(title, published)
        assert opening is None or 1 <= len(opening.words) <= 8


class TestKind:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("giá vàng", "giá vàng"),
            ("tin tức giá vàng", "giá vàng"),
            ("cập nhật tỷ giá usd", "giá usd"),
            ("dự báo thời tiết", "thời tiết"),
            ("bản tin dự báo thời tiết", "thời tiết"),
            ("thời tiết", "thời tiết"),
            ("trực tiếp kết quả xổ số miền bắc", "xổ số miền bắc"),
            ("xsmb", "xổ số miền bắc"),
            ("ba con giáp", "tử vi"),
            ("xem nhanh", "điểm tin"),
            ("tin tức", "điểm tin"),
            ("góc bếp", "góc bếp"),
        ],
    )
    def test_what_a_head_is_about(self, words, expected):
        assert kind(words.split()) == expected


class TestFound:
    def test_a_daily_price_under_changing_words(self):
        other = [("Giá gốm khó tăng vì mưa", "Lũng Vài", day(2)), ("Lũ về", "Lũng Vài", day(3))]
        series = found([*dated("Giá gốm hôm nay {}: #", range(6)), *other])
        assert series.codes.tolist() == [0] * 6 + [-1, -1]
        assert series.patterns == (Pattern("giá gốm", "giá gốm", "Lũng Vài", by="timed"),)

    def test_papers_have_series_of_their_own_of_one_kind(self):
        rows = [
            *dated("Giá vàng hôm nay {}: #", range(7)),
            *dated("Tin tức giá vàng sáng {}, #", range(6), "Bình Minh"),
            *dated("Điểm tin 6h: #", range(5)),
        ]
        series = found(rows)
        assert series.codes.tolist() == [0] * 7 + [1] * 6 + [2] * 5
        kinds, names = series.kinds
        assert [names[at] for at in kinds] == ["giá vàng"] * 13 + ["điểm tin"] * 5
        assert kinds.dtype == np.int32

    def test_nothing_without_dates(self):
        rows = [(title, source, None) for title, source, _ in dated("Giá gốm hôm nay {}: #", range(9))]
        assert found(rows).codes.tolist() == [-1] * 9

    def test_an_empty_archive(self):
        series = found([])
        assert series.codes.shape == (0,)
        assert series.patterns == ()
        assert series.kinds[0].shape == (0,)

    def test_too_few_days(self):
        assert found(dated("Giá gốm hôm nay {}: #", [0, 0.1, 1, 2])).patterns == ()
        assert len(found(dated("Giá gốm hôm nay {}: #", [0, 1, 2, 3])).patterns) == 1

    def test_weekly_but_not_monthly(self):
        assert len(found(dated("Kết quả xổ số gốm ngày {}", range(0, 42, 7))).patterns) == 1
        assert found(dated("Kết quả xổ số gốm ngày {}", range(0, 180, 30))).patterns == ()

    def test_twice_a_day_is_one_series(self):
        rows = [*dated("Điểm tin 6h: #", range(5)), *dated("Điểm tin 17h: #", [at + 0.4 for at in range(5)])]
        assert found(rows).codes.tolist() == [0] * 10

    def test_an_event_is_no_series(self):
        days = [at / 2 for at in range(16)]
        assert found(dated("Vụ cháy chợ: #", days)).patterns == ()
        assert found(dated("Hội đua thuyền Lũng Vài ngày {}: #", range(12))).patterns == ()

    def test_a_named_bulletin_that_runs_on_is_one_and_says_so(self):
        series = found(dated("Chiến dịch Lũng Vài ngày {}: #", range(30)))
        assert series.patterns == (
            Pattern("chiến dịch lũng vài", "chiến dịch lũng vài", "Lũng Vài", named=True, by="timed"),
        )

    def test_a_holiday_is_no_series(self):
        rows: list[Row] = [(f"Nghỉ lễ 10-3: {WORDS[at % 7]}", "Lũng Vài", day(at)) for at in range(2, 12)]
        assert found(rows).patterns == ()

    def test_a_rubric_before_a_colon(self):
        series = found(dated("Góc bếp: #", range(0, 42, 7)))
        assert series.codes.tolist() == [0] * 6
        assert found(dated("Góc bếp: #", range(0, 28, 7))).patterns == ()  # four times
        assert found(dated("Góc bếp: #", range(0, 18, 3))).patterns == ()  # over within three weeks
        assert found(dated("Góc bếp: #", [at + half for at in range(0, 42, 7) for half in (0, 0.2)])).patterns == ()

    def test_a_day_that_is_only_said(self):
        assert found(dated("Giá gốm hôm nay #", range(0, 20, 4))).codes.tolist() == [0] * 5
        assert found(dated("Giá gốm hôm nay #", range(0, 20, 5))).patterns == ()  # four times
        assert found(dated("Giá gốm hôm nay #", range(9))).patterns == ()  # over within two weeks

    def test_a_head_without_its_time_is_no_instalment(self):
        rows = [*dated("Giá gốm {}: #", range(6)), ("Giá gốm: nhìn lại một năm", "Lũng Vài", day(3))]
        assert found(rows).codes.tolist() == [0] * 6 + [-1]

    def test_who_speaks_before_a_colon_opens_other_titles_too(self):
        rows = dated("Bí thư xã: #", range(0, 42, 7))
        assert len(found(rows).patterns) == 1
        assert found([*rows, ("Bí thư xã thăm lò gốm", "Lũng Vài", day(3))]).patterns == ()

    def test_a_place_before_a_colon(self):
        assert found(dated("Chợ Đồi: #", range(0, 60, 3))).patterns == ()

    def test_a_wording_of_services_alone(self):
        rows = [
            *((f"Lịch thi đấu {WORDS[at % 7]}", "Lũng Vài", day(2 * at)) for at in range(5)),
            *((f"Lịch trực tiếp {WORDS[at % 7]}", "Lũng Vài", day(10 + 2 * at)) for at in range(5)),
        ]
        series = found(rows)
        assert series.codes.tolist() == [0] * 10
        assert series.patterns[0].kind == "lịch thi đấu"
        assert found(rows[:7]).patterns == ()
        assert found(dated("Lịch thi đấu #", range(0, 50, 5))).patterns == ()

    def test_a_title_that_begins_with_its_date(self):
        assert found(dated("Hôm nay {} là ngày gì, #", range(0, 24, 3))).codes.tolist() == [0] * 8
        assert found(dated("Hôm nay {} là ngày gì, #", range(0, 28, 4))).patterns == ()

    def test_words_that_seldom_go_on_with_a_date(self):
        other = [(f"Công an xã {WORDS[at % 7]}", "Lũng Vài", day(at)) for at in range(20)]
        rows = dated("Công an xã {} #", range(4))
        assert len(found(rows).patterns) == 1
        assert found([*rows, *other]).patterns == ()

    def test_the_day_is_vietnams(self):
        moments = [datetime(2026, 3, at, hour, tzinfo=UTC) for at, hour in ((1, 18), (2, 10), (3, 10), (4, 10))]
        rows: list[Row] = [("Điểm tin 6h: Lũ về", "Lũng Vài", moment) for moment in moments]
        assert found(rows).patterns == ()  # 18 in UTC is one o'clock on the second
        assert len(found([*rows, ("Điểm tin 6h: Mưa", "Lũng Vài", day(4))]).patterns) == 1

    def test_a_source_may_be_unknown(self):
        rows = [(title, None, moment) for title, _, moment in dated("Giá gốm {}: #", range(5))]
        assert found(rows).patterns == (Pattern("giá gốm", "giá gốm", None, by="timed"),)

    @given(st.randoms(use_true_random=False))
    def test_order_does_not_matter(self, random):
        rows = [
            *dated("Giá gốm hôm nay {}: #", range(8)),
            *dated("Góc bếp: #", range(0, 42, 7)),
            *dated("Điểm tin 6h: #", range(6), "Bình Minh"),
            *dated("Chợ Đồi: #", range(9)),
        ]
        straight = found(rows)
        shuffled = random.sample(range(len(rows)), len(rows))
        series = found([rows[at] for at in shuffled])
        assert series.patterns == straight.patterns
        assert series.codes.tolist() == straight.codes[shuffled].tolist()

    def test_more_may_be_added_after_looking(self):
        writer = SeriesWriter()
        rows = dated("Giá gốm hôm nay {}: #", range(6))
        for row in rows[:3]:
            writer.add(*row)
        assert writer.found().patterns == ()
        for row in rows[3:]:
            writer.add(*row)
        assert writer.found().codes.tolist() == [0] * 6


class TestFiles:
    def test_what_is_written_is_read(self, tmp_path: Path):
        writer = SeriesWriter()
        rows = [*dated("Giá gốm hôm nay {}: #", range(6)), ("Lũ về", "Lũng Vài", day(1)), ("Mưa", None, None)]
        for row in rows:
            writer.add(*row)
        writer.write(tmp_path)
        series = Series.load(tmp_path)
        assert series.codes.tolist() == [0] * 6 + [-1, -1]
        assert series.codes.dtype == np.int32
        assert series.patterns == writer.found().patterns
        assert sorted(path.name for path in tmp_path.iterdir()) == ["series.json", "series.npy"]


def test_judged_items_of_real_news():
    path = common.DATA / "rss" / "items.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines]
    series = found((item["title"], item["source"], parse_time(item["published_at"])) for item in items)
    labels = judged()
    kept = [
        labels[item["id"]]
        for item, code in zip(items, series.codes.tolist(), strict=True)
        if code >= 0 and item["id"] in labels
    ]
    assert len(kept) >= 95
    assert sum(kept) / len(kept) >= 0.95
