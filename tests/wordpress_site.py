"""A site with WordPress as far as its REST API for posts goes, over posts that a test keeps in a dictionary.

It does what WordPress does: `modified_after` is exclusive, pages beyond the last are a 400, a list knows only published
posts, protected ones come without their content, totals stand in headers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.web_server import Request, Site

Post = dict[str, Any]


def post(number: int, **more: Any) -> Post:
    """Return a post as the REST API gives it, with what it embeds."""
    given: Post = {
        "id": number,
        "date_gmt": "2026-11-20T02:00:00",
        "modified_gmt": f"2026-11-20T02:{number // 60 % 60:02}:{number % 60:02}",
        "link": f"https://bentra.example/{number}/",
        "status": "publish",
        "type": "post",
        "title": {"rendered": f"Chuyện bến &#8220;{number}&#8221;"},
        "content": {"rendered": f"<p>Bến đò số {number} họp chợ từ bốn giờ sáng.</p>", "protected": False},
        "excerpt": {"rendered": "<p>Ghi ở bến.</p>", "protected": False},
        "_embedded": {
            "author": [{"id": 2, "name": "Đàm Thị Mai"}],
            "wp:featuredmedia": [{"id": 9, "source_url": f"https://bentra.example/anh/{number}.jpg"}],
            "wp:term": [
                [{"taxonomy": "category", "name": "Bến đò &amp; chợ", "slug": "ben-do"}],
                [{"taxonomy": "post_tag", "name": "cá lăng", "slug": "ca-lang"}],
            ],
        },
    }
    return given | more


class WordPress:
    """A site's posts, and how it answers.

    :ivar before_page: Called before each list of posts with the page's number: posts may change while they are read.
    """

    def __init__(self, site: Site, plain: bool = False, password: str = "") -> None:
        self.posts: dict[int, Post] = {}
        self.before_page: Callable[[int], None] = lambda page: None
        self._password = password
        site.pages["/" if plain else "/wp-json/wp/v2/posts"] = self._answer

    def add(self, *numbers: int, **more: Any) -> None:
        self.posts.update((number, post(number, **more)) for number in numbers)

    def _answer(self, request: Request) -> None:
        query = request.query
        if self._password:
            expected = "Basic " + base64.b64encode(self._password.encode()).decode()
            if request.headers.get("Authorization") != expected:
                _refuse(request, 401, "rest_forbidden")
                return
        page, size = int(query.get("page", 1)), int(query.get("per_page", 10))
        if "orderby" in query:
            self.before_page(page)
        found = [one for one in self.posts.values() if one["status"] == "publish"]
        if "include" in query:
            wanted = set(map(int, query["include"].split(",")))
            found = [one for one in found if one["id"] in wanted]
        if after := query.get("modified_after"):
            found = [one for one in found if one["modified_gmt"] > after.removesuffix("Z")]
        order = {"modified": "modified_gmt", "id": "id"}.get(query.get("orderby", ""), "date_gmt")
        found.sort(key=lambda one: one[order], reverse=query.get("order", "desc") == "desc")
        pages = -(-len(found) // size)
        if page > max(pages, 1):
            _refuse(request, 400, "rest_post_invalid_page_number")
            return
        listed = found[(page - 1) * size : page * size]
        if query.get("_fields") == "id":
            listed = [{"id": one["id"]} for one in listed]
        headers = {"X_WP_Total": str(len(found)), "X_WP_TotalPages": str(pages)}
        request.give(json.dumps(listed), Content_Type="application/json; charset=UTF-8", **headers)


def _refuse(request: Request, status: int, code: str) -> None:
    request.give(json.dumps({"code": code, "message": "…", "data": {"status": status}}), status)
