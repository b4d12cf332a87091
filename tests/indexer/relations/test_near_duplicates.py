"""Near-duplicates: sketches, the rule and the groups. People, towns and firms are invented."""

import os
import subprocess
import sys
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import common
from benchmarks import near_duplicates as benchmark
from indexer.relations import near_duplicates
from indexer.relations.near_duplicates import (
    COMMON,
    EMPTY,
    SIZE,
    Sketches,
    SketchWriter,
    draft,
    duplicates,
    gaps,
    groups,
    near,
    overlaps,
)
from indexer.text.syllables import stream

LEAD = (
    "Sáng nay, xưởng gốm của bà Trần Thị Gốm ở xã Lũng Vài bốc cháy sau tiếng nổ lớn, lửa lan sang ba gian nhà kho "
    "chứa rơm, người dân dùng máy bơm của hợp tác xã chữa cháy hơn một giờ mới dập tắt, không ai bị thương."
)
TOLD_AGAIN = (
    "Một vụ hỏa hoạn đã thiêu rụi ba nhà kho tại Lũng Vài. Chủ cơ sở sản xuất gốm cho biết nguyên nhân ban đầu là chập "
    "điện ở lò nung, thiệt hại ước tính hai tỉ đồng, toàn bộ công nhân kịp chạy ra ngoài trước khi lửa bùng lên mạnh."
)
RAIN = (
    "Dự báo ngày {day} tháng 4, vùng núi Lũng Vài có mưa rào vài nơi, gió nhẹ, trời se lạnh về đêm, người dân ven suối "
    "Vài cần đề phòng lũ quét và sạt lở đất trên các tuyến đường liên xã khi đi làm nương."
)
BODY = "\n".join(
    f"Ông Lò Văn {name} kể rằng {what} vào mùa {season}, khi cả bản {place} còn chưa có đường ô tô."
    for name in ("Sành", "Sứ", "Ngói", "Gạch", "Vôi", "Cát")
    for what, season, place in (
        ("đàn dê vượt suối lạc mất ba con", "mưa", "Lũng Cao"),
        ("chiếc trống đồng được đào lên ở chân ruộng", "gặt", "Nậm Lành"),
        ("thầy giáo trẻ đi bộ hai ngày tới lớp", "đông", "Pá Khôm"),
    )
)


def sketched(*texts):
    """Return the sketches of an archive of (title, text)."""
    writer = SketchWriter()
    for title, text in texts:
        writer.add(stream(title), stream(text))
    return writer.sketches()


def is_duplicate(left, right, hours=None):
    """Return what the rule says of two (title, text)."""
    sketches = sketched(left, right)
    gap = None if hours is None else np.array([hours], dtype=np.float64)
    return bool(duplicates(sketches, sketches, np.array([[0, 1]]), gap)[0])


class TestShingles:
    def test_punctuation_paragraphs_and_spelling_of_tones_do_not_count(self):
        one, other = stream("Nhà máy Hoà Lũng. Mở cửa, hôm nay"), stream("nhà máy Hòa Lũng\nmở cửa hôm nay!")
        assert near_duplicates.shingles(one).tolist() == near_duplicates.shingles(other).tolist()

    @pytest.mark.parametrize(
        ("text", "count"), [("", 0), ("gốm", 1), ("lò gốm", 1), ("lò gốm cũ", 1), ("a b c d", 2), ("a b c a b c", 3)]
    )
    def test_how_many_there_are(self, text, count):
        assert len(near_duplicates.shingles(stream(text))) == count

    def test_order_of_words_counts(self):
        assert near_duplicates.shingles(["a", "b", "c"]).tolist() != near_duplicates.shingles(["c", "b", "a"]).tolist()

    def test_every_process_hashes_alike(self):
        code = (
            "from indexer.relations.near_duplicates import signature; "
            "print(signature('lò gốm lũng vài đỏ lửa'.split()).sum())"
        )
        found = [
            subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed in ("1", "2")
        ]
        assert found[0] == found[1]
        assert int(found[0]) == int(near_duplicates.signature("lò gốm lũng vài đỏ lửa".split()).sum())


class TestSignature:
    def test_each_bucket_holds_the_least_of_its_hashes(self):
        words = [f"w{n}" for n in range(400)]
        expected = np.full(SIZE, EMPTY, dtype=np.uint32)
        for found in near_duplicates.shingles(words).tolist():
            bucket, value = found >> 57, (found >> 25) & 0xFFFFFFFF
            expected[bucket] = min(expected[bucket], value)
        assert near_duplicates.signature(words).tolist() == expected.tolist()

    def test_of_no_words(self):
        assert (near_duplicates.signature([]) == EMPTY).all()


class TestOverlaps:
    def test_by_hand(self):
        left = np.array([[5, 9, EMPTY, EMPTY, COMMON, 4, COMMON]], dtype=np.uint32)
        right = np.array([[5, 7, 2, EMPTY, 1, 6, COMMON]], dtype=np.uint32)
        # 5 is of both; 4 < 6 is the left's; 7 < 9 and 2 the right's; nothing is known of boilerplate.
        assert overlaps(left, right).tolist() == [[1, 1, 2]]

    @pytest.mark.parametrize(
        ("shared", "left", "right"), [(400, 100, 100), (250, 0, 250), (100, 200, 300), (20, 10, 5)]
    )
    def test_estimates_agree_with_sets(self, shared, left, right):
        def words(name, count):
            return [f"{name}{n}" for n in range(count + near_duplicates.SHINGLE - 1)]

        one, other = words("both", shared) + words("left", left), words("both", shared) + words("right", right)
        sets = [set(near_duplicates.shingles(text).tolist()) for text in (one, other)]
        both, alone, rest = overlaps(near_duplicates.signature(one)[None], near_duplicates.signature(other)[None])[0]
        jaccard = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        contained = len(sets[0] & sets[1]) / min(map(len, sets))
        used = both + alone + rest
        assert abs(both / used - jaccard) <= 4 * np.sqrt(jaccard * (1 - jaccard) / used) + 0.01
        in_shorter = both + min(alone, rest)
        bound = 4 * np.sqrt(contained * (1 - contained) / in_shorter) + 0.05
        assert abs(both / in_shorter - contained) <= bound

    def test_a_part_of_a_text_is_contained_whole(self):
        words = [f"w{n}" for n in range(500)]
        both, _, alone = overlaps(near_duplicates.signature(words)[None], near_duplicates.signature(words[:200])[None])[
            0
        ]
        assert both > 30
        assert alone == 0


def by_hand(both, alone, other):
    """Return the sketches of two texts of other titles that share so many buckets, and have so many to themselves."""
    values = np.full((2, SIZE), EMPTY, dtype=np.uint32)
    values[:, :both] = 5
    values[0, both : both + alone] = 6
    values[1, both + alone : both + alone + other] = 7
    marks = np.zeros((2, 24), dtype=np.uint64)
    marks[:, 8] = 1, 2
    return Sketches(values, marks, np.empty(0, dtype=np.uint64))


class TestRule:
    @pytest.mark.parametrize(
        ("both", "alone", "other", "expected"),
        [
            (7, 0, 0, False),  # too little
            (8, 0, 0, True),
            (12, 4, 4, True),  # 0.6 of both
            (12, 4, 9, False),
            (12, 3, 30, True),  # 0.8 of the shorter
            (12, 4, 30, False),
            (20, 12, 30, True),  # 0.625 of the shorter is enough where 16 are shared
            (20, 13, 30, False),
            (50, 20, 40, False),  # and is not where 40 are
            (50, 17, 60, True),
            (50, 23, 23, True),
            (0, 0, 0, False),
        ],
    )
    def test_how_much_has_to_be_shared(self, both, alone, other, expected):
        sketches = by_hand(both, alone, other)
        assert duplicates(sketches, sketches, np.array([[0, 1], [1, 0]])).tolist() == [expected, expected]

    def test_little_beside_boilerplate_is_too_little(self):
        show = "Chương trình Lũng Vài hôm nay điểm lại những câu chuyện được bà con quanh vùng quan tâm suốt ngày qua"
        texts = [(f"Bản tin {name}", f"{show}, {name * 4}") for name in ("sành ", "sứ ", "ngói ", "gạch ", "vôi ") * 5]
        sketches = sketched(*texts, ("Kể tiếp", show + ", ngựa thồ qua đèo"), ("Sáng mai", show + ", ngựa thồ qua đèo"))
        both, alone, other = overlaps(sketches.values[25:26], sketches.values[26:])[0]
        assert (alone, other) == (0, 0)
        assert 0 < both < 8
        assert not duplicates(sketches, sketches, np.array([[25, 26]])).any()

    def test_the_same_text_under_another_title(self):
        assert is_duplicate(("Cháy xưởng gốm", LEAD), ("Lửa thiêu ba nhà kho", LEAD))

    def test_with_a_few_words_changed(self):
        edited = LEAD.replace("tiếng nổ lớn", "một tiếng nổ").replace("hơn một giờ", "gần một giờ")
        assert edited != LEAD
        assert is_duplicate(("Cháy xưởng gốm", LEAD), ("Lửa thiêu ba nhà kho", edited))

    def test_cut_to_the_first_sixty_percent(self):
        words = BODY.split()
        assert is_duplicate(("Chuyện bản", BODY), ("Ký ức vùng cao", " ".join(words[: len(words) * 6 // 10])))

    def test_with_paragraphs_merged_and_a_source_added(self):
        merged = "Theo phóng viên. " + BODY.replace("\n", " ") + " Nguồn: tổng hợp"
        assert is_duplicate(("Chuyện bản", BODY), ("Ký ức vùng cao", merged))

    def test_not_one_event_told_twice(self):
        assert not is_duplicate(("Cháy xưởng gốm ở Lũng Vài", LEAD), ("Cháy xưởng gốm ở Lũng Vài", TOLD_AGAIN))

    @pytest.mark.parametrize(("one", "other"), [(5, 6), (4, 11), (3, 4), (4, 14)])
    def test_not_a_daily_item_of_another_day(self, one, other):
        left, right = (("Thời tiết Lũng Vài", RAIN.format(day=day)) for day in (one, other))
        assert not is_duplicate(left, right)
        assert is_duplicate(left, ("Thời tiết vùng núi", left[1]))

    def test_a_long_text_with_one_figure_edited(self):
        texts = [f"Bản có {count} lò gốm. {BODY}" for count in (12, 15)]
        assert is_duplicate(("Chuyện bản", texts[0]), ("Ký ức vùng cao", texts[1]))

    def test_not_a_long_daily_item_of_another_day(self):
        words = [
            a + b for a in "bcdghklmnrstvx" for b in "a ai am an ao e em en eo i im in o oi on ong u ua un".split()
        ]
        one, other = " ".join(words[:240]), " ".join(words[25:])
        assert is_duplicate(("Chuyện bản", "Bản tin. " + one), ("Ký ức", "Bản tin. " + other))
        assert not is_duplicate(("Chuyện bản", "Bản tin 4-5. " + one), ("Ký ức", "Bản tin 5-5. " + other))

    @pytest.mark.parametrize(("both", "expected"), [(30, False), (60, True)])
    def test_subjects_count_unless_the_texts_are_long(self, both, expected):
        sketches = by_hand(both, 5, 5)
        sketches.marks[:, 8] = sketches.marks[:, 16] = 0b11, 0b1100
        assert duplicates(sketches, sketches, np.array([[0, 1]])).tolist() == [expected]

    def test_not_two_parts_of_one_series(self):
        assert is_duplicate(("Chuyện làng gốm", LEAD), ("Chuyện làng gốm Lũng Vài", LEAD))
        assert not is_duplicate(("Chuyện làng gốm - Phần 1", LEAD), ("Chuyện làng gốm - Phần 2", LEAD))

    def test_not_two_subjects_in_one_frame(self):
        frame = (
            "Tại kỳ họp sáng nay, với tất cả đại biểu có mặt tán thành, hội đồng nhân dân xã đã bầu ông {who} giữ chức "
            "chủ tịch hợp tác xã gốm nhiệm kỳ mới, thay người tiền nhiệm nghỉ theo chế độ"
        )
        one, other = "Lò Văn Sành", "Trần Quốc Ngói"
        titles = [f"Ông {who} làm chủ tịch hợp tác xã gốm" for who in (one, other)]
        assert not is_duplicate((titles[0], frame.format(who=one)), (titles[1], frame.format(who=other)))
        assert is_duplicate((titles[0], frame.format(who=one)), (titles[1], frame.format(who=one)))

    def test_boilerplate_of_the_archive_is_no_evidence(self):
        show = "Chương trình Lũng Vài hôm nay điểm lại những câu chuyện được bà con quanh vùng quan tâm suốt ngày qua."
        names = "Sành Sứ Ngói Gạch Vôi Cát Tre Nứa Mây Song Rơm Rạ Lúa Ngô Khoai Sắn Đỗ Lạc Vừng Chè Bông Gai".split()
        texts = [(f"Bản tin: chuyện nhà ông {name}", show) for name in names]
        sketches = sketched(*texts)
        pairs = np.array([[0, n] for n in range(1, len(texts))])
        assert not duplicates(sketches, sketches, pairs).any()
        few = sketched(*texts[:3])
        assert duplicates(few, few, pairs[:2]).all()
        asked = draft(stream("Bản tin đặc biệt"), stream(show), sketches.boilerplate)
        assert not duplicates(asked, sketches, np.array([[0, 0]])).any()

    def test_a_draft_meets_what_is_published(self):
        sketches = sketched(("Thời tiết", RAIN.format(day=4)), ("Cháy xưởng gốm", LEAD), ("Chuyện bản", BODY))
        asked = draft(stream("Hỏa hoạn lớn ở làng nghề"), stream(LEAD), sketches.boilerplate)
        assert duplicates(asked, sketches, np.array([[0, 0], [0, 1], [0, 2]])).tolist() == [False, True, False]

    def test_a_text_too_short_counts_with_its_title(self):
        title = "Bản Lũng Vài khai hội mùa gốm đỏ với hai mươi lò nung cổ"
        assert is_duplicate((title, ""), (title + " nhất vùng", ""))
        assert not is_duplicate(
            (title, "Mời xem ảnh"), ("Trâu bản Pá Khôm đi lạc sang tận huyện bên suốt ba ngày", "Mời xem ảnh")
        )

    def test_the_same_title_and_text_however_short(self):
        assert is_duplicate(("Lò gốm", "Mời xem"), ("Lò gốm", "Mời xem"))
        assert not is_duplicate(("Lò gốm", "Mời xem"), ("Lò sứ", "Mời xem"))

    def test_one_source_and_one_time_need_less(self):
        half = " ".join(LEAD.split()[:22]) + " " + " ".join(TOLD_AGAIN.split()[:26])
        pair = ("Cháy xưởng gốm", LEAD), ("Hỏa hoạn ở Lũng Vài", half)
        assert not is_duplicate(*pair)
        assert not is_duplicate(*pair, hours=2.0)
        assert is_duplicate(*pair, hours=0.0)

    def test_a_day_later_one_source_follows_up(self):
        pair = ("Cháy xưởng gốm", LEAD), ("Bà con dựng lại nhà kho", LEAD)
        assert is_duplicate(*pair, hours=17.0)
        assert not is_duplicate(*pair, hours=24.0)
        assert is_duplicate(*pair, hours=float("nan"))
        assert is_duplicate(pair[0], ("Cháy xưởng gốm lớn", LEAD), hours=24.0)

    def test_no_pairs(self):
        sketches = sketched(("Cháy", LEAD))
        assert duplicates(sketches, sketches, np.empty((0, 2), dtype=np.int64)).tolist() == []


class TestGaps:
    def test_by_hand(self):
        hour, absent = 3600 * 1_000_000, int(np.iinfo(np.int64).min)
        source = np.array([0, 0, 1, -1, -1, 0], dtype=np.int32)
        published = np.array([0, 90 * hour // 60, 0, 0, 0, absent])
        pairs = np.array([[0, 1], [1, 0], [0, 2], [3, 4], [0, 5], [0, 0]])
        assert gaps(pairs, source, published).tolist()[:2] == [1.5, 1.5]
        assert np.isnan(gaps(pairs, source, published)[2:5]).all()
        assert gaps(pairs, source, published)[5] == 0

    def test_one_midnight_in_vietnam_may_be_any_time_of_the_day(self):
        midnight = 17 * 3600 * 1_000_000  # 00:00 on 2 January 1970
        source, published = np.zeros(3, dtype=np.int32), np.array([midnight, midnight, midnight + 1])
        found = gaps(np.array([[0, 1], [1, 2]]), source, published)
        assert np.isnan(found[0])
        assert 0 < found[1] < 1e-6


class TestNear:
    def test_each_pair_once_whoever_names_it(self):
        texts = [("Thời tiết", RAIN.format(day=4)), ("Cháy xưởng gốm", LEAD), ("Chuyện bản", BODY), ("Lửa lớn", LEAD)]
        sketches = sketched(*texts, ("Ký ức", BODY.replace("\n", " ")))
        neighbours = np.array([[1, 2], [3, -1], [-1, -1], [1, 3], [2, 0]], dtype=np.int32)
        unknown = np.full(5, -1, dtype=np.int32), np.zeros(5, dtype=np.int64)
        assert near(sketches, neighbours, *unknown).tolist() == [[1, 3], [2, 4]]
        assert near(sketches, np.empty((5, 0), dtype=np.int32), *unknown).tolist() == []

    def test_chunks_change_nothing(self, monkeypatch):
        random = Random(3)
        texts = [("Chuyện bản", " ".join(random.sample(BODY.split("\n"), k=9))) for _ in range(40)]
        sketches = sketched(*texts)
        neighbours = np.array([[n for n in range(40) if n != row] for row in range(40)], dtype=np.int32)
        known = np.zeros(40, dtype=np.int32), np.arange(40) * 3600 * 1_000_000
        found = near(sketches, neighbours, *known)
        monkeypatch.setattr(near_duplicates, "_CHUNK", 7)
        assert near(sketches, neighbours, *known).tolist() == found.tolist()
        assert len(found)


class TestGroups:
    @pytest.mark.parametrize(
        ("pairs", "expected"),
        [
            ([], [0, 1, 2, 3, 4]),
            ([[0, 3]], [0, 1, 2, 0, 4]),
            ([[0, 1], [1, 2]], [1, 1, 1, 3, 4]),  # a chain of three has its middle for centre
            ([[0, 1], [1, 2], [2, 3]], [1, 1, 1, 3, 4]),  # a chain of four breaks: 0 and 3 have nothing in common
            ([[0, 1], [0, 2], [1, 2], [2, 4]], [2, 2, 2, 3, 2]),
        ],
    )
    def test_stars(self, pairs, expected):
        found = groups(5, np.array(pairs, dtype=np.int64).reshape(-1, 2))
        assert found.tolist() == expected
        assert found.dtype == np.int32

    def test_of_equals_the_first_stands_for_both(self):
        pairs = np.array([[0, 1]])
        assert groups(2, pairs).tolist() == [0, 0]
        assert groups(2, pairs, np.array([5, 3])).tolist() == [1, 1]


class TestFiles:
    def test_what_is_written_is_read(self, tmp_path):
        writer = SketchWriter()
        for title, text in (("Cháy", LEAD), ("Chuyện bản", BODY)):
            writer.add(stream(title), stream(text))
        written = writer.write(tmp_path)
        read = near_duplicates.read_sketches(tmp_path)
        assert len(read) == 2
        for name in ("values", "marks", "boilerplate"):
            assert getattr(read, name).tolist() == getattr(written, name).tolist()
            assert getattr(read, name).dtype == getattr(written, name).dtype

    def test_an_archive_without_articles(self, tmp_path):
        SketchWriter().write(tmp_path)
        assert near_duplicates.read_sketches(tmp_path).values.shape == (0, SIZE)

    def test_the_writer_starts_anew_afterwards(self):
        writer = SketchWriter()
        writer.add(stream("Cháy"), stream(LEAD))
        before = writer.sketches()
        writer.add(stream("Chuyện"), stream(BODY))
        assert len(before) == len(writer.sketches()) == 1


any_words = st.lists(st.sampled_from("gốm sứ lò nung đất lửa men bản suối nương 4 12 2026 . sáng".split()), max_size=60)
any_text = st.tuples(any_words, any_words).map(lambda both: (" ".join(both[0]) or "gốm", " ".join(both[1])))
links = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=25)


class TestLaws:
    @given(any_text, any_text, st.sampled_from([0.0, 3.0, 30.0, float("nan")]))
    def test_the_rule_is_symmetric(self, left, right, hours):
        assert is_duplicate(left, right, hours) == is_duplicate(right, left, hours)

    @given(any_text, st.sampled_from([0.0, 3.0, 30.0, float("nan")]))
    def test_equals_are_near_duplicates(self, text, hours):
        assert is_duplicate(text, text, hours)

    @given(any_text, st.integers(3, 80), st.sampled_from([0.0, 3.0, 30.0, float("nan")]))
    def test_texts_without_a_common_word_are_not(self, text, count, hours):
        other = " ".join(f"xa{n}" for n in range(count))
        assert not is_duplicate(text, (other, other), hours)

    @given(links, st.randoms(use_true_random=False))
    def test_groups_do_not_depend_on_the_order_of_rows(self, given_links, random):
        pairs = np.array(sorted({(min(p), max(p)) for p in given_links if p[0] != p[1]}), dtype=np.int64).reshape(-1, 2)
        to = np.array(random.sample(range(12), 12))
        first = np.empty(12, dtype=np.int64)
        first[to] = np.arange(12)
        moved = groups(12, to[pairs], first)
        assert moved[to].tolist() == to[groups(12, pairs)].tolist()

    @given(links)
    def test_each_member_is_a_near_duplicate_of_its_head(self, given_links):
        pairs = {(min(p), max(p)) for p in given_links if p[0] != p[1]}
        heads = groups(12, np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2))
        for row, head in enumerate(heads.tolist()):
            assert heads[head] == head
            assert row == head or (min(row, head), max(row, head)) in pairs


class TestJudged:
    def test_the_file(self):
        lines = benchmark.JUDGED.read_text(encoding="utf-8").splitlines()
        assert lines[0].split("\t") == ["a", "b", "first", "second", "label"]
        cells = [line.split("\t") for line in lines[1:]]
        assert len({name for row in cells for name in row[:2]}) == 600
        assert all(row[4] == row[2] for row in cells if row[2] == row[3])
        assert {label for row in cells for label in row[2:]} == {"0", "1"}

    @pytest.mark.skipif(not common.DATA.is_dir(), reason=f"the judged articles are not in {common.DATA}")
    def test_three_hundred_real_pairs(self):
        """The aim is a precision of 0.97; what was measured is 0.948 and 0.970 (benchmarks/README.md)."""
        articles = benchmark.rss()
        sketches = benchmark.sketch([benchmark.texts_of(article) for article in articles])
        judged = benchmark.judged(articles)
        hours = gaps(judged.pairs, *benchmark.columns(articles))
        found = benchmark.score(duplicates(sketches, sketches, judged.pairs, hours), judged.label)
        assert found.precision >= 0.94
        assert found.recall >= 0.92


def test_no_cache_keeps_what_is_longer_than_any_word():
    before = near_duplicates._hashed.cache_info().currsize
    near_duplicates.signature(["á" * 5000, "b" * 5000, "c" * 5000])
    assert near_duplicates._hashed.cache_info().currsize == before
