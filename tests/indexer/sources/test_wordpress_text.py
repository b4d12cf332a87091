"""Blocks and shortcodes of WordPress: what stays of them as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources.wordpress_text import to_html
from indexer.text.markup import html_to_text


def read(content):
    return html_to_text(to_html(content))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<!-- wp:paragraph {"a":"]"} --><p>Gốm</p><!-- /wp:paragraph -->', "Gốm"),
        ("Một\n\nHai\r\n \r\nBa\nbốn", "Một\nHai\nBa bốn"),
        ('a [gallery ids="1,2"] b', "a b"),
        ("a [gallery] b", "a b"),
        ('a [embed width="9"]https://v.example/[/embed] b', "a b"),
        ('[audio src="a.mp3"][/audio]b', "b"),
        ('[video mp4="a.mp4"] sau đó', "sau đó"),
        ('[contact-form-7 id="ab1" title="Hỏi"]x', "x"),
        ('[su_box title="Hộp"]trong [b_old]hộp[/b_old] này[/su_box]', "trong hộp này"),
        ("[quangcao id=3 /]sau", "sau"),
        ("[quangcao/]sau", "sau"),
        ('[caption id="a_9" width="3"]<a href="#"><img src="x"/></a> Ông Tư[/caption]sau', "Ông Tư\nsau"),
        ('[caption caption="Ông Tư"]<img src="x"/>[/caption]', "Ông Tư"),
        ("[wp_caption]<img src='x'>Bà Năm[/wp_caption]", "Bà Năm"),
        ("[[gallery]] là mã", "[gallery] là mã"),
        ("[1] [ảnh] [tư liệu] [sic] [a b]", "[1] [ảnh] [tư liệu] [sic] [a b]"),
        ("mảng a[i] và b[j]", "mảng a[i] và b[j]"),
        ('[gallery ids="1"] giữa [gallery ids="2"]', "giữa"),
        ("[embed]https://v.example/ không đóng", "https://v.example/ không đóng"),
        ("trước<!-- không đóng", "trước"),
        ("trước<!--more-->sau", "trướcsau"),
        ("[su_x a=&#8220;1&#8221;]có[/su_x]", "có"),
        ("[/su_x] sót", "sót"),
    ],
)
def test_what_is_read(content, expected):
    assert read(content) == expected


def test_a_picture_of_a_caption_stays_in_the_html():
    assert to_html("[caption]<img src='x'> Ông[/caption]") == (
        "<figure><img src='x'><figcaption>Ông</figcaption></figure>"
    )


TAGS = st.sampled_from(
    ["[gallery]", "[/gallery]", "[embed]", "[/embed]", "[[x]]", "[x a=1]", "[/x]", "[caption]", "<!--"]
)


@given(st.lists(TAGS | st.text(max_size=8)))
def test_anything_ends(parts):
    assert isinstance(to_html("".join(parts)), str)


@given(st.text(alphabet=st.characters(exclude_characters="[]<>&\n\r", exclude_categories=["C"])))
def test_text_without_brackets_is_as_it_was(content):
    assert to_html(content) == content


@pytest.mark.parametrize("piece", ["[", "[a", "[caption]", "[embed]", "<!--", "[[", "[a ", "[a=", "\n", "[/a]"])
def test_much_of_anything_takes_no_long(piece):
    to_html(piece * 20_000)
