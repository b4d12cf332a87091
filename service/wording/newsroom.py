"""The names and purposes of the newsroom's pages, in the order of their menu.

Owns these words. Pages have modules of their own, and so have the tabs of parts that the service can do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from service.wording.catalogue import Words


class Tab(NamedTuple):
    """A page in the menu: its name, and a sentence on what it is for."""

    name: str
    purpose: str


class WordsWithTabs(Words):
    """The words of a part of the service that adds pages to the newsroom's menu.

    :ivar tabs: These pages, by the endpoint of their view.
    """

    tabs: Mapping[str, Tab]


class NewsroomWords(WordsWithTabs):
    """The words of the menu and of the newsroom's first page.

    :ivar menu: What a screen reader calls the menu.
    :ivar tabs: Links in the menu, with a sentence for the first page.
    """

    title = "Tòa soạn"
    intro = "Những công cụ dành cho biên tập viên và người vận hành."
    menu = "Các trang của tòa soạn"
    tabs: Mapping[str, Tab] = {
        "pages.draft_form": Tab("Bản thảo", "Dán bản thảo để xem nên dẫn tới bài nào, vì sao, và bài ấy đã đăng chưa."),
        "pages.articles": Tab(
            "Khối bài", "Dưới một bài có gì, vì sao, quy tắc nào tác động; ghim, chặn, so với cách đang làm."
        ),
        "pages.operations_page": Tab("Vận hành", "Các bản của kho, bản dựng đang chạy, máy chủ và nguồn bài lúc này."),
    }

    def with_tabs(self, added: Mapping[str, Tab]) -> dict[str, Tab]:
        """Return the whole menu: these tabs and those that parts add, before the operators', which is the last."""
        *editors, operators = self.tabs.items()
        return dict([*editors, *added.items(), operators])
