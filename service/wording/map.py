"""The words of the map of the archive and of the lists beside it, in Vietnamese and in English.

Owns these words alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.wording.newsroom import Tab


@dataclass(frozen=True)
class MapWords:
    """The words in one language; both fill in the same {names}."""

    title: str
    intro: str
    label: str
    role: str
    help: str
    sampled: str
    none: str
    zoom_in: str
    zoom_out: str
    whole: str
    find: str
    find_button: str
    clear: str
    found: str
    found_none: str
    legend: str
    all_on: str
    all_off: str
    others: str
    stale: str
    table: str
    table_help: str
    section: str
    articles: str
    nearest: str
    central: str
    act: str
    see_all: str
    download: str
    kinds: Mapping[str, str]
    purposes: Mapping[str, str]
    nothing: Mapping[str, str]
    counted: str
    copies: str
    more_copies: str
    in_lists: str
    block: str
    previous: str
    next: str
    page: str
    back: str


VI = MapWords(
    title="Bản đồ kho bài",
    intro="Mỗi chấm là một bài; bài gần nghĩa nằm gần nhau. Màu và hình là chuyên mục.",
    label="Bản đồ {count} bài",
    role="bản đồ",
    help=(
        "Kéo để di chuyển, lăn chuột hoặc chụm hai ngón để phóng to, bấm vào chấm để mở bài. Bằng bàn phím: phím mũi "
        "tên để di chuyển, + và − để phóng, 0 để xem toàn bộ, Enter để mở bài ở giữa."
    ),
    sampled="Kho có {total} bài; bản đồ vẽ {count} bài, rải đều.",
    none=(
        "Bản này của kho được dựng trước khi có bản đồ. Chạy lệnh lienquan merge --rewrite để vẽ; không bài nào phải "
        "mã hóa lại."
    ),
    zoom_in="Phóng to",
    zoom_out="Thu nhỏ",
    whole="Toàn bộ",
    find="Tìm trên bản đồ",
    find_button="Chiếu sáng",
    clear="Bỏ tìm",
    found="{count} bài được chiếu sáng cho “{q}”",
    found_none="Không bài nào hợp với “{q}”.",
    legend="Chuyên mục",
    all_on="Hiện hết",
    all_off="Ẩn hết",
    others="Mục khác",
    stale="Chưa tải được bản đồ. Hãy tải lại trang.",
    table="Các chuyên mục và láng giềng",
    table_help="Những gì bản đồ cho thấy, dưới dạng bảng.",
    section="Chuyên mục",
    articles="Số bài",
    nearest="Gần nghĩa nhất với",
    central="Bài tiêu biểu",
    act="Việc có thể làm",
    see_all="Xem cả {count}",
    download="Tải về (CSV)",
    kinds={"duplicates": "Bài trùng nhau", "unlinked": "Bài không được dẫn tới", "hubs": "Bài được dẫn tới nhiều nhất"},
    purposes={
        "duplicates": "Những bài có cùng nội dung, và bài đứng thay cho chúng trong các danh sách.",
        "unlinked": "Những bài không nằm trong danh sách liên quan của bài nào, chỉ xét theo nội dung.",
        "hubs": "Những bài nằm trong nhiều danh sách liên quan nhất, chỉ xét theo nội dung.",
    },
    nothing={
        "duplicates": "Không có bài nào trùng nhau.",
        "unlinked": "Bài nào cũng được ít nhất một bài khác dẫn tới.",
        "hubs": "Không có bài nào nằm trong quá nhiều danh sách.",
    },
    counted="Tính trên danh sách của {count} bài mới nhất; độ mới và luật của tòa soạn không tính vào.",
    copies="{count} bài khác có cùng nội dung",
    more_copies="và {count} bài nữa",
    in_lists="có trong {count} danh sách",
    block="xem khối bài, ghim hoặc chặn",
    previous="Trang trước",
    next="Trang sau",
    page="Trang {number} / {pages}",
    back="Về bản đồ",
)

EN = MapWords(
    title="Map of the archive",
    intro="A point is an article; articles of like meaning are near each other. Colour and shape are the section.",
    label="Map of {count} articles",
    role="map",
    help=(
        "Drag to move, wheel or pinch to zoom, click a point to open its article. By keyboard: arrows move, + and − "
        "zoom, 0 shows all of it, Enter opens the article in the middle."
    ),
    sampled="The archive has {total} articles; {count} of them are drawn, spread evenly.",
    none=(
        "This snapshot was made before there were maps. `lienquan merge --rewrite` draws one; no article has to be "
        "encoded again."
    ),
    zoom_in="Zoom in",
    zoom_out="Zoom out",
    whole="All of it",
    find="Find on the map",
    find_button="Light up",
    clear="Clear",
    found="{count} articles lit for “{q}”",
    found_none="No article fits “{q}”.",
    legend="Sections",
    all_on="Show all",
    all_off="Hide all",
    others="Other sections",
    stale="The map could not be loaded. Reload the page.",
    table="Sections and their neighbours",
    table_help="What the map shows, as a table.",
    section="Section",
    articles="Articles",
    nearest="Nearest in meaning",
    central="Typical articles",
    act="What to act on",
    see_all="All {count}",
    download="Download (CSV)",
    kinds={"duplicates": "Told twice", "unlinked": "Linked from nowhere", "hubs": "Linked from everywhere"},
    purposes={
        "duplicates": "Articles of the same content, and the one that stands for them in lists.",
        "unlinked": "Articles that are in no other's related list, by content alone.",
        "hubs": "Articles that are in the most related lists, by content alone.",
    },
    nothing={
        "duplicates": "No article is told twice.",
        "unlinked": "Every article is linked to by at least one other.",
        "hubs": "No article is in very many lists.",
    },
    counted="Of the lists of the {count} newest articles; freshness and the editors' rules are left out.",
    copies="{count} others have the same content",
    more_copies="and {count} more",
    in_lists="in {count} lists",
    block="its block: pin or block",
    previous="Previous page",
    next="Next page",
    page="Page {number} of {pages}",
    back="To the map",
)

WORDS: Mapping[str, MapWords] = {"vi": VI, "en": EN}

TABS: Mapping[str, tuple[Tab, ...]] = {
    "vi": (Tab("pages.archive_map", "Bản đồ", "Kho bài nhìn từ trên cao; bài trùng nhau, bài không ai dẫn tới."),),
    "en": (Tab("pages.archive_map", "Map", "The archive from above; what is told twice, what nothing links to."),),
}
"""Its links in the newsroom's menu."""
