"""Content classes: what texts say of themselves, what names of sections and tags say, and the newsroom's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.article import Article
from indexer.articles.columns import Columns, ColumnWriter
from indexer.articles.prepared import PreparedArticle
from indexer.relations.content_classes import (
    NO_RULES,
    USUAL,
    ClassMap,
    ClassWriter,
    ContentClass,
    combined,
    load,
    of_text,
    parse,
)

NONE, SPONSORED, OBITUARY, MINOR = ContentClass


class TestOfText:
    @pytest.mark.parametrize(
        ("title", "lead", "end"),
        [
            ("[Advertorial] Gốm Lũng Vài về phố", None, ""),
            ("(PR) Gốm Lũng Vài về phố", None, ""),
            ("Thông tin doanh nghiệp: Gốm Lũng Vài về phố", None, ""),
            ("Gốm Lũng Vài về phố", "(Tài trợ) Lò gốm mở thêm quầy.", ""),
            ("Gốm Lũng Vài về phố", None, "Mời ghé xem.\nBài viết tài trợ"),
            ("Gốm Lũng Vài về phố", None, "Mời ghé xem.\n(Thông tin doanh nghiệp)"),
            ("Gốm Lũng Vài về phố", None, "Nội dung này do Công ty Gốm Vài cung cấp."),
            ("Gốm Lũng Vài về phố", None, "Bài viết được tài trợ bởi lò gốm."),
        ],
    )
    def test_sponsored(self, title, lead, end):
        assert of_text(title, lead, end) is SPONSORED

    @pytest.mark.parametrize(
        "title",
        [
            "Tin buồn",
            "Tin buồn: Ông Lò Văn Gốm",
            "Cáo phó: Bà Vi Thị Sứ",
            "Lễ tang ông Lò Văn Gốm",
            "Lễ viếng nguyên chủ tịch xã Lũng Vài",
            "Nghệ nhân Lò Văn Gốm qua đời",
            "Nhạc sĩ Lò Văn Gốm qua đời ở tuổi 81",
            "Nguyên chủ tịch xã Lò Văn Gốm từ trần, hưởng thọ 92 tuổi",
        ],
    )
    def test_obituary(self, title):
        assert of_text(title, None) is OBITUARY

    @pytest.mark.parametrize(
        ("title", "lead"),
        [
            ("Bắt kẻ xâm hại bé gái 9 tuổi", None),
            ("Nữ sinh lớp 7 bị đánh hội đồng sau giờ học", None),
            ("Nhóm thiếu niên trộm xe ở chợ Đồi", None),
            ("Khởi tố người cha bạo hành con ruột", None),
            ("Công an vào cuộc vụ việc ở chợ Đồi", "Cháu bé 3 tuổi nghi bị bạo hành nhiều lần."),
            ("Hai cháu bé bị bỏ rơi trước lò gốm", None),
            ("Chém người ở chợ Đồi", "Nghi phạm 16 tuổi đâm bạn rồi bỏ chạy."),
        ],
    )
    def test_minor(self, title, lead):
        assert of_text(title, lead) is MINOR

    @pytest.mark.parametrize(
        ("title", "lead"),
        [
            ("Học sinh Lũng Vài đoạt giải gốm", "Em mới 12 tuổi."),
            ("Hội thảo phòng chống xâm hại trẻ em", None),
            ("Lũng Vài họp bàn", "Xã bàn kế hoạch phòng chống xâm hại trẻ em."),
            ("Thần đồng 13 tuổi đánh bại kiện tướng", None),
            ("Nữ sinh viên 20 tuổi bị cướp giật", None),
            ("Thiếu nữ 19 tuổi bị đánh đập", None),
            ("Bé trai 5 tuổi bị rắn cắn", None),
            ("Người đàn ông 45 tuổi đâm hàng xóm", None),
            ("Xe tải lao vào lề, đâm nữ sinh lớp 9", None),
            ("Đội Lũng Vài nhận tin buồn trước trận đấu", None),
            ("Tin buồn cho người yêu gốm", None),
            ("Tài sản ông Gốm để lại sau khi qua đời", None),
            ("Mẹ tôi qua đời", None),
            ("Thực hư tin danh ca Sứ qua đời", None),
            ("Quảng cáo: Quốc hội bàn luật mới", None),
            ("Nhà tài trợ của hội gốm", "Bài viết về nhà tài trợ."),
            ("PR cho gốm làng thế nào", None),
        ],
    )
    def test_none(self, title, lead):
        assert of_text(title, lead, "Lò Văn Gốm\nNguồn: báo Lũng Vài") is NONE

    def test_who_asks_for_most_care_comes_first(self):
        assert of_text("(PR) Bé gái 9 tuổi bị bạo hành", None) is MINOR

    @given(st.text(max_size=60), st.none() | st.text(max_size=60), st.text(max_size=60))
    def test_any_text_has_a_class(self, title, lead, end):
        assert of_text(title, lead, end) in ContentClass


class TestFile:
    def test_rules_header_comments_and_case(self):
        read = parse(
            "\ufeff# của tòa soạn\nfield\tvalue\tclass\n\nsection\tThương  Hiệu\tsponsored\r\nTag\tTin buồn\tNONE\n",
            "classes.tsv",
        )
        assert read.problems == ()
        assert read.rules == {("section", "thương hiệu"): SPONSORED, ("tag", "tin buồn"): NONE}

    def test_the_file_comes_before_the_usual(self):
        read = parse("section\tTin buồn\tnone\nsection\tPháp luật\tminor", "f")
        assert read.of("section", "TIN BUỒN") is NONE
        assert read.of("section", "pháp luật") is MINOR
        assert read.of("tag", "Tin buồn") is OBITUARY
        assert read.of("section", "Advertorial") is SPONSORED
        assert read.of("section", "Văn hóa") is NONE

    def test_a_tag_on_advertising_is_no_advertisement(self):
        assert NO_RULES.of("section", "Quảng cáo") is SPONSORED
        assert NO_RULES.of("tag", "Quảng cáo") is NONE

    def test_usual_names_are_in_the_form_they_are_looked_up_in(self):
        assert all(NO_RULES.of(field, name.upper()) is given for (field, name), given in USUAL.items())

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("section Gốm sponsored", "line: 'section Gốm sponsored': expected field, value and class"),
            ("section\tGốm\tsponsored\tx", "with a tab between, not 4"),
            ("author\tGốm\tsponsored", "field: 'author': expected section or tag"),
            ("tag\t\tsponsored", "value: '': expected a name of 1 to 200 characters"),
            ("tag\t" + "g" * 201 + "\tsponsored", "expected a name of 1 to 200 characters"),
            ("tag\tGốm\tpaid", "class: 'paid': expected one of none, sponsored, obituary, minor"),
            ("tag\tG\udcbam\tminor", "expected text in UTF-8"),
        ],
    )
    def test_a_bad_line_is_named_and_the_others_count(self, line, problem):
        read = parse(f"tag\tSứ\tminor\n{line}\ntag\tMây\tobituary", "classes.tsv")
        assert read.rules == {("tag", "sứ"): MINOR, ("tag", "mây"): OBITUARY}
        (found,) = read.problems
        assert found.startswith("classes.tsv:2: ")
        assert problem in found

    def test_two_lines_on_one_name(self):
        read = parse("tag\tSứ\tminor\ntag\tSứ\tminor\ntag\tsứ\tnone", "f")
        assert read.rules == {("tag", "sứ"): MINOR}
        assert read.problems == ("f:3: class: 'none': expected one class for 'sứ'",)

    @given(st.text(alphabet="sectionag\t\n#ốmr \udcba", max_size=80))
    def test_any_text_is_read(self, text):
        read = parse(text, "f")
        assert all(problem.encode() for problem in read.problems)


def article(**fields: object) -> Article:
    return Article.model_validate({"id": "a", "title": "Gốm", **fields})


class TestWritten:
    def test_a_byte_a_row(self, tmp_path: Path):
        writer = ClassWriter()
        writer.add(PreparedArticle.of(article(title="Nghệ nhân Lò Văn Gốm qua đời")))
        writer.add(PreparedArticle.of(article()))
        writer.add(PreparedArticle.of(article(body="Mời ghé.\n" + "x" * 5000 + "\nBài viết tài trợ")))
        writer.add(PreparedArticle.of(article(body_html="<p>Mời ghé.</p><p><em>(Thông tin doanh nghiệp)</em></p>")))
        writer.add(PreparedArticle.of(article(body="Bài viết tài trợ\n" + "x" * 5000)))
        writer.write(tmp_path)
        classes = load(tmp_path)
        assert classes.tolist() == [OBITUARY, NONE, SPONSORED, SPONSORED, NONE]
        assert classes.dtype == np.int8

    def test_nothing_added(self, tmp_path: Path):
        ClassWriter().write(tmp_path)
        assert load(tmp_path).shape == (0,)


class TestCombined:
    def test_the_highest_of_text_section_and_tags(self):
        found = combined(
            by_text=np.array([0, 3, 1, 0, 0], dtype=np.int8),
            sections=np.array([0, 1, -1, -1, 2], dtype=np.int32),
            section_names=["Gốm", "Quảng cáo", "Tin buồn"],
            tags=np.array([0, 1, 0, 1], dtype=np.int32),
            tag_ends=np.array([0, 1, 1, 4, 4]),
            tag_names=["sứ", "xâm hại trẻ em"],
        )
        assert found.tolist() == [NONE, MINOR, SPONSORED, MINOR, OBITUARY]
        assert found.dtype == np.int8

    def test_the_file_moves_names_and_not_texts(self):
        rules = parse("section\tQuảng cáo\tnone\ntag\tsứ\tobituary", "f")
        found = combined(
            np.array([0, 1, 0], dtype=np.int8),
            np.array([0, 0, -1]),
            ["Quảng cáo"],
            np.array([0]),
            np.array([0, 0, 1]),
            ["sứ"],
            rules,
        )
        assert found.tolist() == [NONE, SPONSORED, OBITUARY]

    def test_nothing_is_changed_in_place(self):
        by_text = np.zeros(1, dtype=np.int8)
        by_text.flags.writeable = False
        assert combined(by_text, np.array([0]), ["PR"], np.array([], int), np.array([0]), []).tolist() == [SPONSORED]

    def test_no_articles(self):
        nothing = np.array([], dtype=np.int32)
        assert combined(nothing.astype(np.int8), nothing, [], nothing, nothing, []).shape == (0,)

    @given(st.data())
    def test_against_one_row_at_a_time(self, data):
        rows = data.draw(
            st.lists(
                st.tuples(
                    st.sampled_from(list(ContentClass)),
                    st.sampled_from([-1, 0, 1]),
                    st.lists(st.sampled_from([0, 1, 2]), max_size=3),
                ),
                max_size=6,
            )
        )
        sections, tags = ["Gốm", "PR"], ["sứ", "Cáo phó", "hiếp dâm trẻ em"]
        rules = ClassMap({("section", "gốm"): data.draw(st.sampled_from(list(ContentClass)))})
        expected = [
            max(
                given,
                rules.of("section", sections[section]) if section >= 0 else NONE,
                *(rules.of("tag", tags[tag]) for tag in tagged),
            )
            for given, section, tagged in rows
        ]
        found = combined(
            np.array([row[0] for row in rows], dtype=np.int8),
            np.array([row[1] for row in rows], dtype=np.int32),
            sections,
            np.array([tag for row in rows for tag in row[2]], dtype=np.int32),
            np.cumsum([len(row[2]) for row in rows], dtype=np.int64),
            tags,
            rules,
        )
        assert found.tolist() == expected

    def test_over_the_filter_columns_of_a_segment(self, tmp_path: Path):
        columns, classes = ColumnWriter(), ClassWriter()
        for written in (article(section="Quảng cáo"), article(tags=["sứ", "Tin buồn"]), article()):
            columns.add(PreparedArticle.of(written))
            classes.add(PreparedArticle.of(written))
        columns.write(tmp_path)
        classes.write(tmp_path)
        read = Columns(tmp_path)
        section, tag, tag_end = (np.load(tmp_path / f"{name}.npy") for name in ("section", "tag", "tag_end"))
        found = combined(load(tmp_path), section, read.values["section"], tag, tag_end, read.values["tag"])
        assert found.tolist() == [SPONSORED, OBITUARY, NONE]
