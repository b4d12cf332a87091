"""Where a title ends within a teaser's line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources.teaser import is_one_sentence, split
from indexer.text import folding


@pytest.mark.parametrize(
    ("title", "lead"),
    [
        # 2: between quotation marks
        ("Già làng Lù: “Lò còn thì nghề còn”", "“Cả đời tôi bên lò. Các con tôi cũng vậy."),
        ('Già làng Lù: "Lò còn thì nghề còn"', '"Cả đời tôi bên lò", ông nói.'),
        ('Nghề "ngậm ngải tìm trầm"', '"Cơn lốc" bỏ nghề đang tới.'),
        # 3: at the end of a sentence
        ("Vì sao cam chín sớm?", "Cán bộ huyện giải thích. Cam gặp nắng."),
        ("Đừng bỏ lò nung ấy!", "Lời dặn của già làng."),
        ("Già làng hỏi “ai giữ lò?”", "Cả bản im lặng."),
        ("Lò gốm cuối bản đã tắt.", "Lử buồn. Chả cũng buồn."),
        ("Lò gốm cuối bản đã tắt…", "Lử buồn."),
        ("Công ty TNHH Lũng Vài tuyển 30 người.", "Lương ba triệu."),
        # 4: before a word that opens sentences
        ("Người giữ lửa lò gốm", "Những ngày này lò không nguội. Các cụ rất vui."),
        ("Lũng Vài thu hoạch cam năm 2021", "Theo thống kê, sản lượng tăng."),
        ("Giá cam tăng hơn 90%", "Trong tuần qua, giá tăng."),
        ("Cháy lò gốm ở Lũng Vài", "Theo người dân, lửa bùng lúc nửa đêm."),
        ("Lũng Vài mở lớp gốm “Giữ nghề”", "Các học viên rất vui."),
        ("Lũng Vài khai giảng lớp gốm", "Sáng 5/3, lớp gốm khai giảng."),
        ("Lũng Vài khai giảng lớp gốm", "Chiều nay, lớp gốm khai giảng."),
        ("Nuôi ba con học nghề gốm", "Chị Lò Thị Mẩy dậy từ tinh mơ. Chồng chị đi xa."),
        # 5: at the only capital between words in lower case
        ("Giá cam đang giảm mạnh", "Giá cam hôm nay giảm một nửa."),
        ("Giá cam đang giảm mạnh", "Giá cam hôm nay giảm. Nhà vườn lo."),
    ],
)
def test_split(title, lead):
    parts = split(f"{title} {lead}")
    assert (parts.title, parts.lead) == (title, lead)


@pytest.mark.parametrize(
    "line",
    [
        "Lớp gốm tại TP. Hồ Chí Minh",
        "Lớp gốm mở tại P. Tân Lập, Q. Lũng Vài",
        "Lớp gốm của bà ThS. Lò Mẩy",
        "Lớp gốm của bà PGS.TS. Lò Mẩy",
        "Lớp gốm của bà cụ L. Mẩy",
        "Lớp gốm. Mở cửa",
        "Lớp gốm nhận tặng Bằng khen của huyện",
        "Lớp gốm mới của anh Một",
        "Lớp gốm mở hội kỷ niệm Ngày 20/11",
        "Lớp gốm mở cửa đón Năm học sinh",
        "Bắt xe khách chở gốm tới Từ Sơn",
        "Lời dặn dành lại cho Các em",
        "Hội Thảo Về Nghề Gốm Các Vấn Đề Mới",
        "Lớp gốm được huyện giao cho Ủy ban xã",
        "Lớp gốm ở xưởng Phiên họp bên bếp Lửa cháy",
        "Lớp gốm cuối bản (nghề cũ. Các cụ dạy) ở Lũng Vài",
        "Lớp gốm cuối bản “nghề cũ? Các cụ dạy” ở Lũng Vài",
        'Lớp gốm cuối bản "nghề cũ Những ngày xa" ở Lũng Vài',
        "Lớp gốm cuối bản “nghề cũ Những ngày xa",
        "Gốm",
    ],
)
def test_no_split(line):
    assert split(line).title == line
    assert split(line).lead is None


def test_known_title_comes_first():
    known = {folding.fold("Lớp gốm của Những người thợ"), folding.fold("Lớp gốm"), folding.fold("Lớp gốm của Những")}
    parts = split("LỚP GỐM của Những người thợ Một ngày ở xưởng.", known)
    assert (parts.title, parts.lead) == ("LỚP GỐM của Những người thợ", "Một ngày ở xưởng.")
    assert split("Lớp gốm của Những người thợ", known).lead is None
    assert split("Lớp gốm cuối bản đã tắt Những ngày này thật buồn.", known).title == "Lớp gốm cuối bản đã tắt"


def test_one_sentence():
    assert is_one_sentence("Video lò gốm ở TP. Lũng Vài.")
    assert not is_one_sentence("Lò cháy. Không ai bị thương.")


@given(st.text())
def test_split_loses_nothing(content):
    line = folding.clean(content).replace("\n", " ")
    parts = split(line)
    assert " ".join(filter(None, [parts.title, parts.lead])) == line
