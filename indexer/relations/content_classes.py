"""Texts that are kept apart unless asked for: sponsored ones, obituaries, and cases with a child in them.

Three sources say what a text is: its own words, looked at while indexing; the names of its section and tags, of which
some are usual; and a newsroom's file about these names, which comes before the usual meaning.

    # field, name and class with a tab between; `none` takes the usual meaning away
    section	Thương hiệu	sponsored
    tag	cáo phó	none

The words are read with caution: what is not plainly of a class has none. Owns the classes, the words, the file and
what the three sources come to. Knows nothing of ranking, nor of where the file lies.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from indexer.articles.article import shown
from indexer.articles.prepared import PreparedArticle
from indexer.files import arrays
from indexer.text.folding import clean, match_key
from indexer.text.markup import html_to_text
from indexer.text.syllables import plain

Classes = NDArray[np.int8]

CLASSES_FILE = "content_class.npy"


class ContentClass(IntEnum):
    """What a text is; where several are true the highest counts, the one that asks for most care."""

    NONE = 0
    SPONSORED = 1
    OBITUARY = 2
    MINOR = 3


# What texts say of themselves.

_BODY_END = 300
"""How many characters at the end of a body may say who paid for it."""

_PAID_NAME = "advertorial|adv|pr|thông tin doanh nghiệp|thông tin quảng cáo|nội dung tài trợ|bài viết tài trợ"
_PAID_TITLE = re.compile(
    rf"[\[(] ?(?:{_PAID_NAME}|quảng cáo|tài trợ|tqc|qc) ?[\])]|(?:{_PAID_NAME}) ?[:|]", re.IGNORECASE
)
_PAID_END = re.compile(
    rf"^[\[(*]? ?(?:{_PAID_NAME}|tqc) ?[\])*]?$"
    r"|(?:bài viết|nội dung)(?: này)?(?: được| do [^.\n]{1,60}?)? (?:tài trợ|thực hiện với sự tài trợ)"
    r"|(?:bài viết|nội dung|thông tin)(?: này)? do (?:doanh nghiệp|công ty|nhãn hàng|đối tác)[^.\n]{0,60} cung cấp",
    re.MULTILINE,
)

_NOTICE = re.compile(r"(?:tin buồn|cáo phó|lời cảm tạ|vô cùng thương tiếc)(?: ?[:.|–-]|$)")
_FUNERAL = re.compile(
    r"(?:lễ tang|tang lễ|lễ viếng|lễ truy điệu|lễ an táng)(?: cấp (?:nhà nước|cao))?"
    r" (?:đồng chí|ông|bà|cụ|nguyên|cố|cựu|gs|pgs|giáo sư|nhà|nghệ sĩ|nsnd|nsưt|đại tướng|thượng tướng|nhạc sĩ|ca sĩ)\b"
)
_DIED = re.compile(r" (?:từ trần|qua đời)(?:,? (?:ở|hưởng thọ|hưởng dương|thọ)(?: tuổi)? \d+(?: tuổi)?)?$")
_NOT_DIED = re.compile(
    r"[?|]|\b(?:sau|trước|khi|vụ|nghi|tin|vì|do|năm|ngày|nếu|từng|người|con|bé|cháu|học sinh|sinh viên|bệnh nhân"
    r"|du khách|nạn nhân|bố|mẹ|cha|chồng|vợ)\b"
)

_CHILD = (
    r"(?:bé (?:gái|trai|sơ sinh|\d+ (?:tháng )?tuổi)|cháu (?:bé|gái|trai)|em bé|trẻ (?:em|nhỏ|sơ sinh)|đứa trẻ"
    r"|thiếu niên|thiếu nữ|vị thành niên|chưa thành niên|(?:nữ|nam) sinh(?! viên)|(?<!du )học sinh"
    r"|người dưới 1[3-8] tuổi|(?<!kém )(?<!hơn )(?<!nhau )(?<!\d)(?:\d|1[0-7]) (?:tháng )?tuổi|con (?:ruột|đẻ|riêng))"
    r"(?! (?:1[89]|[2-9]\d) tuổi)(?!\w)"
)
_ABUSE = (
    r"(?:hiếp dâm|cưỡng hiếp|hãm hiếp|dâm ô|giao cấu|xâm hại|cưỡng bức|bạo hành|hành hạ|đánh hội đồng|đánh đập"
    r"|tự tử|tự sát|bắt cóc|bạo lực học đường|quấy rối tình dục|bị bỏ rơi)(?!\w)"
)
_VIOLENCE = (
    r"(?:đánh|đâm|chém|giết|sát hại|đoạt mạng|bóp cổ|siết cổ|tra tấn|trói|bán sang|mua bán|thiêu sống|cướp giật)(?!\w)"
)
_CRIME = (
    r"(?:đâm|chém|giết|sát hại|cướp(?: giật| tài sản)?|trộm(?: cắp)?|gây án|cầm đầu|ẩu đả|hỗn chiến|hành hung"
    r"|đánh nhau|ném đá|đua xe"
    r"|bị (?:bắt|khởi tố|tạm giữ|tạm giam|truy tố|kết án|kết tội))(?!\w)"
)
_NEAR = r"[^.!?;|\n]{0,60}?"
_CASES = tuple(
    re.compile(case)
    for case in (
        rf"(?<!\w){_CHILD}{_NEAR}\b{_ABUSE}",
        rf"(?<!\w){_ABUSE}{_NEAR}\b{_CHILD}",
        rf"(?<!\w){_CHILD}[^.!?;,:|\n]{{0,30}}? bị [^.!?;,:|\n]{{0,30}}?{_VIOLENCE}",
        rf"(?<!\w){_VIOLENCE}[^.!?;,:|\n]{{0,15}}? {_CHILD}",
        rf"(?<!\w){_CHILD}[^.!?;,:|\n]{{0,25}}? {_CRIME}",
    )
)
_GENERAL = re.compile(
    r"(?<!\w)(?:phòng(?:,)? (?:chống|ngừa|tránh)|ngăn (?:chặn|ngừa)|đề xuất|dự thảo|dự luật|luật sư tư vấn|hội thảo"
    r"|tọa đàm|kỹ năng|tập huấn|tuyên truyền|chiến dịch|bảo vệ trẻ em|mạng xã hội|nghị quyết|phim|vở kịch|tiểu thuyết"
    r"|đánh (?:bại|giá|dấu|thức|đổi|răng|mất|vần|bóng|cờ)|nguy cơ|vì sao|dấu hiệu|không kích|tên lửa|uav|ngộ độc"
    r"|tin đồn|bịa|thống kê|báo cáo của|triệu người|tỷ lệ|tỉ lệ|chó|mèo|rắn|bò tót)(?!\w)"
    r"|(?<!\w)(?:xe|ô ?tô|tàu)(?!\w)[^.!?]{0,40} (?:đâm|tông)(?!\w)|\d ?%"
)
"""Words of texts about children, or about violence, in general, of war, of games, of traffic."""


def of_text(title: str, lead: str | None, body_end: str = "") -> ContentClass:
    """Return what a text is by its own words.

    :param body_end: The last lines of the body as text, where who paid for it is said.
    """
    heading, opening = plain(title), plain(lead or "")
    if _is_case(heading, opening):
        return ContentClass.MINOR
    if _is_obituary(heading):
        return ContentClass.OBITUARY
    if _PAID_TITLE.match(heading) or _PAID_TITLE.match(opening) or _PAID_END.search(plain(body_end)):
        return ContentClass.SPONSORED
    return ContentClass.NONE


def _is_obituary(title: str) -> bool:
    if _NOTICE.match(title) or _FUNERAL.match(title):
        return True
    return bool(_DIED.search(title)) and not _NOT_DIED.search(title)


def _is_case(title: str, lead: str) -> bool:
    """Return whether a child is victim or suspect in what is told, not a subject of policy or advice."""
    if _GENERAL.search(title):
        return False
    return any(case.search(title) or (case.search(lead) and not _GENERAL.search(lead)) for case in _CASES)


class ClassWriter:
    """Gathers the classes of articles added in row order by their own words, a byte an article."""

    def __init__(self) -> None:
        self._classes = array("b")

    def add(self, prepared: PreparedArticle) -> None:
        """Add the article of the next row.

        Of a body in HTML the end of the markup is read. The end of the plain text reaches further back, so that it
        would give some articles another class.
        """
        article = prepared.article
        end = (article.body or "")[-_BODY_END:]
        if not end and article.body_html:
            end = html_to_text(article.body_html[-4 * _BODY_END :])[-_BODY_END:]
        self._classes.append(of_text(article.title, article.lead, end))

    def write(self, directory: Path) -> None:
        """Write the column."""
        arrays.save(directory / CLASSES_FILE, np.array(self._classes, dtype=np.int8))


def load(directory: Path) -> Classes:
    """Return what the texts of a segment are by their own words, (n,) int8, mapped."""
    classes: Classes = arrays.mapped(directory / CLASSES_FILE)
    return classes


# What sections and tags say.

_PAID = ("adv", "advertorial", "bài tài trợ", "bài viết tài trợ", "nội dung tài trợ", "pr", "sponsored")
_PAID_SECTIONS = ("quảng cáo", "rao vặt", "tài trợ", "thông tin doanh nghiệp", "thông tin quảng cáo", "tin tài trợ")
_MOURNING = ("cáo phó", "chia buồn", "lễ tang", "lời cảm tạ", "tang lễ", "tin buồn")
_CASE_TAGS = ("bạo hành trẻ em", "dâm ô trẻ em", "giao cấu với trẻ em", "hiếp dâm trẻ em", "xâm hại trẻ em")

USUAL: Mapping[tuple[str, str], ContentClass] = MappingProxyType(
    {
        **{(field, name): ContentClass.SPONSORED for field in ("section", "tag") for name in _PAID},
        **{("section", name): ContentClass.SPONSORED for name in _PAID_SECTIONS},
        **{(field, name): ContentClass.OBITUARY for field in ("section", "tag") for name in _MOURNING},
        **{(field, name): ContentClass.MINOR for field in ("section", "tag") for name in _CASE_TAGS},
    }
)
"""The class of (field, name in the form of `text.match_key`); a tag "quảng cáo" may be what an article is about."""

_FIELDS = ("section", "tag")
_COLUMNS = ("field", "value", "class")
_LINE_END = re.compile("\r\n?|\n")
_LONGEST_NAME = 200


@dataclass(frozen=True)
class ClassMap:
    """What a newsroom's file says of sections and tags.

    :param rules: The class of (field, name in the form of `text.match_key`), `NONE` to take the usual one away.
    :param problems: A sentence for each line that is left out.
    """

    rules: Mapping[tuple[str, str], ContentClass]
    problems: tuple[str, ...] = ()

    def of(self, field: str, name: str) -> ContentClass:
        """Return the class of a section or tag: the file's, else the usual one."""
        key = (field, match_key(name))
        return self.rules.get(key, USUAL.get(key, ContentClass.NONE))


NO_RULES = ClassMap(MappingProxyType({}))


def parse(text: str, name: str) -> ClassMap:
    """Return the rules of a file's text; a line that is not as expected becomes a problem and the others count.

    Blank lines, lines that start with # and a header of the columns' names do not count. Of two lines about one name
    the first counts.

    :param text: Bytes that are not UTF-8 stand in it as lone surrogates (`surrogateescape`).
    :param name: What the problems call the file.
    """
    rules: dict[tuple[str, str], ContentClass] = {}
    problems = []
    for number, line in _lines(text):
        try:
            key, given = _rule(line)
            if rules.setdefault(key, given) != given:
                raise ValueError(f"class: {shown(given.name.lower())}: expected one class for {shown(key[1])}")
        except ValueError as error:
            problems.append(f"{name}:{number}: {error}")
    return ClassMap(MappingProxyType(rules), tuple(problems))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that count, with their numbers from 1."""
    first = True
    for number, line in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not first or tuple(part.strip().lower() for part in line.split("\t")) != _COLUMNS:
            yield number, line
        first = False


def _rule(line: str) -> tuple[tuple[str, str], ContentClass]:
    """Return what a line says.

    :raises ValueError: naming the field, what was found and what was expected.
    """
    fields = [part.strip() for part in line.split("\t")]
    if len(fields) != len(_COLUMNS):
        raise ValueError(f"line: {shown(line)}: expected field, value and class with a tab between, not {len(fields)}")
    field, value, given = fields
    if field.lower() not in _FIELDS:
        raise ValueError(f"field: {shown(field)}: expected {' or '.join(_FIELDS)}")
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise ValueError(f"value: {shown(value)}: expected text in UTF-8")
    if not 1 <= len(match_key(clean(value))) <= _LONGEST_NAME:
        raise ValueError(f"value: {shown(value)}: expected a name of 1 to {_LONGEST_NAME} characters")
    if given.upper() not in ContentClass.__members__:
        names = ", ".join(name.lower() for name in ContentClass.__members__)
        raise ValueError(f"class: {shown(given)}: expected one of {names}")
    return (field.lower(), match_key(clean(value))), ContentClass[given.upper()]


def combined(
    by_text: Classes,
    sections: NDArray[np.integer],
    section_names: Sequence[str],
    tags: NDArray[np.integer],
    tag_ends: NDArray[np.integer],
    tag_names: Sequence[str],
    rules: ClassMap = NO_RULES,
) -> Classes:
    """Return what each article is by its text, section and tags together: the highest of what they say.

    :param by_text: (n,) int8.
    :param sections: (n,) codes into `section_names`, -1 for none.
    :param tags: (t,) codes into `tag_names`, row after row.
    :param tag_ends: (n,) where the tags of each row end.
    :return: (n,) int8.
    """
    of_section = np.array([*(rules.of("section", name) for name in section_names), 0], dtype=np.int8)
    of_tag = np.array([*(rules.of("tag", name) for name in tag_names), 0], dtype=np.int8)
    classes: Classes = np.maximum(by_text, of_section[sections])
    rows = np.searchsorted(tag_ends, np.arange(len(tags)), side="right")
    np.maximum.at(classes, rows, of_tag[tags])
    return classes
