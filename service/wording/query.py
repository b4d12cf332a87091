"""The words of the page on one query, in Vietnamese and in English. Knows nothing of what is found, or how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class QueryWords:
    """The words of the page in one language; both fill in the same {names}.

    :param kinds: The name of each `readings.ReadingKind`; none for a word taken as typed.
    :param expansions: The name of each kind of alternative, by `query.understanding.Expansion.kind`.
    :param lists: The names of the lists, by `side_by_side.Mode`.
    :param lists_short: The same in one word.
    :param explained: An explanation of each list.
    :param only: The note on a hit that only dense or only lexical search found.
    :param rankings: The possible orders of the lists, `schemas.Ranking`.
    """

    title: str
    intro: str
    query: str
    show: str
    ranking: str
    rankings: Mapping[str, str]
    count: str
    literal: str

    understood: str
    words: str
    typed: str
    read: str
    done: str
    articles: str
    kinds: Mapping[str, str]
    unknown: str
    expansions: Mapping[str, str]
    also: str
    excluded: str
    phrases: str
    numbers: str
    encoded: str
    bare: str
    foreign: str
    short: str
    long: str
    as_typed: str

    side_by_side: str
    lists: Mapping[str, str]
    lists_short: Mapping[str, str]
    explained: Mapping[str, str]
    nothing: str
    no_list: str
    score: str
    lifted: str
    relevance: str
    cosine: str
    bm25: str
    second: str
    rank_of: str
    beyond: str
    only: Mapping[str, str]
    judge: str
    for_readers: str


VI = QueryWords(
    title="Truy vấn",
    intro="Một câu tìm kiếm được hiểu thế nào, và nghĩa, từ, cả hai gộp lại mỗi bên tìm ra những bài nào.",
    query="Câu tìm kiếm",
    show="Xem",
    ranking="Thứ tự",
    rankings={
        "relevance": "như bạn đọc thấy",
        "similarity": "đo thuần: không ngưỡng, không gộp bài trùng",
    },
    count="Số bài mỗi bên",
    literal="đúng từng chữ, không sửa, không mở rộng",
    understood="Được hiểu là",
    words="Từng chữ của câu",
    typed="Đã gõ",
    read="Hiểu là",
    done="Đã làm gì",
    articles="Số bài có chữ này",
    kinds={
        "spelling": "cách viết khác của cùng một chữ",
        "diacritics": "thêm dấu",
        "telex": "phím Telex",
        "vni": "phím VNI",
        "slip": "sửa lỗi gõ",
        "misspelt": "sửa chính tả, tìm cả hai",
    },
    unknown="kho bài không có chữ này",
    expansions={
        "abbreviation": "viết tắt",
        "renamed": "tên cũ, tên mới",
        "synonym": "từ đồng nghĩa của tòa soạn",
        "thesaurus": "cách gọi khác",
        "translation": "từ tiếng Anh",
    },
    also="Cũng tìm",
    excluded="Loại trừ",
    phrases="Cụm trong ngoặc kép",
    numbers="Số hiệu văn bản",
    encoded="Câu đưa vào mô hình nghĩa",
    bare="Gõ không dấu.",
    foreign="Không phải tiếng Việt: từ chỉ tính tên riêng, con số và những từ tiếng Anh biết nghĩa.",
    short="Câu ngắn, gọi tên một chủ đề: từ nặng hơn nghĩa, và nghĩa chung của các bài đầu cũng được tính.",
    long="Câu dài: nghĩa nặng hơn từ.",
    as_typed="Hiểu đúng như đã gõ.",
    side_by_side="Ba danh sách",
    lists={"dense": "Theo nghĩa", "lexical": "Theo từ", "hybrid": "Gộp cả hai"},
    lists_short={"dense": "Nghĩa", "lexical": "Từ", "hybrid": "Gộp"},
    explained={
        "dense": "Mô hình ngôn ngữ so nghĩa của câu với nghĩa của bài.",
        "lexical": "Những chữ của câu và những gì thay được cho chúng (BM25).",
        "hybrid": "Danh sách mà bạn đọc nhận được.",
    },
    nothing="Không có bài nào đủ liên quan.",
    no_list="Mô hình nghĩa chưa trả lời, nên không có danh sách này.",
    score="Điểm",
    lifted="đúng tít hoặc đúng cụm: lên đầu",
    relevance="liên quan",
    cosine="cosin",
    bm25="BM25",
    second="xếp lại",
    rank_of="{list}: hạng {rank}",
    beyond="{list}: ngoài {depth} bài đầu",
    only={"dense": "chỉ nghĩa tìm ra", "lexical": "chỉ từ tìm ra"},
    judge="Chấm điểm các bài này",
    for_readers="Xem như bạn đọc",
)

EN = QueryWords(
    title="Query",
    intro="How a query is understood, and which articles meaning, words and both together find.",
    query="Query",
    show="Show",
    ranking="Order",
    rankings={
        "relevance": "as readers see it",
        "similarity": "as measured: no floor, no reprints collapsed",
    },
    count="Articles in each list",
    literal="letter by letter: nothing restored, nothing expanded",
    understood="Understood as",
    words="Word by word",
    typed="Typed",
    read="Taken for",
    done="What was done",
    articles="Articles with it",
    kinds={
        "spelling": "another spelling of the same word",
        "diacritics": "diacritics restored",
        "telex": "Telex keys",
        "vni": "VNI keys",
        "slip": "slip of the keys repaired",
        "misspelt": "misspelt: both looked for",
    },
    unknown="not in the archive",
    expansions={
        "abbreviation": "abbreviation",
        "renamed": "old and new name",
        "synonym": "the newsroom's synonym",
        "thesaurus": "another word for it",
        "translation": "English word",
    },
    also="Also looked for",
    excluded="Excluded",
    phrases="Quoted phrases",
    numbers="Numbers of documents",
    encoded="What the model of meaning gets",
    bare="Typed without diacritics.",
    foreign="Not Vietnamese: of its words only names, numbers and English words that are known count.",
    short="Short, it names a topic: words weigh more than meaning, and what the first articles share counts too.",
    long="Long: meaning weighs more than words.",
    as_typed="Taken as it was typed.",
    side_by_side="Three lists",
    lists={"dense": "By meaning", "lexical": "By words", "hybrid": "Both fused"},
    lists_short={"dense": "Meaning", "lexical": "Words", "hybrid": "Fused"},
    explained={
        "dense": "The language model holds the query's meaning against that of articles.",
        "lexical": "The query's words and what may stand in for them (BM25).",
        "hybrid": "The list that readers get.",
    },
    nothing="No article is relevant enough.",
    no_list="The model of meaning does not answer, so this list is not there.",
    score="Score",
    lifted="the very title or phrase: on top",
    relevance="relevance",
    cosine="cosine",
    bm25="BM25",
    second="reranked",
    rank_of="{list}: rank {rank}",
    beyond="{list}: not in the first {depth}",
    only={"dense": "found by meaning alone", "lexical": "found by words alone"},
    judge="Judge these articles",
    for_readers="As readers see it",
)

WORDS: Mapping[str, QueryWords] = {"vi": VI, "en": EN}
