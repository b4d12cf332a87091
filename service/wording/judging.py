"""The words of the pages on judging, and its links in the newsroom's menu. Knows nothing of judgements."""

from __future__ import annotations

from collections.abc import Mapping

from service.wording.newsroom import Tab, WordsWithTabs


class JudgingWords(WordsWithTabs):
    """The words of the pages on judging.

    :ivar tabs: Links in the newsroom's menu, with a sentence for its first page.
    :ivar grades: The meaning of each grade, from 0.
    :ivar keys: What each key does.
    :ivar whats: What was judged, by `judgements.JudgementKind`.
    :ivar lists: The name of each list, by `judging.sittings.LISTS`.
    """

    tabs: Mapping[str, Tab] = {
        "pages.query": Tab(
            "Truy vấn", "Một câu tìm kiếm được hiểu thế nào, và nghĩa, từ, cả hai gộp lại mỗi bên tìm ra gì."
        ),
        "pages.judged": Tab(
            "Chấm điểm", "Chấm các bài tìm được bằng một phím, và xem mỗi cách tìm tốt đến đâu theo điểm đã chấm."
        ),
    }
    title = "Chấm điểm"
    intro = "Chấm các bài mà những cách tìm khác nhau đưa lên, không biết bài nào của bên nào; điểm nói bên nào hay."
    query = "Câu tìm kiếm cần chấm"
    article = "hoặc mã của một bài, để chấm các bài liên quan dưới bài ấy"
    begin = "Bắt đầu chấm"
    judging_query = "Chấm: {query}"
    judging_article = "Chấm bài liên quan của: {query}"
    how = "Bài nào trả lời đúng điều người tìm muốn? Các bài được xáo trộn, để không lộ danh sách nào đưa lên."
    done = "Đã chấm {done} trên {all} bài"
    undo = "Bỏ lần chấm cuối"
    grades: tuple[str, ...] = ("Không liên quan", "Liên quan ít", "Liên quan", "Đúng ý")
    no_lead = "Bài không có lời dẫn."
    help = "Phím tắt"
    keys: Mapping[str, str] = {
        "0 1 2 3": "chấm bài đang chọn, rồi sang bài sau",
        "j ↓": "bài sau",
        "k ↑": "bài trước",
        "u": "bỏ lần chấm cuối",
        "?": "mở hoặc đóng bảng này",
    }
    failed = "Điểm chưa ghi được. Hãy tải lại trang; nếu phải đăng nhập lại, những điểm đã ghi vẫn còn."
    nothing = "Không danh sách nào có bài, nên không có gì để chấm."
    measures = "nDCG@10 của từng danh sách"
    measures_hint = "Mở ra khi đang chấm thì dễ đoán bài nào của danh sách nào."
    list = "Danh sách"
    before = "Trước khi chấm"
    now = "Bây giờ"
    share = "Đã chấm trong 10 bài đầu"
    unjudged = "Bài chưa chấm tính là 0. nDCG@10 từ 0 đến 1, cao hơn là tốt hơn."
    unlisted = "{count} bài đã chấm trước đây mà bây giờ không danh sách nào đưa lên; chúng vẫn được tính."
    none = "chưa biết"
    all_judged = "Đã chấm hết. Xem bảng điểm bên dưới, hoặc chấm câu khác."
    look = "Xem truy vấn này"

    whats: Mapping[str, str] = {"search": "Tìm kiếm", "related": "Bài liên quan"}
    what = "Chấm cho"
    lists: Mapping[str, str] = {
        "dense": "Theo nghĩa",
        "lexical": "Theo từ",
        "hybrid": "Gộp cả hai",
        "similarity": "Đo thuần",
        "relevance": "Như bạn đọc thấy",
    }
    empty = "Chưa có gì được chấm."
    judged = "Số bài đã chấm"
    judges = "Người chấm"
    last = "Lần cuối"
    mean = "Trung bình của {count} câu có bài liên quan"
    mean_here = "Trung bình của {count} câu có bài liên quan trên trang này"
    ndcg_note = "nDCG@10, đo bây giờ; bài chưa chấm tính là 0."
    gone = "bài không còn"
    newer = "Mới hơn"
    older = "Cũ hơn"
    take_away = "Tải về"
    qrels = "Điểm (qrels, TSV)"
    queries = "Câu hỏi (JSON Lines)"
    everybody = "Điểm của từng người (JSON Lines)"
    merging = (
        "Điểm của mỗi người được giữ riêng. Khi gộp, mỗi bài lấy điểm được nhiều người cho nhất; nếu ngang nhau, "
        "lấy điểm cho sau cùng."
    )
    evaluate = "Đo lại bằng dòng lệnh:"
    by_whom = "Mỗi người đã chấm"
