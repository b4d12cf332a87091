"""Writes a WordPress export of any size: invented posts, each with its picture behind it.

python -m tests.wordpress_export 1000000000 big.wxr.xml
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

HEAD = """<?xml version="1.0" encoding="UTF-8" ?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>Bến Trà</title><wp:wxr_version>1.2</wp:wxr_version>
<wp:base_site_url>https://bentra.example</wp:base_site_url><wp:base_blog_url>https://bentra.example</wp:base_blog_url>
<wp:author><wp:author_login>mai</wp:author_login>
<wp:author_display_name>Đàm Thị Mai</wp:author_display_name></wp:author>
"""
TAIL = "</channel></rss>\n"
PARAGRAPH = (
    "<!-- wp:paragraph -->\n<p>Bến đò số {number} họp chợ từ bốn giờ sáng, thuyền mận thuyền chè đậu kín "
    "hai bờ, người lái đò kể chuyện con nước năm nay về muộn và cá lăng ít hơn mọi mùa.</p>\n"
    "<!-- /wp:paragraph -->\n\n"
)
POST = """<item><title><![CDATA[Chuyện bến đò số {number}]]></title><link>https://bentra.example/{number}/</link>
<dc:creator><![CDATA[mai]]></dc:creator><content:encoded><![CDATA[{content}]]></content:encoded>
<excerpt:encoded><![CDATA[Ghi ở bến số {number}.]]></excerpt:encoded><wp:post_id>{number}</wp:post_id>
<wp:post_date_gmt>2026-11-20 02:00:00</wp:post_date_gmt><wp:status>publish</wp:status>
<wp:post_type>post</wp:post_type>
<category domain="category" nicename="ben-do"><![CDATA[Bến đò]]></category>
<wp:postmeta><wp:meta_key>_thumbnail_id</wp:meta_key><wp:meta_value>{picture}</wp:meta_value></wp:postmeta></item>
<item><title>anh-{number}</title><wp:post_id>{picture}</wp:post_id><wp:status>inherit</wp:status>
<wp:post_type>attachment</wp:post_type>
<wp:attachment_url>https://bentra.example/wp-content/uploads/2026/11/anh-ben-do-{number}.jpg</wp:attachment_url></item>
"""


def pieces(size: int, paragraphs: int = 16) -> Iterator[str]:
    """Yield the text of an export of at least so many bytes."""
    yield HEAD
    written, number = len(HEAD), 0
    while written < size:
        number += 2
        post = POST.format(number=number, picture=number + 1, content=PARAGRAPH.format(number=number) * paragraphs)
        written += len(post.encode())
        yield post
    yield TAIL


def write(path: Path, size: int) -> None:
    """Write an export of at least so many bytes."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(pieces(size))


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[1]))
