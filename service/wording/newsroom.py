"""The names and purposes of the newsroom's pages, in Vietnamese and in English, in the order of their menu.

Owns these words alone: other pages have modules of their own, and parts that the service can do without their own tabs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Tab:
    """A page in the menu.

    :param endpoint: The endpoint of its view.
    :param name: Its name in the menu.
    :param purpose: A sentence, for the newsroom's first page.
    """

    endpoint: str
    name: str
    purpose: str


@dataclass(frozen=True)
class NewsroomWords:
    """The words of the menu and of the newsroom's first page in one language."""

    title: str
    intro: str
    menu: str
    tabs: tuple[Tab, ...]

    def with_tabs(self, added: Iterable[Tab]) -> NewsroomWords:
        """Return them with more pages in the menu, before the operators', which is the last."""
        *editors, operators = self.tabs
        return replace(self, tabs=(*editors, *added, operators))


VI = NewsroomWords(
    title="Tòa soạn",
    intro="Những công cụ dành cho biên tập viên và người vận hành.",
    menu="Các trang của tòa soạn",
    tabs=(
        Tab("pages.draft_form", "Bản thảo", "Dán bản thảo để xem nên dẫn tới bài nào, vì sao, và bài ấy đã đăng chưa."),
        Tab(
            "pages.articles",
            "Khối bài",
            "Dưới một bài có gì, vì sao, quy tắc nào tác động; ghim, chặn, so với cách đang làm.",
        ),
        Tab("pages.operations_page", "Vận hành", "Các bản của kho, bản dựng đang chạy, máy chủ và nguồn bài lúc này."),
    ),
)

EN = NewsroomWords(
    title="Newsroom",
    intro="Tools for editors and for whoever runs the service.",
    menu="The newsroom's pages",
    tabs=(
        Tab("pages.draft_form", "Draft", "Paste a draft to see what to link to, why, and whether it is published."),
        Tab("pages.articles", "Blocks", "What stands under an article, why, and by which rules; pin, block, compare."),
        Tab("pages.operations_page", "Operations", "Snapshots, the build that runs, servers and sources as they are."),
    ),
)

WORDS: Mapping[str, NewsroomWords] = {"vi": VI, "en": EN}
