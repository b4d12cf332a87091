"""Which syllables are written for one another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text.syllables import folded
from service.query.confusions import RARE, SAME, SELDOM, USUAL, SyllableParts, confusions, parts_of
from service.query.typing_slips import SPELLINGS, TONES, plausible, toned

ALL = sorted(
    {
        syllable
        for onsets, rhymes in SPELLINGS
        for onset in onsets
        for rhyme in rhymes
        for tone in ("", *TONES.values())
        if (syllable := toned(onset + rhyme, tone)) is not None
    }
)


def cost(written, meant):
    return dict(confusions(written)).get(meant)


@pytest.mark.parametrize(
    ("syllable", "parts"),
    [
        ("nghề", SyllableParts("ng", "ê", "\u0300")),
        ("ngề", SyllableParts("ng", "ê", "\u0300")),
        ("quyển", SyllableParts("c", "uyên", "\u0309")),
        ("kỹ", SyllableParts("c", "i", "\u0303")),
        ("gì", SyllableParts("gi", "i", "\u0300")),
        ("giếng", SyllableParts("gi", "iêng", "\u0301")),
        ("gía", SyllableParts("gi", "a", "\u0301")),
        ("yêu", SyllableParts("", "iêu", "")),
        ("ăn", SyllableParts("", "ăn", "")),
    ],
)
def test_the_parts_of_a_syllable(syllable, parts):
    assert parts_of(syllable) == parts


@pytest.mark.parametrize("word", ["", "b", "bhxh", "strike", "ngh", "8", "12", "á́", "đ"])
def test_what_is_no_syllable_has_none(word):
    assert parts_of(word) is None
    assert confusions(word) == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("hiễm", "hiểm"), ("thãi", "thải"), ("lủ", "lũ"), ("nghĩ", "nghỉ"), ("kỹ", "kỷ")),  # hỏi, ngã
        *(("đoàng", "đoàn"), ("lươn", "lương"), ("biếc", "biết"), ("mặc", "mặt")),  # southern finals
        *(("sứ", "xứ"), ("chời", "trời"), ("dải", "giải"), ("dừng", "rừng"), ("rá", "giá")),  # northern onsets
        *(("nũ", "lũ"), ("lơi", "nơi"), ("dề", "về"), ("vô", "dô")),
        *(("tay", "tai"), ("vai", "vay"), ("đều", "điều"), ("rựu", "rượu"), ("hiu", "hưu"), ("máo", "máu")),  # rhymes
        *(("tiềm", "tìm"), ("cúi", "cuối"), ("sanh", "săn"), ("đâm", "đăm")),
    ],
)
def test_what_regions_confuse_is_usual(written, meant):
    assert cost(written, meant) == USUAL


@pytest.mark.parametrize(
    ("written", "meant"), [("tếch", "tết"), ("đọc", "độc"), ("chuẩn", "chẩn"), ("sát", "sáp"), ("tham", "thăm")]
)
def test_finals_marks_and_glides_are_seldom(written, meant):
    assert cost(written, meant) == SELDOM


def test_any_other_tone_is_rare():
    assert (cost("cầu", "cấu"), cost("cầu", "câu")) == (RARE, RARE)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ngề", "nghề"),
        ("nghành", "ngành"),
        ("gía", "giá"),
        ("qụy", "quỵ"),
        ("cẻ", "kẻ"),
        ("hòan", "hoàn"),
    ],
)
def test_the_same_sounds_spelt_otherwise_cost_least(written, meant):
    assert cost(written, meant) == SAME
    assert confusions(written)[0].cost == SAME


def test_a_wrong_spelling_and_one_confusion_may_come_together():
    assert cost("ngĩ", "nghỉ") == USUAL


@pytest.mark.parametrize(("written", "meant"), [("hiễm", "hiền"), ("lụt", "lúc"), ("cầu", "tàu"), ("nam", "trưa")])
def test_two_steps_are_too_many(written, meant):
    assert cost(written, meant) is None


@given(st.sampled_from(ALL))
def test_every_proposal_is_another_syllable_once(syllable):
    found = [one.syllable for one in confusions(syllable)]
    assert syllable not in found
    assert len(set(found)) == len(found)
    assert all(map(plausible, found))
    assert all(one.cost > 0 for one in confusions(syllable))


@given(st.sampled_from([syllable for syllable in ALL if not folded(syllable).startswith("gi")]))  # giên is gi and iên
def test_what_is_confused_is_confused_both_ways(syllable):
    for other, much in confusions(syllable):
        if folded(other).startswith("gi"):
            continue
        assert cost(other, syllable) == much


@given(st.text(max_size=12))
def test_any_text_has_proposals_or_none(text):
    assert all(folded(one.syllable).isascii() for one in confusions(text))
