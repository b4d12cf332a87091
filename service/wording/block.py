"""The words of the pages on an article's related block.

Owns these words. Knows nothing of lists, rules or where on a page they stand.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.wording.catalogue import Words


class BlockWords(Words):
    """The words of the pages that find an article's block, show it, and preview a change of its rules.

    :ivar presets: The names of a page's blocks.
    :ivar targets: What a rule blocks or boosts.
    :ivar lists: Which lists a rule concerns.
    :ivar periods: Whether a rule that has dates counts today.
    :ivar came: What the list would be like without a rule; `came_change` and the like say what a new rule would do.
    :ivar steps: Why an article is not in the list, by `hits.Fate.step`.
    :ivar caps: What there are enough articles of, as the `detail` of `steps.cap`.
    :ivar did: What was done to a rule, in the history.
    :ivar nobody: The author of a rule's change if nobody has to sign in.
    :ivar whens: As of when the newest articles of the section are compared.
    """

    find = "Khối bài liên quan"
    find_intro = "Xem dưới một bài có gì, vì sao, quy tắc nào tác động; ghim và chặn bài."
    find_label = "Tít, mã hoặc địa chỉ của bài"
    find_help = "Dán địa chỉ hay mã bài để mở thẳng; gõ vài chữ của tít để tìm."
    find_button = "Mở"
    none_found = "Không có bài công khai nào như vậy."
    found_for = "Các bài khớp với “{typed}”"
    block = "Khối bài liên quan"
    of_article = "Khối bài liên quan dưới bài"
    page = "Xem trang bài"
    judge = "Chấm các bài liên quan"
    presets: Mapping[str, str] = {"standard": "Dưới bài", "inline-teasers": "Xen giữa bài", "headlines": "Tít bên lề"}
    presets_label = "Khối nào"
    list = "Bạn đọc thấy"
    list_help = "Trên trang bài, một bài đã đứng ở khối phía trên thì khối sau bỏ qua."
    no_list = "Khối này đang trống."
    moved_by = "quy tắc:"
    rules = "Quy tắc và tác động"
    no_rules = "Chưa có quy tắc nào cho danh sách này."
    no_file = "Chưa đặt tệp quy tắc (LIENQUAN_RULES), nên chưa ghim hay chặn được."
    no_scope = "Khóa của bạn chỉ để xem: muốn ghim hay chặn, cần khóa có phạm vi rules."
    one_list = "Với vai trò biên tập viên, bạn ghim và chặn trong danh sách dưới từng bài; phần còn lại là của thư ký."
    pins = "Ghim “{title}” ở vị trí {position}"
    blocks = "Chặn {target}"
    boosts = "Nhân điểm của {target} với {factor}"
    only = "Chỉ lấy chuyên mục {sections}"
    never = "Không bao giờ lấy chuyên mục {sections}"
    targets: Mapping[str, str] = {
        "article": "bài “{value}”",
        "section": "chuyên mục {value}",
        "source": "nguồn {value}",
        "author": "tác giả {value}",
        "tag": "thẻ {value}",
    }
    lists: Mapping[str, str] = {
        "article": "dưới bài này",
        "section": "dưới các bài của chuyên mục {section}",
        "all": "trong mọi danh sách",
    }
    and_others = " và {number} bài khác"
    periods: Mapping[str, str] = {"in force": "đang có hiệu lực", "not begun": "chưa tới hạn", "over": "đã hết hạn"}
    from_day = "từ {day}"
    until_day = "đến hết {day}"
    effect = "Nếu không có quy tắc này"
    no_effect = "Không có quy tắc này, danh sách vẫn y như vậy."
    not_worked_out = "Có quá nhiều quy tắc: tác động của quy tắc này chưa được tính."
    came = "“{title}” sẽ không có mặt (nay ở vị trí {position})"
    came_change = "“{title}” vào vị trí {position}"
    left = "“{title}” sẽ ở vị trí {before}"
    left_change = "“{title}” rời danh sách (nay ở vị trí {before})"
    moved = "“{title}”: {before}\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}{position}"
    before = "Bây giờ"
    after = "Sau khi lưu"
    remove = "Bỏ quy tắc"
    change = "Ghim hoặc chặn"
    pin_this = "Ghim bài này ở vị trí"
    position = "Vị trí"
    block_this = "Chặn bài này"
    pin_other = "Ghim bài khác"
    lists_label = "Áp dụng"
    until_label = "Đến hết ngày (bỏ trống: không hạn)"
    preview = "Xem trước"
    preview_of = "Xem trước thay đổi"
    preview_help = "Chưa có gì được lưu. Đây là khối “{preset}” trước và sau thay đổi."
    removes = "Bỏ quy tắc: {rule}"
    why = "Lý do (không bắt buộc)"
    why_help = "Lịch sử ghi ai, lúc nào, vì sao."
    confirm = "Lưu thay đổi"
    cancel = "Thôi, quay lại"
    nothing_changes = "Thay đổi này không làm khối bài khác đi."
    rules_changed = "Quy tắc vừa được người khác sửa. Đây là bản xem trước mới; chưa có gì được lưu."
    which = "Bài nào?"
    choose = "Ghim bài này"
    saved = "Đã lưu. Mọi danh sách theo quy tắc mới ngay từ bây giờ."
    unsaved = "Chưa lưu được"
    left_out = "Gần mà không có mặt"
    left_out_help = "Những bài gần nhất về nội dung, và bước đã loại mỗi bài."
    none_left_out = "Mọi bài gần đều đã có mặt."
    steps: Mapping[str, str] = {
        "embargo": "hẹn giờ đăng {time}",
        "not_public": "chưa đăng, đã gỡ hoặc đã xóa",
        "filtered": "bị bộ lọc loại",
        "seed": "là chính bài này",
        "excluded": "đã đứng ở khối khác",
        "content_class": "thuộc loại để riêng (tài trợ, cáo phó, trẻ em)",
        "blocked": "bị quy tắc chặn",
        "duplicate": "gần như trùng với một bài đã có mặt",
        "beyond_limit": "danh sách đã đủ bài hay hơn",
        "not_near": "không gần bằng các bài khác",
        "series": "kỳ cũ của một chuyên đề ra đều",
        "copy_of_seed": "gần như trùng với chính bài này",
        "below_min_relevance": "chưa đủ liên quan",
        "beyond_the_best": "điểm thấp sau khi tính độ mới",
        "cap": "đã đủ bài {detail}",
    }
    caps: Mapping[str, str] = {
        "event": "về cùng một sự kiện",
        "section": "cùng chuyên mục",
        "source": "cùng nguồn",
        "author": "cùng tác giả",
    }
    history = "Lịch sử"
    did: Mapping[str, str] = {"added": "thêm", "removed": "bỏ"}
    nobody = "máy chủ này, không đăng nhập"
    compare = "Cách đang làm và Liên Quan"
    compare_help = "Một bên là những bài mới nhất cùng chuyên mục, một bên là những bài Liên Quan chọn theo nội dung."
    whens: Mapping[str, str] = {"then": "Lúc bài lên trang", "now": "Bây giờ"}
    nothing_to_compare = "Không so sánh được: bài không ghi chuyên mục hoặc ngày đăng."
    later = "sau {value} ngày"
