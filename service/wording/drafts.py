"""The words of the page for drafts. Knows nothing of drafts."""

from __future__ import annotations

from collections.abc import Mapping

from service.wording.catalogue import Plural, Words


class DraftWords(Words):
    """The words of the page that finds related articles for a draft.

    :ivar formats: The formats of a draft's text.
    :ivar presets: The name of each preset, `presets.PRESETS`.
    :ivar freshness_ways: How the age of articles counts; the first leaves it to the kind of list.
    :ivar number_of_suggestions: Read out by screen readers.
    :ivar said: Read out by screen readers: nothing was found, the draft seems to be published, an article has moved in
        the list, was added, or was removed.
    """

    heading = "Bài liên quan cho bản thảo"
    intro = (
        "Dán bản thảo vào đây để xem nên dẫn tới bài nào, vì sao, và bài ấy đã đăng chưa. "
        "Bản thảo không được lưu lại ở đâu."
    )
    label = "Bản thảo"
    title = "Tiêu đề"
    lead = "Sapo"
    body = "Nội dung"
    format = "Nội dung là"
    formats: Mapping[str, str] = {"text": "chữ thường", "html": "HTML"}
    section = "Chuyên mục"
    no_section = "(không chọn)"
    preset = "Kiểu danh sách"
    presets: Mapping[str, str] = {
        "standard": "Dưới bài",
        "same-section-newest": "Mới nhất cùng chuyên mục",
        "inline-teasers": "Xen giữa bài",
        "headlines": "Tít bên lề",
    }
    freshness = "Độ mới"
    freshness_ways: Mapping[str, str] = {
        "": "Theo kiểu danh sách",
        "breaking": "Tin nóng",
        "standard": "Tin thường ngày",
        "evergreen": "Bài đọc lâu dài",
        "none": "Không tính",
    }
    submit = "Tìm bài liên quan"
    empty = "Chưa có gì để tìm: hãy điền tiêu đề, sapo hoặc nội dung."
    signed_out = "Phiên đăng nhập đã hết; bản thảo vẫn còn nguyên dưới đây. Hãy đăng nhập rồi gửi lại."
    links = "Nên dẫn tới"
    no_links = "Không có bài nào đủ liên quan để dẫn tới."
    published = "Đã đăng?"
    published_help = "Những bài đã đăng này gần như trùng với bản thảo:"
    missing_pins = "Bài ghim không hiện được"
    copy_label = "Chép danh sách"
    copy_help = "Chọn hết chữ trong ô rồi chép."

    live_intro = "Gợi ý hiện ra ngay khi bạn ngừng gõ."
    waiting = "Dán hoặc gõ bản thảo: gợi ý sẽ hiện ở đây."
    failed = "Chưa tải được gợi ý. Hãy nhấn nút để thử lại; bản thảo vẫn còn nguyên."
    mine = "Danh sách của tôi"
    mine_of = "Danh sách của tôi ({number})"
    mine_help = "Danh sách được giữ khi bản thảo và gợi ý thay đổi, cho tới khi bạn rời trang."
    mine_keys = "Alt + ↑ và Alt + ↓ cũng đổi chỗ bài đang chọn."
    mine_empty = "Chưa có bài nào: đánh dấu “Chọn” ở gợi ý để thêm vào."
    gone = "Không còn bài nào mang mã: {ids}"
    tick = "Chọn"
    ticked = "Đã chọn"
    up = "Đưa lên"
    down = "Đưa xuống"
    drop = "Bỏ"
    copies_mine = "Danh sách của tôi, theo thứ tự đã xếp."
    copies_all = "Danh sách của tôi còn trống, nên đây là mọi gợi ý."
    number_of_suggestions = Plural(("{number} gợi ý.",))
    said: Mapping[str, str] = {
        "none": "Không có gợi ý.",
        "published": "Có vẻ đã đăng: {title}.",
        "moved": "{title}: vị trí {place} trong {number}.",
        "added": "Đã thêm {title}, {number} bài trong danh sách.",
        "dropped": "Đã bỏ {title}, {number} bài trong danh sách.",
    }
