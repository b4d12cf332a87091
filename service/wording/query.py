"""The words of the page on one query. Knows nothing of what is found, or how."""

from __future__ import annotations

from collections.abc import Mapping

from service.wording.catalogue import Words


class QueryWords(Words):
    """The words of the page that shows how a query is understood and what each way of searching finds.

    :ivar rankings: The possible orders of the lists, `schemas.Ranking`.
    :ivar kinds: How a word was read otherwise than typed, by `readings.ReadingKind`.
    :ivar expansions: Why something else is looked for as well, by `query.understanding.Expansion.kind`.
    :ivar lists: The names of the lists, by `side_by_side.Mode`.
    :ivar lists_short: The same in one word.
    :ivar explained: An explanation of each list.
    :ivar lifted: On a hit that leads the list because the query is its title, or a phrase in it.
    :ivar second: The score of the model that orders the first hits again.
    :ivar only: On a hit that only dense or only lexical search found.
    """

    title = "Truy vấn"
    intro = "Một câu tìm kiếm được hiểu thế nào, và nghĩa, từ, cả hai gộp lại mỗi bên tìm ra những bài nào."
    query = "Câu tìm kiếm"
    show = "Xem"
    ranking = "Thứ tự"
    rankings: Mapping[str, str] = {
        "relevance": "như bạn đọc thấy",
        "similarity": "đo thuần: không ngưỡng, không gộp bài trùng",
    }
    count = "Số bài mỗi bên"
    literal = "đúng từng chữ, không sửa, không mở rộng"

    understood = "Được hiểu là"
    words = "Từng chữ của câu"
    typed = "Đã gõ"
    read = "Hiểu là"
    done = "Đã làm gì"
    articles = "Số bài có chữ này"
    kinds: Mapping[str, str] = {
        "spelling": "cách viết khác của cùng một chữ",
        "diacritics": "thêm dấu",
        "telex": "phím Telex",
        "vni": "phím VNI",
        "slip": "sửa lỗi gõ",
        "misspelt": "sửa chính tả, tìm cả hai",
    }
    unknown = "kho bài không có chữ này"
    expansions: Mapping[str, str] = {
        "abbreviation": "viết tắt",
        "renamed": "tên cũ, tên mới",
        "synonym": "từ đồng nghĩa của tòa soạn",
        "thesaurus": "cách gọi khác",
        "translation": "từ tiếng Anh",
    }
    also = "Cũng tìm"
    excluded = "Loại trừ"
    phrases = "Cụm trong ngoặc kép"
    numbers = "Số hiệu văn bản"
    encoded = "Câu đưa vào mô hình nghĩa"
    bare = "Gõ không dấu."
    foreign = "Không phải tiếng Việt: từ chỉ tính tên riêng, con số và những từ tiếng Anh biết nghĩa."
    short = "Câu ngắn, gọi tên một chủ đề: từ nặng hơn nghĩa, và nghĩa chung của các bài đầu cũng được tính."
    long = "Câu dài: nghĩa nặng hơn từ."
    as_typed = "Hiểu đúng như đã gõ."

    side_by_side = "Ba danh sách"
    lists: Mapping[str, str] = {"dense": "Theo nghĩa", "lexical": "Theo từ", "hybrid": "Gộp cả hai"}
    lists_short: Mapping[str, str] = {"dense": "Nghĩa", "lexical": "Từ", "hybrid": "Gộp"}
    explained: Mapping[str, str] = {
        "dense": "Mô hình ngôn ngữ so nghĩa của câu với nghĩa của bài.",
        "lexical": "Những chữ của câu và những gì thay được cho chúng (BM25).",
        "hybrid": "Danh sách mà bạn đọc nhận được.",
    }
    nothing = "Không có bài nào đủ liên quan."
    no_list = "Mô hình nghĩa chưa trả lời, nên không có danh sách này."
    score = "Điểm"
    lifted = "đúng tít hoặc đúng cụm: lên đầu"
    relevance = "liên quan"
    cosine = "cosin"
    bm25 = "BM25"
    second = "xếp lại"
    rank_of = "{list}: hạng {rank}"
    beyond = "{list}: ngoài {depth} bài đầu"
    only: Mapping[str, str] = {"dense": "chỉ nghĩa tìm ra", "lexical": "chỉ từ tìm ra"}
    judge = "Chấm điểm các bài này"
    for_readers = "Xem như bạn đọc"
