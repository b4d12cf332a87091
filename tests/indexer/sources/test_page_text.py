"""The text of a page: its layout and its odd forms."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.article import VIETNAM, Article, validate
from indexer.sources import BadLine, Reading, read_source
from indexer.sources.page_text import read
from indexer.text import addresses, folding
from tests.paths import ROOT

SEED = ROOT.parent / "shared" / "seed" / "page.txt"

HEAD = "Xưởng gốm Lũng Vài mở lớp dạy nghề\nĐời sống - 03/02/2021 09:05 VỪ MÍ CHẢ\n"
BODY = "Lớp học có ba mươi người.\nHọ học trong sáu tuần."


@pytest.fixture
def page(tmp_path):
    """Return a function that reads a page from its text or bytes."""

    def read_text(content):
        path = tmp_path / "page.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read(path))

    return read_text


def title_id(title):
    return addresses.derived_id("t", folding.fold(title))


# The article itself


def test_whole_page(page):
    readings = page(
        HEAD
        + "Lớp học có ba mươi người.\n"
        + "Giờ nhào đất. Ảnh: Mí Chả. |\n"
        + "Họ học trong sáu tuần.\n"
        + "Video lò nung đầu tiên.\n"
        + "Người giữ lửa lò gốm cuối bản Mỗi sớm ông đều nhóm lò. |\n"
        + "Tin cùng chuyên mục\n"
        + "Đời sống - 02/02/2021 08:00\n"
        + "Mùa cam ở Lũng Vài\n"
        + "Cam chín sớm hơn mọi năm.\n"
        + "- Đường lên bản đã thông\n"
    )
    assert [(r.line, r.derived) for r in readings] == [(1, True), (7, True), (9, True), (12, True)]
    assert [r.fields for r in readings] == [
        {
            "id": title_id("Xưởng gốm Lũng Vài mở lớp dạy nghề"),
            "title": "Xưởng gốm Lũng Vài mở lớp dạy nghề",
            "section": "Đời sống",
            "published_at": "2021-02-03T09:05:00",
            "author": "VỪ MÍ CHẢ",
            "body": BODY,
            "captions": ["Giờ nhào đất. Ảnh: Mí Chả."],
            "video_captions": ["Video lò nung đầu tiên."],
            "links": [
                {
                    "id": title_id("Người giữ lửa lò gốm cuối bản"),
                    "title": "Người giữ lửa lò gốm cuối bản",
                    "block": "inline",
                },
                {"id": title_id("Mùa cam ở Lũng Vài"), "title": "Mùa cam ở Lũng Vài", "block": "same_section"},
                {"id": title_id("Đường lên bản đã thông"), "title": "Đường lên bản đã thông", "block": "headlines"},
            ],
        },
        {
            "id": title_id("Người giữ lửa lò gốm cuối bản"),
            "title": "Người giữ lửa lò gốm cuối bản",
            "lead": "Mỗi sớm ông đều nhóm lò.",
        },
        {
            "id": title_id("Mùa cam ở Lũng Vài"),
            "title": "Mùa cam ở Lũng Vài",
            "section": "Đời sống",
            "published_at": "2021-02-02T08:00:00",
            "lead": "Cam chín sớm hơn mọi năm.",
        },
        {"id": title_id("Đường lên bản đã thông"), "title": "Đường lên bản đã thông"},
    ]


def test_article_alone(page):
    [reading] = page(HEAD + BODY)
    assert reading.fields["body"] == BODY
    assert not {"lead", "captions", "video_captions", "links"} & set(reading.fields)
    article = validate(reading.fields)
    assert isinstance(article, Article)
    assert article.published_at == datetime(2021, 2, 3, 9, 5, tzinfo=VIETNAM)
    assert article.extra == {}


def test_unknown_fields_go_into_extra(page):
    [reading] = page(HEAD + "Giờ nhào đất. Ảnh: Mí Chả. |\n" + BODY)
    article = validate(reading.fields)
    assert isinstance(article, Article)
    assert article.extra == {"captions": ["Giờ nhào đất. Ảnh: Mí Chả."]}


@pytest.mark.parametrize(
    ("line", "section", "author"),
    [
        ("Đời sống - 03/02/2021 09:05", "Đời sống", None),
        ("Đời sống - 3/2/2021 9:05", "Đời sống", None),
        ("Đời sống - Xã hội - 03/02/2021 09:05 Mí Chả", "Đời sống - Xã hội", "Mí Chả"),
        ("TP.HCM - 03/02/2021 09:05 Mí Chả - Seo Lử", "TP.HCM", "Mí Chả - Seo Lử"),
        ("Đời sống - 03/02/2021 09:05 | Mí Chả", "Đời sống", "Mí Chả"),
    ],
)
def test_section_line(page, line, section, author):
    [reading] = page(f"Mùa cam ở Lũng Vài\n{line}\n{BODY}")
    assert reading.fields["section"] == section
    assert reading.fields.get("author") == author
    assert reading.fields["published_at"] == "2021-02-03T09:05:00"


@pytest.mark.parametrize("time", ["31/02/2021 09:05", "03/13/2021 09:05", "03/02/2021 24:05", "03/02/0000 09:05"])
def test_time_outside_the_calendar_is_left_to_validation(page, time):
    [reading] = page(f"Mùa cam ở Lũng Vài\nĐời sống - {time}\n{BODY}")
    assert reading.fields["published_at"] == time
    [(name, value, reason)] = validate(reading.fields)
    assert (name, value) == ("published_at", repr(time))
    assert "ISO 8601" in reason


def test_first_paragraph_is_no_lead_without_evidence(page):
    [reading] = page(HEAD + BODY)
    assert reading.fields["body"].startswith("Lớp học có ba mươi người.")


@pytest.mark.parametrize("lead", ["Lớp học có ba mươi người.", "Lớp học có ba ..."])
def test_lead_given_by_the_pages_link_to_itself(page, lead):
    article, own = page(HEAD + BODY + f"\nTin khác\nĐời sống - 03/02/2021 09:05\n{HEAD.splitlines()[0]}\n{lead}")
    assert article.fields["lead"] == "Lớp học có ba mươi người."
    assert article.fields["body"] == "Họ học trong sáu tuần."
    assert own.fields["id"] == article.fields["id"]


# Captions


@pytest.mark.parametrize(
    "caption",
    [
        "Giờ nhào đất. Ảnh: Mí Chả.",
        "Giờ nhào đất. Ảnh Mí Chả",
        "Giờ nhào đất Ảnh Mí Chả",
        "Giờ nhào đất (ảnh: Mí Chả)",
        "Giờ nhào đất. Nguồn ảnh Mí Chả",
        "Giờ nhào đất. Photo by Mí Chả",
        "Ảnh: Mí Chả",
    ],
)
@pytest.mark.parametrize("place", ["among", "end"])
def test_photo_credit_makes_a_caption(page, caption, place):
    first, second = BODY.split("\n")
    lines = [first, f"{caption} |", second] if place == "among" else [first, second, f"{caption} |"]
    [reading] = page(HEAD + "\n".join(lines))
    assert reading.fields["captions"] == [caption]
    assert reading.fields["body"] == BODY


def test_influence_is_no_photo_credit(page):
    _, inline = page(HEAD + BODY + "\nNhà vườn Lũng Vài lo mất mùa Ảnh hưởng của sương muối còn kéo dài |")
    assert inline.fields["title"].startswith("Nhà vườn Lũng Vài")


@pytest.mark.parametrize(
    "caption",
    [
        "Giờ nhào đất",
        "Ông Vừ Mí Chả bên lò nung. Ông làm nghề từ nhỏ và nay dạy lại cho lớp trẻ trong bản.",
        "Học viên lớp gốm Các em đều mới học",
        "Lò nung đang đỏ lửa …",
    ],
)
def test_caption_without_credit_among_paragraphs(page, caption):
    [reading] = page(HEAD + f"Lớp học có ba mươi người.\n{caption} |\nHọ học trong sáu tuần.")
    assert reading.fields["captions"] == [caption]


@pytest.mark.parametrize(
    ("line", "title"),
    [
        (
            "Người giữ lửa lò gốm cuối bản Theo lời kể của các cụ già, lò đã có trăm năm.",
            "Người giữ lửa lò gốm cuối bản",
        ),
        (
            "Người giữ lửa lò gốm cuối bản Lò đã có trăm năm và chưa khi nào nguội trong ...",
            "Người giữ lửa lò gốm cuối bản",
        ),
    ],
)
def test_teaser_among_paragraphs(page, line, title):
    article, inline = page(HEAD + f"Lớp học có ba mươi người.\n{line} |\nHọ học trong sáu tuần.")
    assert article.fields["body"] == BODY
    assert "captions" not in article.fields
    assert (inline.line, inline.fields["title"], inline.fields["lead"]) == (4, title, line.removeprefix(title + " "))


def test_short_sentence_at_the_end_is_a_caption(page):
    [reading] = page(HEAD + BODY + "\nGiờ nhào đất của lớp học. |")
    assert reading.fields["captions"] == ["Giờ nhào đất của lớp học."]


def test_captions_and_teasers_mixed_at_the_end(page):
    article, inline = page(
        HEAD + BODY + "\nGiờ nhào đất. Ảnh: Mí Chả |\nĐường lên bản đã thông Những chuyến xe đầu tiên đã tới. |"
    )
    assert article.fields["captions"] == ["Giờ nhào đất. Ảnh: Mí Chả"]
    assert inline.fields["title"] == "Đường lên bản đã thông"
    assert inline.fields["lead"] == "Những chuyến xe đầu tiên đã tới."


@pytest.mark.parametrize(
    ("last", "captions"),
    [
        ("Video lò nung đầu tiên.", ["Video lò nung đầu tiên."]),
        ("Clip: Mở lò\nVIDEO mẻ gốm thứ hai", ["Clip: Mở lò", "VIDEO mẻ gốm thứ hai"]),
        ("Video cho thấy lò cháy. Không ai bị thương.", None),
        ("Videotape nằm trong kho.", None),
        ("Video lò nung.\nHọ về nhà.", None),
    ],
)
def test_video_captions_end_the_body(page, last, captions):
    [reading] = page(HEAD + BODY + "\n" + last)
    assert reading.fields.get("video_captions") == captions
    assert reading.fields["body"] == (BODY if captions else BODY + "\n" + last)


def test_video_caption_before_a_photo_caption(page):
    [reading] = page(HEAD + BODY + "\nVideo lò nung.\nMẻ gốm đầu. Ảnh: Mí Chả |")
    assert reading.fields["video_captions"] == ["Video lò nung."]
    assert reading.fields["captions"] == ["Mẻ gốm đầu. Ảnh: Mí Chả"]


# Links


@pytest.mark.parametrize("label", ["Tin cùng chuyên mục", "Bài liên quan:", "Chuyện bản mình"])
def test_label_of_the_dated_teasers_is_told_by_its_place(page, label):
    article, dated = page(HEAD + BODY + f"\n{label}\nĐời sống - 02/02/2021 08:00\nMùa cam ở Lũng Vài")
    assert article.fields["body"] == BODY
    assert dated.fields["title"] == "Mùa cam ở Lũng Vài"
    assert "lead" not in dated.fields


def test_dated_teasers_without_a_label(page):
    article, dated = page(HEAD + BODY + "\nĐời sống - 02/02/2021 08:00 Seo Lử\nMùa cam ở Lũng Vài\nCam chín sớm.")
    assert article.fields["body"] == BODY
    assert dated.fields["author"] == "Seo Lử"


def test_prose_with_a_time_is_no_dated_teaser(page):
    [reading] = page(HEAD + "Lò mở - 02/02/2021 08:00 thì xong.\nHọ về nhà.")
    assert reading.fields["body"] == "Lò mở - 02/02/2021 08:00 thì xong.\nHọ về nhà."


def test_label_among_paragraphs_is_left_out(page):
    article, inline = page(
        HEAD
        + "Lớp học có ba mươi người.\nXem thêm:\n"
        + "Đường lên bản đã thông Những chuyến xe đầu tiên đã tới chợ phiên sáng nay. |\nHọ học trong sáu tuần."
    )
    assert article.fields["body"] == BODY
    assert inline.fields["title"] == "Đường lên bản đã thông"


def test_headlines_without_dated_teasers(page):
    article, first, second = page(HEAD + BODY + "\n- Đường lên bản đã thông\n- Vì sao cam chín sớm?")
    assert article.fields["body"] == BODY
    assert [link["block"] for link in article.fields["links"]] == ["headlines", "headlines"]
    assert [first.fields["title"], second.fields["title"]] == ["Đường lên bản đã thông", "Vì sao cam chín sớm?"]


def test_one_headline_needs_a_label(page):
    article, headline = page(HEAD + BODY + "\nTin mới\n- Đường lên bản đã thông")
    assert article.fields["body"] == BODY
    assert headline.fields["title"] == "Đường lên bản đã thông"
    [reading] = page(HEAD + BODY + "\n- Xin cảm ơn ông!")
    assert reading.fields["body"] == BODY + "\n- Xin cảm ơn ông!"


def test_list_at_the_end_is_no_headlines(page):
    [reading] = page(HEAD + BODY + "\n- Đất sét trắng;\n- Than củi;\n- Nước suối")
    assert reading.fields["body"].endswith("- Đất sét trắng;\n- Than củi;\n- Nước suối")


def test_headline_repeats_a_teaser(page):
    _, dated, headline = page(HEAD + BODY + "\nĐời sống - 02/02/2021 08:00\nMùa cam\nCam chín.\n- Mùa cam")
    assert dated.fields["id"] == headline.fields["id"]


def test_page_without_a_body(page):
    article, *linked = page(HEAD + "- Đường lên bản đã thông\n- Vì sao cam chín sớm?")
    assert "body" not in article.fields
    assert len(linked) == 2
    assert isinstance(validate(article.fields), Article)


def test_what_is_no_link_is_reported(page):
    _, *below = page(HEAD + BODY + "\nA - 02/02/2021 08:00\nMùa cam\nCam chín.\nBản quyền 2021\nB - 01/02/2021 08:00")
    assert [type(entry) for entry in below] == [Reading, BadLine, BadLine]
    assert [(bad.line, bad.raw) for bad in below[1:]] == [(8, "Bản quyền 2021"), (9, "B - 01/02/2021 08:00")]
    assert below[2].reason == "expected a title on the next line"


def test_title_known_from_the_page(page):
    article, inline, dated = page(
        HEAD + BODY + "\nMùa cam ở Lũng Vài Vườn nhà Chả sai quả |\nA - 02/02/2021 08:00\nMùa cam ở Lũng Vài"
    )
    assert inline.fields["lead"] == "Vườn nhà Chả sai quả"
    assert inline.fields["id"] == dated.fields["id"]
    assert [link["block"] for link in article.fields["links"]] == ["inline", "same_section"]


def test_teaser_that_cannot_be_split_is_a_title(page):
    _, inline = page(HEAD + BODY + "\nMùa cam ở Lũng Vài |")
    assert inline.fields == {"id": title_id("Mùa cam ở Lũng Vài"), "title": "Mùa cam ở Lũng Vài"}


# Odd files


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", 1, "found no text"),
        (" \n|\n\x00\n\ufeff", 1, "found no text"),
        ("\n\nMùa cam ở Lũng Vài\n", 3, "found a title only"),
        ("Mùa cam\nCam chín sớm.\nHọ vui.", 2, "SECTION - dd/mm/yyyy hh:mm"),
        ("Mùa cam\nĐời sống - 03/02/2021\nHọ vui.", 2, "SECTION - dd/mm/yyyy hh:mm"),
        (HEAD, 1, "no body"),
        (b"M\xf9a cam", 1, "expected UTF-8, found byte 0xf9"),
        (HEAD.encode() + b"\xff\n", 3, "expected UTF-8, found byte 0xff"),
        ("Mùa cam".encode("utf-16"), 1, "expected UTF-8, found byte 0xff"),
    ],
)
def test_no_page(page, content, line, reason):
    [bad] = page(content)
    assert isinstance(bad, BadLine)
    assert bad.line == line
    assert reason in bad.reason


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n", " \n\t\n"])
def test_line_ends(page, end):
    [reading] = page("\ufeff" + (HEAD + BODY).replace("\n", end))
    assert reading.fields["title"] == "Xưởng gốm Lũng Vài mở lớp dạy nghề"
    assert reading.fields["body"] == BODY


def test_text_is_cleaned(page):
    [reading] = page("\x00Mu\u0300a  cam\u200b |\nĐời sống - 03/02/2021 09:05\nCam\u00a0chín\x07.")
    assert reading.fields["title"] == "Mùa cam"
    assert reading.fields["body"] == "Cam chín."


@pytest.mark.parametrize("unit", ["cam ", '"', "( ", "A. ", "Ảnh ", "… ", "Những ", "- "])
def test_huge_line(page, unit):
    huge = (unit * (300_000 // len(unit))).strip()
    article, *_ = page(f"{HEAD}{huge}\n{BODY}\n{huge} |")
    assert article.fields["body"].endswith(BODY)


def test_read_source_knows_pages(tmp_path):
    path = tmp_path / "page.TXT"
    path.write_text(HEAD + BODY, encoding="utf-8")
    assert [reading.fields["body"] for reading in read_source(str(path))] == [BODY]


_PIECES = st.sampled_from(
    [
        "Đời sống - 03/02/2021 09:05",
        "A - 31/02/2021 09:05 B",
        "Tin khác",
        "Những",
        "Video ",
        "Ảnh: ",
        "cam",
        "Cam chín.",
        "\n- ",
        " |\n",
        *'\n\n\n\n -|.?!…“”"()\r\x00\u0301',
    ]
)
_CONTENT = st.one_of(
    st.text(), st.lists(_PIECES).map("".join), st.lists(_PIECES | st.text(max_size=5)).map(lambda p: HEAD + "".join(p))
)


@given(_CONTENT)
def test_any_text_gives_articles_or_reports(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content.encode())
    entries = list(read(path))
    assert entries
    for entry in entries:
        assert entry.line >= 1
        if isinstance(entry, BadLine):
            assert entry.reason
            continue
        assert entry.derived
        assert entry.fields["title"].strip()
        article = validate(entry.fields)
        if isinstance(article, Article):
            assert article.id == title_id(article.title)
            assert article.title == entry.fields["title"]
        else:
            assert [name for name, _, _ in article] == ["published_at"]


# The seed page


def test_seed_page():
    if not SEED.exists():
        pytest.skip("the seed page is not beside the repository")
    lines = ["", *SEED.read_text(encoding="utf-8").split("\n")]
    readings = list(read(SEED))
    assert all(isinstance(reading, Reading) and reading.derived for reading in readings)
    assert [r.line for r in readings] == [1, 21, 22, 23, 25, 28, 31, 34, 37, 40, 43, 44, 45, 46, 47]
    articles = [validate(reading.fields) for reading in readings]
    assert all(isinstance(article, Article) for article in articles)
    assert len({article.id for article in articles}) == 14
    for article in articles:
        assert article.id == title_id(article.title)

    full, inline, dated, bare = articles[0], articles[1:4], articles[4:10], articles[10:]
    photos = [5, 9, 14, 17]
    assert full.title == lines[1]
    assert (full.section, full.author, full.lead) == ("Hoạt động Công đoàn", "TRƯỜNG SƠN", None)
    assert full.published_at.isoformat() == "2023-11-07T17:04:00+07:00"
    assert full.body == "\n".join(lines[i] for i in range(3, 20) if i not in photos)
    assert full.extra == {
        "captions": [lines[i].removesuffix(" |") for i in photos],
        "video_captions": [lines[20]],
        "links": [
            {"id": article.id, "title": article.title, "block": block}
            for block, block_articles in (("inline", inline), ("same_section", dated), ("headlines", bare))
            for article in block_articles
        ],
    }

    ends = ["trong doanh nghiệp ", "hướng mạnh về cơ sở” ", "những người “trong cuộc” "]
    for article, line, end in zip(inline, lines[21:24], ends, strict=True):
        title, lead = line.removesuffix(" |").split(end)
        assert (article.title, article.lead) == (title + end.strip(), lead)
        assert (article.section, article.published_at, article.body) == (None, None, None)

    times = ["22T08:44", "21T13:42", "21T06:38", "20T08:30", "19T15:00", "19T10:06"]
    for article, start, time in zip(dated, range(25, 43, 3), times, strict=True):
        assert (article.title, article.lead) == (lines[start + 1], lines[start + 2])
        assert article.section == "Hoạt động Công đoàn"
        assert article.published_at.isoformat() == f"2024-11-{time}:00+07:00"

    assert [article.title for article in bare] == [line.removeprefix("- ") for line in lines[43:48]]
    assert all(article.lead is None for article in bare)
    assert bare[0].id == dated[0].id
