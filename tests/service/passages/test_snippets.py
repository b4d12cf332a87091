"""What is marked in a text, which passage is shown, and that no markup gets out."""

import html
import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.text.syllables import folded, syllables
from service.passages.snippets import MarkTargets, Piece, mark, snippet, to_html

NOTHING = MarkTargets(frozenset(), frozenset())
SNOWMAN = " ☃"  # no usual character: every word of the text is looked at


def exact(words, common="", runs=()):
    return MarkTargets(
        frozenset(words.split()), frozenset(), tuple(map(tuple, map(str.split, runs))), frozenset(common.split())
    )


def bare(words, common=""):
    return MarkTargets(frozenset(), frozenset(words.split()), (), frozenset(common.split()))


def shown(pieces):
    return "".join(f"[{piece.text}]" if piece.marked else piece.text for piece in pieces)


def joined(pieces):
    return "".join(piece.text for piece in pieces)


def nfd(value):
    return unicodedata.normalize("NFD", value)


# mark


@pytest.mark.parametrize(
    ("text", "wanted", "marked"),
    [
        ("", exact("gốm"), ""),
        ("Lò gốm", NOTHING, "Lò gốm"),
        ("Lò gốm Lũng Vài", exact("gốm"), "Lò [gốm] Lũng Vài"),
        ("LÒ GỐM, lò gồm", exact("gốm"), "LÒ [GỐM], lò gồm"),
        ("gốm gồm gom góm", bare("gom"), "[gốm gồm gom góm]"),
        ("gốm gồm gom", exact("gom"), "gốm gồm [gom]"),
        ("gốmm ốm", exact("gốm"), "gốmm ốm"),
        ("Hoà, hòa, HOÀ, hoa, quý", exact("hòa qúy"), "[Hoà], [hòa], [HOÀ], hoa, quý"),
        ("Ｇốm　ｇốｍ", exact("gốm"), "[Ｇốm　ｇốｍ]"),
        ("Đường đê, dường", bare("duong"), "[Đường] đê, [dường]"),
        ("năm 08, 008, 8, 80, 0", exact("8"), "năm [08], [008], [8], 80, 0"),
        ("rộng 5 m², m2, m3", exact("m2"), "rộng 5 [m²], [m2], m3"),
        ("ông München ở Lũng Vài", bare("munchen"), "ông [München] ở Lũng Vài"),
        ("ông MÜNCHEN ở LŨNG VÀI", bare("munchen lung"), "ông [MÜNCHEN] ở [LŨNG] VÀI"),
        ("bà Юлия và con", exact("юлия"), "bà [Юлия] và con"),
        # neighbours are one mark
        ("Đóng bảo hiểm xã hội đủ", exact("bảo hiểm xã hội"), "Đóng [bảo hiểm xã hội] đủ"),
        ("bảo  hiểm\nxã hội", exact("bảo hiểm xã hội"), "[bảo  hiểm\nxã hội]"),
        ("bảo hiểm, xã hội", exact("bảo hiểm xã hội"), "[bảo hiểm], [xã hội]"),
        ("bảo_hiểm", exact("bảo hiểm"), "[bảo]_[hiểm]"),
        # codes
        ("Số 08/2023/QĐ-TTg nói", exact("8 2023 qđ ttg"), "Số [08/2023/QĐ-TTg] nói"),
        ("Số 08/2023/QĐ-TTg nói", exact("2023 ttg"), "Số 08/[2023]/QĐ-[TTg] nói"),
        ("Lũng Vài - Lũng Na", exact("lũng vài na"), "[Lũng Vài] - [Lũng Na]"),
        ("1.500.000 đồng", exact("1 500 000"), "[1.500.000] đồng"),
        # runs
        ("Quỹ bảo hiểm xã hội, bảo hiểm", exact("", runs=["bảo hiểm xã hội"]), "Quỹ [bảo hiểm xã hội], bảo hiểm"),
        ("bảo của hiểm", exact("", runs=["bảo hiểm"]), "bảo của hiểm"),
        ("ba bốn năm", exact("", runs=["ba bốn", "bốn năm"]), "[ba bốn năm]"),
        ("ba ba bốn bốn", exact("", runs=["ba bốn"]), "ba [ba bốn] bốn"),
        ("TP. Hồ Hoà", exact("", runs=["tp hồ hòa"]), "[TP]. [Hồ Hoà]"),
        ("tp hồ, hồ tp", exact("tp", runs=["tp hồ"]), "[tp hồ], hồ [tp]"),
        ("Юлия Лі", exact("", runs=["юлия лі"]), "[Юлия Лі]"),
        # too common to stand alone
        ("của gốm của, của", exact("gốm của", common="của"), "[của gốm của], của"),
        ("của cua", bare("cua gom", common="cua"), "của cua"),
        ("các của gốm", exact("gốm của các", common="của các"), "[các của gốm]"),
        ("của các", exact("", common="của các", runs=["của các"]), "[của các]"),
        ("là lá", bare("la", common="là"), "[là lá]"),
        ("là, lá", bare("la", common="là"), "là, [lá]"),
        # several syllables in one place
        ("x a⑴b y", exact("1"), "x [a⑴b] y"),
        ("x a⑴b y", exact("", runs=["a b"]), "x a⑴b y"),
        ("x a⑴b y", exact("", runs=["1 b y"]), "x [a⑴b y]"),
    ],
)
def test_mark(text, wanted, marked):
    assert shown(mark(text, wanted)) == marked
    assert shown(mark(text + SNOWMAN, wanted)) == marked + SNOWMAN
    assert joined(mark(text, wanted)) == text


STRIKE = MarkTargets(frozenset(("đình", "công")), frozenset(), (("đình", "công"),), parts=frozenset(("đình", "công")))


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Đình công kéo dài", "[Đình công] kéo dài"),
        ("Gia đình công nhân", "Gia đình công nhân"),  # the end of one word and the beginning of another
        ("Gia đình công nhân sau cuộc đình công", "Gia đình công nhân sau cuộc [đình công]"),
        ("Gia đình, công ty sau đình công", "Gia đình, công ty sau [đình công]"),
        ("Công ty đình đám", "[Công] ty [đình] đám"),  # nothing better is there
        ("Nhà đình công khai", "Nhà [đình công] khai"),
    ],
)
def test_words_are_marked_whole(text, marked):
    assert shown(mark(text, STRIKE)) == marked


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        (nfd("Lò gốm, gồm"), nfd("Lò [gốm], gồm")),
        ("lò g\u200bốm\u200b, lò", "lò [g\u200bốm\u200b], lò"),
        ("lò gô\u200b\u0301m, lò", "lò [gô\u200b\u0301m], lò"),
        ("gốm\u0323 lò", "gốm\u0323 lò"),
        ("\u0301gốm", "\u0301[gốm]"),
        ("lò\u200bgốm", "lò\u200bgốm"),
    ],
)
def test_marks_are_where_the_original_has_the_word(text, marked):
    assert shown(mark(text, exact("gốm"))) == marked


WORDS = "gốm gồm gom Hoà hòa HOA của các lò đường dường 08 8 008 ² m² bảo hiểm xã hội ŭ Ðức İ Юлия か\u3099".split()
WORDS += "München MÜNCHEN GỐM ĐƯỜNG".split()
SEAMS = [" ", "  ", "\n", ", ", ". ", "/", "-", "_", ".", ":", " - ", "\u200b", "\u0301", "&", "<", ">", '"', "…"]
news = st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(SEAMS), st.just(" ")), max_size=40).map("".join)
markup = st.sampled_from(["<mark>", "</mark>", "<b>gốm</b>", "<script>", "&lt;", "&amp;", "&#39;", "'", "gốm"])
anything = st.one_of(news, st.text(), st.lists(st.one_of(markup, st.text(max_size=5))).map(" ".join))
syllable = st.sampled_from("gốm gồm gom hòa của các lò đường 8 2 m2 bảo hiểm xã hội".split())
wanted = st.builds(
    MarkTargets,
    st.frozensets(syllable, max_size=5),
    st.frozensets(syllable.map(folded), max_size=3),
    st.lists(st.lists(syllable, max_size=4).map(tuple), max_size=3).map(tuple),
    st.frozensets(syllable, max_size=2),
    st.frozensets(syllable, max_size=2),
)


@given(anything, wanted)
def test_pieces_are_the_text(text, wanted):
    pieces = mark(text, wanted)
    assert joined(pieces) == text
    assert all(piece.text for piece in pieces)
    assert all(not (a.marked == b.marked is False) for a, b in pairwise(pieces))


@given(st.lists(st.sampled_from([w for w in WORDS if "\u3099" not in w and w != "İ"])).map(" ".join), wanted)
def test_what_is_marked_is_what_is_wanted(text, wanted):
    singly = MarkTargets(wanted.exact, wanted.folded)
    marked = [s for piece in mark(text, singly) if piece.marked for s in syllables(piece.text)]
    assert marked == [s for s in syllables(text) if s in wanted.exact or folded(s) in wanted.folded]


@given(anything, wanted)
def test_the_quick_way_finds_what_the_slow_one_does(text, wanted):
    assert shown(mark(text, wanted)) + SNOWMAN == shown(mark(text + SNOWMAN, wanted))


@given(anything, wanted)
@example("\u1100\u1161gốm か\u3099", exact("gốm"))
def test_normal_form_does_not_matter(text, wanted):
    composed, decomposed = (
        [Piece(unicodedata.normalize("NFC", piece.text), piece.marked) for piece in mark(form, wanted)]
        for form in (unicodedata.normalize("NFC", text), nfd(text))
    )
    assert composed == decomposed


# snippet

BODY = "Bản mở hội. Lò gốm cũ nay đã tắt lửa. Cụ Mẩy kể chuyện lò. Gốm Lũng Vài bán xa, gốm quý. Hết."


@pytest.mark.parametrize(
    ("text", "wanted", "limit", "expected"),
    [
        ("", exact("gốm"), 20, ""),
        (" \n ", exact("gốm"), 20, ""),
        (" Lò \n\n gốm\u3000cũ ", exact("gốm"), 20, "Lò [gốm] cũ"),
        (BODY, NOTHING, 20, "Bản mở hội. Lò gốm…"),
        (BODY, exact("bát"), 18, "Bản mở hội. Lò gốm…"),
        (BODY, exact("bát"), 17, "Bản mở hội. Lò…"),
        # the sentence that the word is in
        (BODY, exact("tắt"), 40, "…Lò gốm cũ nay đã [tắt] lửa. Cụ Mẩy kể…"),
        (BODY, exact("kể"), 30, "…Cụ Mẩy [kể] chuyện lò. Gốm Lũng…"),
        # more different words, not more words
        (BODY, exact("lò gốm vài"), 24, "…[lò]. [Gốm] Lũng [Vài] bán xa,…"),
        # as many: the closest; as close: the first
        ("lò xa gốm là tro, đó là lò gốm ấy, hay lò gốm kia", exact("lò gốm"), 12, "…[lò gốm] ấy,…"),
        ("lò một hai lò gốm ba bốn năm sáu lò xa gốm bảy", exact("lò gốm"), 20, "…hai [lò gốm] ba bốn…"),
        # at the end there is more before
        (BODY, exact("hết"), 30, "…Lũng Vài bán xa, gốm quý. [Hết]."),
        # no blank to cut at
        ("a" * 50 + "/gốm/" + "b" * 50, exact("gốm"), 20, "…[gốm]…"),
        ("a" * 50, exact("gốm"), 20, "a" * 20 + "…"),
        ("gốm" * 50 + " xưa", exact("gốm" * 50), 4, "[gốmg]…"),
        ("e\u0301" * 50, NOTHING, 5, "e\u0301" * 2 + "…"),
        # what is too common does not choose the passage
        ("của ai? " * 9 + "gốm của bản", exact("gốm của bản", common="của"), 12, "…[gốm của bản]"),
        ("gốm của các bản xa tít mù khơi, gốm, quý", exact("gốm quý của các", "của các"), 12, "…[gốm], [quý]"),
        # a run is one of what is wanted, however long
        ("ba bốn năm sáu xa xa xa lò gốm", exact("lò gốm", runs=["ba bốn năm"]), 15, "…xa xa xa [lò gốm]"),
    ],
)
def test_snippet(text, wanted, limit, expected):
    assert shown(snippet(text, wanted, limit)) == expected


def test_a_word_that_is_too_long_to_show_gives_way():
    text = "x" * 30 + " giữa hai từ là gốm, rồi hết chuyện"
    assert shown(snippet(text, exact("x" * 30 + " gốm"), 20)) == "…là [gốm], rồi hết…"


def test_limit_is_checked():
    with pytest.raises(ValueError, match="limit: expected 1 or more, got 0"):
        snippet("gốm", NOTHING, 0)


@given(anything, wanted, st.integers(1, 60))
def test_snippet_is_a_bounded_part_of_the_text(text, wanted, limit):
    pieces = snippet(text, wanted, limit)
    whole = " ".join(text.split())
    if len(text.strip()) <= limit:
        assert joined(pieces) == whole
        return
    inner = pieces[pieces[0] == Piece("…", False) : len(pieces) - (pieces[-1] == Piece("…", False))]
    assert len(joined(inner)) <= limit
    assert joined(inner) in whole
    assert len(inner) < len(pieces)


@given(news, wanted, st.integers(1, 60))
def test_something_that_is_wanted_is_shown_if_it_fits(text, wanted, limit):
    marked = [piece.text for piece in mark(text.strip(), wanted) if piece.marked]
    if any(len(piece) <= limit for piece in marked if not wanted.common):
        assert any(piece.marked for piece in snippet(text, wanted, limit))


# to_html


def test_html_is_escaped():
    pieces = [Piece("<b>lò & ", False), Piece('"gốm"<', True), Piece("'", False)]
    assert to_html(pieces) == "&lt;b&gt;lò &amp; <mark>&#34;gốm&#34;&lt;</mark>&#39;"
    assert to_html([]) == ""
    assert to_html(pieces).__html__() == to_html(pieces)


@given(anything, wanted)
def test_no_markup_gets_out(text, wanted):
    out = str(to_html(mark(text, wanted)))
    inner = re.sub(r"<mark>([^<>]*)</mark>", r"\1", out)
    assert not re.search("[<>\"']", inner)
    assert html.unescape(inner) == html.unescape(html.escape(text))
