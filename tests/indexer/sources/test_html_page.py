"""Saved HTML pages: fields over ten layouts, each rule by itself, encodings, bombs, and bytes that are no page."""

import json
import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.articles.article import Article, parse_time, validate
from indexer.sources import BadLine, Reading, html_document, html_page, page_body, page_dates
from indexer.sources.html_page import read, read_bytes
from indexer.sources.reading import SourceOptions
from indexer.text import addresses, folding
from tests.html_layouts import LAYOUTS, MARK, SAMPLES, in_windows_1258, old_tables, pages

TITLE = "Chuyện con đò bến Mơ"
PARAGRAPH = (
    "Con đò cũ của ông Lái Thặng vẫn qua lại bến Mơ mỗi sáng, chở học trò, chở gánh rau và chở cả những lá thư mà "
    "người bên kia sông gửi sang. Ông bảo còn sức thì còn chèo, vì chiếc cầu mới vẫn chưa xong."
)
BODY = [f"{PARAGRAPH} Đoạn {number}." for number in ("một", "hai", "ba")]


def page(head="", top="", bottom="", body=BODY, title=f"<title>{TITLE}</title>"):
    paragraphs = "".join(f"<p>{line}</p>" for line in body)
    article = f"<article><h1>{TITLE}</h1>{top}{paragraphs}</article>"
    return f"<html><head>{title}{head}</head><body>{article}{bottom}</body></html>".encode()


def ld(**fields):
    block = {"@type": "NewsArticle", "headline": TITLE} | fields
    return f'<script type="application/ld+json">{json.dumps(block)}</script>'


def fields(data, **options):
    found = read_bytes(data, SourceOptions(**options))
    assert isinstance(found, Reading), found.reason
    assert isinstance(validate(found.fields), Article)
    return found.fields


def reason(data):
    found = read_bytes(data if isinstance(data, bytes) else data.encode())
    assert isinstance(found, BadLine), found.fields
    return found.reason


def f1(found, expected):
    ours, theirs = (Counter(re.findall(r"\w+", value)) for value in (found, expected))
    return 2 * (ours & theirs).total() / max(1, ours.total() + theirs.total())


def test_f1_by_hand():
    assert f1("một hai ba", "hai ba bốn năm") == pytest.approx(4 / 7)


class TestLayouts:
    def test_share_of_fields_that_are_right(self, capsys):
        right = {name: [] for name in ("title", "date", "author", "body", "lead", "section")}
        wrong = []
        for layout, sample, shown, data in pages():
            found = fields(data)
            zone = "+00:00" if layout == "amp" else ""  # its JSON-LD is in UTC
            body = found.get("body", "")
            judged = {
                "title": found["title"] == sample.title,
                "date": parse_time(found.get("published_at") or "0001-01-02") == parse_time(sample.published + zone),
                "author": found.get("author", "") == sample.author,
                "body": f1(body, sample.body) >= 0.95 and MARK not in body,
                "lead": found.get("lead", "") == (sample.sapo if "lead" in shown else ""),
            }
            if "section" in shown:
                judged["section"] = found.get("section") == sample.section
            for name, is_right in judged.items():
                right[name].append(is_right)
                wrong += [] if is_right else [(layout, sample.slug, name)]
        shares = {name: sum(values) / len(values) for name, values in right.items()}
        with capsys.disabled():
            print("\nHTML layouts:", ", ".join(f"{name} {share:.3f}" for name, share in shares.items()))
        assert len(right["title"]) == 30
        asked = [value for name in ("title", "date", "author", "body") for value in right[name]]
        assert sum(asked) / len(asked) >= 0.95, wrong
        assert min(shares.values()) >= 0.9, wrong

    def test_every_layout_has_three_different_articles(self):
        made = pages()
        assert [len({s.slug for n, s, _, _ in made if n == name}) for name in LAYOUTS] == [3] * 10

    @pytest.mark.parametrize("name", LAYOUTS)
    def test_paragraphs_are_kept(self, name):
        build, _ = LAYOUTS[name]
        assert fields(build(SAMPLES[0]))["body"].split("\n") == list(SAMPLES[0].paragraphs)


class TestJsonLd:
    @pytest.mark.parametrize(
        ("author", "expected"),
        [
            ("Hạ Vy", "Hạ Vy"),
            ({"@type": "Person", "name": "Hạ Vy"}, "Hạ Vy"),
            ([{"name": "Hạ Vy"}, "Lê Thị Ổi"], "Hạ Vy, Lê Thị Ổi"),
            ({"name": ["Hạ Vy"]}, "Hạ Vy"),
            (7, None),
            ([None, {"name": None}], None),
        ],
    )
    def test_author(self, author, expected):
        assert fields(page(ld(author=author))).get("author") == expected

    @pytest.mark.parametrize(
        "image", ["https://a.vn/1.jpg", {"url": "https://a.vn/1.jpg"}, [{"contentUrl": "https://a.vn/1.jpg"}, "/2.jpg"]]
    )
    def test_image(self, image):
        assert fields(page(ld(image=image)))["image_url"] == "https://a.vn/1.jpg"

    def test_article_within_graph_and_array(self):
        graph = [{"@graph": [{"@type": "WebPage"}, {"@type": ["Thing", "Article"], "author": "Hạ Vy"}]}]
        block = f'<script type="application/ld+json">{json.dumps(graph)}</script>'
        assert fields(page(block))["author"] == "Hạ Vy"

    @pytest.mark.parametrize(
        "broken",
        [
            '{"@type": "NewsArticle", "headline": "Hỏng",}',
            '{"@type": "NewsArticle", "headline": "a</script>b"}',
            "[" * 100_000,
            "",
            "3",
            '{"@type": "NewsArticle", "headline": ' + "9" * 5000 + "}",
        ],
    )
    def test_broken_block_is_passed_over(self, broken):
        found = fields(page(f'<script type="application/ld+json">{broken}</script>' + ld(author="Hạ Vy")))
        assert (found["title"], found["author"]) == (TITLE, "Hạ Vy")

    def test_is_trusted_before_open_graph(self):
        head = '<meta property="article:published_time" content="2020-01-01">' + ld(
            datePublished="2023-11-07T17:04:00Z"
        )
        assert fields(page(head))["published_at"] == "2023-11-07T17:04:00+00:00"

    def test_unreadable_date_falls_back_to_the_next_word_for_it(self):
        head = ld(datePublished="hôm qua") + '<meta property="article:published_time" content="2020-01-01T08:00">'
        assert fields(page(head))["published_at"] == "2020-01-01T08:00:00"

    def test_body_cut_short_does_not_replace_the_page(self):
        assert fields(page(ld(articleBody=BODY[0][:90] + "...")))["body"] == "\n".join(BODY)

    def test_body_without_paragraphs_takes_the_page_s(self):
        assert fields(page(ld(articleBody=" ".join(BODY))))["body"] == "\n".join(BODY)

    def test_body_where_the_page_is_empty(self):
        assert fields(page(ld(articleBody="<p>" + "</p><p>".join(BODY) + "</p>"), body=[]))["body"] == "\n".join(BODY)


class TestTitle:
    @pytest.mark.parametrize(
        ("written", "site"),
        [
            (f"{TITLE} - Báo Bình Minh", ""),
            (f"{TITLE} | Tạp chí Đò Ngang", ""),
            (f"{TITLE} – Xóm Chài", "Xóm Chài"),
            (f"{TITLE} | Đời sống | Báo Bình Minh", "Đời sống"),
        ],
    )
    def test_site_is_no_part_of_it(self, written, site):
        head = f'<meta property="og:title" content="{written}"><meta property="og:site_name" content="{site}">'
        assert fields(page(head).replace(f"<h1>{TITLE}</h1>".encode(), b""))["title"] == TITLE

    def test_names_of_sites_are_taken_away_up_to_eight(self):
        written = TITLE + " - báo x" * 8
        assert fields(page(ld(headline=written)))["title"] == TITLE
        written = TITLE + " - báo x" * 3000
        assert fields(page(ld(headline=written)))["title"] == TITLE + " - báo x" * 2992

    def test_heading_at_the_end_of_a_title_is_the_site_s(self):
        assert html_page._is_site_at_end("báo x", "một bài - báo x")
        assert not html_page._is_site_at_end("báo x", "một bài về báo x")
        assert not html_page._is_site_at_end("báo x", "một bài -báo x")
        assert not html_page._is_site_at_end("báo x", "báo x - một bài")

    def test_dash_within_a_title_stays(self):
        whole = f"{TITLE} - ký ức còn lại"
        assert fields(page(f'<meta property="og:title" content="{whole}">').replace(b"h1", b"p"))["title"] == whole

    def test_cut_headline_is_completed_from_the_page(self):
        assert fields(page(ld(headline="Chuyện con đò...")))["title"] == TITLE

    def test_h1_without_title(self):
        assert fields(page(title=""))["title"] == TITLE


class TestLead:
    @pytest.mark.parametrize("name", ["sapo", "article-lead", "description", "chapeau", "detail-sapo"])
    def test_by_class_and_not_in_the_body(self, name):
        found = fields(page(top=f'<p class="{name}">Bến Mơ sắp có cầu, người lái đò vẫn chưa nghỉ.</p>'))
        assert found["lead"] == "Bến Mơ sắp có cầu, người lái đò vẫn chưa nghỉ."
        assert found["body"] == "\n".join(BODY)

    def test_description_that_is_the_start_of_the_body_is_none(self):
        assert "lead" not in fields(page(f'<meta name="description" content="{BODY[0][:80]}...">'))

    def test_description(self):
        assert (
            fields(page('<meta name="description" content="Người lái đò cuối cùng.">'))["lead"]
            == "Người lái đò cuối cùng."
        )


class TestTimes:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("Thứ Ba, 07/11/2023 17:04 (GMT+7)", "2023-11-07T17:04:00+07:00"),
            ("07-11-2023 - 17:04", "2023-11-07T17:04:00"),
            ("17:04 | 07.11.2023", "2023-11-07T17:04:00"),
            ("17h04 ngày 7 tháng 11 năm 2023", "2023-11-07T17:04:00"),
            ("7 tháng 11, 2023", "2023-11-07"),
            ("07/11/2023 5:04 PM", "2023-11-07T17:04:00"),
            ("07/11/2023 12:04 SA", "2023-11-07T00:04:00"),
            ("2023-11-07T17:04:00+0700", "2023-11-07T17:04:00+07:00"),
            ("2023-11-07T10:04:00.123Z", "2023-11-07T10:04:00+00:00"),
            ("2023-11-07 17:04", "2023-11-07T17:04:00"),
            ("2023-11-07", "2023-11-07"),
            ("Tue, 07 Nov 2023 17:04:00 +0700", "2023-11-07T17:04:00+07:00"),
            ("31/02/2023", None),
            ("2023-13-01", None),
            ("hôm qua", None),
            ("tỷ số 3/4", None),
        ],
    )
    def test_forms(self, written, expected):
        assert page_dates.to_iso(written) == expected

    @given(st.datetimes(min_value=parse_time("1950-01-01").replace(tzinfo=None)))
    def test_vietnamese_form_round_trips(self, moment):
        if moment.year < 2100:
            assert page_dates.to_iso(f"{moment:%d/%m/%Y, %H:%M}") == f"{moment:%Y-%m-%dT%H:%M}:00"

    @given(st.text() | st.from_regex(r"[0-9/:. -]{4,30}"))
    def test_whatever_is_found_can_be_parsed(self, written):
        found = page_dates.to_iso(written)
        assert found is None or parse_time(found)

    def test_time_of_a_comment_or_related_article_is_not_the_page_s(self):
        bottom = (
            '<aside><time datetime="2025-01-01">x</time></aside><div class="comments"><time>02/02/2025</time></div>'
        )
        found = fields(page(top='<span class="date">07/11/2023 17:04</span>', bottom=bottom))
        assert found["published_at"] == "2023-11-07T17:04:00"

    def test_page_without_a_time(self):
        assert "published_at" not in fields(page())

    def test_changed(self):
        assert fields(page(ld(dateModified="2023-11-08")))["updated_at"] == "2023-11-08"


class TestOtherFields:
    def test_url_is_canonical_and_makes_the_id(self):
        found = fields(page('<link rel="canonical" href="https://www.binhminh.example/do.html?utm_source=x">'))
        assert found["url"] == "https://www.binhminh.example/do.html?utm_source=x"
        assert found["id"] == addresses.derived_id("u", "binhminh.example/do.html")

    def test_without_url_the_title_makes_the_id(self):
        found = read_bytes(page())
        assert (found.fields["id"], found.derived) == (addresses.derived_id("t", folding.fold(TITLE)), True)

    def test_relative_and_broken_addresses(self):
        head = '<link rel="canonical" href="http://[x"><meta property="og:url" content="https://a.vn/b">'
        found = fields(page(head + '<meta property="og:image" content="/c.jpg">'))
        assert (found["url"], found["image_url"]) == ("https://a.vn/b", "https://a.vn/c.jpg")

    def test_section_of_a_breadcrumb(self):
        items = [{"position": 1, "name": "Trang chủ"}, {"position": 2, "item": {"@id": "/x", "name": "Đời sống"}}]
        block = {"@type": "BreadcrumbList", "itemListElement": items}
        found = fields(page(f'<script type="application/ld+json">{json.dumps(block)}</script>'))
        assert found["section"] == "Đời sống"

    @pytest.mark.parametrize(
        "head",
        [
            ld(keywords="đò, bến Mơ"),
            ld(keywords=["đò", "bến Mơ"]),
            '<meta name="keywords" content="đò,bến Mơ, đò">',
            '<meta property="article:tag" content="đò"><meta property="article:tag" content="bến Mơ">',
        ],
    )
    def test_tags(self, head):
        assert fields(page(head))["tags"] == ["đò", "bến Mơ"]

    def test_author_is_not_the_site_nor_an_address(self):
        head = '<meta property="og:site_name" content="Báo Mơ"><meta name="author" content="Báo Mơ">'
        head += '<meta property="article:author" content="https://facebook.example/x">'
        assert fields(page(head, top='<p class="author">Tác giả: Hạ Vy</p>'))["author"] == "Hạ Vy"

    def test_captions_are_kept_apart(self):
        found = fields(page(top="<figure><img><figcaption>Ông Thặng bên đò.</figcaption></figure>"))
        assert found["captions"] == ["Ông Thặng bên đò."]
        assert "bên đò." not in found["body"]

    def test_agreed_keeps_the_lines_that_the_publisher_states(self):
        assert page_body.agreed("một hai\nrao vặt ở đây\nba bốn", "một hai ba bốn") == "một hai\nba bốn"


class TestEncodings:
    @pytest.mark.parametrize(
        "data",
        [
            page(),
            b"\xef\xbb\xbf" + page(),
            b"\xff\xfe" + page().decode().encode("utf-16-le"),
            b"\xfe\xff" + page().decode().encode("utf-16-be"),
            page().decode().encode("utf-16-le"),
            page('<meta charset="windows-1258">'),  # saved as UTF-8, the tag left as it was
            page('<meta charset="utf-16">'),
            page('<meta charset="hex">'),
            in_windows_1258(page('<meta charset="windows-1258">').decode()),
            in_windows_1258(page('<meta http-equiv=content-type content="text/html; charset=x-cp1258">').decode()),
            unicodedata.normalize("NFD", page().decode()).encode(),
            page().replace(b"</body>", b"\xc3</body>"),  # one broken byte
            b'<?xml version="1.0" encoding="utf-8"?>' + page(),
        ],
    )
    def test_same_article(self, data):
        found = validate(fields(data))
        assert isinstance(found, Article)
        assert (found.title, found.body) == (TITLE, "\n".join(BODY))

    def test_utf_8_is_believed_before_the_tag(self):
        assert html_document.decode('<meta charset="windows-1258"><p>Bé Na'.encode()).endswith("<p>Bé Na")

    def test_windows_1252(self):
        data = page('<meta charset="iso-8859-1">', body=["Café “crème” à Huế ".replace("ế", "e") * 20]).decode()
        bare = (
            folding.fold(data.split("<article>")[0])
            + "<article>"
            + data.split("<article>")[1].replace(TITLE, "Do ngang")
        )
        assert "Café “crème”" in fields(bare.encode("cp1252"))["body"]

    def test_operator_s_word(self):
        assert fields(in_windows_1258(page().decode()), encoding="cp1258")["id"]

    def test_undeclared_windows_1258(self):
        assert (
            folding.clean(html_document.decode(old_tables(SAMPLES[1]).replace(b"charset", b"x"))).count("Bão số 9") == 2
        )


class TestNoArticle:
    def test_empty(self):
        assert reason(b" \n") == "expected an HTML page, found no text"

    def test_no_html(self):
        assert reason("Chỉ là chữ.") == "expected an HTML page, found no tags of one"

    def test_picture(self):
        assert "expected an HTML page" in reason(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 20)

    def test_no_title(self):
        assert reason("<html><p>Chữ</p>") == "expected an article, found no title"

    def test_no_text(self):
        assert reason(page(body=[])) == "expected an article, found 0 words of text"

    def test_list_of_articles(self):
        teasers = "".join(
            f"<div><h3><a href='/{i}'>{TITLE} {i}</a></h3><p>{PARAGRAPH} {i}</p></div>" for i in range(12)
        )
        assert (
            reason(f"<html><title>Đời sống</title><body>{teasers}")
            == "expected an article, found a list of links to articles"
        )

    def test_front_page(self):
        assert "list of links" in reason(page('<link rel="canonical" href="https://binhminh.example/">'))

    def test_too_large(self, tmp_path, monkeypatch):
        monkeypatch.setattr("indexer.sources.html_page.MAX_BYTES", 2**20)
        path = tmp_path / "a.html"
        path.write_bytes(page() + b" " * 2**20)
        assert [bad.reason for bad in read(path)] == ["expected a page of at most 1 MiB"]

    def test_file(self, tmp_path):
        path = tmp_path / "a.html"
        path.write_bytes(page())
        assert [reading.fields["title"] for reading in read(path)] == [TITLE]


class TestBombs:
    def test_nested_tags(self):
        assert "Excessive depth" in reason(page(top="<div>" * 100_000))

    def test_attributes(self):
        crowded = " ".join(f'a{i}="{i} > 0"' for i in range(100_000))
        assert fields(page(top=f"<div {crowded}>x</div>"))["body"] == "\n".join(BODY)

    def test_ordinary_attributes_stay(self):
        assert fields(page(top=f'<p {" ".join(f"a{i}=1" for i in range(200))} class="sapo">Bốn năm chữ cho sapo</p>'))[
            "lead"
        ]

    def test_entities(self):
        lols = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
        found = fields(f'<!DOCTYPE html [<!ENTITY l0 "lol">{lols}]>'.encode() + page(top="<p>&l9;</p>"))
        assert len(found["body"]) < 2 * len("\n".join(BODY))

    def test_elements(self, monkeypatch):
        monkeypatch.setattr(html_document, "MAX_ELEMENTS", 500)
        assert reason(page(top="<b>x</b>" * 600)) == "expected at most 500 elements"


class TestAnything:
    @settings(max_examples=150)
    @given(st.binary(max_size=400))
    @example(b"<p>")
    @example(b"\xff\xfe\x00")
    @example(b"<html><title>x</title><base href='http://['>")
    def test_bytes_never_raise(self, data):
        assert isinstance(read_bytes(data), Reading | BadLine)
        assert isinstance(read_bytes(b"<html>" + data + page()), Reading | BadLine)

    @settings(max_examples=100)
    @given(st.lists(st.sampled_from(sorted(page(ld(author=[1, {}])).split(b"<")))), st.binary(max_size=20))
    def test_torn_pages_never_raise(self, parts, noise):
        assert isinstance(read_bytes(b"<" + b"<".join(parts) + noise), Reading | BadLine)
