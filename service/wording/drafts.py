"""The words of the page for drafts, in Vietnamese and in English. Knows nothing of drafts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DraftWords:
    """The words in one language; both fill in the same {names}.

    :param formats: The formats of a draft's text.
    :param presets: The name of each preset, `presets.PRESETS`.
    :param freshness_ways: The name of each effect of age, and of the preset's own.
    :param said: Texts for screen readers: suggestions have come, none have, the draft seems to be published, an article
        has moved in the list, was added, or was removed.
    """

    heading: str
    intro: str
    label: str
    title: str
    lead: str
    body: str
    format: str
    formats: Mapping[str, str]
    section: str
    no_section: str
    preset: str
    presets: Mapping[str, str]
    freshness: str
    freshness_ways: Mapping[str, str]
    submit: str
    empty: str
    signed_out: str
    links: str
    no_links: str
    published: str
    published_help: str
    missing_pins: str
    copy_label: str
    copy_help: str

    live_intro: str
    waiting: str
    failed: str
    mine: str
    mine_of: str
    mine_help: str
    mine_keys: str
    mine_empty: str
    gone: str
    tick: str
    ticked: str
    up: str
    down: str
    drop: str
    copies_mine: str
    copies_all: str
    said: Mapping[str, str]


VI = DraftWords(
    heading="Bài liên quan cho bản thảo",
    intro="Dán bản thảo vào đây để xem nên dẫn tới bài nào, vì sao, và bài ấy đã đăng chưa. "
    "Bản thảo không được lưu lại ở đâu.",
    label="Bản thảo",
    title="Tiêu đề",
    lead="Sapo",
    body="Nội dung",
    format="Nội dung là",
    formats={"text": "chữ thường", "html": "HTML"},
    section="Chuyên mục",
    no_section="(không chọn)",
    preset="Kiểu danh sách",
    presets={
        "standard": "Dưới bài",
        "same-section-newest": "Mới nhất cùng chuyên mục",
        "inline-teasers": "Xen giữa bài",
        "headlines": "Tít bên lề",
    },
    freshness="Độ mới",
    freshness_ways={
        "": "Theo kiểu danh sách",
        "breaking": "Tin nóng",
        "standard": "Tin thường ngày",
        "evergreen": "Bài đọc lâu dài",
        "none": "Không tính",
    },
    submit="Tìm bài liên quan",
    empty="Chưa có gì để tìm: hãy điền tiêu đề, sapo hoặc nội dung.",
    signed_out="Phiên đăng nhập đã hết; bản thảo vẫn còn nguyên dưới đây. Hãy đăng nhập rồi gửi lại.",
    links="Nên dẫn tới",
    no_links="Không có bài nào đủ liên quan để dẫn tới.",
    published="Đã đăng?",
    published_help="Những bài đã đăng này gần như trùng với bản thảo:",
    missing_pins="Bài ghim không hiện được",
    copy_label="Chép danh sách",
    copy_help="Chọn hết chữ trong ô rồi chép.",
    live_intro="Gợi ý hiện ra ngay khi bạn ngừng gõ.",
    waiting="Dán hoặc gõ bản thảo: gợi ý sẽ hiện ở đây.",
    failed="Chưa tải được gợi ý. Hãy nhấn nút để thử lại; bản thảo vẫn còn nguyên.",
    mine="Danh sách của tôi",
    mine_of="Danh sách của tôi ({number})",
    mine_help="Danh sách được giữ khi bản thảo và gợi ý thay đổi, cho tới khi bạn rời trang.",
    mine_keys="Alt + ↑ và Alt + ↓ cũng đổi chỗ bài đang chọn.",
    mine_empty="Chưa có bài nào: đánh dấu “Chọn” ở gợi ý để thêm vào.",
    gone="Không còn bài nào mang mã: {ids}",
    tick="Chọn",
    ticked="Đã chọn",
    up="Đưa lên",
    down="Đưa xuống",
    drop="Bỏ",
    copies_mine="Danh sách của tôi, theo thứ tự đã xếp.",
    copies_all="Danh sách của tôi còn trống, nên đây là mọi gợi ý.",
    said={
        "one": "{number} gợi ý.",
        "many": "{number} gợi ý.",
        "none": "Không có gợi ý.",
        "published": "Có vẻ đã đăng: {title}.",
        "moved": "{title}: vị trí {place} trong {number}.",
        "added": "Đã thêm {title}, {number} bài trong danh sách.",
        "dropped": "Đã bỏ {title}, {number} bài trong danh sách.",
    },
)

EN = DraftWords(
    heading="Related articles for a draft",
    intro="Paste a draft to see which articles to link to and why, and whether it is published already. "
    "The draft is kept nowhere.",
    label="Draft",
    title="Title",
    lead="Lead",
    body="Body",
    format="The body is",
    formats={"text": "plain text", "html": "HTML"},
    section="Section",
    no_section="(none)",
    preset="Kind of list",
    presets={
        "standard": "Under the article",
        "same-section-newest": "Newest of the section",
        "inline-teasers": "Within the text",
        "headlines": "Headlines beside it",
    },
    freshness="Freshness",
    freshness_ways={
        "": "By the kind of list",
        "breaking": "Breaking news",
        "standard": "Daily news",
        "evergreen": "Evergreen",
        "none": "Does not count",
    },
    submit="Find related articles",
    empty="There is nothing to look for yet: give a title, a lead or a body.",
    signed_out="You are signed out; the draft is still below as it was. Sign in, and send it again.",
    links="To link to",
    no_links="No article is related enough to link to.",
    published="Already published?",
    published_help="These published articles are nearly the same as the draft:",
    missing_pins="Pins that cannot be shown",
    copy_label="Copy the list",
    copy_help="Select all of the box, and copy.",
    live_intro="Suggestions appear as soon as you stop typing.",
    waiting="Paste or type a draft: suggestions appear here.",
    failed="The suggestions could not be loaded. Press the button to try again; the draft is still here.",
    mine="My list",
    mine_of="My list ({number})",
    mine_help="The list is kept while draft and suggestions change, until you leave this page.",
    mine_keys="Alt + ↑ and Alt + ↓ move the article that has the focus, too.",
    mine_empty="Nothing yet: tick “Pick” beside a suggestion.",
    gone="There is no article any more of id: {ids}",
    tick="Pick",
    ticked="Picked",
    up="Move up",
    down="Move down",
    drop="Remove",
    copies_mine="My list, in its order.",
    copies_all="My list is empty, so these are all suggestions.",
    said={
        "one": "{number} suggestion.",
        "many": "{number} suggestions.",
        "none": "No suggestions.",
        "published": "It seems to be published: {title}.",
        "moved": "{title}: place {place} of {number}.",
        "added": "Added {title}, {number} in the list.",
        "dropped": "Removed {title}, {number} in the list.",
    },
)

WORDS: Mapping[str, DraftWords] = {"vi": VI, "en": EN}
