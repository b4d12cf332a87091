"""The one catalogue of what a reader sees, in Vietnamese and in English, and how each writes dates and numbers.

Owns the words. Knows nothing of Flask, of requests or of where on a page they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from indexer.articles.article import VIETNAM

_HIGH, _MEDIUM = 0.5, 0.1
_DAYS_AGO = 7
"""The number of days from which a date is shown instead of the age."""

_MONTHS = ("January February March April May June July August September October November December").split()


@dataclass(frozen=True)
class Strings:
    """The words of one language; both languages have the same fields, and fill in the same {names}.

    :param code: The language, as HTML and `?lang=` name it.
    :param grouping: What stands between groups of three digits.
    :param errors: For each status a heading and a sentence that helps; 400 and 500 stand for the rest of their kind.
    :param busy: The same where there are more requests than can be answered.
    :param kinds: What each kind of suggestion is called, `suggest.SuggestionKind`.
    :param filters: What each filter is called.
    :param relaxed: What to say where something of a query was passed over.
    :param reasons: Why an article is related, by the code of `hits.Reason`.
    :param levels: What low, medium and high relevance are called.
    :param missing: Why a pin is not shown, `rules.applied.MissingReason`.
    :param numbers: What the numbers behind a hit are called, `hits.Numbers` and the score.
    """

    code: str
    grouping: str
    brand: str
    tagline: str
    description: str
    skip: str
    other_language: str
    languages: str
    dark: str
    footer: str
    api_docs: str

    search_label: str
    search_placeholder: str
    search_button: str
    suggestions: str
    one_suggestion: str
    many_suggestions: str
    no_suggestions: str
    kinds: Mapping[str, str]
    live_failed: str
    today: str
    yesterday: str
    days_ago: str
    one_article: str
    many_articles: str
    count: str
    searches: str
    newest: str
    all_newest: str
    being_read: str
    sections: str
    tips_title: str
    tips: tuple[str, ...]

    results_for: str
    range_of: str
    range_of_more: str
    understood: str
    corrected: str
    did_you_mean: str
    also: str
    literal: str
    literal_now: str
    meant: str
    relaxed: Mapping[str, str]
    degraded: str
    one_copy: str
    many_copies: str
    refine: str
    sort: str
    sort_relevance: str
    sort_newest: str
    dates: str
    date_from: str
    date_to: str
    apply: str
    active_filters: str
    remove_filter: str
    add_filter: str
    more_values: str
    weaker: str
    none_strong: str
    all_articles: str
    all_of: str
    feed: str
    remove_all: str
    filters: Mapping[str, str]
    relevance: str
    levels: tuple[str, str, str]
    pager: str
    page: str
    previous: str
    next: str
    empty_title: str
    empty_help: str
    empty_filtered: str
    empty_literal: str
    empty_try: str
    empty_tips: tuple[str, ...]
    past_title: str
    past_help: str

    published: str
    updated: str
    tags: str
    original: str
    lead_only: str
    teasers: str
    related: str
    no_related: str
    headlines: str
    reasons: Mapping[str, str]

    sign_in: str
    sign_in_intro: str
    sign_in_key: str
    sign_in_submit: str
    sign_in_wrong: str
    sign_in_elsewhere: str
    signed_in: str
    sign_out: str
    form_stale: str

    missing_pin: str
    missing: Mapping[str, str]
    numbers_label: str
    numbers_of: str
    numbers: Mapping[str, str]
    copy_button: str
    copied: str

    error_label: str
    errors: Mapping[int, tuple[str, str]]
    busy: tuple[str, str]
    no_key: tuple[str, str]
    faults: str
    fault_field: str
    fault_value: str
    fault_expected: str
    technical: str
    try_again: str
    back_home: str

    def reason(self, code: str, detail: str = "") -> str:
        """Return why an article is related."""
        return self.reasons[code].format(detail=detail)

    def number(self, value: int) -> str:
        """Return a whole number with its digits grouped."""
        return f"{value:,}".replace(",", self.grouping)

    def decimal(self, value: float) -> str:
        """Return a number to three places."""
        return f"{value:.3f}".replace(".", "," if self.code == "vi" else ".")

    def articles(self, count: int) -> str:
        """Return how many articles, in words that agree with the number."""
        return (self.one_article if count == 1 else self.many_articles).format(number=self.number(count))

    def copies(self, count: int) -> str:
        """Return how many articles of the same text stand behind one."""
        return (self.one_copy if count == 1 else self.many_copies).format(number=self.number(count))

    def day(self, value: date) -> str:
        """Return a date."""
        if self.code == "vi":
            return f"{value.day:02d}/{value.month:02d}/{value.year:04d}"
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"

    def moment(self, value: datetime) -> str:
        """Return a date and time, in Vietnam's time."""
        local = value.astimezone(VIETNAM)
        between = " " if self.code == "vi" else ", "
        return f"{self.day(local)}{between}{local.hour:02d}:{local.minute:02d}"

    def ago(self, value: datetime, now: datetime) -> str:
        """Return a time in the words of people: by the day if it is near, else by the date."""
        local = value.astimezone(VIETNAM)
        days = (now.astimezone(VIETNAM).date() - local.date()) // timedelta(days=1)
        if 0 <= days <= 1:
            return (self.yesterday if days else self.today).format(time=f"{local.hour:02d}:{local.minute:02d}")
        return self.days_ago.format(number=days) if 1 < days < _DAYS_AGO else self.day(local)

    def bound(self, value: date | datetime) -> str:
        """Return one end of a stretch of time: a day, or a time where it is one."""
        return self.moment(value) if isinstance(value, datetime) else self.day(value)

    def error(self, status: int) -> tuple[str, str]:
        """Return the heading and the help for a status."""
        return self.errors.get(status) or self.errors[500 if status >= 500 else 400]

    def level(self, relevance: float) -> str:
        """Return the word for a relevance."""
        return self.levels[level(relevance)]


def level(relevance: float) -> int:
    """Return 0, 1 or 2 for a low, medium or high relevance, which is itself from 0 to 1."""
    return 2 if relevance >= _HIGH else 1 if relevance >= _MEDIUM else 0


VI = Strings(
    code="vi",
    grouping=".",
    brand="Liên Quan",
    tagline="Tìm bài báo theo ý, không chỉ theo chữ",
    description="Tìm kiếm theo nghĩa trong kho bài báo tiếng Việt và xem các bài liên quan.",
    skip="Tới nội dung chính",
    other_language="English",
    languages="Ngôn ngữ",
    dark="Nền tối",
    footer="Tìm kiếm theo nghĩa và bài liên quan cho báo chí Việt Nam.",
    api_docs="Tài liệu API",
    search_label="Bạn muốn tìm bài về điều gì?",
    search_placeholder="Từ khóa hoặc cả câu hỏi",
    search_button="Tìm",
    suggestions="Gợi ý",
    one_suggestion="{number} gợi ý, dùng phím mũi tên để chọn.",
    many_suggestions="{number} gợi ý, dùng phím mũi tên để chọn.",
    no_suggestions="Không có gợi ý.",
    kinds={
        "title": "bài viết",
        "name": "tên riêng",
        "tag": "thẻ",
        "section": "chuyên mục",
        "abbreviation": "viết tắt",
    },
    live_failed="Chưa tải được kết quả. Hãy nhấn nút Tìm để thử lại.",
    today="hôm nay, {time}",
    yesterday="hôm qua, {time}",
    days_ago="{number} ngày trước",
    one_article="{number} bài viết",
    many_articles="{number} bài viết",
    count="Đang tìm trong {articles}.",
    searches="Thử tìm",
    newest="Mới đăng",
    all_newest="Tất cả bài, mới nhất trước",
    being_read="Đang được đọc",
    sections="Chuyên mục",
    tips_title="Cách tìm",
    tips=(
        "Viết như bạn hỏi một người đồng nghiệp: cả câu cũng được.",
        "Không cần đúng từ trong bài: Liên Quan tìm theo ý, gặp cả bài nói điều ấy bằng lời khác.",
        "Gõ thiếu dấu hay viết tắt cũng được; gõ đủ dấu thì sát hơn.",
        "Đặt cụm từ trong ngoặc kép để tìm nguyên cụm; thêm dấu trừ trước một từ, như -bóng, để loại từ ấy.",
    ),
    results_for="Kết quả cho “{q}”",
    range_of="Bài {first}–{last} trong {articles}",
    range_of_more="Bài {first}–{last} trong hơn {articles}",
    understood="Đã hiểu là: {restored}",
    corrected="Đã tìm cả: {query}",
    did_you_mean="Có phải bạn muốn tìm {query}?",
    also="cũng tìm: {words}",
    literal="Tìm đúng như đã gõ",
    literal_now="Đang tìm đúng như đã gõ.",
    meant="Để Liên Quan đoán ý",
    degraded="Tìm theo ý nghĩa đang tạm ngưng: đây chỉ là những bài có đúng các chữ đã gõ.",
    relaxed={
        "phrase": "Không bài nào có nguyên cụm từ trong ngoặc kép, nên chỉ tìm theo từng từ và theo ý.",
        "exclusion": "Bài nào cũng có từ bạn muốn loại, nên không bài nào bị loại.",
    },
    one_copy="{number} bài tương tự",
    many_copies="{number} bài tương tự",
    refine="Thu hẹp kết quả",
    sort="Sắp xếp",
    sort_relevance="Liên quan nhất",
    sort_newest="Mới nhất",
    dates="Thời gian đăng",
    date_from="Từ ngày",
    date_to="Đến ngày",
    apply="Áp dụng",
    active_filters="Đang lọc theo",
    remove_filter="Bỏ lọc {name}: {value}",
    add_filter="Thêm {value}",
    more_values="Xem thêm",
    weaker="Có thể liên quan",
    none_strong="Không có bài nào thật khớp. Đây là những bài gần nhất.",
    all_articles="Các bài viết",
    all_of="Tất cả bài",
    feed="Theo dõi qua RSS",
    remove_all="Bỏ mọi bộ lọc",
    filters={
        "section": "Chuyên mục",
        "source": "Nguồn",
        "author": "Tác giả",
        "tag": "Thẻ",
        "published_from": "Từ",
        "published_to": "Đến",
    },
    relevance="Mức liên quan",
    levels=("thấp", "khá", "cao"),
    pager="Trang kết quả",
    page="Trang {number}",
    previous="Trang trước",
    next="Trang sau",
    empty_title="Không tìm thấy bài nào",
    empty_help="Bạn có thể:",
    empty_filtered="bỏ bớt bộ lọc hoặc nới khoảng thời gian;",
    empty_literal="tìm đúng như đã gõ;",
    empty_try="tìm một trong các cụm sau:",
    empty_tips=(
        "diễn đạt lại điều cần tìm bằng một câu đầy đủ;",
        "kiểm tra lại dấu và chính tả.",
    ),
    past_title="Đã hết kết quả",
    past_help="Trang này nằm sau bài cuối cùng.",
    published="Đăng lúc",
    updated="Cập nhật {time}",
    tags="Thẻ",
    original="Đọc bài gốc tại {host}",
    lead_only="Trang này chỉ có phần tóm tắt; toàn văn ở báo đã đăng bài.",
    teasers="Đọc thêm",
    related="Bài liên quan",
    no_related="Chưa có bài nào liên quan.",
    headlines="Tin mới",
    reasons={
        "pinned": "tòa soạn chọn",
        "same_event": "cùng sự kiện",
        "same_names": "cùng nhắc đến: {detail}",
        "background": "bối cảnh, {detail}",
        "same_topic": "cùng chủ đề",
        "same_section_newest": "mới nhất trong chuyên mục",
        "newest": "mới nhất",
    },
    sign_in="Đăng nhập trang tòa soạn",
    sign_in_intro="Dán khóa mà người quản trị đã cấp cho bạn.",
    sign_in_key="Khóa",
    sign_in_submit="Đăng nhập",
    sign_in_wrong="Khóa này không đúng, đã bị thu hồi, hoặc không dùng cho trang tòa soạn.",
    sign_in_elsewhere="Đăng nhập ở thẻ mới",
    signed_in="Đang dùng khóa “{name}”",
    sign_out="Đăng xuất",
    form_stale="Trang này mở đã lâu hoặc từ lần đăng nhập trước. Chưa có gì được xử lý: hãy gửi lại lần nữa.",
    missing_pin="quy tắc {rule}, bài {article}: {reason}",
    missing={
        "no such article": "không có bài này",
        "not public": "chưa đăng, đã gỡ hoặc đã xóa",
        "filtered out": "bị bộ lọc loại",
        "blocked": "bị quy tắc khác chặn",
    },
    numbers_label="Các con số",
    numbers_of="của bài “{title}”",
    numbers={
        "score": "Điểm",
        "relevance": "Mức liên quan",
        "freshness": "Độ mới",
        "boost": "Hệ số của tòa soạn",
        "cosine": "Gần về nghĩa",
        "terms": "Gần về từ",
        "spreads": "Trên mức ngẫu nhiên (σ)",
        "repeated": "Trùng với các bài trên",
        "rules": "Quy tắc tác động",
    },
    copy_button="Chép",
    copied="Đã chép.",
    error_label="Lỗi {status}",
    errors={
        400: (
            "Địa chỉ này có chỗ chưa đúng",
            "Một phần của địa chỉ không có dạng mà trang này hiểu được. Hãy sửa lại, hoặc tìm lại từ đầu.",
        ),
        403: (
            "Trang này không mở được từ đây",
            "Các trang của tòa soạn mở sau khi đăng nhập, và chỉ nhận những gì gửi từ chính trang ấy. Khi chưa có khóa "
            "mà dịch vụ chạy thử ở chế độ mở, chúng chỉ mở trên chính máy đang chạy, qua địa chỉ localhost.",
        ),
        404: (
            "Không tìm thấy trang",
            "Trang hoặc bài viết này không có ở đây, hoặc đã được gỡ. Hãy thử tìm theo nội dung bài.",
        ),
        413: ("Nội dung gửi lên quá dài", "Hãy quay lại, bớt phần cuối bài rồi gửi lại."),
        429: ("Quá nhiều lần", "Địa chỉ của bạn vừa gửi quá nhiều yêu cầu. Xin chờ một phút rồi thử lại."),
        500: ("Có trục trặc ở phía chúng tôi", "Trang không mở được. Xin thử lại sau ít phút."),
        503: (
            "Sắp sẵn sàng",
            "Kho bài hoặc bộ máy tìm kiếm đang được chuẩn bị. Xin thử lại sau ít giây.",
        ),
    },
    busy=("Đang quá đông người đọc", "Máy chủ không trả lời kịp mọi yêu cầu. Xin thử lại sau vài giây."),
    no_key=(
        "Tòa soạn chưa có khóa nào",
        "Các trang này mở bằng khóa. Người quản trị tạo khóa trên máy chủ, bằng lệnh: lienquan keys create "
        "--scope newsroom --name TÊN --home THƯ_MỤC.",
    ),
    faults="Chỗ cần sửa",
    fault_field="Tham số",
    fault_value="Nhận được",
    fault_expected="Yêu cầu",
    technical="Chi tiết cho người quản trị",
    try_again="Thử lại",
    back_home="Về trang tìm kiếm",
)

EN = Strings(
    code="en",
    grouping=",",
    brand="Liên Quan",
    tagline="Find articles by what they mean, not only by their words",
    description="Search an archive of Vietnamese news by meaning, and read the related articles.",
    skip="Skip to the content",
    other_language="Tiếng Việt",
    languages="Language",
    dark="Dark",
    footer="Search by meaning and related news for Vietnamese newspapers.",
    api_docs="API documentation",
    search_label="What should the article be about?",
    search_placeholder="Words or a whole question",
    search_button="Search",
    suggestions="Suggestions",
    one_suggestion="{number} suggestion, use the arrow keys to choose.",
    many_suggestions="{number} suggestions, use the arrow keys to choose.",
    no_suggestions="No suggestions.",
    kinds={
        "title": "article",
        "name": "name",
        "tag": "tag",
        "section": "section",
        "abbreviation": "abbreviation",
    },
    live_failed="The results could not be loaded. Press Search to try again.",
    today="today, {time}",
    yesterday="yesterday, {time}",
    days_ago="{number} days ago",
    one_article="{number} article",
    many_articles="{number} articles",
    count="Searching {articles}.",
    searches="Try searching for",
    newest="Newest",
    all_newest="All articles, newest first",
    being_read="Being read",
    sections="Sections",
    tips_title="How to search",
    tips=(
        "Write as you would ask a colleague: a whole sentence is fine.",
        "You need not know the article's words: meaning counts, and an article may say it in other words.",
        "Vietnamese may be typed without diacritics, or abbreviated; with its diacritics it finds more.",
        "Put a phrase in quotation marks to find all of it; a dash before a word, as in -bóng, leaves that word out.",
    ),
    results_for="Results for “{q}”",
    range_of="{first}–{last} of {articles}",
    range_of_more="{first}–{last} of more than {articles}",
    understood="Understood as: {restored}",
    corrected="Also searched for: {query}",
    did_you_mean="Did you mean {query}?",
    also="also looked for: {words}",
    literal="Search exactly as typed",
    literal_now="Searching exactly as typed.",
    meant="Let Liên Quan guess what is meant",
    degraded="Search by meaning is out of order for the moment: these are the articles that have the words typed.",
    relaxed={
        "phrase": "No article has the whole phrase in quotation marks, so its words and meaning count instead.",
        "exclusion": "Every article has a word that you left out, so none is left out.",
    },
    one_copy="{number} similar article",
    many_copies="{number} similar articles",
    refine="Narrow the results",
    sort="Order",
    sort_relevance="Most relevant",
    sort_newest="Newest",
    dates="Published",
    date_from="From",
    date_to="To",
    apply="Apply",
    active_filters="Filtered by",
    remove_filter="Remove the filter {name}: {value}",
    add_filter="Add {value}",
    more_values="Show more",
    weaker="Possibly related",
    none_strong="Nothing fits well. These are the nearest articles.",
    all_articles="Articles",
    all_of="All articles",
    feed="Follow by RSS",
    remove_all="Remove all filters",
    filters={
        "section": "Section",
        "source": "Source",
        "author": "Author",
        "tag": "Tag",
        "published_from": "From",
        "published_to": "To",
    },
    relevance="Relevance",
    levels=("low", "fair", "high"),
    pager="Pages of results",
    page="Page {number}",
    previous="Previous page",
    next="Next page",
    empty_title="No article found",
    empty_help="You can:",
    empty_filtered="remove filters, or widen the dates;",
    empty_literal="search exactly as typed;",
    empty_try="search for one of these:",
    empty_tips=(
        "put what you look for into a whole sentence;",
        "check the diacritics and the spelling.",
    ),
    past_title="No more results",
    past_help="This page lies beyond the last article.",
    published="Published",
    updated="Updated {time}",
    tags="Tags",
    original="Read the original at {host}",
    lead_only="Only the summary is shown here; the newspaper that published the article has the full text.",
    teasers="Read more",
    related="Related articles",
    no_related="No related articles yet.",
    headlines="Latest news",
    reasons={
        "pinned": "chosen by the editors",
        "same_event": "the same event",
        "same_names": "both name {detail}",
        "background": "background, {detail}",
        "same_topic": "the same topic",
        "same_section_newest": "newest of the section",
        "newest": "newest",
    },
    sign_in="Sign in to the newsroom's pages",
    sign_in_intro="Paste the key that the operator gave you.",
    sign_in_key="Key",
    sign_in_submit="Sign in",
    sign_in_wrong="This key is not right, is revoked, or is not for the newsroom's pages.",
    sign_in_elsewhere="Sign in in another tab",
    signed_in="With the key “{name}”",
    sign_out="Sign out",
    form_stale="This page has been open for long, or since you signed in before. Nothing was done: send it again.",
    missing_pin="rule {rule}, article {article}: {reason}",
    missing={
        "no such article": "there is no such article",
        "not public": "not published yet, withdrawn or deleted",
        "filtered out": "filtered out",
        "blocked": "blocked by another rule",
    },
    numbers_label="The numbers",
    numbers_of="of “{title}”",
    numbers={
        "score": "Score",
        "relevance": "Relevance",
        "freshness": "Freshness",
        "boost": "Editors' factor",
        "cosine": "Likeness of meaning",
        "terms": "Likeness of words",
        "spreads": "Above chance (σ)",
        "repeated": "Repeats those above",
        "rules": "Rules that touch it",
    },
    copy_button="Copy",
    copied="Copied.",
    error_label="Error {status}",
    errors={
        400: (
            "Something in this address is not right",
            "A part of the address does not have a form that this page understands. Correct it, or search again.",
        ),
        403: (
            "This page does not open from here",
            "Newsroom pages open after signing in, and take what their own forms send alone. Where the service was "
            "started with its newsroom open and there is no key yet, they open at localhost on its own machine.",
        ),
        404: (
            "Page not found",
            "The page or article is not here, or has been withdrawn. Try searching for what it says.",
        ),
        413: ("What was sent is too long", "Go back, leave out the end of the text, and send it again."),
        429: ("Too often", "Your address has just made too many requests. Please wait a minute and try again."),
        500: ("Something went wrong on our side", "The page cannot be shown. Please try again in a few minutes."),
        503: (
            "Almost ready",
            "The archive or the search engine is being prepared. Please try again in a few seconds.",
        ),
    },
    busy=("Too many readers at once", "The server cannot answer everyone in time. Please try again in a few seconds."),
    no_key=(
        "The newsroom has no key yet",
        "These pages open with a key. Whoever runs the service makes one on the server, with the command: lienquan "
        "keys create --scope newsroom --name NAME --home HOME.",
    ),
    faults="What to correct",
    fault_field="Parameter",
    fault_value="Received",
    fault_expected="Expected",
    technical="Details for the operator",
    try_again="Try again",
    back_home="Back to search",
)


def language(code: str | None) -> Strings:
    """Return the strings of a language, the Vietnamese ones if the language is unknown."""
    return EN if code == EN.code else VI
