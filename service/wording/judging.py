"""The words of the pages on judging, in Vietnamese and in English. Knows nothing of judgements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.wording.newsroom import Tab


@dataclass(frozen=True)
class JudgingWords:
    """The words of the pages in one language; both fill in the same {names}.

    :param grades: The meaning of each grade, from 0.
    :param lists: The name of each list, by `judging.sittings.LISTS`.
    :param keys: The keyboard's keys, and what each does.
    :param whats: The subject of judging, by `judgements.JudgementKind`.
    """

    title: str
    intro: str
    query: str
    article: str
    begin: str
    judging_query: str
    judging_article: str
    how: str
    done: str
    undo: str
    grades: tuple[str, ...]
    no_lead: str
    help: str
    keys: tuple[tuple[str, str], ...]
    failed: str
    nothing: str
    measures: str
    measures_hint: str
    list: str
    before: str
    now: str
    share: str
    unjudged: str
    unlisted: str
    none: str
    all_judged: str
    look: str

    whats: Mapping[str, str]
    what: str
    lists: Mapping[str, str]
    empty: str
    judged: str
    judges: str
    last: str
    mean: str
    mean_here: str
    ndcg_note: str
    gone: str
    newer: str
    older: str
    take_away: str
    qrels: str
    queries: str
    everybody: str
    merging: str
    evaluate: str
    by_whom: str


VI = JudgingWords(
    title="Chấm điểm",
    intro="Chấm các bài mà những cách tìm khác nhau đưa lên, không biết bài nào của bên nào; điểm nói bên nào hay.",
    query="Câu tìm kiếm cần chấm",
    article="hoặc mã của một bài, để chấm các bài liên quan dưới bài ấy",
    begin="Bắt đầu chấm",
    judging_query="Chấm: {query}",
    judging_article="Chấm bài liên quan của: {query}",
    how="Bài nào trả lời đúng điều người tìm muốn? Các bài được xáo trộn, để không lộ danh sách nào đưa lên.",
    done="Đã chấm {done} trên {all} bài",
    undo="Bỏ lần chấm cuối",
    grades=("Không liên quan", "Liên quan ít", "Liên quan", "Đúng ý"),
    no_lead="Bài không có lời dẫn.",
    help="Phím tắt",
    keys=(
        ("0 1 2 3", "chấm bài đang chọn, rồi sang bài sau"),
        ("j ↓", "bài sau"),
        ("k ↑", "bài trước"),
        ("u", "bỏ lần chấm cuối"),
        ("?", "mở hoặc đóng bảng này"),
    ),
    failed="Điểm chưa ghi được. Hãy tải lại trang; nếu phải đăng nhập lại, những điểm đã ghi vẫn còn.",
    nothing="Không danh sách nào có bài, nên không có gì để chấm.",
    measures="nDCG@10 của từng danh sách",
    measures_hint="Mở ra khi đang chấm thì dễ đoán bài nào của danh sách nào.",
    list="Danh sách",
    before="Trước khi chấm",
    now="Bây giờ",
    share="Đã chấm trong 10 bài đầu",
    unjudged="Bài chưa chấm tính là 0. nDCG@10 từ 0 đến 1, cao hơn là tốt hơn.",
    unlisted="{count} bài đã chấm trước đây mà bây giờ không danh sách nào đưa lên; chúng vẫn được tính.",
    none="chưa biết",
    all_judged="Đã chấm hết. Xem bảng điểm bên dưới, hoặc chấm câu khác.",
    look="Xem truy vấn này",
    whats={"search": "Tìm kiếm", "related": "Bài liên quan"},
    what="Chấm cho",
    lists={
        "dense": "Theo nghĩa",
        "lexical": "Theo từ",
        "hybrid": "Gộp cả hai",
        "similarity": "Đo thuần",
        "relevance": "Như bạn đọc thấy",
    },
    empty="Chưa có gì được chấm.",
    judged="Số bài đã chấm",
    judges="Người chấm",
    last="Lần cuối",
    mean="Trung bình của {count} câu có bài liên quan",
    mean_here="Trung bình của {count} câu có bài liên quan trên trang này",
    ndcg_note="nDCG@10, đo bây giờ; bài chưa chấm tính là 0.",
    gone="bài không còn",
    newer="Mới hơn",
    older="Cũ hơn",
    take_away="Tải về",
    qrels="Điểm (qrels, TSV)",
    queries="Câu hỏi (JSON Lines)",
    everybody="Điểm của từng người (JSON Lines)",
    merging=(
        "Điểm của mỗi người được giữ riêng. Khi gộp, mỗi bài lấy điểm được nhiều người cho nhất; nếu ngang nhau, "
        "lấy điểm cho sau cùng."
    ),
    evaluate="Đo lại bằng dòng lệnh:",
    by_whom="Mỗi người đã chấm",
)

EN = JudgingWords(
    title="Judging",
    intro="Judge what different ways of searching bring, without knowing which; the grades say which of them is good.",
    query="Query to judge",
    article="or the id of an article, to judge what is related to it",
    begin="Begin",
    judging_query="Judge: {query}",
    judging_article="Judge what is related to: {query}",
    how="Which articles answer what the reader wanted? They are shuffled, so that no list gives itself away.",
    done="{done} of {all} articles judged",
    undo="Take the last one back",
    grades=("Not relevant", "A little", "Relevant", "Just that"),
    no_lead="The article has no lead.",
    help="Keys",
    keys=(
        ("0 1 2 3", "judge the article at hand and go on to the next"),
        ("j ↓", "next article"),
        ("k ↑", "previous article"),
        ("u", "take the last judgement back"),
        ("?", "open or close this list"),
    ),
    failed="The grade could not be saved. Load the page again; what was saved is kept, even if you have to sign in.",
    nothing="No list has an article, so there is nothing to judge.",
    measures="nDCG@10 of each list",
    measures_hint="Open while judging, it may tell which list an article is of.",
    list="List",
    before="Before",
    now="Now",
    share="Judged of the first 10",
    unjudged="What is not judged counts as 0. nDCG@10 is 0 to 1; higher is better.",
    unlisted="{count} articles that were judged before, and that no list brings now, still count.",
    none="not known",
    all_judged="All are judged. See the figures below, or judge another query.",
    look="Look into this query",
    whats={"search": "Search", "related": "Related articles"},
    what="Judged",
    lists={
        "dense": "By meaning",
        "lexical": "By words",
        "hybrid": "Both fused",
        "similarity": "As measured",
        "relevance": "As readers see it",
    },
    empty="Nothing has been judged yet.",
    judged="Articles judged",
    judges="By",
    last="Last",
    mean="Mean of the {count} queries with a relevant article",
    mean_here="Mean of the {count} queries of this page with a relevant article",
    ndcg_note="nDCG@10, measured now; what is not judged counts as 0.",
    gone="article is gone",
    newer="Newer",
    older="Older",
    take_away="Download",
    qrels="Grades (qrels, TSV)",
    queries="Queries (JSON Lines)",
    everybody="Everybody's grades (JSON Lines)",
    merging=(
        "Everybody's grades are kept apart. Merged, an article has the grade that most people gave it; of those given "
        "equally often, the latest."
    ),
    evaluate="Measured on the command line:",
    by_whom="How much each has judged",
)

WORDS: Mapping[str, JudgingWords] = {"vi": VI, "en": EN}

TABS: Mapping[str, tuple[Tab, ...]] = {
    "vi": (
        Tab(
            "pages.query",
            "Truy vấn",
            "Một câu tìm kiếm được hiểu thế nào, và nghĩa, từ, cả hai gộp lại mỗi bên tìm ra gì.",
        ),
        Tab(
            "pages.judged",
            "Chấm điểm",
            "Chấm các bài tìm được bằng một phím, và xem mỗi cách tìm tốt đến đâu theo điểm đã chấm.",
        ),
    ),
    "en": (
        Tab("pages.query", "Query", "How a query is understood, and what meaning, words and both together find."),
        Tab("pages.judged", "Judging", "Judge what is found with one key, and see how good each way of finding is."),
    ),
}
"""Its links in the newsroom's menu."""
