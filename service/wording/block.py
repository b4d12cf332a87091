"""The words of the pages on an article's block, in Vietnamese and in English (others are in `strings`).

Owns the words. Knows nothing of lists, rules or where on a page they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BlockWords:
    """The words in one language; both fill in the same {names}.

    :param presets: The names of a page's blocks.
    :param lists: The names of the lists that a rule concerns.
    :param targets: The names of a block's or boost's targets.
    :param steps: Why an article is not in the list, by `hits.Fate.step`.
    :param caps: The names of what caps count.
    :param nobody: The author of a rule's change if nobody has to sign in.
    """

    find: str
    find_intro: str
    find_label: str
    find_help: str
    find_button: str
    none_found: str
    found_for: str
    block: str
    of_article: str
    page: str
    judge: str
    presets: Mapping[str, str]
    presets_label: str
    list: str
    list_help: str
    no_list: str
    moved_by: str
    rules: str
    no_rules: str
    no_file: str
    no_scope: str
    one_list: str
    pins: str
    blocks: str
    boosts: str
    only: str
    never: str
    targets: Mapping[str, str]
    lists: Mapping[str, str]
    and_others: str
    periods: Mapping[str, str]
    from_day: str
    until_day: str
    effect: str
    no_effect: str
    not_worked_out: str
    came: str
    came_change: str
    left: str
    left_change: str
    moved: str
    before: str
    after: str
    remove: str
    change: str
    pin_this: str
    position: str
    block_this: str
    pin_other: str
    lists_label: str
    until_label: str
    preview: str
    preview_of: str
    preview_help: str
    removes: str
    why: str
    why_help: str
    confirm: str
    cancel: str
    nothing_changes: str
    rules_changed: str
    which: str
    choose: str
    saved: str
    unsaved: str
    left_out: str
    left_out_help: str
    none_left_out: str
    steps: Mapping[str, str]
    caps: Mapping[str, str]
    history: str
    did: Mapping[str, str]
    nobody: str
    compare: str
    compare_help: str
    whens: Mapping[str, str]
    nothing_to_compare: str
    later: str


VI = BlockWords(
    find="Khối bài liên quan",
    find_intro="Xem dưới một bài có gì, vì sao, quy tắc nào tác động; ghim và chặn bài.",
    find_label="Tít, mã hoặc địa chỉ của bài",
    find_help="Dán địa chỉ hay mã bài để mở thẳng; gõ vài chữ của tít để tìm.",
    find_button="Mở",
    none_found="Không có bài công khai nào như vậy.",
    found_for="Các bài khớp với “{typed}”",
    block="Khối bài liên quan",
    of_article="Khối bài liên quan dưới bài",
    page="Xem trang bài",
    judge="Chấm các bài liên quan",
    presets={"standard": "Dưới bài", "inline-teasers": "Xen giữa bài", "headlines": "Tít bên lề"},
    presets_label="Khối nào",
    list="Bạn đọc thấy",
    list_help="Trên trang bài, một bài đã đứng ở khối phía trên thì khối sau bỏ qua.",
    no_list="Khối này đang trống.",
    moved_by="quy tắc:",
    rules="Quy tắc và tác động",
    no_rules="Chưa có quy tắc nào cho danh sách này.",
    no_file="Chưa đặt tệp quy tắc (LIENQUAN_RULES), nên chưa ghim hay chặn được.",
    no_scope="Khóa của bạn chỉ để xem: muốn ghim hay chặn, cần khóa có phạm vi rules.",
    one_list="Với vai trò biên tập viên, bạn ghim và chặn trong danh sách dưới từng bài; phần còn lại là của thư ký.",
    pins="Ghim “{title}” ở vị trí {position}",
    blocks="Chặn {target}",
    boosts="Nhân điểm của {target} với {factor}",
    only="Chỉ lấy chuyên mục {sections}",
    never="Không bao giờ lấy chuyên mục {sections}",
    targets={
        "article": "bài “{value}”",
        "section": "chuyên mục {value}",
        "source": "nguồn {value}",
        "author": "tác giả {value}",
        "tag": "thẻ {value}",
    },
    lists={"article": "dưới bài này", "section": "dưới các bài của chuyên mục {section}", "all": "trong mọi danh sách"},
    and_others=" và {number} bài khác",
    periods={"in force": "đang có hiệu lực", "not begun": "chưa tới hạn", "over": "đã hết hạn"},
    from_day="từ {day}",
    until_day="đến hết {day}",
    effect="Nếu không có quy tắc này",
    no_effect="Không có quy tắc này, danh sách vẫn y như vậy.",
    not_worked_out="Có quá nhiều quy tắc: tác động của quy tắc này chưa được tính.",
    came="“{title}” sẽ không có mặt (nay ở vị trí {position})",
    came_change="“{title}” vào vị trí {position}",
    left="“{title}” sẽ ở vị trí {before}",
    left_change="“{title}” rời danh sách (nay ở vị trí {before})",
    moved="“{title}”: {before}\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}{position}",
    before="Bây giờ",
    after="Sau khi lưu",
    remove="Bỏ quy tắc",
    change="Ghim hoặc chặn",
    pin_this="Ghim bài này ở vị trí",
    position="Vị trí",
    block_this="Chặn bài này",
    pin_other="Ghim bài khác",
    lists_label="Áp dụng",
    until_label="Đến hết ngày (bỏ trống: không hạn)",
    preview="Xem trước",
    preview_of="Xem trước thay đổi",
    preview_help="Chưa có gì được lưu. Đây là khối “{preset}” trước và sau thay đổi.",
    removes="Bỏ quy tắc: {rule}",
    why="Lý do (không bắt buộc)",
    why_help="Lịch sử ghi ai, lúc nào, vì sao.",
    confirm="Lưu thay đổi",
    cancel="Thôi, quay lại",
    nothing_changes="Thay đổi này không làm khối bài khác đi.",
    rules_changed="Quy tắc vừa được người khác sửa. Đây là bản xem trước mới; chưa có gì được lưu.",
    which="Bài nào?",
    choose="Ghim bài này",
    saved="Đã lưu. Mọi danh sách theo quy tắc mới ngay từ bây giờ.",
    unsaved="Chưa lưu được",
    left_out="Gần mà không có mặt",
    left_out_help="Những bài gần nhất về nội dung, và bước đã loại mỗi bài.",
    none_left_out="Mọi bài gần đều đã có mặt.",
    steps={
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
    },
    caps={
        "event": "về cùng một sự kiện",
        "section": "cùng chuyên mục",
        "source": "cùng nguồn",
        "author": "cùng tác giả",
    },
    history="Lịch sử",
    did={"added": "thêm", "removed": "bỏ"},
    nobody="máy chủ này, không đăng nhập",
    compare="Cách đang làm và Liên Quan",
    compare_help="Một bên là những bài mới nhất cùng chuyên mục, một bên là những bài Liên Quan chọn theo nội dung.",
    whens={"then": "Lúc bài lên trang", "now": "Bây giờ"},
    nothing_to_compare="Không so sánh được: bài không ghi chuyên mục hoặc ngày đăng.",
    later="sau {value} ngày",
)

EN = BlockWords(
    find="Related blocks",
    find_intro="See what stands under an article, why, and what the rules do to it; pin and block.",
    find_label="Title, id or address of an article",
    find_help="An address or id opens the article's block; a few words of its title find it.",
    find_button="Open",
    none_found="There is no such public article.",
    found_for="Articles for “{typed}”",
    block="Related block",
    of_article="The related block under",
    page="See the article's page",
    judge="Judge what is related",
    presets={"standard": "Under the text", "inline-teasers": "Within the text", "headlines": "Headlines beside"},
    presets_label="Which block",
    list="What readers see",
    list_help="On the article's page, what stands in one block is left out of the next.",
    no_list="This block is empty.",
    moved_by="rules:",
    rules="Rules and what they do",
    no_rules="There is no rule for this list yet.",
    no_file="No file of rules is set (LIENQUAN_RULES), so nothing can be pinned or blocked.",
    no_scope="Your key is for looking: to pin or block, you need a key of scope rules.",
    one_list="As an editor you pin and block in the list under one article; other rules are for chiefs to change.",
    pins="Pin “{title}” at {position}",
    blocks="Block {target}",
    boosts="Multiply the score of {target} by {factor}",
    only="Only the sections {sections}",
    never="Never the sections {sections}",
    targets={
        "article": "“{value}”",
        "section": "section {value}",
        "source": "source {value}",
        "author": "author {value}",
        "tag": "tag {value}",
    },
    lists={"article": "under this article", "section": "under articles of section {section}", "all": "in every list"},
    and_others=" and {number} others",
    periods={"in force": "in force", "not begun": "not begun", "over": "over"},
    from_day="from {day}",
    until_day="until {day}",
    effect="Without this rule",
    no_effect="Without this rule the list would be the same.",
    not_worked_out="There are too many rules: what this one does was not worked out.",
    came="“{title}” would not be there (now at {position})",
    came_change="“{title}” comes in at {position}",
    left="“{title}” would stand at {before}",
    left_change="“{title}” leaves the list (now at {before})",
    moved="“{title}”: {before}\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}{position}",
    before="Now",
    after="Once saved",
    remove="Remove this rule",
    change="Pin or block",
    pin_this="Pin this article at",
    position="Position",
    block_this="Block this article",
    pin_other="Pin another article",
    lists_label="Where",
    until_label="Up to this day (empty: for good)",
    preview="Preview",
    preview_of="Preview of a change",
    preview_help="Nothing is saved yet. This is the block “{preset}” before and after.",
    removes="Remove the rule: {rule}",
    why="Why (optional)",
    why_help="The history says who, when and why.",
    confirm="Save the change",
    cancel="Back, without saving",
    nothing_changes="This change leaves the block as it is.",
    rules_changed="Somebody else has just changed the rules. This is a new preview; nothing is saved yet.",
    which="Which article?",
    choose="Pin this one",
    saved="Saved. Every list follows the new rules from now on.",
    unsaved="Not saved",
    left_out="Near, and not there",
    left_out_help="The nearest articles by content, and the step at which each fell out.",
    none_left_out="Everything that is near is there.",
    steps={
        "embargo": "comes out at {time}",
        "not_public": "not out yet, taken down or deleted",
        "filtered": "kept out by filters",
        "seed": "is this article",
        "excluded": "stands in another block",
        "content_class": "of a kind that is kept apart (sponsored, obituaries, minors)",
        "blocked": "blocked by a rule",
        "duplicate": "nearly the same as one that is there",
        "beyond_limit": "the list is full of better ones",
        "not_near": "not as near as others",
        "series": "an earlier instalment of a regular column",
        "copy_of_seed": "nearly the same as this article",
        "below_min_relevance": "not related enough",
        "beyond_the_best": "low once age counts",
        "cap": "there are enough {detail}",
    },
    caps={"event": "of one event", "section": "of its section", "source": "of its source", "author": "of its author"},
    history="History",
    did={"added": "added", "removed": "removed"},
    nobody="this machine, not signed in",
    compare="Today's way and Lienquan",
    compare_help="One list is the newest of the section, the other what Lienquan chooses by content.",
    whens={"then": "When it came out", "now": "Now"},
    nothing_to_compare="It cannot be compared: the article has no section or no date.",
    later="{value} days later",
)

WORDS: Mapping[str, BlockWords] = {"vi": VI, "en": EN}
