"""The words of readers' pages and what all pages share, and how each language writes dates and numbers.

Owns these words. Knows nothing of Flask, of requests or of where on a page they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from babel.dates import format_date

from indexer.articles.article import VIETNAM
from service.wording.catalogue import LANGUAGES, SOURCE, Plural, Words

_HIGH, _MEDIUM = 0.5, 0.1
_DAYS_AGO = 7
"""The number of days from which a date is shown instead of the age."""


class ErrorText(NamedTuple):
    """What an error's page says: a heading, and a sentence that helps."""

    heading: str
    help: str


class Strings(Words):
    """The words of readers' pages and of the parts that all pages have.

    :ivar date_format: How a date is written, as a pattern of Unicode's CLDR: `d MMMM y` is 3 December 2026.
    :ivar percent: How a share in per cent is written.
    :ivar number_of_suggestions: Read out by screen readers.
    :ivar errors: What the page says at each HTTP status; 400 and 500 stand for the rest of their kind.
    :ivar busy: The same where there are more requests than can be answered.
    :ivar no_key: The same where the newsroom's pages cannot be opened yet.
    :ivar kinds: What each kind of suggestion is called, `suggest.SuggestionKind`.
    :ivar filters: What each filter is called.
    :ivar relaxed: What to say where something of a query was passed over.
    :ivar reasons: Why an article is related, by the code of `hits.Reason`.
    :ivar levels: What low, medium and high relevance are called.
    :ivar missing: Why a pin is not shown, `rules.applied.MissingReason`.
    :ivar numbers: What the numbers behind a hit are called, `hits.Numbers` and the score.
    """

    brand = "Liên Quan"
    tagline = "Tìm bài báo theo ý, không chỉ theo chữ"
    description = "Tìm kiếm theo nghĩa trong kho bài báo tiếng Việt và xem các bài liên quan."
    skip = "Tới nội dung chính"
    other_language = "English"
    languages = "Ngôn ngữ"
    dark = "Nền tối"
    footer = "Tìm kiếm theo nghĩa và bài liên quan cho báo chí Việt Nam."
    api_docs = "Tài liệu API"

    search_label = "Bạn muốn tìm bài về điều gì?"
    search_placeholder = "Từ khóa hoặc cả câu hỏi"
    search_button = "Tìm"
    suggestions = "Gợi ý"
    number_of_suggestions = Plural(("{number} gợi ý, dùng phím mũi tên để chọn.",))
    no_suggestions = "Không có gợi ý."
    kinds: Mapping[str, str] = {
        "title": "bài viết",
        "name": "tên riêng",
        "tag": "thẻ",
        "section": "chuyên mục",
        "abbreviation": "viết tắt",
    }
    live_failed = "Chưa tải được kết quả. Hãy nhấn nút Tìm để thử lại."
    date_format = "dd/MM/yyyy"
    date_and_time = "{date} {time}"
    percent = "{number}\N{NO-BREAK SPACE}%"
    today = "hôm nay, {time}"
    yesterday = "hôm qua, {time}"
    days_ago = "{number} ngày trước"
    number_of_articles = Plural(("{number} bài viết",))
    count = "Đang tìm trong {articles}."
    searches = "Thử tìm"
    newest = "Mới đăng"
    all_newest = "Tất cả bài, mới nhất trước"
    being_read = "Đang được đọc"
    sections = "Chuyên mục"
    tips_title = "Cách tìm"
    tips: tuple[str, ...] = (
        "Viết như bạn hỏi một người đồng nghiệp: cả câu cũng được.",
        "Không cần đúng từ trong bài: Liên Quan tìm theo ý, gặp cả bài nói điều ấy bằng lời khác.",
        "Gõ thiếu dấu hay viết tắt cũng được; gõ đủ dấu thì sát hơn.",
        "Đặt cụm từ trong ngoặc kép để tìm nguyên cụm; thêm dấu trừ trước một từ, như -bóng, để loại từ ấy.",
    )

    results_for = "Kết quả cho “{q}”"
    range_of = "Bài {first}–{last} trong {articles}"
    range_of_more = "Bài {first}–{last} trong hơn {articles}"
    understood = "Đã hiểu là: {restored}"
    corrected = "Đã tìm cả: {query}"
    did_you_mean = "Có phải bạn muốn tìm {query}?"
    also = "cũng tìm: {words}"
    literal = "Tìm đúng như đã gõ"
    literal_now = "Đang tìm đúng như đã gõ."
    meant = "Để Liên Quan đoán ý"
    relaxed: Mapping[str, str] = {
        "phrase": "Không bài nào có nguyên cụm từ trong ngoặc kép, nên chỉ tìm theo từng từ và theo ý.",
        "exclusion": "Bài nào cũng có từ bạn muốn loại, nên không bài nào bị loại.",
    }
    degraded = "Tìm theo ý nghĩa đang tạm ngưng: đây chỉ là những bài có đúng các chữ đã gõ."
    number_of_copies = Plural(("{number} bài tương tự",))
    refine = "Thu hẹp kết quả"
    sort = "Sắp xếp"
    sort_relevance = "Liên quan nhất"
    sort_newest = "Mới nhất"
    dates = "Thời gian đăng"
    date_from = "Từ ngày"
    date_to = "Đến ngày"
    apply = "Áp dụng"
    active_filters = "Đang lọc theo"
    remove_filter = "Bỏ lọc {name}: {value}"
    add_filter = "Thêm {value}"
    more_values = "Xem thêm"
    weaker = "Có thể liên quan"
    none_strong = "Không có bài nào thật khớp. Đây là những bài gần nhất."
    all_articles = "Các bài viết"
    all_of = "Tất cả bài"
    feed = "Theo dõi qua RSS"
    remove_all = "Bỏ mọi bộ lọc"
    filters: Mapping[str, str] = {
        "section": "Chuyên mục",
        "source": "Nguồn",
        "author": "Tác giả",
        "tag": "Thẻ",
        "published_from": "Từ",
        "published_to": "Đến",
    }
    relevance = "Mức liên quan"
    levels: tuple[str, str, str] = ("thấp", "khá", "cao")
    pager = "Trang kết quả"
    page = "Trang {number}"
    previous = "Trang trước"
    next = "Trang sau"
    empty_title = "Không tìm thấy bài nào"
    empty_help = "Bạn có thể:"
    empty_filtered = "bỏ bớt bộ lọc hoặc nới khoảng thời gian;"
    empty_literal = "tìm đúng như đã gõ;"
    empty_try = "tìm một trong các cụm sau:"
    empty_tips: tuple[str, ...] = (
        "diễn đạt lại điều cần tìm bằng một câu đầy đủ;",
        "kiểm tra lại dấu và chính tả.",
    )
    past_title = "Đã hết kết quả"
    past_help = "Trang này nằm sau bài cuối cùng."

    published = "Đăng lúc"
    updated = "Cập nhật {time}"
    tags = "Thẻ"
    original = "Đọc bài gốc tại {host}"
    lead_only = "Trang này chỉ có phần tóm tắt; toàn văn ở báo đã đăng bài."
    teasers = "Đọc thêm"
    related = "Bài liên quan"
    no_related = "Chưa có bài nào liên quan."
    headlines = "Tin mới"
    reasons: Mapping[str, str] = {
        "pinned": "tòa soạn chọn",
        "same_event": "cùng sự kiện",
        "same_names": "cùng nhắc đến: {detail}",
        "background": "bối cảnh, {detail}",
        "same_topic": "cùng chủ đề",
        "same_section_newest": "mới nhất trong chuyên mục",
        "newest": "mới nhất",
    }

    sign_in = "Đăng nhập trang tòa soạn"
    sign_in_intro = "Dán khóa mà người quản trị đã cấp cho bạn."
    sign_in_key = "Khóa"
    sign_in_submit = "Đăng nhập"
    sign_in_wrong = "Khóa này không đúng, đã bị thu hồi, hoặc không dùng cho trang tòa soạn."
    sign_in_elsewhere = "Đăng nhập ở thẻ mới"
    signed_in = "Đang dùng khóa “{name}”"
    sign_out = "Đăng xuất"
    form_stale = "Trang này mở đã lâu hoặc từ lần đăng nhập trước. Chưa có gì được xử lý: hãy gửi lại lần nữa."

    missing_pin = "quy tắc {rule}, bài {article}: {reason}"
    missing: Mapping[str, str] = {
        "no such article": "không có bài này",
        "not public": "chưa đăng, đã gỡ hoặc đã xóa",
        "filtered out": "bị bộ lọc loại",
        "blocked": "bị quy tắc khác chặn",
    }
    numbers_label = "Các con số"
    numbers_of = "của bài “{title}”"
    numbers: Mapping[str, str] = {
        "score": "Điểm",
        "relevance": "Mức liên quan",
        "freshness": "Độ mới",
        "boost": "Hệ số của tòa soạn",
        "cosine": "Gần về nghĩa",
        "terms": "Gần về từ",
        "spreads": "Trên mức ngẫu nhiên (σ)",
        "repeated": "Trùng với các bài trên",
        "rules": "Quy tắc tác động",
    }
    copy_button = "Chép"
    copied = "Đã chép."

    error_label = "Lỗi {status}"
    errors: Mapping[int, ErrorText] = {
        400: ErrorText(
            "Địa chỉ này có chỗ chưa đúng",
            "Một phần của địa chỉ không có dạng mà trang này hiểu được. Hãy sửa lại, hoặc tìm lại từ đầu.",
        ),
        403: ErrorText(
            "Trang này không mở được từ đây",
            "Các trang của tòa soạn mở sau khi đăng nhập, và chỉ nhận những gì gửi từ chính trang ấy. Khi chưa có khóa "
            "mà dịch vụ chạy thử ở chế độ mở, chúng chỉ mở trên chính máy đang chạy, qua địa chỉ localhost.",
        ),
        404: ErrorText(
            "Không tìm thấy trang",
            "Trang hoặc bài viết này không có ở đây, hoặc đã được gỡ. Hãy thử tìm theo nội dung bài.",
        ),
        413: ErrorText("Nội dung gửi lên quá dài", "Hãy quay lại, bớt phần cuối bài rồi gửi lại."),
        429: ErrorText("Quá nhiều lần", "Địa chỉ của bạn vừa gửi quá nhiều yêu cầu. Xin chờ một phút rồi thử lại."),
        500: ErrorText("Có trục trặc ở phía chúng tôi", "Trang không mở được. Xin thử lại sau ít phút."),
        503: ErrorText(
            "Sắp sẵn sàng",
            "Kho bài hoặc bộ máy tìm kiếm đang được chuẩn bị. Xin thử lại sau ít giây.",
        ),
    }
    busy = ErrorText(
        "Đang quá đông người đọc",
        "Máy chủ không trả lời kịp mọi yêu cầu. Xin thử lại sau vài giây.",
    )
    no_key = ErrorText(
        "Tòa soạn chưa có khóa nào",
        "Các trang này mở bằng khóa. Người quản trị tạo khóa trên máy chủ, bằng lệnh: lienquan keys create "
        "--scope newsroom --name TÊN --home THƯ_MỤC.",
    )
    faults = "Chỗ cần sửa"
    fault_field = "Tham số"
    fault_value = "Nhận được"
    fault_expected = "Yêu cầu"
    technical = "Chi tiết cho người quản trị"
    try_again = "Thử lại"
    back_home = "Về trang tìm kiếm"

    def reason(self, code: str, detail: str = "") -> str:
        """Return why an article is related."""
        return self.reasons[code].format(detail=detail)

    def number(self, value: int) -> str:
        """Return a whole number with its digits grouped."""
        return f"{value:,}".replace(",", self.group_symbol)

    def decimal(self, value: float) -> str:
        """Return a number to three places."""
        return f"{value:.3f}".replace(".", self.decimal_symbol)

    def articles(self, count: int) -> str:
        """Return how many articles, in words that agree with the number."""
        return self.number_of_articles.form(count).format(number=self.number(count))

    def copies(self, count: int) -> str:
        """Return how many articles of the same text stand behind one."""
        return self.number_of_copies.form(count).format(number=self.number(count))

    def day(self, value: date) -> str:
        """Return a date."""
        return format_date(value, self.date_format, self.locale)

    def moment(self, value: datetime) -> str:
        """Return a date and time, in Vietnam's time."""
        local = value.astimezone(VIETNAM)
        return self.date_and_time.format(date=self.day(local), time=f"{local:%H:%M}")

    def ago(self, value: datetime, now: datetime) -> str:
        """Return a time in the words of people: by the day if it is near, else by the date."""
        local = value.astimezone(VIETNAM)
        days = (now.astimezone(VIETNAM).date() - local.date()) // timedelta(days=1)
        if 0 <= days <= 1:
            return (self.yesterday if days else self.today).format(time=f"{local:%H:%M}")
        return self.days_ago.format(number=days) if 1 < days < _DAYS_AGO else self.day(local)

    def bound(self, value: date | datetime) -> str:
        """Return one end of a stretch of time: a day, or a time where it is one."""
        return self.moment(value) if isinstance(value, datetime) else self.day(value)

    def error(self, status: int) -> ErrorText:
        """Return what the page says at a status."""
        return self.errors.get(status) or self.errors[500 if status >= 500 else 400]

    def level(self, relevance: float) -> str:
        """Return the word for a relevance."""
        return self.levels[level(relevance)]


def level(relevance: float) -> int:
    """Return 0, 1 or 2 for a low, medium or high relevance, which is itself from 0 to 1."""
    return 2 if relevance >= _HIGH else 1 if relevance >= _MEDIUM else 0


def language(code: str | None) -> Strings:
    """Return the words of a language, the Vietnamese ones if the language is unknown."""
    return Strings.in_language(code if code in LANGUAGES else SOURCE)
