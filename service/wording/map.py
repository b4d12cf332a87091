"""The words of the archive's map and of its three lists of findings, and the map's link in the newsroom's menu.

Owns these words. Knows nothing of maps or articles.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.wording.newsroom import Tab, WordsWithTabs


class MapWords(WordsWithTabs):
    """The words of the map and of the findings: articles of one content, linked from nowhere, linked from everywhere.

    :ivar tabs: The link in the newsroom's menu, with a sentence for its first page.
    :ivar role: What a screen reader calls the map.
    :ivar help: How to move about on the map.
    :ivar none: Where the archive was indexed before there were maps.
    :ivar clear: The link that ends a search on the map.
    :ivar others: All sections that have no colour of their own, in the legend and in the table.
    :ivar central: Of a section: the articles nearest to its middle.
    :ivar act: The heading of the findings.
    :ivar kinds: The name of each list of findings.
    :ivar purposes: What each list of findings holds.
    :ivar nothing: What an empty list of findings says.
    :ivar counted: Which related lists the findings were counted in.
    :ivar copies: Of an article that stands for others of the same content.
    :ivar in_lists: How many related lists an article is in.
    :ivar block: The link to the page of an article's block.
    """

    tabs: Mapping[str, Tab] = {
        "pages.archive_map": Tab("Bản đồ", "Kho bài nhìn từ trên cao; bài trùng nhau, bài không ai dẫn tới."),
    }
    title = "Bản đồ kho bài"
    intro = "Mỗi chấm là một bài; bài gần nghĩa nằm gần nhau. Màu và hình là chuyên mục."
    label = "Bản đồ {count} bài"
    role = "bản đồ"
    help = (
        "Kéo để di chuyển, lăn chuột hoặc chụm hai ngón để phóng to, bấm vào chấm để mở bài. Bằng bàn phím: phím mũi "
        "tên để di chuyển, + và − để phóng, 0 để xem toàn bộ, Enter để mở bài ở giữa."
    )
    sampled = "Kho có {total} bài; bản đồ vẽ {count} bài, rải đều."
    none = (
        "Bản này của kho được dựng trước khi có bản đồ. Chạy lệnh lienquan merge --rewrite để vẽ; không bài nào phải "
        "mã hóa lại."
    )
    zoom_in = "Phóng to"
    zoom_out = "Thu nhỏ"
    whole = "Toàn bộ"
    find = "Tìm trên bản đồ"
    find_button = "Chiếu sáng"
    clear = "Bỏ tìm"
    found = "{count} bài được chiếu sáng cho “{q}”"
    found_none = "Không bài nào hợp với “{q}”."
    legend = "Chuyên mục"
    all_on = "Hiện hết"
    all_off = "Ẩn hết"
    others = "Mục khác"
    stale = "Chưa tải được bản đồ. Hãy tải lại trang."
    table = "Các chuyên mục và láng giềng"
    table_help = "Những gì bản đồ cho thấy, dưới dạng bảng."
    section = "Chuyên mục"
    articles = "Số bài"
    nearest = "Gần nghĩa nhất với"
    central = "Bài tiêu biểu"
    act = "Việc có thể làm"
    see_all = "Xem cả {count}"
    download = "Tải về (CSV)"
    kinds: Mapping[str, str] = {
        "duplicates": "Bài trùng nhau",
        "unlinked": "Bài không được dẫn tới",
        "hubs": "Bài được dẫn tới nhiều nhất",
    }
    purposes: Mapping[str, str] = {
        "duplicates": "Những bài có cùng nội dung, và bài đứng thay cho chúng trong các danh sách.",
        "unlinked": "Những bài không nằm trong danh sách liên quan của bài nào, chỉ xét theo nội dung.",
        "hubs": "Những bài nằm trong nhiều danh sách liên quan nhất, chỉ xét theo nội dung.",
    }
    nothing: Mapping[str, str] = {
        "duplicates": "Không có bài nào trùng nhau.",
        "unlinked": "Bài nào cũng được ít nhất một bài khác dẫn tới.",
        "hubs": "Không có bài nào nằm trong quá nhiều danh sách.",
    }
    counted = "Tính trên danh sách của {count} bài mới nhất; độ mới và luật của tòa soạn không tính vào."
    copies = "{count} bài khác có cùng nội dung"
    more_copies = "và {count} bài nữa"
    in_lists = "có trong {count} danh sách"
    block = "xem khối bài, ghim hoặc chặn"
    previous = "Trang trước"
    next = "Trang sau"
    page = "Trang {number} / {pages}"
    back = "Về bản đồ"
