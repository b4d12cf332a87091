"""Vietnamese syllables that are confused in writing: by regional speech, by spelling, by missing marks.

Owns the structure of a syllable (onset, rhyme, tone) and the tables of confusions. Pure functions that only propose.
They know no archive and no vocabulary, so the caller must check each proposal.

The tables follow Đoàn Thiện Thuật, *Ngữ âm tiếng Việt* (1977), and Hoàng Thị Châu, *Phương ngữ học tiếng Việt* (2004):
northern l/n, ch/tr, s/x and d/gi/r, ưu/iu; central hỏi, ngã and nặng; southern hỏi/ngã, d/v, finals n/ng, t/c, n/nh
and t/ch, and the mergers of vowels before them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

from service.query.typing_slips import SPELLINGS, TONES, toned

USUAL, SELDOM, RARE = 3.0, 4.5, 6.5
"""The cost of a confusion: minus the log of its estimated rate among the syllables that allow it."""

SAME = 0.5
"""The cost of another spelling of the same sounds: a tone on the wrong letter, ng for ngh."""

_KEPT = 1 << 12
_SAC, _HUYEN, _HOI, _NGA, _NANG = TONES.values()
_MARKS = re.compile(f"[{''.join(TONES.values())}]")


class Confusion(NamedTuple):
    """A syllable that may have been meant by another one.

    :param cost: The cost of the mistake, above 0; a lower cost is likelier.
    """

    syllable: str
    cost: float


class SyllableParts(NamedTuple):
    """The sounds of a syllable. The onset is spelt as before a; a tone is a combining mark, or nothing."""

    onset: str
    rhyme: str
    tone: str


_ONSETS = {
    **{spelling: spelling for onsets, _ in SPELLINGS for spelling in onsets},
    **{"k": "c", "qu": "c", "gh": "g", "ngh": "ng"},
}
"""Spelling of an onset -> the onset."""
_OF_ONSET: dict[str, list[str]] = defaultdict(list)
for _spelling, _onset in _ONSETS.items():
    _OF_ONSET[_onset].append(_spelling)
_LONGEST_FIRST = sorted(_ONSETS, key=len, reverse=True)

_AFTER_Q = {"a": "oa", "ă": "oă", "e": "oe", "â": "uâ", "ê": "uê", "ơ": "uơ", "y": "uy", "i": "uy", "ô": "uô"}
"""How a rhyme that follows qu begins elsewhere: quan has the sounds of c and oan."""
_RHYMES = frozenset(
    {rhyme for onsets, rhymes in SPELLINGS for rhyme in rhymes if onsets != ["qu"]}
    | {_AFTER_Q[rhyme[0]] + rhyme[1:] for onsets, rhymes in SPELLINGS for rhyme in rhymes if onsets == ["qu"]}
)


def parts_of(syllable: str) -> SyllableParts | None:
    """Return the sounds of a lower-case syllable, even with a misspelt tone or onset; None if it is not one."""
    decomposed = unicodedata.normalize("NFD", syllable)
    tones = "".join(_MARKS.findall(decomposed))
    plain = unicodedata.normalize("NFC", _MARKS.sub("", decomposed))
    if len(tones) > 1:
        return None
    for spelling in _LONGEST_FIRST:
        if plain.startswith(spelling):
            rhyme = _rhyme_after(spelling, plain[len(spelling) :])
            if rhyme in _RHYMES:
                return SyllableParts(_ONSETS[spelling], rhyme, tones)
    return None


def _rhyme_after(spelling: str, rest: str) -> str:
    """Return the rhyme of the letters after an onset, in its spelling after other onsets."""
    if spelling == "qu":
        return _AFTER_Q.get(rest[:1], "") + rest[1:]
    if spelling == "gi" and (not rest or rest[0] not in "aăâeoôơuư"):
        return "i" + rest  # gì, gìn, giếng
    if rest.startswith("yê") or rest == "y":
        return "i" + rest[1:]
    return rest


def _spelt(parts: SyllableParts) -> Iterator[str]:
    """Yield every valid spelling of these sounds: ki and ky, but not ci."""
    rhymes = [parts.rhyme]
    if parts.rhyme[0] == "i" and (parts.rhyme == "i" or parts.rhyme.startswith("iê")):
        rhymes.append("y" + parts.rhyme[1:])
    for spelling in _OF_ONSET[parts.onset]:
        for rhyme in rhymes:
            for rest in _written_after(spelling, rhyme):
                syllable = toned(spelling + rest, parts.tone)
                if syllable is not None:
                    yield syllable


def _written_after(spelling: str, rhyme: str) -> Iterable[str]:
    if spelling == "qu":
        return [first + rhyme[2:] for first, glided in _AFTER_Q.items() if rhyme.startswith(glided)]
    if spelling == "gi" and rhyme[0] == "i":
        return [rhyme[1:]]
    return [rhyme]


Table = dict[str, dict[str, float]]


def _both_ways(*rows: tuple[float, str]) -> Table:
    """Return the confusions in rows of a cost and groups; all members of a group are confused: s/x ch/tr."""
    table: Table = defaultdict(dict)
    for cost, groups in rows:
        for group in groups.split():
            for one, other in permutations(group.split("/"), 2):
                table[one].setdefault(other, cost)
    return table


_ONSET_TABLE = _both_ways(
    (USUAL, "s/x ch/tr d/gi/r l/n d/v gi/v đ/d"),
    (SELDOM, "g/gi r/g s/tr x/ch c/q r/l nh/d ng/h h/kh n/nh p/b"),
)
_TONE_TABLE: dict[str, dict[str, float]] = defaultdict(dict)
for _cost, _pair in (
    *((USUAL, pair) for pair in permutations((_HOI, _NGA))),
    *((SELDOM, pair) for pair in (*permutations((_NGA, _NANG)), *permutations((_NGA, _SAC)))),
    *((RARE, pair) for pair in permutations((_SAC, _HUYEN, _HOI, _NGA, _NANG, ""), 2)),
):
    _TONE_TABLE[_pair[0]].setdefault(_pair[1], _cost)

_CODA_TABLE = _both_ways((USUAL, "n/ng t/c"), (SELDOM, "n/nh t/ch p/t"), (RARE, "m/n m/ng p/c ng/nh c/ch"))
_FINAL = re.compile("(?:ng|nh|ch|[mnptc])$")

_NUCLEUS_TABLE = _both_ways(
    (USUAL, "ai/ay au/ao ay/ây iêu/êu iu/iêu ưu/iu ưu/ươu uôi/ui ưi/ươi ăm/âm ăp/âp iêm/im iêp/ip oi/ôi ơi/ôi"),
    (USUAL, "om/ôm/ơm op/ôp/ơp ăn/anh ăt/ach ăng/anh ăc/ach"),
    (SELDOM, "iê/i iê/ê uô/u uô/ô ươ/ư ươ/ơ ai/ây au/âu ao/âu ươu/iêu eo/êu oai/oay uôi/ôi ươi/ơi ia/i ua/uô ưa/ươ"),
    (SELDOM, "a/ă a/â ă/â e/ê o/ô o/ơ ô/ơ u/ư uo/uô uo/ươ ua/ưa an/anh at/ach ân/ên"),
    (RARE, "ư/ơ u/ô i/ê ă/e"),
)
"""Pieces of a rhyme: whole rhymes first, then nuclei."""
_GLIDES = (("oa", "a"), ("oă", "ă"), ("oe", "e"), ("uâ", "â"), ("uê", "ê"), ("uơ", "ơ"), ("uy", "i"), ("uyê", "iê"))


def _rhymes_like(rhyme: str) -> dict[str, float]:
    """Return the rhymes that are confused with one, each with its least cost."""
    found: dict[str, float] = {}
    for other, cost in (*_other_codas(rhyme), *_other_nuclei(rhyme), *_other_glides(rhyme)):
        if other in _RHYMES and other != rhyme:
            found[other] = min(cost, found.get(other, cost))
    return found


def _other_codas(rhyme: str) -> Iterator[tuple[str, float]]:
    coda = _FINAL.search(rhyme)
    if coda:
        for other, cost in _CODA_TABLE[coda.group()].items():
            yield rhyme[: coda.start()] + other, cost


def _other_nuclei(rhyme: str) -> Iterator[tuple[str, float]]:
    for piece, others in _NUCLEUS_TABLE.items():
        head, found, tail = rhyme.partition(piece)
        if found:
            for other, cost in others.items():
                yield head + other + tail, cost


def _other_glides(rhyme: str) -> Iterator[tuple[str, float]]:
    for glided, plain in _GLIDES:
        for one, other in ((glided, plain), (plain, glided)):
            if rhyme.startswith(one):
                yield other + rhyme[len(one) :], SELDOM


_RHYME_TABLE = {rhyme: _rhymes_like(rhyme) for rhyme in _RHYMES}


@lru_cache(maxsize=_KEPT)
def confusions(syllable: str) -> tuple[Confusion, ...]:
    """Return the syllables that may have been meant by a lower-case one, one step away, the likeliest first.

    A step is one confusion of onset, rhyme or tone. The spelling may be wrong in addition: ngề for nghề.
    """
    parts = parts_of(syllable)
    if parts is None:
        return ()
    onset, rhyme, tone = parts
    steps = [
        (parts, SAME),
        *((SyllableParts(other, rhyme, tone), cost) for other, cost in _ONSET_TABLE.get(onset, {}).items()),
        *((SyllableParts(onset, other, tone), cost) for other, cost in _RHYME_TABLE[rhyme].items()),
        *((SyllableParts(onset, rhyme, other), cost) for other, cost in _TONE_TABLE[tone].items()),
    ]
    found: dict[str, float] = {}
    for step, cost in steps:
        if step.onset in _OF_ONSET:
            for other in _spelt(step):
                if other != syllable:
                    found[other] = min(cost, found.get(other, cost))
    return tuple(Confusion(other, cost) for other, cost in sorted(found.items(), key=lambda one: (one[1], one[0])))
