"""The words of the page of synonyms, abbreviations and renamed places. Knows nothing of files or searches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.wording.newsroom import Tab


@dataclass(frozen=True)
class VocabularyWords:
    """The words of the page in one language; both fill in the same {names}.

    :param kinds: What is mapped, by `vocabulary.VocabularyKind`.
    :param explained: What each kind does to a search.
    :param fields: What the fields are called, by `vocabulary_page.FIELDS`.
    :param hints: What is to be said of some of them.
    :param ways: What synonyms may be to each other.
    :param did: What was done, in the history.
    :param done: The same, once it is done.
    """

    title: str
    intro: str
    what: str
    kinds: Mapping[str, str]
    explained: Mapping[str, str]
    fields: Mapping[str, str]
    hints: Mapping[str, str]
    way: str
    ways: Mapping[str, str]

    add: str
    change: str
    anew: str
    try_with: str
    try_hint: str
    try_out: str
    save: str
    no_file: str
    may_not: str
    forbidden: str
    changed_meanwhile: str
    stale: str
    signed_out: str
    faults: str
    failed: str
    done: Mapping[str, str]

    own: str
    own_empty: str
    find: str
    search: str
    all: str
    more: str
    edit: str
    edit_of: str
    remove: str
    remove_of: str
    does_not_count: str
    learnt: str
    learnt_hint: str
    count: str
    unused: str
    shipped: str
    shipped_hint: str
    take_over: str
    take_over_of: str
    nothing_found: str
    history: str
    did: Mapping[str, str]

    trial: str
    trial_same: str
    before: str
    after: str
    expansions: str
    no_expansions: str
    no_hits: str
    entered: str
    gone: str
    up: str
    down: str


VI = VocabularyWords(
    title="Từ đồng nghĩa",
    intro=(
        "Những gì tòa soạn cho là cùng một nghĩa. Thử với một câu tìm kiếm trước khi lưu; lưu rồi là mọi lượt tìm theo "
        "ngay."
    ),
    what="Loại",
    kinds={"synonyms": "Từ đồng nghĩa", "abbreviations": "Viết tắt", "renamings": "Tên cũ, tên mới"},
    explained={
        "synonyms": "Gõ từ này thì cũng tìm từ kia. Quy tắc chỉ thêm cách tìm, không bỏ từ đã gõ.",
        "abbreviations": "Gõ chữ tắt thì tìm cả tên đầy đủ, và ngược lại. Của tòa soạn đứng trước mọi nguồn khác.",
        "renamings": "Địa danh đã đổi tên hoặc nhập vào nơi khác: gõ tên nào cũng tìm cả tên kia.",
    },
    fields={
        "left": "Từ gõ vào",
        "right": "Cũng là",
        "short": "Chữ tắt",
        "full": "Tên đầy đủ",
        "context": "Ngữ cảnh",
        "old": "Tên cũ",
        "new": "Tên mới",
        "since": "Từ ngày",
    },
    hints={
        "right": "Nhiều từ thì ngăn bằng dấu phẩy.",
        "context": "Nếu chữ tắt có nhiều nghĩa: những từ cho biết là nghĩa này, ngăn bằng dấu phẩy.",
        "since": "Năm-tháng-ngày, như 2025-07-01.",
    },
    way="Chiều",
    ways={"both": "hai chiều", "one": "một chiều"},
    add="Thêm",
    change="Sửa dòng {number}",
    anew="Thôi, thêm dòng mới",
    try_with="Thử với câu",
    try_hint="Kết quả trước và sau hiện cạnh nhau, chưa lưu gì.",
    try_out="Thử",
    save="Lưu",
    no_file="Chưa có tệp nào để lưu: người vận hành cần đặt {setting}. Vẫn thử được.",
    may_not="Khóa của bạn không có quyền rules, nên chỉ xem và thử được, không lưu được.",
    forbidden="Chưa lưu: việc này cần khóa có cả quyền newsroom và rules.",
    changed_meanwhile="Chưa lưu: dòng này vừa được người khác sửa. Hãy xem lại danh sách rồi sửa lần nữa.",
    stale="Chưa lưu: phiên làm việc đã đổi. Nội dung vẫn còn đây; hãy lưu lại lần nữa.",
    signed_out="Chưa lưu: phiên làm việc đã hết. Nội dung vẫn còn đây; hãy đăng nhập ở thẻ khác rồi gửi lại.",
    faults="Chưa lưu: có chỗ chưa đúng",
    failed="Chưa làm được",
    done={
        "save": "Đã lưu. Mọi lượt tìm từ bây giờ theo dòng này.",
        "remove": "Đã xóa. Từ bây giờ không lượt tìm nào dùng nữa.",
    },
    own="Của tòa soạn",
    own_empty="Tòa soạn chưa có dòng nào.",
    find="Tìm trong các danh sách",
    search="Tìm",
    all="Hiện tất cả",
    more="Hiện {shown} trên {total}; hãy tìm để thấy phần còn lại.",
    edit="Sửa",
    edit_of="Sửa: {line}",
    remove="Xóa",
    remove_of="Xóa: {line}",
    does_not_count="Không tính",
    learnt="Kho bài tự dạy",
    learnt_hint="Những chữ tắt mà bài viết tự giải nghĩa, như “Bảo hiểm xã hội (BHXH)”.",
    count="{count} lần",
    unused="ít khi nghĩa là vậy, nên không dùng",
    shipped="Có sẵn trong phần mềm",
    shipped_hint="Đi cùng phần mềm; dòng của tòa soạn đứng trước.",
    take_over="Lấy làm dòng mới",
    take_over_of="Lấy làm dòng mới: {line}",
    nothing_found="Không có dòng nào khớp.",
    history="Những lần sửa gần đây",
    did={"added": "thêm", "changed": "sửa", "removed": "xóa"},
    trial="Trước và sau",
    trial_same="Mười bài đầu không đổi.",
    before="Bây giờ",
    after="Nếu lưu",
    expansions="Cũng tìm",
    no_expansions="không có gì thêm",
    no_hits="Không có bài nào.",
    entered="mới vào",
    gone="ra khỏi mười bài đầu",
    up="lên từ hạng {rank}",
    down="xuống từ hạng {rank}",
)

EN = VocabularyWords(
    title="Synonyms",
    intro=(
        "What the newsroom holds to be the same. Try it with a query before it is saved; once saved, every search "
        "follows at once."
    ),
    what="Kind",
    kinds={"synonyms": "Synonyms", "abbreviations": "Abbreviations", "renamings": "Old and new names"},
    explained={
        "synonyms": "Where the one is typed, the other is looked for as well. A rule only adds, it takes nothing away.",
        "abbreviations": "The short form finds the full one, and the other way about. The newsroom's come first.",
        "renamings": "Places that were renamed or merged: whichever name is typed, both are looked for.",
    },
    fields={
        "left": "What is typed",
        "right": "Is also",
        "short": "Abbreviation",
        "full": "Full form",
        "context": "Context",
        "old": "Old name",
        "new": "New name",
        "since": "Since",
    },
    hints={
        "right": "Several with a comma between.",
        "context": "Where it may mean several things: words that speak for this one, a comma between.",
        "since": "Year-month-day, as 2025-07-01.",
    },
    way="Direction",
    ways={"both": "both ways", "one": "one way"},
    add="Add",
    change="Change line {number}",
    anew="Rather add a line",
    try_with="Try with a query",
    try_hint="Hits before and after stand side by side; nothing is saved yet.",
    try_out="Try",
    save="Save",
    no_file="There is no file to save to: whoever runs the service has to set {setting}. Trying works.",
    may_not="Your key does not have the scope rules: you can look and try, not save.",
    forbidden="Not saved: this needs a key of scopes newsroom and rules.",
    changed_meanwhile="Not saved: somebody has just changed this line. Look at the list and change it again.",
    stale="Not saved: the session is another one. What you typed is still here; save it again.",
    signed_out="Not saved: the session has ended. What you typed is still here; sign in elsewhere and send it again.",
    faults="Not saved: something is not as expected",
    failed="It could not be done",
    done={"save": "Saved. Every search from now on follows it.", "remove": "Removed. No search uses it from now on."},
    own="The newsroom's",
    own_empty="The newsroom has no line yet.",
    find="Search the lists",
    search="Search",
    all="Show all",
    more="{shown} of {total} are shown; search for the others.",
    edit="Change",
    edit_of="Change: {line}",
    remove="Remove",
    remove_of="Remove: {line}",
    does_not_count="Does not count",
    learnt="Learnt from the archive",
    learnt_hint="Abbreviations that articles themselves spell out, as “Bảo hiểm xã hội (BHXH)”.",
    count="{count} times",
    unused="seldom means that, so it is not used",
    shipped="Shipped with the software",
    shipped_hint="Comes with the software; the newsroom's lines come first.",
    take_over="Make it a line",
    take_over_of="Make it a line: {line}",
    nothing_found="No line matches.",
    history="Latest changes",
    did={"added": "added", "changed": "changed", "removed": "removed"},
    trial="Before and after",
    trial_same="The first ten stay as they are.",
    before="Now",
    after="If saved",
    expansions="Also looked for",
    no_expansions="nothing else",
    no_hits="No article.",
    entered="comes in",
    gone="leaves the first ten",
    up="up from rank {rank}",
    down="down from rank {rank}",
)

WORDS: Mapping[str, VocabularyWords] = {"vi": VI, "en": EN}

TABS: Mapping[str, tuple[Tab, ...]] = {
    "vi": (
        Tab(
            "pages.synonyms",
            "Từ đồng nghĩa",
            "Từ đồng nghĩa, chữ viết tắt, tên cũ và tên mới: sửa, và thử với một câu tìm kiếm trước khi lưu.",
        ),
    ),
    "en": (
        Tab("pages.synonyms", "Synonyms", "Synonyms, abbreviations, old and new names: change and try before saving."),
    ),
}
"""Its links in the newsroom's menu."""
