"""Telex and VNI keys, the spelling of syllables, and slips of one letter."""

import itertools
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from indexer.text.folding import fold
from indexer.text.syllables import syllables
from service.query.typing_slips import plausible, plausible_folded, slips, telex, vni, without_keys

# What is plausible, read anew from vowels and finals; where the tone is written is left to the module.

ONSETS = " b c ch d đ g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x".split(" ")
NUCLEI = (
    "a ă â e ê i o ô ơ u ư y ia ua ưa iê yê uô ươ oa oă oe uâ uê uơ uy uyê uya oo ai ay ây oi ôi ơi ui ưi uôi ươi oai "
    "oay uây ao eo au âu êu iu ưu iêu yêu ươu oao oeo uyu"
).split()
CODAS = ["", "m", "p", "n", "t", "ng", "c", "nh", "ch"]
TONES = {"\u0301": "s1", "\u0300": "f2", "\u0309": "r3", "\u0303": "x4", "\u0323": "j5"}


def toned(toneless, tone):
    """Return the syllable with the tone on each of its vowels in turn."""
    return [
        unicodedata.normalize("NFC", toneless[: i + 1] + tone + toneless[i + 1 :])
        for i, letter in enumerate(toneless)
        if fold(letter) in "aeiouy"
    ]


TONELESS = sorted({"".join(parts) for parts in itertools.product(ONSETS, NUCLEI, CODAS)})
SEATS = {(base, tone): [s for s in toned(base, tone) if plausible(s)] for base in TONELESS for tone in TONES}
PLAUSIBLE = sorted({s for found in SEATS.values() for s in found} | set(filter(plausible, TONELESS)))


CIRCUMFLEX, HORN, BREVE, STROKE = "\u0302", "\u031b", "\u0306", "-"
TELEX = {CIRCUMFLEX: "=", HORN: "w", BREVE: "w", STROKE: "d", "tone": 0}
VNI = {CIRCUMFLEX: "6", HORN: "7", BREVE: "8", STROKE: "9", "tone": 1}


def typed(syllable, scheme, *, late=False):
    """Return the keys of a syllable: a mark's after its letter or, `late`, after the final; the tone's key last."""
    keys, after, tone, letter = "", "", "", ""
    for c in unicodedata.normalize("NFD", syllable).replace("đ", "d" + STROKE):
        if c in TONES:
            tone = TONES[c][scheme["tone"]]
        elif c in scheme:
            key = letter if scheme[c] == "=" else scheme[c]
            if late and c != STROKE:
                after = key  # one is enough for ươ
            else:
                keys += key
        else:
            again = c == letter == "o" and scheme is TELEX  # a plain oo takes three
            keys, letter = keys + ("oo" if again else c), c
    return keys + after + tone


# plausible


@pytest.mark.parametrize(
    "syllable",
    "a ý yêu ỷ đường nghiêng nguyễn khuỷu thủy hòa khỏe quý quốc quyết quẩn thuở huơ gì gìn giếng giá giền kẻ ghế "
    "nghe kỳ lý mỹ xoong moóc séc tuýp loanh ngoằn ngoèo hươu rượu cứu lưu của mía mưa huỳnh khoắng đắk lắk đăk kạn "
    "kon hừm pin uống iu ăn ưu oái ừ".split(),
)
def test_syllables_that_are(syllable):
    assert plausible(syllable)
    assert plausible_folded(fold(syllable))


@pytest.mark.parametrize(
    "syllable",
    [
        "",
        " ",
        "a b",
        *(
            "google windows b đ qh cat càt cảch ka kô ci ce ge gha ngi nge ngha cuy yê iêu biê ươ bươ hă đâ tieng1 "
            "hoà khoẻ thuỷ qúy giầ́y thưở tiéng ngữơi qa qi fa zê jun wa oo xoo ôong giia quu Hòa ĐI"
        ).split(),
    ],
)
def test_syllables_that_are_not(syllable):
    assert not plausible(syllable)


def test_decomposed_letters_are_not_canonical():
    assert not plausible(unicodedata.normalize("NFD", "hòa"))


@pytest.mark.parametrize("word", ["", *"google fifa qh15 2024 ka tieng1 đi w".split()])
def test_folded_words_that_are_no_syllables(word):
    assert not plausible_folded(word)


def test_the_plausible_are_as_many_as_vietnamese_could_have():
    assert 15_000 < len(PLAUSIBLE) < 25_000


def test_a_tone_has_one_place_and_it_is_the_canonical_one():
    assert [found for found in SEATS.values() if len(found) > 1] == []
    assert [s for s in PLAUSIBLE if syllables(s) != [s]] == []


def test_what_ends_in_a_stop_has_one_of_two_tones():
    tones = {base: [t for t in TONES if SEATS[base, t]] for base in TONELESS if base[-1] in "ptc" or base[-2:] == "ch"}
    assert {"".join(found) for base, found in tones.items()} == {"", "\u0301\u0323"}


@given(st.text(st.sampled_from("aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạếờựfw1\u0301"), max_size=7))
def test_plausible_words_are_plausible_folded_and_canonical(word):
    if plausible(word):
        assert plausible_folded(fold(word))
        assert syllables(word) == [word]


# telex


@pytest.mark.parametrize(
    ("word", "syllable"),
    [
        ("tieengs", "tiếng"),
        ("dduowngf", "đường"),
        ("hoof", "hồ"),
        ("nguowif", "người"),
        ("thuyr", "thủy"),
        ("hoaf", "hòa"),
        ("hoafn", "hoàn"),
        ("nas", "ná"),
        # the tone after the vowels, marks after the final
        ("tieesng", "tiếng"),
        ("tienges", "tiếng"),
        ("hofo", "hồ"),
        ("toios", "tối"),
        ("duongwdf", "đường"),
        ("dduongfw", "đường"),
        ("ddi", "đi"),
        ("did", "đi"),
        # w
        ("nhw", "như"),
        ("w", "ư"),
        ("trwowngf", "trường"),
        ("trwongf", "trường"),
        ("nguwowif", "người"),
        ("thuowr", "thuở"),
        ("muaw", "mưa"),
        ("luuw", "lưu"),
        ("ruouwj", "rượu"),
        ("hoawcj", "hoặc"),
        ("quawn", "quăn"),
        ("quowf", "quờ"),
        # qu, gi, three vowels
        ("quoocs", "quốc"),
        ("quys", "quý"),
        ("gif", "gì"),
        ("giaays", "giấy"),
        ("gieengs", "giếng"),
        ("ngoeof", "ngoèo"),
        ("khuyur", "khuỷu"),
        # oo that is no ô
        ("xooong", "xoong"),
        ("mooocs", "moóc"),
        ("xoong", "xông"),
        ("ddawks", "đắk"),
    ],
)
def test_telex(word, syllable):
    assert telex(word) == syllable


@pytest.mark.parametrize(
    "word",
    [
        "",
        " ",
        "hoof ",
        "nas\n",
        *(
            "cong google windows wifi web data visa paris press class boss news view asean hasan duda laws www kw qw f "
            "s dd tieengsf baat hooof oooo 2024 qh15 na1s tiếng đi Tieengs nghieengsnghieengs"
        ).split(),
    ],
)
def test_not_telex(word):
    assert telex(word) is None


@pytest.mark.parametrize("late", [False, True])
def test_telex_comes_back(late):
    wrong = {}
    for syllable in PLAUSIBLE:
        keys = typed(syllable, TELEX, late=late)
        expected = None if keys == syllable else syllable
        if telex(keys) != expected:
            wrong[keys] = (telex(keys), expected)
    assert wrong == {}


def test_bare_syllables_are_not_telex():
    bare = {fold(s) for s in PLAUSIBLE}
    assert {word for word in bare if "oo" not in word and telex(word) is not None} == set()


# vni


@pytest.mark.parametrize(
    ("word", "syllable"),
    [
        ("tie61ng", "tiếng"),
        ("tieng61", "tiếng"),
        ("tie6ng1", "tiếng"),
        ("d9u7o7ng2", "đường"),
        ("duong792", "đường"),
        ("ho6", "hô"),
        ("hoa2", "hòa"),
        ("nguo7i2", "người"),
        ("thuo73", "thuở"),
        ("mu7a", "mưa"),
        ("luu7", "lưu"),
        ("hoa8c5", "hoặc"),
        ("quo61c", "quốc"),
        ("gi2", "gì"),
        ("xoong1", "xoóng"),
        ("d9i", "đi"),
        ("y1", "ý"),
        ("a4", "ã"),
    ],
)
def test_vni(word, syllable):
    assert vni(word) == syllable


@pytest.mark.parametrize(
    "word",
    [
        "",
        " ",
        "ho6 ",
        "ho6\n",
        *(
            "qh15 f16 2024 u23 b52 g7 a320 top10 covid19 h5n1 mi6 3g 6 9 d9 9d 7a b9a d99i ti61e6ng tie1ng2 ho66 ba7 "
            "cong tiếng1 đi1 tieengs cat2 TIE61NG ngang1ngang1 tieng0"
        ).split(),
    ],
)
def test_not_vni(word):
    assert vni(word) is None


@pytest.mark.parametrize("late", [False, True])
def test_vni_comes_back(late):
    wrong = {}
    for syllable in PLAUSIBLE:
        keys = typed(syllable, VNI, late=late)
        expected = None if keys == syllable else syllable
        if vni(keys) != expected:
            wrong[keys] = (vni(keys), expected)
    assert wrong == {}


@given(st.one_of(st.text(max_size=9), st.text(st.sampled_from("aeiouywdsfrxjnghtcmq0123456789"), max_size=9)))
def test_any_word_gives_another_plausible_syllable_or_none(word):
    for proposal in (telex(word), vni(word)):
        assert proposal is None or (plausible(proposal) and proposal != word)


# slips


def test_slips_of_two_letters():
    found = list(slips("ab"))
    assert len(found) == len(set(found)) == 2 + 2 * 35 + (3 * 36 - 2) + 1
    assert {"a", "b", "ba", "abb", "aab", "xab", "a7b", "ab0", "xb", "a9"} <= set(found)
    assert not {"", "ab", "abab", "c", "âb"} & set(found)


@pytest.mark.parametrize(
    ("word", "slip"),
    [
        ("nghien", "nghein"),
        ("nghien", "nhien"),
        ("nghien", "ngghien"),
        ("nghien", "bghien"),
        ("aa", "aaa"),
        ("aa", "a"),
    ],
)
def test_slips_both_ways(word, slip):
    assert slip in slips(word)
    assert word in slips(slip)


def test_no_empty_slip():
    assert "" not in slips("a")
    assert sorted(slips("")) == sorted("abcdefghijklmnopqrstuvwxyz0123456789")


def distance(left, right):
    """Return the restricted Damerau-Levenshtein distance, by the textbook."""
    rows = [[i + j if not i * j else 0 for j in range(len(right) + 1)] for i in range(len(left) + 1)]
    for i, j in itertools.product(range(1, len(left) + 1), range(1, len(right) + 1)):
        rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (left[i - 1] != right[j - 1]))
        if i > 1 and j > 1 and left[i - 2 : i] == right[j - 2 : j][::-1]:
            rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


def words(longest):
    return ["".join(w) for n in range(longest + 1) for w in itertools.product("ab0", repeat=n)]


def test_slips_are_all_there_is_at_distance_one():
    for word in words(3):
        expected = {other for other in words(4) if other and distance(word, other) == 1}
        assert {slip for slip in slips(word) if set(slip) <= set("ab0")} == expected


@given(st.text(st.sampled_from("abchnoê09"), max_size=8))
def test_slips_are_at_distance_one_each_once(word):
    found = list(slips(word))
    assert len(found) == len(set(found))
    assert {distance(word, slip) for slip in found} == {1}


# without keys


@pytest.mark.parametrize(
    ("typed", "bare"),
    [
        *(
            ("dduwowngf", "duong"),
            ("hieemr", "hiem"),
            ("hieem", "hiem"),
            ("hiee", "hie"),
            ("ddaf", "da"),
            ("was", "ua"),
        ),
        *(("d9u7o7ng2", "duong"), ("d9a2", "da"), ("na8ng4", "nang"), ("2024", "2024"), ("duong", "duong")),
        *(("wng", "ung"), ("", ""), ("bảo", "bảo"), ("8a", "8a")),
    ],
)
def test_a_word_without_the_keys_of_an_input_method(typed, bare):
    assert without_keys(typed) == bare


@given(st.sampled_from(PLAUSIBLE))
def test_every_syllable_typed_in_telex_or_vni_is_its_letters(syllable):
    bare = fold(syllable)
    assume("oo" not in bare)  # xoong is typed xooong in Telex; two letters are one key there
    assert without_keys(typed(syllable, TELEX)) == bare
    assert without_keys(typed(syllable, VNI)) == bare
