"""Finds where a title ends and its lead begins, if a page has both on one line without a separator.

Owns the evidence for that place, and the definition of a sentence. Knows nothing of pages, files or articles.

A quotation or parenthesis belongs to one side as a whole. Outside of these, the title ends

1. where a title known from elsewhere on the page ends, which needs no guess;
2. between a closing quotation mark and an opening one: within a sentence, a comma or a word stands between quotations;
3. at the first end of a sentence (.?!… before a capital, four words or more before it): no title goes on past one.
   Abbreviations and initials do not end sentences. But a title seldom ends in a full stop: the first of a line is
   mostly the lead's. So the rules below look before that place first, and it is taken where they find nothing; a
   question or exclamation mark, which does end titles, yields to rule 4 only;
4. before the first word, four or more words in, that opens sentences and stands in lower case within one: after a word
   in lower case or a number its capital is a new beginning. After a name only openers that are never part of one count,
   and only before a word in lower case, since names and titles in capitals run on;
5. at the only capital between two words in lower case that begins no common name ("Công đoàn", "Ủy ban"): common nouns
   have no capital within a sentence. Of two such places neither is sure;
6. nowhere: a whole line as title can be searched, a title cut at a guess misleads.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from indexer.text import folding

_MIN_TITLE_WORDS = 4

_CLOSERS = '”"»)]'
_OPENERS = '“"«(['
_SENTENCE_END = re.compile(rf"[.?!…][{re.escape(_CLOSERS)}]*$")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_ABBREVIATIONS = _words("tp tx tt q p ts ths pgs gs bs ks ls cn nsnd nsưt đ đ/c st mr mrs ms dr vs")
_NEVER_IN_NAMES = _words(
    "Những Các Trong Theo Nhiều Với Khi Tại Nhằm Đây Đó Dù Vì Hơn Gần Trước Sau Để Nếu Nhờ Ngoài Trên Dưới Giữa Thay "
    "Mỗi Mọi Hầu Kể Liệu Mặc Nhưng Ở"
)
_SOMETIMES_IN_NAMES = _words(
    "Một Từ Do Không Được Bên Qua Đến Hiện Vừa Bằng Cùng Tuy Đang Đã Có Anh Chị Ông Bà Cô Thầy"
)
_TIMES = _words("Ngày Sáng Trưa Chiều Tối Đêm Tháng Năm Thời Mới")
_AFTER_TIMES = _words("nay qua ngày mai sớm hôm đầu cuối gian điểm đây")
_NAMES = re.compile(
    "Bằng (?:khen|Tổ|Lao|lái|tốt)|Không quân|Do Thái|Từ (?:Liêm|Sơn)|Tuy (?:Hòa|Hoà|An|Phước|Phong|Đức)"
    "|Anh (?:quốc|ngữ)|Ông (?:Công|Táo)|Bà (?:Rịa|Nà|Đen|Triệu|Trưng)|Cô Tô"
)
_NEVER_LAST = _words(
    "của và với cho từ tại ở trong theo như hoặc là do bởi vì để khi nếu thì mà các những mỗi mọi nhưng giữa rằng sẽ "
    "nhằm gồm"
)
_BEFORE_NAMES = _words(
    "ông bà anh chị em cô chú bác thầy cụ cậu dì chí cháu bé tên lớp số mùng tập phường huyện quận xã thôn ấp đường "
    "cầu sông chợ làng báo niệm mừng ứng tặng trao nhận nước tiếng người hoàng"
)
_NAME_HEADS = _words(
    "an bằng ban báo bệnh bí bộ cảng câu chánh chi chỉ chính chủ chương công cụm cục cửa cúp dự đài đại đảng đoàn đội "
    "đồng giải giám giáo giấy hạt hiến hiệp hiệu học hội hợp huân huy huyện khoa khối khu kế kho lễ liên luật mặt nghị "
    "ngân ngày nhà nhân pháp phó phòng phong quân quận quốc quy quyết quỹ sân sở tạp tập tết thành thanh thiếu thông "
    "thủ thứ thường thượng tỉnh tòa toà tổ tổng trạm trung trưởng trường tướng tuần tháng ủy uỷ văn viện vụ xã xí xuân "
    "đề điều đường phân năm"
)


@dataclass(frozen=True)
class Split:
    """A line divided.

    :param title: Never empty for a line that is not.
    :param lead: None if the line is a title as a whole, or nothing shows where the title ends.
    :param sure: Whether the evidence is of a kind that a caption of one or two sentences never has.
    """

    title: str
    lead: str | None = None
    sure: bool = False


def split(line: str, titles: Collection[str] = ()) -> Split:
    """Divide a line into title and lead by the rules above.

    :param line: Clean text (`text.clean`) of one line.
    :param titles: Titles known from elsewhere, folded (`text.fold`).
    """
    words = line.split(" ")
    closed = _closed(words)
    cut, sure = _known_title(words, titles), True
    if not cut:
        cut = _between_quotations(words, closed)
    if not cut:
        cut, sure = _by_sentence(words, closed)
    if not cut:
        return Split(line)
    return Split(" ".join(words[:cut]), " ".join(words[cut:]) or None, sure)


def is_one_sentence(line: str) -> bool:
    """Return whether no sentence ends before the line does."""
    words = line.split(" ")
    return not any(_ends_sentence(words, i) for i in range(1, len(words)))


def _closed(words: Sequence[str]) -> list[bool]:
    """Return for each word whether no quotation or parenthesis is open after it."""
    closed = []
    quoted, depth = False, 0
    for word in words:
        begun = False
        for char in word:
            if char == '"':
                # A straight quotation mark before a word opens, unless it stands alone and closes an open quotation.
                quoted = not begun and not quoted
            elif char in "“«”»":
                quoted = char in "“«"
            elif char in "([":
                depth += 1
            elif char in ")]":
                depth = max(0, depth - 1)
            else:
                begun = True
        closed.append(not quoted and not depth)
    return closed


def _known_title(words: Sequence[str], titles: Collection[str]) -> int:
    """Return the number of words of the longest known title that starts the line, 0 for none."""
    for count in sorted({len(title.split(" ")) for title in titles}, reverse=True):
        goes_on = count < len(words) and _first_character(words[count]).islower()
        if count <= len(words) and not goes_on and folding.fold(" ".join(words[:count])) in titles:
            return count
    return 0


def _between_quotations(words: Sequence[str], closed: Sequence[bool]) -> int:
    for i in range(1, len(words)):
        if closed[i - 1] and words[i - 1][-1:] in {"”", '"', "»"} and words[i][:1] in {"“", '"', "«"}:
            return i
    return 0


def _by_sentence(words: Sequence[str], closed: Sequence[bool]) -> tuple[int, bool]:
    """Return the number of words of the title by rules 3 to 5, 0 for no evidence, and whether it is sure."""
    places = [i for i in range(1, len(words)) if closed[i - 1]]
    end = next((i for i in places if i >= _MIN_TITLE_WORDS and _ends_sentence(words, i)), 0)
    within = [i for i in places if i < (end or len(words))]
    opener = next((i for i in within if i >= _MIN_TITLE_WORDS and _opens_sentence(words, i)), 0)
    if opener:
        return opener, True
    if end and words[end - 1].rstrip(_CLOSERS)[-1:] in {"?", "!"}:
        return end, True
    capitals = [i for i in within if _is_lone_capital(words, i)]
    if len(capitals) == 1 and capitals[0] >= _MIN_TITLE_WORDS:
        return capitals[0], False
    return end, False


def _ends_sentence(words: Sequence[str], i: int) -> bool:
    """Return whether a sentence ends before word i."""
    before = words[i - 1]
    if not _SENTENCE_END.search(before[-8:]) or not _first_character(words[i]).isupper():
        return False
    stem = before.rstrip(_CLOSERS)
    if not stem.endswith(".") or stem.endswith(".."):
        return True
    last = stem[:-1].rsplit(".", 1)[-1].lstrip(_OPENERS)
    return last.lower() not in _ABBREVIATIONS and not (len(last) == 1 and last.isupper())


def _opens_sentence(words: Sequence[str], i: int) -> bool:
    """Return whether word i begins a sentence by rule 4."""
    word, after = words[i], words[i + 1] if i + 1 < len(words) else ""
    before = _last_word(words[i - 1])
    if not after or not before or before.lower() in _NEVER_LAST or _NAMES.match(f"{word} {after}"):
        return False
    runs_on = not _starts_lower(before)
    if word in _NEVER_IN_NAMES:
        return not runs_on or _starts_lower(after)
    if runs_on or before in _BEFORE_NAMES:
        return False
    return word in _SOMETIMES_IN_NAMES or (word in _TIMES and (after[0].isdigit() or after.rstrip(",") in _AFTER_TIMES))


def _is_lone_capital(words: Sequence[str], i: int) -> bool:
    """Return whether word i is a capitalised word between two in lower case, and begins no common name."""
    word, after = words[i], words[i + 1] if i + 1 < len(words) else ""
    before = _last_word(words[i - 1])
    return (
        word.isalpha()
        and word.istitle()
        and word.lower() not in _NAME_HEADS
        and after[:1].islower()
        and _starts_lower(before)
        and before not in _NEVER_LAST
        and before not in _BEFORE_NAMES
    )


def _last_word(word: str) -> str:
    """Return the word without quotation marks and parentheses, empty if punctuation follows it."""
    bare = word.rstrip(_CLOSERS).lstrip(_OPENERS)
    return bare if bare[-1:].isalnum() or bare[-1:] == "%" else ""


def _starts_lower(word: str) -> bool:
    """Return whether a word is in lower case or a number."""
    return word[:1].islower() or word[:1].isdigit()


def _first_character(word: str) -> str:
    return word.lstrip(_OPENERS)[:1]
