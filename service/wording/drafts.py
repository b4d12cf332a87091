"""The words of the draft page's list and of its suggestions as one types (the page's others are in `strings`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """The words in one language; both fill in the same {names}.

    :param said: What is read out: suggestions have come, none have, the draft seems to be published, an article is at
        another place of the list, or in it, or out of it.
    """

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


VI = Words(
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

EN = Words(
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

WORDS: Mapping[str, Words] = {"vi": VI, "en": EN}
