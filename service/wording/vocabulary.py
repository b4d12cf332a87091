"""The words of the page on synonyms, abbreviations and renamed places, and its link in the newsroom's menu.

Owns these words. Knows nothing of files or searches.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.wording.newsroom import Tab, WordsWithTabs


class VocabularyWords(WordsWithTabs):
    """The words of the page that shows, tries and changes the newsroom's own synonyms, abbreviations and renamings.

    A line is one entry of a list, such as `NLĐ => người lao động`.

    :ivar tabs: The link in the newsroom's menu, with a sentence for its first page.
    :ivar kinds: The three lists, by `vocabulary.VocabularyKind`.
    :ivar explained: What the lines of each list do to a search.
    :ivar fields: The fields of the form, by `vocabulary_page.FIELDS`.
    :ivar hints: How to fill in some of the fields.
    :ivar way: The label of the choice between `ways`.
    :ivar ways: Whether synonyms stand for each other, or only the second for the first.
    :ivar anew: The link that leaves a line as it is and empties the form.
    :ivar done: What was done, right after it.
    :ivar own: The heading of the newsroom's own lines.
    :ivar learnt: The heading of abbreviations that articles spell out.
    :ivar unused: On an abbreviation that mostly means something else.
    :ivar shipped: The heading of the lines that come with the software.
    :ivar take_over: Puts a learnt or shipped line into the form, to make it the newsroom's own.
    :ivar did: What was done, in the history.
    :ivar trial: The heading of hits before and after a line counts.
    :ivar entered: On a hit of the first ten that was not among them before.
    :ivar gone: On a hit that is no longer among the first ten.
    """

    tabs: Mapping[str, Tab] = {
        "pages.synonyms": Tab(
            "Từ đồng nghĩa",
            "Từ đồng nghĩa, chữ viết tắt, tên cũ và tên mới: sửa, và thử với một câu tìm kiếm trước khi lưu.",
        ),
    }
    title = "Từ đồng nghĩa"
    intro = (
        "Những gì tòa soạn cho là cùng một nghĩa. Thử với một câu tìm kiếm trước khi lưu; lưu rồi là mọi lượt tìm theo "
        "ngay."
    )
    what = "Loại"
    kinds: Mapping[str, str] = {
        "synonyms": "Từ đồng nghĩa",
        "abbreviations": "Viết tắt",
        "renamings": "Tên cũ, tên mới",
    }
    explained: Mapping[str, str] = {
        "synonyms": "Gõ từ này thì cũng tìm từ kia. Quy tắc chỉ thêm cách tìm, không bỏ từ đã gõ.",
        "abbreviations": "Gõ chữ tắt thì tìm cả tên đầy đủ, và ngược lại. Của tòa soạn đứng trước mọi nguồn khác.",
        "renamings": "Địa danh đã đổi tên hoặc nhập vào nơi khác: gõ tên nào cũng tìm cả tên kia.",
    }
    fields: Mapping[str, str] = {
        "left": "Từ gõ vào",
        "right": "Cũng là",
        "short": "Chữ tắt",
        "full": "Tên đầy đủ",
        "context": "Ngữ cảnh",
        "old": "Tên cũ",
        "new": "Tên mới",
        "since": "Từ ngày",
    }
    hints: Mapping[str, str] = {
        "right": "Nhiều từ thì ngăn bằng dấu phẩy.",
        "context": "Nếu chữ tắt có nhiều nghĩa: những từ cho biết là nghĩa này, ngăn bằng dấu phẩy.",
        "since": "Năm-tháng-ngày, như 2025-07-01.",
    }
    way = "Chiều"
    ways: Mapping[str, str] = {"both": "hai chiều", "one": "một chiều"}

    add = "Thêm"
    change = "Sửa dòng {number}"
    anew = "Thôi, thêm dòng mới"
    try_with = "Thử với câu"
    try_hint = "Kết quả trước và sau hiện cạnh nhau, chưa lưu gì."
    try_out = "Thử"
    save = "Lưu"
    no_file = "Chưa có tệp nào để lưu: người vận hành cần đặt {setting}. Vẫn thử được."
    may_not = "Khóa của bạn không có quyền rules, nên chỉ xem và thử được, không lưu được."
    forbidden = "Chưa lưu: việc này cần khóa có cả quyền newsroom và rules."
    changed_meanwhile = "Chưa lưu: dòng này vừa được người khác sửa. Hãy xem lại danh sách rồi sửa lần nữa."
    stale = "Chưa lưu: phiên làm việc đã đổi. Nội dung vẫn còn đây; hãy lưu lại lần nữa."
    signed_out = "Chưa lưu: phiên làm việc đã hết. Nội dung vẫn còn đây; hãy đăng nhập ở thẻ khác rồi gửi lại."
    faults = "Chưa lưu: có chỗ chưa đúng"
    failed = "Chưa làm được"
    done: Mapping[str, str] = {
        "save": "Đã lưu. Mọi lượt tìm từ bây giờ theo dòng này.",
        "remove": "Đã xóa. Từ bây giờ không lượt tìm nào dùng nữa.",
    }

    own = "Của tòa soạn"
    own_empty = "Tòa soạn chưa có dòng nào."
    find = "Tìm trong các danh sách"
    search = "Tìm"
    all = "Hiện tất cả"
    more = "Hiện {shown} trên {total}; hãy tìm để thấy phần còn lại."
    edit = "Sửa"
    edit_of = "Sửa: {line}"
    remove = "Xóa"
    remove_of = "Xóa: {line}"
    does_not_count = "Không tính"
    learnt = "Kho bài tự dạy"
    learnt_hint = "Những chữ tắt mà bài viết tự giải nghĩa, như “Bảo hiểm xã hội (BHXH)”."
    count = "{count} lần"
    unused = "ít khi nghĩa là vậy, nên không dùng"
    shipped = "Có sẵn trong phần mềm"
    shipped_hint = "Đi cùng phần mềm; dòng của tòa soạn đứng trước."
    take_over = "Lấy làm dòng mới"
    take_over_of = "Lấy làm dòng mới: {line}"
    nothing_found = "Không có dòng nào khớp."
    history = "Những lần sửa gần đây"
    did: Mapping[str, str] = {"added": "thêm", "changed": "sửa", "removed": "xóa"}

    trial = "Trước và sau"
    trial_same = "Mười bài đầu không đổi."
    before = "Bây giờ"
    after = "Nếu lưu"
    expansions = "Cũng tìm"
    no_expansions = "không có gì thêm"
    no_hits = "Không có bài nào."
    entered = "mới vào"
    gone = "ra khỏi mười bài đầu"
    up = "lên từ hạng {rank}"
    down = "xuống từ hạng {rank}"
