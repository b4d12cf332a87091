"""The names and purposes of the newsroom's pages, in Vietnamese and in English, in the order of their menu.

Owns these words alone: other pages have modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
        Tab(
            "pages.query",
            "Truy vấn",
            "Một câu tìm kiếm được hiểu thế nào, và nghĩa, từ, cả hai gộp lại mỗi bên tìm ra gì.",
        ),
        Tab(
            "pages.judged",
            "Chấm điểm",
            "Chấm các bài tìm được bằng một phím, và xem mỗi cách tìm tốt đến đâu theo điểm đã chấm.",
        ),
        Tab(
            "pages.synonyms",
            "Từ đồng nghĩa",
            "Từ đồng nghĩa, chữ viết tắt, tên cũ và tên mới: sửa, và thử với một câu tìm kiếm trước khi lưu.",
        ),
        Tab("pages.archive_map", "Bản đồ", "Kho bài nhìn từ trên cao; bài trùng nhau, bài không ai dẫn tới."),
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
        Tab("pages.query", "Query", "How a query is understood, and what meaning, words and both together find."),
        Tab("pages.judged", "Judging", "Judge what is found with one key, and see how good each way of finding is."),
        Tab("pages.synonyms", "Synonyms", "Synonyms, abbreviations, old and new names: change and try before saving."),
        Tab("pages.archive_map", "Map", "The archive from above; what is told twice, what nothing links to."),
        Tab("pages.operations_page", "Operations", "Snapshots, the build that runs, servers and sources as they are."),
    ),
)

WORDS: Mapping[str, NewsroomWords] = {"vi": VI, "en": EN}
