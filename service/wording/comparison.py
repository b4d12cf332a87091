"""The words of the comparison, in Vietnamese and in English (the service's own are in `strings`).

Owns the words. Knows nothing of figures, or of where on the page they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ComparisonWords:
    """The words of the page in one language; both fill in the same {names}.

    :param same_event: The name of the share if it is estimated, judged, or both.
    """

    title: str
    intro: str
    overall: str
    measure: str
    newest: str
    related: str
    newest_of: str
    same_event: tuple[str, str, str]
    same_event_short: tuple[str, str]
    relevance: str
    days: str
    duplicates: str
    sections: str
    of_links: str
    fewer: str
    pairs: str
    list_days: str
    list_relevance: str
    list_duplicates: str
    list_sections: str
    same_day: str
    earlier: str
    duplicate: str
    none: str
    notes: str
    note_same_event: tuple[str, str, str]
    note_relevance: str
    note_days: str
    note_duplicates: str
    note_sections: str
    how: str
    when: str
    chosen: str
    left: str
    made: str


VI = ComparisonWords(
    title="Bài liên quan: cách đang làm và Liên Quan",
    intro=(
        "{count} bài trong kho của tòa soạn, dưới mỗi bài tối đa {links} liên kết. Một bên là những bài mới nhất "
        "cùng chuyên mục, một bên là những bài Liên Quan chọn theo nội dung. Xin đọc các tít trước, rồi hãy xem con "
        "số."
    ),
    overall="Tổng hợp",
    measure="Chỉ số",
    newest="Mới nhất cùng chuyên mục",
    related="Liên Quan",
    newest_of="Mới nhất: {section}",
    same_event=(
        "Ước lượng cùng sự kiện: độ liên quan hiệu chỉnh ≥ {least}",
        "Cùng sự kiện, theo trường “{field}” của kho bài",
        "Cùng sự kiện: theo trường “{field}” ở {judged} bài, còn lại ước lượng (độ liên quan hiệu chỉnh ≥ {least})",
    ),
    same_event_short=(
        "độ liên quan ≥ {least}",
        "cùng sự kiện",
    ),
    relevance="Độ liên quan trung bình (0 đến 1)",
    days="Cách bài chính, trung bình (ngày)",
    duplicates="Liên kết trùng lặp",
    sections="Số chuyên mục trong một danh sách, trung bình",
    of_links="{part} trên {all} liên kết",
    fewer="Kho chỉ có {eligible} bài đủ điều kiện, ít hơn {wanted} bài được yêu cầu; tất cả đều có ở đây.",
    pairs="Từng bài một",
    list_days="cách trung bình {value} ngày",
    list_relevance="độ liên quan trung bình {value}",
    list_duplicates="{value} trùng lặp",
    list_sections="{value} chuyên mục",
    same_day="cùng ngày",
    earlier="trước {value} ngày",
    duplicate="trùng lặp",
    none="Không có bài nào.",
    notes="Các chỉ số nghĩa là gì",
    note_same_event=(
        (
            "Kho bài không ghi bài nào cùng sự kiện với bài nào, nên đây là ước lượng: một liên kết được tính khi độ "
            "liên quan đã hiệu chỉnh của nó từ {least} trở lên. Liên Quan xếp bài theo chính thước đo này, nên con "
            "số nghiêng về phía Liên Quan; thước đo công bằng hơn là đánh giá của ban biên tập khi đọc các tít."
        ),
        (
            "Kho bài tự ghi mỗi bài thuộc sự kiện nào (trường “{field}”); con số lấy từ đó, không phải ước lượng. "
            "Bài được dẫn mà không ghi sự kiện thì không được tính là cùng sự kiện."
        ),
        (
            "Ở {judged} bài, kho bài tự ghi sự kiện (trường “{field}”) và con số lấy từ đó; ở những bài còn lại, đây "
            "là ước lượng: một liên kết được tính khi độ liên quan đã hiệu chỉnh từ {least} trở lên, tức là theo "
            "chính thước đo mà Liên Quan dùng để xếp bài."
        ),
    ),
    note_relevance=(
        "Độ liên quan: xác suất ước lượng rằng người đọc thấy hai bài có liên quan, 0 là không, 1 là chắc chắn. Cả "
        "hai danh sách được đo bằng cùng một mô hình; Liên Quan xếp bài theo thước đo này, nên hơn ở đây là điều "
        "đương nhiên."
    ),
    note_days=(
        "Khoảng cách từ ngày đăng của liên kết tới ngày đăng của bài chính. Nhỏ hơn là mới hơn, chưa chắc đã hay hơn."
    ),
    note_duplicates=(
        "Liên kết có cùng thân bài với bài chính hoặc với một liên kết phía trên, hoặc tít gần như y hệt (từ {near} "
        "số từ trở lên giống nhau, mọi con số như nhau)."
    ),
    note_sections="Danh sách theo chuyên mục luôn chỉ có một chuyên mục.",
    how="So sánh thế nào",
    when=(
        "Cả hai danh sách được dựng ở thời điểm bài chính lên trang, không phải ở ngày mới nhất của kho, và chỉ gồm "
        "những bài đã đăng lúc đó. Lúc ấy danh sách theo chuyên mục gần bài chính nhất, tức là ở thế tốt nhất của "
        "nó; về sau, mọi bài cũ của một chuyên mục đều dẫn tới cùng mấy bài mới. Trên trang thật, Liên Quan còn dùng "
        "được bài đăng sau."
    ),
    chosen=(
        "Kho có {articles} bài công khai; {eligible} bài có chuyên mục, ngày đăng và ít nhất {links} bài khác cùng "
        "chuyên mục đăng không muộn hơn. Trong số đó, {count} bài được chọn rải đều theo chuyên mục rồi theo thời "
        "gian, rút ngẫu nhiên với số gieo {seed}: chạy lại với cùng kho và cùng số gieo sẽ ra đúng những bài này."
    ),
    left=(
        "“Mới nhất cùng chuyên mục” là giả định về cách trang báo đang chọn bài liên quan; bài chính không có trong "
        "danh sách. Nếu tòa soạn chọn cách khác, cột này không nói về cách đó."
    ),
    made="Lập lúc {made}. Bản chụp {snapshot}, mô hình {encoder}.",
)

EN = ComparisonWords(
    title="Related articles: today’s way and Liên Quan",
    intro=(
        "{count} articles of the newsroom’s archive, with up to {links} links under each. On one side the newest of "
        "the section, on the other what Liên Quan chooses by content. Please read the headlines first, then the "
        "figures."
    ),
    overall="Overall",
    measure="Figure",
    newest="Newest of the section",
    related="Liên Quan",
    newest_of="Newest: {section}",
    same_event=(
        "Estimated same event: calibrated relevance ≥ {least}",
        "Same event, by the archive’s field “{field}”",
        "Same event: by the field “{field}” for {judged} articles, else estimated (calibrated relevance ≥ {least})",
    ),
    same_event_short=(
        "relevance ≥ {least}",
        "same event",
    ),
    relevance="Mean relevance (0 to 1)",
    days="Mean distance to the article (days)",
    duplicates="Duplicate links",
    sections="Sections in a list, mean",
    of_links="{part} of {all} links",
    fewer="Only {eligible} articles of the archive qualify, fewer than the {wanted} asked for; all of them are here.",
    pairs="Article by article",
    list_days="{value} days away on average",
    list_relevance="mean relevance {value}",
    list_duplicates="{value} duplicate",
    list_sections="sections: {value}",
    same_day="same day",
    earlier="{value} days before",
    duplicate="duplicate",
    none="No articles.",
    notes="What the figures mean",
    note_same_event=(
        (
            "The archive does not say which articles are about one event, so this is an estimate: a link counts if "
            "its calibrated relevance is {least} or more. Liên Quan ranks by this very measure, so the figure leans "
            "its way; the fairer measure is what editors find when they read the headlines."
        ),
        (
            "The archive says itself which event an article is about (field “{field}”); the figure is taken from "
            "there, not estimated. A linked article that names no event does not count."
        ),
        (
            "For {judged} articles the archive says which event they are about (field “{field}”), and the figure is "
            "taken from there; for the others it is an estimate: a link counts if its calibrated relevance is "
            "{least} or more, the very measure that Liên Quan ranks by."
        ),
    ),
    note_relevance=(
        "Relevance: the estimated probability that people find two articles related, from 0 to 1. Both lists are "
        "measured by one model; Liên Quan ranks by this measure, so it leads here as a matter of course."
    ),
    note_days="From the link’s publication to the article’s. Smaller is newer, not always better.",
    note_duplicates=(
        "Links with the body of the article or of a link above, or a headline almost the same ({near} of the words "
        "or more, every number equal)."
    ),
    note_sections="A list of one section has one section, always.",
    how="How the lists were made",
    when=(
        "Both lists are as of the moment when the article came out, not as of the archive’s newest date, and hold "
        "only what was out by then. At that moment the newest of the section are as near to the article as they will "
        "ever be, their best case; later, all old articles of a section lead to the same few new ones. On a live "
        "page Liên Quan may also link to what came later."
    ),
    chosen=(
        "The archive has {articles} public articles; {eligible} have a section, a date, and at least {links} others "
        "of the section that are not later. Of those, {count} were chosen, spread over sections and then over time, "
        "drawn with the seed {seed}: the same archive and seed give the same articles."
    ),
    left=(
        "“Newest of the section” is an assumption about how the site chooses related articles now; the article "
        "itself is left out. If the newsroom does otherwise, this column does not speak of it."
    ),
    made="Made {made}. Snapshot {snapshot}, model {encoder}.",
)

WORDS: Mapping[str, ComparisonWords] = {"vi": VI, "en": EN}
